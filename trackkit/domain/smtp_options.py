"""The options of the mail host (the relay): where it is, how the connection is encrypted, how to log in to it.

A log-in is complete or refused: what the chosen authentication needs has to be there. Which field matters for which
choice is declared beside the field (`needs`), for forms. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Group, declare
from trackkit.domain.hosts import can_be_host

Encryption = Literal["none", "starttls", "starttls-if-offered", "tls"]
Authentication = Literal["anonymous", "basic", "ntlm", "oauth2"]

SMTP_PORTS: Final[Mapping[str, int]] = {"none": 25, "starttls-if-offered": 25, "starttls": 587, "tls": 465}
"""The usual port for each encryption: relay (RFC 5321 §4.5.4.2), submission (RFC 6409 §3.1), submissions (RFC 8314)."""

POP_PORTS: Final[Mapping[str, int]] = {"none": 110, "starttls-if-offered": 110, "starttls": 110, "tls": 995}
"""The same for POP3 (RFC 1939 §3, RFC 8314 §3.1)."""

_RELAY: Final = {"sending.method": ("smtp", "direct-then-smtp")}
_HOSTS: Final = {"sending.method": ("smtp", "direct", "direct-then-smtp")}
"""What matters only where the mail host gets mail."""

_LOGGED_IN: Final = {"sending.smtp.authentication": ("basic", "ntlm", "oauth2")}
_PASSWORD: Final = {"sending.smtp.authentication": ("basic", "ntlm")}
_OAUTH2: Final = {"sending.smtp.authentication": ("oauth2",)}
_POP: Final = {"sending.pop_before_smtp.enabled": (True,)}


CONNECT_TIMEOUT: Final[Mapping[str, Any]] = {
    "title": "Connection time-out",
    "unit": "seconds",
    "ge": 1,
    "le": 600,
    "help": "How long to wait until the host has greeted.",
}
CONVERSATION_TIMEOUT: Final[Mapping[str, Any]] = {
    "title": "Conversation time-out",
    "unit": "seconds",
    "ge": 1,
    "le": 3600,
    "help": "How long the host may be silent inside a conversation.",
}
"""How the time-outs of every host are declared."""


def pop_fields(called: str) -> Mapping[str, Mapping[str, Any]]:
    """How the fields of an account at a POP3 host are declared, with titles that call it so."""
    return {
        "host": {"title": f"{called} host", "max_length": 253},
        "port": {"title": f"{called} port", "ge": 1, "le": 65535, "help": "110, or 995 for TLS from the start."},
        "encryption": {
            "title": f"{called} encryption",
            "help": "As for SMTP; the command is called STLS. The password goes unencrypted only with 'none'.",
        },
        "username": {"title": f"{called} account name", "max_length": 256, "help": "The mailbox, its case kept."},
        "password": {
            "title": f"{called} password",
            "help": "Stored encrypted; it can be replaced but never read back.",
        },
    }


_POP_FIELDS: Final = pop_fields("POP")


class AccountOptions(Group):
    """Texts that name hosts and accounts, and secrets: what holds for all of them."""

    @field_validator(
        "host", "username", "profile", "token_url", "client_id", "scope", mode="before", check_fields=False
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("host", check_fields=False)
    @classmethod
    def _host_is_plausible(cls, value: str | None) -> str | None:
        if value is not None and not can_be_host(value):
            raise PydanticCustomError("host", "is no host name and no IP address")
        return value

    @field_validator("username", "profile", "client_id", "scope", check_fields=False)
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise PydanticCustomError("text", "holds control characters")
        return value

    @field_validator("password", "client_secret", "refresh_token", check_fields=False)
    @classmethod
    def _secret_fits(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if len(value) > cls.longest_secret() or not value.get_secret_value().isprintable():
            words = f"is longer than {cls.longest_secret()} characters or holds control characters"
            raise PydanticCustomError("secret", "{reason}", {"reason": words})
        return value

    @classmethod
    def longest_secret(cls) -> int:
        """Characters."""
        return 1024


class SmtpOptions(AccountOptions):
    """The relay."""

    host: str | None = declare(
        None,
        title="SMTP host",
        max_length=253,
        help="Name or IP address of the mail host that takes the server's mail. Empty: with the method "
        "'smtp' no mail can leave.",
        needs=_RELAY,
    )
    port: int = declare(
        25,
        title="SMTP port",
        ge=1,
        le=65535,
        help="25 for a relay in the same network, 587 for submission with STARTTLS, 465 for TLS from the start.",
        needs=_RELAY,
    )
    encryption: Encryption = declare(
        "starttls-if-offered",
        title="Encryption",
        help="The host's certificate is verified whenever encryption is used. 'starttls' refuses to send without it; "
        "'starttls-if-offered' sends openly when the host offers none; 'tls' encrypts from the start (SMTPS).",
        needs=_RELAY,
    )
    authentication: Authentication = declare(
        "anonymous",
        title="Authentication",
        help="'basic' logs in with the mail account's name and password (PLAIN, LOGIN or CRAM-MD5), 'ntlm' with a "
        "Windows account, 'oauth2' with a token of the account's provider (XOAUTH2: Google, Microsoft 365).",
        needs=_RELAY,
    )
    username: str | None = declare(
        None,
        title="Mail account name",
        max_length=256,
        help="The account at the mail host, its case kept. Not a trackkit log-in. With 'ntlm' DOMAIN\\user or "
        "user@domain, with 'oauth2' the mailbox's address.",
        needs=_LOGGED_IN,
    )
    password: SecretStr | None = declare(
        None,
        title="Mail account password",
        help="Stored encrypted; it can be replaced but never read back.",
        needs=_PASSWORD,
    )
    one_message_per_connection: bool = declare(
        False,
        title="Only one message per connection",
        help="For hosts that refuse a second message in one connection. Sending gets slower.",
        needs=_HOSTS,
    )
    connect_timeout: int = declare(30, needs=_HOSTS, **CONNECT_TIMEOUT)
    conversation_timeout: int = declare(60, needs=_HOSTS, **CONVERSATION_TIMEOUT)

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        needed = {"anonymous": (), "oauth2": ("username",)}.get(self.authentication, ("username", "password"))
        for name in needed:
            if getattr(self, name) is None:
                raise PydanticCustomError(
                    f"at:{name}", "is needed for authentication '{method}'", {"method": self.authentication}
                )
        return self


class OAuth2Options(AccountOptions):
    """Where access tokens for the mail account come from."""

    token_url: str | None = declare(
        None,
        title="Token URL",
        max_length=1000,
        help="Where the provider gives out access tokens. Google: https://oauth2.googleapis.com/token. Microsoft 365: "
        "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token with the tenant's id.",
        needs=_OAUTH2,
    )
    client_id: str | None = declare(
        None,
        title="Client id",
        max_length=256,
        help="The application as it is registered at the provider (Google: OAuth client; Microsoft: application id).",
        needs=_OAUTH2,
    )
    client_secret: SecretStr | None = declare(
        None,
        title="Client secret",
        help="Belongs to the client id; some registrations have none. Stored encrypted, never read back.",
        needs=_OAUTH2,
    )
    refresh_token: SecretStr | None = declare(
        None,
        title="Refresh token",
        help="What the account's owner got by consenting once. A new one from the provider is kept by itself. Empty: "
        "the application asks in its own name (client credentials, Microsoft's SMTP.SendAsApp).",
        needs=_OAUTH2,
    )
    scope: str | None = declare(
        None,
        title="Scope",
        max_length=1000,
        help="What is asked for. Google: empty. Microsoft 365: https://outlook.office.com/SMTP.Send offline_access, "
        "without a refresh token https://outlook.office365.com/.default.",
        needs=_OAUTH2,
    )

    @classmethod
    def longest_secret(cls) -> int:
        """Characters; Microsoft's refresh tokens have some thousand."""
        return 8192

    @field_validator("token_url")
    @classmethod
    def _url_is_safe(cls, value: str | None) -> str | None:
        if value is not None and (reason := _url_problem(value)):
            raise PydanticCustomError("token_url", "{reason}", {"reason": reason})
        return value


