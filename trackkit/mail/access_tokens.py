"""Access tokens for the mail account (OAuth 2): fetched from the account's provider, kept in memory, renewed.

Promises
- With a refresh token the consent of the account's owner is used (RFC 6749 §6), without one the application's own right
  (§4.4). Secrets go to the token URL only: over verified HTTPS (or to this machine), no redirect is followed.
- What comes back is bounded in size and time; no secret is in an error, and none in a conversation.
- A token is used until shortly before it expires, by all connections; one asks at a time, and whoever waited for a
  request that failed shares its failure.
- A refresh token that the provider has replaced is used from then on, and kept (`TokenAccount.keep`); one that could
  not be kept is kept at the next request.

Fails with `NoToken`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeGuard
from urllib.parse import quote_plus, urlsplit

from pydantic import SecretStr

from trackkit.domain.log import Severity
from trackkit.domain.replies import Failure
from trackkit.domain.smtp_options import OAuth2Options
from trackkit.mail.conversation import Conversation
from trackkit.mail.next_hop import Report

if TYPE_CHECKING:
    import ssl

    import httpx

FETCH_SECONDS: Final = 20.0
LARGEST: Final = 64 * 1024
"""Bytes of an answer."""

LONGEST_TOKEN: Final = 8192
"""Characters: with more the log-in would not fit into a line (RFC 4954 §4: 12,288 octets of base64)."""

_EARLY_SECONDS: Final = 60.0
"""A token is not used any more so long before it expires, or for the last half of a shorter life."""

_UNKNOWN_LIFE: Final = 300
_LONGEST_LIFE: Final = 86_400
"""Seconds: where the provider says none (RFC 6749 §5.1 asks for it), and what is believed at most."""

_INVALID_GRANT: Final = "invalid_grant"

_LONGEST_REASON: Final = 500
"""Characters of why there is no token."""


class NoToken(Exception):
    """No access token can be had; `code` is the provider's word for it (RFC 6749 §5.2)."""

    def __init__(self, failure: Failure, text: str, code: str = "") -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text
        self.code = code


class TokenAccount(Protocol):
    """What tokens are asked for with. Both block."""

    def options(self) -> OAuth2Options:
        """As they are stored now."""

    def keep(self, used: OAuth2Options, new: SecretStr) -> None:
        """Keep the refresh token that replaces the one in `used`."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `is_fresh` = it was fetched for whoever asked."""

    value: SecretStr
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """What a provider gave; `lives` in seconds."""

    access_token: SecretStr
    lives: float
    refresh_token: SecretStr | None


