"""What a domain's autoconfig file says about sending (``config-v1.1.xml``, as mail clients read it).

The format: https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat. The file is from outside, so
nothing in it is believed to be well meant: a document type (and with it every entity) is refused before anything of it
is used, sizes are bounded, and a server with a value that cannot be one is passed over. Pure.

Fails with `NoAutoconfig`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from trackkit.domain.sending_settings import Settings
from trackkit.domain.smtp_options import Authentication, Encryption

LARGEST: Final = 64 * 1024
"""Bytes of a file."""

_MOST_SERVERS: Final = 6
_LONGEST_TEXT: Final = 1000

_ENCRYPTION: Final[dict[str, Encryption]] = {"SSL": "tls", "STARTTLS": "starttls", "plain": "none"}
_AUTHENTICATION: Final[dict[str, Authentication]] = {
    "password-cleartext": "basic",
    "plain": "basic",
    "password-encrypted": "basic",
    "secure": "basic",
    "NTLM": "ntlm",
    "OAuth2": "oauth2",
    "client-IP-address": "anonymous",
    "none": "anonymous",
}
"""What is not here (GSSAPI, TLS-client-cert, smtp-after-pop) this server cannot do."""


class NoAutoconfig(Exception):
    """The file says nothing that can be used, and why."""


@dataclass
class _Server:
    """One ``outgoingServer`` as it is read."""

    kind: str
    texts: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        return next(iter(self.texts.get(name, ())), "")


class _Reader:
    """Gathers the outgoing servers and the data for tokens; everything else is passed over."""

    def __init__(self) -> None:
        self.root = ""
        self.servers: list[_Server] = []
        self.oauth2: dict[str, str] = {}
        self._path: list[str] = []
        self._text = ""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self.root = self.root or name
        self._text = ""
        if name == "outgoingServer":
            self.servers.append(_Server(attributes.get("type", "")))

    def read(self, text: str) -> None:
        self._text = (self._text + text)[:_LONGEST_TEXT]

    def closed(self, name: str) -> None:
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        if parent == "outgoingServer" and self.servers:
            self.servers[-1].texts.setdefault(name, []).append(self._text.strip())
        elif parent == "oAuth2":
            self.oauth2.setdefault(name, self._text.strip())
        self._text = ""


def read_autoconfig(content: bytes, address: str, domain: str) -> tuple[Settings, ...]:
    """The ways of sending that the file offers, best first, as it has them.

    Parameters
    ----------
    address: whom it was asked for; empty = nobody, so that a user name made of it stays open.

    Raises `NoAutoconfig`.
    """
    reader = _parsed(content)
    if reader.root != "clientConfig":
        raise NoAutoconfig("it is no autoconfig file")
    offered = [server for server in reader.servers if server.kind == "smtp"][:_MOST_SERVERS]
    if not offered:
        raise NoAutoconfig("it names no host that takes mail")
    found = tuple(settings for server in offered for settings in _settings(server, reader.oauth2, address, domain))
    if not found:
        raise NoAutoconfig("nothing of what it offers can be used here")
    return found


def _parsed(content: bytes) -> _Reader:
    if len(content) > LARGEST:
        raise NoAutoconfig("it is too large")
    reader, parser = _Reader(), expat.ParserCreate()

    def refused(*_: object) -> None:
        raise NoAutoconfig("it has a document type, which such a file has not")

    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    parser.StartElementHandler = reader.opened
    parser.EndElementHandler = reader.closed
    parser.CharacterDataHandler = reader.read
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise NoAutoconfig(f"it is no XML ({error})") from None
    return reader


def _settings(server: _Server, oauth2: dict[str, str], address: str, domain: str) -> Iterator[Settings]:
    """The server as settings, if this server can use it."""
    encryption = _ENCRYPTION.get(server.first("socketType"))
    ways = [_AUTHENTICATION[text] for text in server.texts.get("authentication", ()) if text in _AUTHENTICATION]
    port = server.first("port")
    if encryption is None or not ways or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return
    if encryption == "none" and ways[0] != "anonymous":
        return  # a password in the open is nothing to suggest
    by_token = ways[0] == "oauth2"
    settings = Settings(
        host=server.first("hostname").replace("%EMAILDOMAIN%", domain),
        port=int(port),
        encryption=encryption,
        authentication=ways[0],
        username=None if ways[0] == "anonymous" else _username(server.first("username"), address, domain),
        token_url=oauth2.get("tokenURL") if by_token else None,
        scope=oauth2.get("scope") if by_token else None,
    )
    if settings.is_possible:
        yield settings


def _username(template: str, address: str, domain: str) -> str | None:
    """The user name; none where it needs an address and there is none."""
    template = template or "%EMAILADDRESS%"
    if not address and ("%EMAILADDRESS%" in template or "%EMAILLOCALPART%" in template):
        return None
    name = template.replace("%EMAILADDRESS%", address).replace("%EMAILDOMAIN%", domain)
    return name.replace("%EMAILLOCALPART%", address.rpartition("@")[0]) or None
