"""Where a message is handed over, and how: everything a transport has to know, and nothing else.

A route is a value: two equal routes may share a connection, and a connection made for another route may not be used.
The password stays a `SecretStr`, so that no repr shows it.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from trackkit.domain.hosts import host_and_port
from trackkit.domain.smtp_options import Authentication, Encryption, PopBeforeSmtpOptions, SmtpOptions
from trackkit.domain.trust import NOTHING, Trust


@dataclass(frozen=True, slots=True)
class Login:
    """An account at the mail host."""

    username: str
    password: SecretStr | None
    """None where `method` is ``oauth2``: access tokens come from elsewhere."""
    method: Authentication = "basic"


class Proof(StrEnum):
    """What a host's certificate has to prove when the connection is encrypted. The words are those of reports."""

    authority = "certificate verified"
    """It was issued for the host's name by somebody this machine trusts."""
    policy = "certificate verified as the domain's MTA-STS policy asks"
    """The same, because the domain wants it so (RFC 8461)."""
    dane = "verified by DANE"
    """It is the one that the domain's owner published in the DNS (RFC 7672)."""
    trusted = "certificate trusted on this server"
    """It is the very one that an administrator trusted for this host and port, whatever it says."""
    nothing = "not verified"
    """Whoever listens cannot read it; who is at the other end is not known (RFC 7435)."""


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """Which certificate a host has to show (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


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
    proof: Proof = Proof.authority
    tlsa: tuple[TlsaRecord, ...] = ()
    """For `Proof.dane`."""
    trust: Trust = NOTHING
    """What is believed besides, for `Proof.authority`."""
    addresses: tuple[str, ...] = ()
    """The host's IP addresses, when they are known; else its name is looked up."""

    @property
    def label(self) -> str:
        """The next hop as attempts and reports name it."""
        return host_and_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class PopAccount:
    """A mailbox at a POP3 host. Time-outs as in `Route`."""

    host: str
    port: int
    encryption: Encryption
    username: str
    password: SecretStr
    connect_timeout: float
    conversation_timeout: float
    addresses: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The host as reports name it."""
        return host_and_port(self.host, self.port)


def relay_route(smtp: SmtpOptions) -> Route | None:
    """The route to the relay; none when no host is set."""
    if smtp.host is None:
        return None
    login = None
    if smtp.authentication != "anonymous" and smtp.username is not None:
        password = None if smtp.authentication == "oauth2" else smtp.password
        login = Login(smtp.username, password, smtp.authentication)
    return Route(
        host=smtp.host,
        port=smtp.port,
        encryption=smtp.encryption,
        login=login,
        connect_timeout=smtp.connect_timeout,
        conversation_timeout=smtp.conversation_timeout,
        one_message_per_connection=smtp.one_message_per_connection,
    )


def pop_account(pop: PopBeforeSmtpOptions, smtp: SmtpOptions) -> PopAccount | None:
    """The account to log in to before mail is sent; none when POP before SMTP is off."""
    if not pop.enabled or pop.host is None or pop.username is None or pop.password is None:
        return None
    return PopAccount(
        host=pop.host,
        port=pop.port,
        encryption=pop.encryption,
        username=pop.username,
        password=pop.password,
        connect_timeout=smtp.connect_timeout,
        conversation_timeout=smtp.conversation_timeout,
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