class AccessTokens:
    """The tokens of the one mail account.

    Parameters
    ----------
    tls_context: makes the context that verifies the provider.
    clock: monotonic seconds.
    """

    def __init__(
        self,
        account: TokenAccount,
        tls_context: Callable[[], ssl.SSLContext],
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._tls_context = tls_context
        self._report = report
        self._clock = clock
        self._asking = asyncio.Lock()
        self._held: tuple[OAuth2Options, SecretStr, float] | None = None
        """What was asked with, the token, and until when it is used."""
        self._replaced: tuple[OAuth2Options, SecretStr] | None = None
        """What is stored, and the newer refresh token that could not be kept yet."""
        self._failed: tuple[float, NoToken] | None = None

    async def get(self, conversation: Conversation) -> Token:
        """The token to log in with; its secrets are hidden in `conversation`. Raises `NoToken`."""
        began = self._clock()
        async with self._asking:
            if self._failed is not None and self._failed[0] >= began:
                raise self._failed[1]
            options = await self._options()
            _hide(conversation, options.client_secret, options.refresh_token)
            if self._held is not None and self._held[0] == options and self._clock() < self._held[2]:
                _hide(conversation, self._held[1])
                return Token(self._held[1], is_fresh=False)
            try:
                return await self._fetched(options, conversation)
            except NoToken as reason:
                # Masked whole, then cut: half of a secret would not be known for one.
                text = conversation.clean(reason.text)[:_LONGEST_REASON]
                self._failed = self._clock(), NoToken(reason.failure, text, reason.code)
                raise self._failed[1] from None

    def forget(self, token: Token) -> None:
        """The mail host does not take it."""
        if self._held is not None and self._held[1] == token.value:
            self._held = None

    async def _options(self) -> OAuth2Options:
        """What is to be asked with now."""
        options = await asyncio.to_thread(self._account.options)
        if self._replaced is None or self._replaced[0] != options:
            self._replaced = None  # somebody has entered another one
            return options
        return await self._keep(*self._replaced)

    async def _fetched(self, options: OAuth2Options, conversation: Conversation) -> Token:
        context = await asyncio.to_thread(self._tls_context)
        try:
            granted = await fetch(options, context)
        except NoToken as reason:
            # Another mail worker may have used up the refresh token just now, and kept its successor.
            newer = await self._options() if reason.code == _INVALID_GRANT else options
            if newer == options:
                raise
            _hide(conversation, newer.client_secret, newer.refresh_token)
            options, granted = newer, await fetch(newer, context)
        _hide(conversation, granted.access_token, granted.refresh_token)
        conversation.note(f"an access token was fetched from {_host(options)}")
        now = self._clock()
        new = granted.refresh_token
        if new is not None and new != options.refresh_token:
            options = await self._keep(self._replaced[0] if self._replaced else options, new)
        until = now + max(granted.lives - _EARLY_SECONDS, granted.lives / 2)
        self._held = options, granted.access_token, until
        return Token(granted.access_token, is_fresh=True)

    async def _keep(self, stored: OAuth2Options, new: SecretStr) -> OAuth2Options:
        """What to ask with next; the new refresh token is kept, or will be."""
        known = self._replaced is not None
        self._replaced = stored, new
        try:
            await asyncio.to_thread(self._account.keep, stored, new)
        except Exception as error:  # noqa: BLE001 - told; the token is used all the same, and kept later
            if not known:
                words = "The new refresh token of the mail account could not be stored yet; it is tried again."
                self._report(Severity.error, words, f"{type(error).__name__}: {error}")
        else:
            self._replaced = None
        return stored.model_copy(update={"refresh_token": new})


async def fetch(options: OAuth2Options, context: ssl.SSLContext) -> Granted:
    """Ask the provider for an access token. Raises `NoToken`; what the provider said is as it was, secrets included."""
    import httpx  # loaded when the first token is fetched

    host = _host(options)
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient(verify=context, trust_env=False, timeout=FETCH_SECONDS) as client,
            client.stream("POST", options.token_url or "", data=_form(options), headers=_HEADERS) as response,
        ):
            return _granted(host, response.status_code, await _body(host, response))
    except TimeoutError:
        raise _not_had(f"{host} did not answer within {FETCH_SECONDS:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:  # the last: no host has such a name
        raise _not_had(f"{host}: {error or type(error).__name__}") from None


_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


def _form(options: OAuth2Options) -> dict[str, str]:
    """What is asked for (RFC 6749 §4.4.2, §6), with the client's name and secret in it (§2.3.1)."""
    form = {"client_id": options.client_id or ""}
    if options.refresh_token is not None:
        form |= {"grant_type": "refresh_token", "refresh_token": options.refresh_token.get_secret_value()}
    else:
        form |= {"grant_type": "client_credentials"}
    if options.client_secret is not None:
        form["client_secret"] = options.client_secret.get_secret_value()
    if options.scope:
        form["scope"] = options.scope
    return form


async def _body(host: str, response: httpx.Response) -> bytes:
    content = b""
    async for part in response.aiter_raw():  # undoing a compression has no bound
        content += part
        if len(content) > LARGEST:
            raise _not_had(f"{host} answers with more than {LARGEST:,} bytes")
    return content


_MOMENTARY: Final = (408, 429)


def _granted(host: str, status: int, body: bytes) -> Granted:
    """What an answer gives."""
    if 300 <= status < 400:
        raise _not_had(f"{host} leads elsewhere ({status}), which is not followed: enter the URL that gives out tokens")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise _not_had(f"{host} answers {status} with something that is no JSON object")
    error = answer.get("error")
    if isinstance(error, str) and status < 500 and status not in _MOMENTARY:
        described = answer.get("error_description")
        words = f": {described}" if isinstance(described, str) else ""
        raise NoToken(Failure.token_refused, f"{host} says {error}{words}", error)
    if status != 200:
        raise _not_had(f"{host} answers {status}")
    token, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
    if not _is_token(token) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise _not_had(f"{host} answers without a usable access token")
    new = answer.get("refresh_token")
    return Granted(SecretStr(token), _life(answer.get("expires_in")), SecretStr(new) if _is_token(new) else None)


def _is_token(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


def _life(value: Any) -> float:
    """Seconds; some providers write them as text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:10])
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return _UNKNOWN_LIFE
    return min(max(value, 0), _LONGEST_LIFE)


def _not_had(text: str) -> NoToken:
    return NoToken(Failure.token_not_had, text)


def _host(options: OAuth2Options) -> str:
    """The provider as people know it."""
    return urlsplit(options.token_url or "").netloc


def _hide(conversation: Conversation, *secrets: SecretStr | None) -> None:
    """Mask these, also as they stand in a form."""
    for secret in secrets:
        if secret is not None:
            value = secret.get_secret_value()
            conversation.hide(value, quote_plus(value))