def _url_problem(url: str) -> str:
    """Why no secret may be sent to that URL; ``""`` when one may."""
    words = "is no URL such as https://login.example.com/token"
    if not url.isascii() or not url.isprintable() or " " in url:
        return words
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return words
    if not host or parts.scheme not in ("https", "http"):
        return words
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "holds a user name, a password or a fragment, which have no place there"
    if parts.scheme == "http" and not _is_loopback(host):
        return "begins with http: secrets go there, so it has to begin with https"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class PopBeforeSmtpOptions(AccountOptions):
    """Hosts that take mail from whoever has logged in to their POP3 server a moment ago."""

    enabled: bool = declare(
        False,
        title="POP before SMTP",
        help="For mail hosts that take mail only from who has fetched mail: before mail is sent, the server logs in to "
        "the POP3 host. Nothing is downloaded or deleted there.",
        needs=_RELAY,
    )
    host: str | None = declare(None, help="Name or IP address of the POP3 host.", needs=_POP, **_POP_FIELDS["host"])
    port: int = declare(110, needs=_POP, **_POP_FIELDS["port"])
    encryption: Encryption = declare("starttls-if-offered", needs=_POP, **_POP_FIELDS["encryption"])
    username: str | None = declare(None, needs=_POP, **_POP_FIELDS["username"])
    password: SecretStr | None = declare(None, needs=_POP, **_POP_FIELDS["password"])

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        for name in ("host", "username", "password"):
            if self.enabled and getattr(self, name) is None:
                raise PydanticCustomError(f"at:{name}", "is needed for POP before SMTP")
        return self


