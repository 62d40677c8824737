"""Log-in, sessions, tokens, and the set-up code of a fresh server.

Fails with `WrongLogin` (never telling which half was wrong), `TooManyAttempts` (before the password is looked at) and
`NotLoggedIn` (no session, ended, timed out, revoked). Refusals are logged as Unusual Activity, with the address they
came from; of a flood of them a summary.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import Final

from trackkit.contract import server as contract
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import ADMIN, Actor, Role, checked_password, session_expired, username_key
from trackkit.domain.errors import Conflict, NotLoggedIn, WrongLogin
from trackkit.domain.log import Severity
from trackkit.services.environment import Call, Environment
from trackkit.services.login_guard import SOURCE, Attempt
from trackkit.services.login_proof import known_browser, proof_of
from trackkit.services.passwords import (
    SESSION_PREFIX,
    TOKEN_PREFIX,
    new_secret,
    new_setup_code,
    setup_code_hash,
    token_hash,
)
from trackkit.store import accounts, records
from trackkit.store.accounts import UserRow
from trackkit.store.database import Connection

_SETUP_FACT: Final = "setup_code_hash"
_TOUCH_EVERY: Final = timedelta(seconds=30)
"""A session's last use is written down at most this often: reading a page should not cost a disk write."""


def nobody(address: str, local: bool) -> Actor:
    """Who asks before any log-in: may do only what needs none."""
    return Actor("", Role.viewer, address, local)


def authenticate(environment: Environment, token: str, address: str, local: bool, automatic: bool) -> Actor:
    """Who a bearer token stands for; `NotLoggedIn` when it stands for nobody (any more).

    An `automatic` request (a refresh that no person asked for) does not keep a session alive.
    """
    now = environment.clock()
    hashed = token_hash(token)
    if token.startswith(TOKEN_PREFIX):
        return _token_actor(environment, hashed, address, local)
    session = environment.store.read(lambda connection: accounts.find_session(connection, hashed))
    if session is None:
        raise NotLoggedIn("You are not logged in (any more).", "Log in again.")
    idle = timedelta(minutes=environment.options.current.server.admin_idle_minutes)
    if session_expired(session.last_used_at, now, idle):
        environment.store.write(lambda connection: accounts.end_session(connection, session.session_id))
        environment.log.write(
            Severity.information,
            SOURCE,
            f"The session of {session.user.name} timed out.",
            username=session.user.name,
            client_address=address,
        )
        raise NotLoggedIn("Your session timed out.", "Log in again.")
    if not automatic and now - session.last_used_at >= min(_TOUCH_EVERY, idle / 4):
        environment.store.write(lambda connection: accounts.touch_session(connection, session.session_id, now))
    return Actor(session.user.name, session.user.role, address, local, session_id=session.session_id)


def _token_actor(environment: Environment, hashed: str, address: str, local: bool) -> Actor:
    now = environment.clock()
    row = environment.store.read(lambda connection: accounts.find_token(connection, hashed))
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        raise NotLoggedIn("This token is not valid (any more).", "Make a new token.")
    if row.last_used_at is None or now - row.last_used_at >= _TOUCH_EVERY:
        environment.store.write(lambda connection: accounts.touch_token(connection, row.id, now))
    role = min(row.role, row.user.role, key=lambda role: role.rank)
    return Actor(row.user.name, role, address, local, token_name=row.name)


def open_session(call: Call, request: contract.LoginRequest) -> contract.OpenedSession:
    """Log in. Through the local socket no password is needed: who can open it owns the server's files anyway."""
    environment, actor = call.environment, call.actor
    row = _let_in_locally(environment, request.username) if actor.local else _verified(call, request)
    token, session_id = new_secret(SESSION_PREFIX), secrets.token_hex(8)

    def work(connection: Connection) -> None:
        present = accounts.find_user(connection, request.username, lock=True)
        if present is None or present.password_hash != row.password_hash:
            raise WrongLogin("The account was changed meanwhile.", "Log in again.")
        accounts.add_session(connection, session_id, token_hash(token), row.id, actor.address, actor.local, call.now)

    environment.store.write(work)
    if not actor.local:  # each command on the server machine is a log-in; those would drown everything else
        environment.log.write(
            Severity.information, SOURCE, f"{row.name} logged in.", username=row.name, client_address=actor.where
        )
    proof = proof_of(call, account_key(request.username), request.proof)
    return contract.OpenedSession(token=token, proof=proof, **_session(row, row.role, session_id, call))


