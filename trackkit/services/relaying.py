"""Mail that other programs hand over by SMTP: who they are, and storing it.

What the API checks of a submitted message is checked here by the same code. No audit record is written: handing over
mail is no administrative act, and whoever may connect could make the audit, which nothing deletes, grow without end.
Who handed a message over stands with it (`submitted_by`) and in its Received field.

A message fails with `InvalidInput` (`MessageTooLarge`), or `NotLoggedIn` when the log-in holds no longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from pydantic import SecretStr

from trackkit.domain import trace
from trackkit.domain.accounts import MAXIMUM_USERNAME, Role, username_key
from trackkit.domain.delivery import new_status
from trackkit.domain.errors import NotAllowed, NotLoggedIn, TrackkitError, WrongLogin
from trackkit.domain.message import queue_id
from trackkit.domain.trace import Arrival
from trackkit.services.authentication import account_key, authenticate
from trackkit.services.environment import Environment
from trackkit.services.login_guard import SOURCE as LOGIN_SOURCE
from trackkit.services.login_guard import Attempt
from trackkit.services.mail import new_message, policy
from trackkit.services.passwords import TOKEN_PREFIX, token_hash
from trackkit.store import accounts, new_mail
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage

SOURCE: Final = "listener"
LEAST_ROLE: Final = Role.operator
"""That of the operation `mail.submit`."""
_NOBODY: Final = "trackkit/smtp"
"""With the client's address: who hands mail over without a log-in. No user can have that name; names hold no slash."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who a client has proved to be, and by what; it holds as long as that is so."""

    username: str
    token_hash: str | None
    """Of the API token it was."""
    password_hash: str | None
    """The password's, as stored at the log-in."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that was handed over."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    raw: bytes
    arrival: Arrival
    login: Login | None = None


def take(environment: Environment, arrived: Sequence[Incoming]) -> list[str | TrackkitError]:
    """Store messages, each with a Received field on top, in one transaction.

    Returns for each its queue id when it is on disk, or the error for which it is not. Raises `Unavailable` when the
    store takes none of them.
    """
    now, options = environment.clock(), environment.options.current
    stamp = trace.stamp(now.astimezone(environment.zone))
    results: list[str | TrackkitError] = []
    wanted: list[tuple[int, Incoming, NewMessage]] = []
    for number, incoming in enumerate(arrived):
        try:
            by = incoming.login.username if incoming.login else f"{_NOBODY} {incoming.arrival.address}"
            top = partial(_on_top, incoming, stamp)
            new = new_message(options, incoming.raw, incoming.mail_from, incoming.rcpt_tos, by, top)
        except TrackkitError as error:
            results.append(error)
        else:
            results.append(_OVER)
            wanted.append((number, incoming, new))

    def work(connection: Connection) -> dict[int, int]:
        holds = {login: _holds(connection, login, now) for login in {incoming.login for _, incoming, _ in wanted}}
        good = [(number, new) for number, incoming, new in wanted if holds[incoming.login]]
        keys = new_mail.enqueue_all(connection, [new for _, new in good], new_status(now, policy(options)), now)
        return {number: key for (number, _), key in zip(good, keys, strict=True)}

    stored = environment.store.write(work) if wanted else {}
    if stored:
        environment.mail_changed()
    return [queue_id(stored[number]) if number in stored else result for number, result in enumerate(results)]


_OVER: Final = NotLoggedIn("This log-in holds no longer.", "Log in again.")


def _on_top(incoming: Incoming, stamp: str, number: int) -> bytes:
    return trace.on_top(trace.received(incoming.arrival, queue_id(number), incoming.rcpt_tos, stamp), incoming.raw)


def log_in(environment: Environment, username: str, password: SecretStr, address: str) -> Login:
    """Who it is that may hand mail over: a server user with their password, or with one of their API tokens as that.

    Raises `WrongLogin`, `TooManyAttempts`, `Unavailable`, and `NotAllowed` where the role is too low.
    """
    if len(username) > MAXIMUM_USERNAME or "\0" in username:
        raise _wrong()  # nobody has such a name
    secret = password.get_secret_value()
    attempt = Attempt(LOGIN_SOURCE, account_key(username), username, address)
    if secret.startswith(TOKEN_PREFIX):
        login, role = _by_token(environment, username, secret, attempt)
    else:
        login, role = _by_password(environment, username, secret, attempt)
    if not role.covers(LEAST_ROLE):
        raise NotAllowed(f"Mail is taken from the role {LEAST_ROLE} on; this log-in has the role {role}.")
    return login


def _by_token(environment: Environment, username: str, secret: str, attempt: Attempt) -> tuple[Login, Role]:
    """A right token is never made to wait, a wrong one counts as a wrong password does."""
    try:
        actor = authenticate(environment, secret, attempt.address, local=False, automatic=False)
    except NotLoggedIn:
        actor = None
    if actor is None or username_key(actor.username) != username_key(username):
        with environment.guard.trying(attempt):
            attempt.right = False
        raise _wrong()
    return Login(actor.username, token_hash(secret), None), actor.role


def _by_password(environment: Environment, username: str, secret: str, attempt: Attempt) -> tuple[Login, Role]:
    with environment.guard.trying(attempt):
        row = environment.store.read(lambda connection: accounts.find_user(connection, username))
        attempt.right = environment.passwords.verify(row.password_hash if row else None, secret)
    if row is None or not attempt.right:
        raise _wrong()
    return Login(row.name, None, row.password_hash), row.role


def _wrong() -> WrongLogin:
    return WrongLogin("User name or password is wrong.")


def _holds(connection: Connection, login: Login | None, now: datetime) -> bool:
    """Whether the token, or the password, is still good for it; always where there was no log-in."""
    if login is None:
        return True
    if login.token_hash is not None:
        token = accounts.find_token(connection, login.token_hash)
        over = token is None or (token.expires_at is not None and token.expires_at <= now)
        return token is not None and not over and token.role.covers(LEAST_ROLE) and token.user.role.covers(LEAST_ROLE)
    user = accounts.find_user(connection, login.username)
    return user is not None and user.password_hash == login.password_hash and user.role.covers(LEAST_ROLE)
