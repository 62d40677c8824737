"""Logging in to a mail host (RFC 4954): PLAIN, LOGIN, CRAM-MD5, NTLM, XOAUTH2.

- A password is tried once: another method is tried only where the refusal was not about the password, because trying a
  wrong one again is how accounts get locked.
- CRAM-MD5 comes first on an open line, because it hides the password, and last on an encrypted one, because hosts that
  know it have to keep passwords in clear.
- NTLM as [MS-SMTPNTLM] has it, with messages by pyspnego: NTLMv2, without help from the system, so that it is the same
  everywhere. ``DOMAIN\\user`` and ``user@domain`` are what pyspnego makes of them.
- XOAUTH2 as Google and Microsoft describe it: a token that is refused although it was good before is fetched anew once.

Fails with `NoLogin` in our words, or with aiosmtplib's error when the host refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import aiosmtplib

from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure
from trackkit.domain.smtp_options import Authentication
from trackkit.mail.access_tokens import AccessTokens, NoToken
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Login

if TYPE_CHECKING:
    from spnego import ContextProxy

_ON_AN_OPEN_LINE: Final = ("cram-md5", "plain", "login")
_ENCRYPTED: Final = ("plain", "login", "cram-md5")
"""The methods for a password, best first."""

_OTHERS: Final[Mapping[Authentication, tuple[str, ...]]] = {"ntlm": ("ntlm",), "oauth2": ("xoauth2",)}
_WORDS: Final[Mapping[Authentication, str]] = {
    "basic": "possible here are PLAIN, LOGIN and CRAM-MD5",
    "ntlm": "authentication 'ntlm' needs NTLM",
    "oauth2": "authentication 'oauth2' needs XOAUTH2",
}

_GO_ON: Final = aiosmtplib.SMTPStatus.auth_continue
_WELCOME: Final = aiosmtplib.SMTPStatus.auth_successful
_WRONG_CREDENTIALS: Final = 535


class NoLogin(Exception):
    """There is no way to log in."""

    def __init__(self, failure: Failure, text: str, reason: Reason | None = None) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text
        self.reason = reason


async def log_in(
    client: aiosmtplib.SMTP,
    login: Login,
    tokens: AccessTokens | None,
    conversation: Conversation,
    *,
    encrypted: bool,
) -> None:
    """Log in by the best method that both sides know."""
    wanted = _OTHERS.get(login.method) or (_ENCRYPTED if encrypted else _ON_AN_OPEN_LINE)
    offered = client.server_auth_methods
    methods = [method for method in wanted if method in offered]
    if not methods:
        known = f"only {', '.join(offered).upper()}" if offered else "none"
        could_encrypt = not encrypted and client.supports_extension("starttls")
        reason = Reason.tls_required if could_encrypt and not offered else None
        raise NoLogin(Failure.login_not_offered, f"{_WORDS[login.method]}; the host offers {known}", reason)
    if login.method == "oauth2":
        assert tokens is not None  # noqa: S101 - whoever has such a route has them
        await _by_token(client, login.username, tokens, conversation)
        return
    assert login.password is not None  # noqa: S101 - only a log-in by token has none
    password = login.password.get_secret_value()
    if login.method == "ntlm":
        await _by_ntlm(client, login.username, password)
    else:
        await _by_password(client, methods, login.username, password)


async def _by_password(client: aiosmtplib.SMTP, methods: Sequence[str], username: str, password: str) -> None:
    """The first of `methods` the host takes; some hosts offer what they cannot do, so a refusal is no end."""
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    refusal: aiosmtplib.SMTPAuthenticationError | None = None
    for method in methods:
        try:
            await ways[method](username, password)
        except aiosmtplib.SMTPAuthenticationError as error:
            refusal = refusal or error
            about_password = error.code == _WRONG_CREDENTIALS and method != "cram-md5"
            if about_password or not 500 <= error.code < 600 or not client.is_connected:
                break
        except aiosmtplib.SMTPException as error:
            raise refusal or error from None
        else:
            return
    assert refusal is not None  # noqa: S101 - there is at least one method
    raise refusal


async def _by_token(client: aiosmtplib.SMTP, username: str, tokens: AccessTokens, conversation: Conversation) -> None:
    while True:
        try:
            token = await tokens.get(conversation)
        except NoToken as reason:
            raise NoLogin(reason.failure, reason.text) from None
        try:
            await client.auth_xoauth2(username, token.value.get_secret_value())
        except aiosmtplib.SMTPAuthenticationError as error:
            if not 500 <= error.code < 600:
                raise
            tokens.forget(token)
            if token.is_fresh or not client.is_connected:
                raise
            conversation.note("the access token is not good any more: once more with a fresh one")
        else:
            return


async def _by_ntlm(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    context = await asyncio.to_thread(_ntlm_context, username, password, client.hostname or "")
    _expect(_GO_ON, await client.execute_command(b"AUTH", b"NTLM"))
    challenge = _expect(_GO_ON, await client.execute_command(base64.b64encode(context.step() or b"")))
    answer = await asyncio.to_thread(_answer, context, challenge)
    _expect(_WELCOME, await client.execute_command(base64.b64encode(answer)))


def _ntlm_context(username: str, password: str, host: str) -> ContextProxy:
    import spnego  # loaded when it is used: few log in this way

    return spnego.client(
        username, password, hostname=host, service="smtp", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm
    )


def _answer(context: ContextProxy, challenge: str) -> bytes:
    """The answer to the host's challenge, as base64 in its reply."""
    try:
        return context.step(base64.b64decode(challenge.strip(), validate=True)) or b""
    except binascii.Error:
        raise NoLogin(Failure.garbled, "the host's NTLM challenge is no base64") from None
    except Exception as error:  # noqa: BLE001 - pyspnego has no error of its own for every kind of rubbish
        words = f"the host's NTLM challenge cannot be read ({type(error).__name__})"
        raise NoLogin(Failure.garbled, words) from None


def _expect(code: int, response: aiosmtplib.SMTPResponse) -> str:
    """The text of a reply with that code; anything else is a refusal."""
    if response.code != code:
        raise aiosmtplib.SMTPAuthenticationError(response.code, response.message)
    return response.message
