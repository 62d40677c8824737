"""AUTH PLAIN and LOGIN (RFC 4954, RFC 4616), after STARTTLS only.

What the client says here is secret: it is in no reply, no log entry and no error.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.domain.accounts import username_key
from trackkit.domain.errors import NotAllowed, Unavailable, WrongLogin
from trackkit.domain.smtp_commands import Refusal, Reply
from trackkit.services import relaying

if TYPE_CHECKING:
    from trackkit.mail.receiving.session import Session


async def auth(session: Session, argument: str) -> Reply:
    """Do what follows ``AUTH``."""
    if not session.extended:
        raise Refusal(503, "5.5.1", "Say EHLO first")
    if not session.wire.encrypted:
        raise Refusal(538, "5.7.11", "STARTTLS first: a password is never taken in the open")
    if session.login is not None:
        raise Refusal(503, "5.5.1", "You are logged in already")
    if session.in_transaction:
        raise Refusal(503, "5.5.1", "Not within a mail")
    mechanism, _, initial = argument.partition(" ")
    if mechanism.upper() == "PLAIN":
        username, password = await _plain(session, initial)
    elif mechanism.upper() == "LOGIN":
        username = await _asked(session, "Username:") if not initial else _decoded(initial)
        password = await _asked(session, "Password:")
    else:
        raise Refusal(504, "5.5.4", "PLAIN and LOGIN are known here")
    return await _log_in(session, username, SecretStr(password))


async def _plain(session: Session, initial: str) -> tuple[str, str]:
    said = _decoded(initial) if initial else await _asked(session, "")
    acting, _, rest = said.partition("\0")
    username, separator, password = rest.partition("\0")
    if not separator or (acting and username_key(acting) != username_key(username)):
        raise Refusal(501, "5.5.2", "PLAIN is: nothing, name and password, with NUL between them")
    return username, password


async def _asked(session: Session, question: str) -> str:
    session.wire.say(f"334 {base64.b64encode(question.encode()).decode()}")
    line = (await session.answer()).strip()
    if line == b"*":
        raise Refusal(501, "5.7.0", "As you like")
    return _decoded(line.decode("ascii", "replace"))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("" if text == "=" else text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refusal(501, "5.5.2", "That is no BASE64 of UTF-8") from None


async def _log_in(session: Session, username: str, password: SecretStr) -> Reply:
    work = partial(relaying.log_in, session.house.environment, username, password, session.wire.peer)
    try:
        session.login = await session.house.in_thread(work)
    except (WrongLogin, NotAllowed) as error:
        reply = Reply(535, "5.7.8", error.message)
    except Unavailable as error:
        reply = Reply(454, "4.7.0", error.message)
    else:
        return Reply(235, "2.7.0", "You are logged in")
    session.failed_login(reply)
    return reply
