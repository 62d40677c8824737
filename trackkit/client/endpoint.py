"""Where a server listens: address, port, encrypted or not; and reading that from a URL.

Refused values are `InvalidInput` naming the field. A URL that carries a user name or password is refused without
being repeated.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from trackkit.domain.errors import InvalidInput, Problem, SecretInArguments

DEFAULT_PORT = 8470

_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)\Z")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to."""

    address: str
    port: int
    encrypted: bool
    folder: str = ""
    """The data folder, when the server is reached through the local socket in it."""

    @property
    def url(self) -> str:
        """As ``https://host:port``, an IPv6 address in brackets (RFC 3986 §3.2.2)."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.encrypted else 'http'}://{host}:{self.port}"

    @property
    def place(self) -> str:
        """For messages: address and port, or the data folder."""
        return self.folder or self.url.partition("://")[2]


def address_problem(address: str) -> str:
    """Why this is no IP address and no DNS name; ``""`` when it is one (RFC 1123 §2.1, underscores allowed)."""
    if not address:
        return "is empty"
    if "://" in address:
        return "is a URL; write only the host name or IP address"
    if _is_ip(address):
        return ""
    if not address.isprintable() or " " in address:
        return "holds blanks or control characters"
    if ":" in address:
        return "is no valid IP address; the port has a field of its own"
    labels = address.removesuffix(".").split(".")
    if len(address) > 253 or not all(_LABEL.match(label) for label in labels):
        return "is no valid host name"
    return "is no valid IP address" if labels[-1].isdigit() else ""


def port_problem(port: object) -> str:
    """Why this is no port; ``""`` when it is one."""
    if not isinstance(port, int) or isinstance(port, bool):
        return "is not a whole number"
    return "" if 1 <= port <= 65535 else f"is {port}; ports go from 1 to 65535"


def checked(address: str, port: int, encrypted: bool) -> Endpoint:
    """The endpoint, or `InvalidInput` naming each refused field."""
    address = address.strip().removeprefix("[").removesuffix("]")
    found = {"address": address_problem(address), "port": port_problem(port)}
    problems = [Problem(field, reason) for field, reason in found.items() if reason]
    if problems:
        raise InvalidInput("The connection was refused; nothing was changed.", problems=problems)
    return Endpoint(address, port, encrypted)


def looks_like_url(text: str) -> bool:
    """Whether `text` is meant as a URL."""
    return text.lower().startswith(("https://", "http://"))


def from_url(url: str) -> Endpoint:
    """The endpoint of ``https://host:port`` (``http://`` for a server that does not encrypt).

    Raises
    ------
    SecretInArguments: the URL holds a log-in.
    InvalidInput: it is no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput.of("url", f"cannot be read: {_reason(error, url)}") from None
    if "@" in parts.netloc:
        raise SecretInArguments(
            "The URL holds a log-in; nothing was sent.",
            "URLs end up in logs and process lists. Leave it out and use TRACKKIT_USERNAME and TRACKKIT_PASSWORD.",
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidInput.of("url", "has something after the port", "Write it as https://host:port.")
    return checked(parts.hostname or "", DEFAULT_PORT if port is None else port, parts.scheme.lower() == "https")


def _reason(error: ValueError, url: str) -> str:
    """The parser's words, unless they could repeat a log-in that stands in the URL."""
    return "the part after the host is no port" if "@" in url else str(error)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
