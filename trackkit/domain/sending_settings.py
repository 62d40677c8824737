"""Settings for sending as they are found somewhere, and what becomes of the options when they are taken. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trackkit.domain.hosts import host_and_port
from trackkit.domain.options import Options, flat
from trackkit.domain.smtp_options import Authentication, Encryption, OAuth2Options, SmtpOptions

_RELAYS = ("smtp", "direct-then-smtp")
"""The methods by which mail goes to the mail host."""

_PASSWORD = ("smtp.username", "smtp.password")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "anonymous": (),
    "basic": _PASSWORD,
    "ntlm": _PASSWORD,
    "oauth2": ("smtp.username", "oauth2.token_url", "oauth2.client_id", "oauth2.refresh_token"),
}
"""What each log-in cannot do without."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A mail host and how it takes mail.

    Parameters
    ----------
    authentication: none = not known.
    username: none = not known, or not needed.
    """

    host: str
    port: int
    encryption: Encryption
    authentication: Authentication | None = None
    username: str | None = None
    token_url: str | None = None
    scope: str | None = None

    @property
    def label(self) -> str:
        """The host with its port."""
        return host_and_port(self.host, self.port)

    @property
    def is_possible(self) -> bool:
        """Whether the options could have these values."""
        try:
            SmtpOptions(host=self.host, port=self.port, encryption=self.encryption, username=self.username)
            OAuth2Options(token_url=self.token_url, scope=self.scope)
        except ValueError:
            return False
        return bool(self.host)

    def changes(self, now: Options) -> dict[str, Any]:
        """What to change in the options `now` so that they are these settings, by option name.

        Secrets that are for another host are removed, and those with which tokens for it are made: neither they nor
        the tokens may be sent to this one.
        """
        sending = now.sending
        found: dict[str, Any] = {} if sending.method in _RELAYS else {"sending.method": "smtp"}
        found |= {
            "sending.smtp.host": self.host,
            "sending.smtp.port": self.port,
            "sending.smtp.encryption": self.encryption,
            "sending.smtp.authentication": self.authentication or "basic",
        }
        if self.username is not None:
            found["sending.smtp.username"] = self.username
        elsewhere = (sending.smtp.host or "").lower() != self.host.lower()
        if sending.smtp.password is not None and elsewhere:
            found["sending.smtp.password"] = None
        other_tokens = self.token_url is not None and self.token_url != sending.oauth2.token_url
        if other_tokens:
            found |= {"sending.oauth2.token_url": self.token_url, "sending.oauth2.scope": self.scope}
        if other_tokens or (elsewhere and self.authentication == "oauth2"):
            for secret in ("client_secret", "refresh_token"):
                if getattr(sending.oauth2, secret) is not None:
                    found[f"sending.oauth2.{secret}"] = None
        return found


def still_needed(now: Options, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """The options that have to be given besides `changes`, because only a person knows them."""
    then = {**flat(now), **changes}
    needed = _NEEDED[then["sending.smtp.authentication"]]
    if then["sending.oauth2.client_secret"] is not None:  # one of the two secrets will do
        needed = tuple(name for name in needed if name != "oauth2.refresh_token")
    return tuple(f"sending.{name}" for name in needed if then[f"sending.{name}"] is None)


def with_authentication(settings: Settings, authentication: Authentication) -> Settings:
    """The settings with a log-in that was seen to be possible; without one nobody needs a name."""
    return replace(
        settings,
        authentication=authentication,
        username=None if authentication == "anonymous" else settings.username,
    )
