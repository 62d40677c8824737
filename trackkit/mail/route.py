"""Where a message is handed over, and how: everything a transport has to know, and nothing else.

A route is a value: two equal routes may share a connection, and a connection made for another route may not be used.
The password stays a `SecretStr`, so that no repr shows it.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from pydantic import SecretStr

from trackkit.domain.options import Encryption, SmtpOptions


@dataclass(frozen=True, slots=True)
class Login:
    """An account at the mail host."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class Route:
    """The next hop. Time-outs are in seconds."""

    host: str
    port: int
    encryption: Encryption
    login: Login | None
    connect_timeout: float
    """Until the host has greeted."""
    conversation_timeout: float
    """How long the host may be silent after that."""
    one_message_per_connection: bool = False

    @property
    def label(self) -> str:
        """The next hop as attempts and reports name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def relay_route(smtp: SmtpOptions) -> Route | None:
    """The route to the relay; none when no host is set."""
    if smtp.host is None:
        return None
    login = None
    if smtp.authentication == "basic" and smtp.username is not None and smtp.password is not None:
        login = Login(smtp.username, smtp.password)
    return Route(
        host=smtp.host,
        port=smtp.port,
        encryption=smtp.encryption,
        login=login,
        connect_timeout=smtp.connect_timeout,
        conversation_timeout=smtp.conversation_timeout,
        one_message_per_connection=smtp.one_message_per_connection,
    )


_QUALIFIED = re.compile(r"(?=.{4,253}\Z)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*\Z")


def ehlo_name() -> str:
    """What this machine calls itself in EHLO (RFC 5321 §4.1.1.1): its qualified name, else an address literal.

    Hosts refuse names that are none (``a3f09c``, ``my_machine``), but take a literal. May ask the DNS: call it in a
    thread.
    """
    name = socket.getfqdn()
    if _QUALIFIED.match(name):
        return name
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        address = "127.0.0.1"
    return f"[{address}]"