def _let_in_locally(environment: Environment, username: str) -> UserRow:
    row = environment.store.read(lambda connection: accounts.find_user(connection, username))
    if row is None:
        raise WrongLogin(f"There is no user {username!r}.")
    return row


def _verified(call: Call, request: contract.LoginRequest) -> UserRow:
    """The user whose password it is."""
    environment = call.environment
    password = request.password.get_secret_value() if request.password else ""
    account = account_key(request.username)
    browser = known_browser(call, account, request.proof)
    attempt = Attempt(SOURCE, account, request.username, call.actor.where, browser=browser)
    with environment.guard.trying(attempt):
        row = environment.store.read(lambda connection: accounts.find_user(connection, request.username))
        attempt.right = environment.passwords.verify(row.password_hash if row else None, password)
    if row is None or not attempt.right:
        raise WrongLogin(
            "User name or password is wrong.",
            "An account without a password can log in only on the server machine itself.",
        )
    return row


def account_key(username: str) -> str:
    """What tries of a server user's password are counted for."""
    return f"server user {username_key(username)}"


def current_session(call: Call, request: Nothing) -> contract.Session:
    """Who the caller is."""
    row = call.environment.store.read(lambda connection: accounts.find_user(connection, call.actor.username))
    if row is None:
        raise NotLoggedIn("This account was deleted.", "Log in with another one.")
    return contract.Session(**_session(row, call.actor.role, call.actor.session_id or "", call))


def close_session(call: Call, request: Nothing) -> Done:
    """Log out; with an API token there is nothing to end."""
    session_id = call.actor.session_id
    if session_id is not None:
        call.environment.store.write(lambda connection: accounts.end_session(connection, session_id))
    return Done()


def issue_setup_code(call: Call, request: Nothing) -> contract.SetupCode:
    """A new one-time code; the one before is void."""
    code = new_setup_code()

    def work(connection: Connection) -> None:
        if not setup_open(connection):
            raise Conflict("The admin has a password already; a set-up code is not needed.")
        records.set_fact(connection, _SETUP_FACT, setup_code_hash(code))
        call.audit(connection, contract.SETUP_CODE.name, "set-up code")

    call.environment.store.write(work)
    call.log(Severity.information, SOURCE, "A set-up code was made.")
    return contract.SetupCode(code=code)


def complete_setup(call: Call, request: contract.SetupRequest) -> Done:
    """Set the admin password with the set-up code, once."""
    hashed = setup_code_hash(request.code.get_secret_value())
    password = checked_password(request.password.get_secret_value())
    if not call.environment.store.read(lambda connection: _code_fits(connection, hashed)):
        call.environment.guard.wrong_code(call.actor.where)
        raise WrongLogin(
            "The set-up code is wrong or was used already.", "`trackkit up` prints a new one at its start."
        )
    password_hash = call.environment.passwords.hash(password)

    def work(connection: Connection) -> None:
        admin = accounts.find_user(connection, ADMIN, lock=True)
        if admin is None or admin.password_hash or not _code_fits(connection, hashed):
            raise Conflict("The admin got a password meanwhile; nothing was changed.", "Log in.")
        accounts.edit_user(connection, admin.id, password_hash=password_hash)
        records.set_fact(connection, _SETUP_FACT, None)
        call.audit(connection, contract.SETUP.name, admin.name, after={"password": "changed"})

    call.environment.store.write(work)
    call.log(Severity.information, SOURCE, "The admin password was set with the set-up code.")
    return Done()


def setup_open(connection: Connection) -> bool:
    """Whether the built-in admin still has no password."""
    admin = accounts.find_user(connection, ADMIN)
    return admin is not None and admin.password_hash is None


def end_idle_sessions(environment: Environment) -> None:
    """End the sessions nobody came back to; each is logged."""
    before = environment.clock() - timedelta(minutes=environment.options.current.server.admin_idle_minutes)
    for _, username in environment.store.write(lambda connection: accounts.delete_idle_sessions(connection, before)):
        environment.log.write(Severity.information, SOURCE, f"The session of {username} timed out.", username=username)


def _code_fits(connection: Connection, hashed: str) -> bool:
    known = records.get_fact(connection, _SETUP_FACT)
    return known is not None and setup_open(connection) and hmac.compare_digest(known, hashed)


def _session(row: UserRow, role: Role, session_id: str, call: Call) -> dict[str, object]:
    return {
        "session_id": session_id,
        "username": row.name,
        "role": role,
        "password_set": row.password_hash is not None,
        "opened_at": call.now,
    }