def missing_for_tokens(smtp: SmtpOptions, oauth2: OAuth2Options) -> tuple[str, str] | None:
    """What keeps the server from getting access tokens although it needs them: the field, and what is said of it."""
    if smtp.authentication != "oauth2":
        return None
    for name in ("token_url", "client_id"):
        if getattr(oauth2, name) is None:
            return name, "is needed for authentication 'oauth2'"
    if oauth2.refresh_token is None and oauth2.client_secret is None:
        return "refresh_token", "is needed for authentication 'oauth2', or else a client secret"
    return None


def login_troubles(smtp: SmtpOptions, pop: PopBeforeSmtpOptions) -> Iterator[str]:
    """What a person should know of how the server logs in, as long as it does so."""
    if smtp.encryption == "none" and smtp.authentication in _OPEN:
        yield _OPEN[smtp.authentication]
    if pop.enabled and pop.encryption == "none":
        yield "The POP account's password goes over the network unencrypted."


_OPEN: Final[Mapping[str, str]] = {
    "basic": "The mail account's password goes over the network unencrypted.",
    "ntlm": "The log-in with NTLM goes over the network unencrypted: who listens can guess the password from it.",
    "oauth2": "The mail account's access token goes over the network unencrypted.",
}


def port_proposals(smtp: SmtpOptions, pop: PopBeforeSmtpOptions) -> dict[str, tuple[int, str]]:
    """By option name: the usual port for the encryption that is chosen, and why. One that is none of the usual ones
    was chosen by somebody, and is left alone."""
    found: dict[str, tuple[int, str]] = {}
    for name, encryption, port, ports in (
        ("sending.smtp.port", smtp.encryption, smtp.port, SMTP_PORTS),
        ("sending.pop_before_smtp.port", pop.encryption, pop.port, POP_PORTS),
    ):
        usual = ports[encryption]
        if port != usual and port in ports.values():
            found[name] = (usual, f"With encryption '{encryption}' the usual port is {usual}.")
    return found
