"""Rows of server users, sessions and API tokens. Only hashes of tokens and passwords are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trackkit.domain.accounts import Role, username_key
from trackkit.domain.errors import Conflict
from trackkit.store.tables import sessions, tokens, users


@dataclass(frozen=True, slots=True)
class UserRow:
    """A server user as stored."""

    id: int
    name: str
    role: Role
    password_hash: str | None
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session with the user it belongs to."""

    session_id: str
    user: UserRow
    client_address: str
    local: bool
    opened_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An API token with the user it belongs to."""

    id: int
    user: UserRow
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


_USER = (users.c.id, users.c.name, users.c.role, users.c.password_hash, users.c.created_at, users.c.last_login_at)


def _user(row: Any) -> UserRow:
    return UserRow(row[0], row[1], row[2], row[3], row[4], row[5])


def all_users(connection: Connection) -> list[UserRow]:
    """Every server user, by name."""
    return [_user(row) for row in connection.execute(select(*_USER).order_by(users.c.name_key))]


def find_user(connection: Connection, name: str, *, lock: bool = False) -> UserRow | None:
    """The user of that name, whatever its case; `lock` keeps the row until the transaction ends."""
    query = select(*_USER).where(users.c.name_key == username_key(name))
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _user(row) if row else None


def add_user(connection: Connection, name: str, role: Role, password_hash: str | None, now: datetime) -> UserRow:
    """Add a user; `Conflict` when the name is taken."""
    values = {
        "name": name,
        "name_key": username_key(name),
        "role": role,
        "password_hash": password_hash,
        "created_at": now,
    }
    try:
        key = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
    except IntegrityError:
        raise Conflict(
            f"There is a user {name!r} already; nothing was changed.", "Names are not case sensitive."
        ) from None
    return UserRow(key, name, role, password_hash, now, None)


def edit_user(connection: Connection, user_id: int, **values: object) -> None:
    """Change columns of a user."""
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def delete_user(connection: Connection, user_id: int) -> None:
    """Delete a user with their sessions and tokens."""
    connection.execute(delete(users).where(users.c.id == user_id))


def lock_admins(connection: Connection) -> int:
    """How many admins there are; their rows stay locked, so that two changes cannot each leave the other's last one."""
    return len(connection.execute(select(users.c.id).where(users.c.role == Role.admin).with_for_update()).all())


def end_access(connection: Connection, user_id: int, *, keep_session: str | None = None) -> None:
    """End a user's sessions (but `keep_session`) and revoke their tokens."""
    ended = delete(sessions).where(sessions.c.user_id == user_id)
    connection.execute(ended if keep_session is None else ended.where(sessions.c.session_id != keep_session))
    connection.execute(delete(tokens).where(tokens.c.user_id == user_id))


def add_session(
    connection: Connection, session_id: str, token_hash: str, user_id: int, address: str, local: bool, now: datetime
) -> None:
    """Open a session and note the log-in."""
    connection.execute(
        insert(sessions).values(
            session_id=session_id,
            token_hash=token_hash,
            user_id=user_id,
            client_address=address,
            local=local,
            opened_at=now,
            last_used_at=now,
        )
    )
    connection.execute(update(users).where(users.c.id == user_id).values(last_login_at=now))


_SESSION = (
    *_USER,
    sessions.c.session_id,
    sessions.c.client_address,
    sessions.c.local,
    sessions.c.opened_at,
    sessions.c.last_used_at,
)


def _session(row: Any) -> SessionRow:
    return SessionRow(row[6], _user(row), row[7], row[8], row[9], row[10])


def find_session(connection: Connection, token_hash: str) -> SessionRow | None:
    """The session a token belongs to."""
    query = select(*_SESSION).join_from(sessions, users).where(sessions.c.token_hash == token_hash)
    row = connection.execute(query).first()
    return _session(row) if row else None


def all_sessions(connection: Connection) -> list[SessionRow]:
    """Every session there is."""
    return [_session(row) for row in connection.execute(select(*_SESSION).join_from(sessions, users))]


def touch_session(connection: Connection, session_id: str, now: datetime) -> None:
    """Note that a session was used."""
    connection.execute(update(sessions).where(sessions.c.session_id == session_id).values(last_used_at=now))


def end_session(connection: Connection, session_id: str) -> bool:
    """End a session; whether there was one."""
    return connection.execute(delete(sessions).where(sessions.c.session_id == session_id)).rowcount > 0


_TOKEN = (
    *_USER,
    tokens.c.id,
    tokens.c.name,
    tokens.c.role,
    tokens.c.created_at,
    tokens.c.expires_at,
    tokens.c.last_used_at,
)


def _token(row: Any) -> TokenRow:
    return TokenRow(row[6], _user(row), row[7], row[8], row[9], row[10], row[11])


def all_tokens(connection: Connection, user_id: int | None = None) -> list[TokenRow]:
    """Tokens of one user or of all, by owner and name."""
    query = select(*_TOKEN).join_from(tokens, users).order_by(users.c.name_key, tokens.c.name)
    return [_token(row) for row in connection.execute(query if user_id is None else query.where(users.c.id == user_id))]


def find_token(connection: Connection, token_hash: str) -> TokenRow | None:
    """The token with that hash."""
    row = connection.execute(select(*_TOKEN).join_from(tokens, users).where(tokens.c.token_hash == token_hash)).first()
    return _token(row) if row else None


def add_token(
    connection: Connection,
    user: UserRow,
    name: str,
    role: Role,
    token_hash: str,
    now: datetime,
    expires_at: datetime | None,
) -> TokenRow:
    """Add a token; `Conflict` when its owner has one of that name."""
    values = {
        "user_id": user.id,
        "name": name,
        "role": role,
        "token_hash": token_hash,
        "created_at": now,
        "expires_at": expires_at,
    }
    try:
        key = connection.execute(insert(tokens).values(values).returning(tokens.c.id)).scalar_one()
    except IntegrityError as error:
        raise Conflict(f"You have a token named {name!r} already; nothing was changed.") from error
    return TokenRow(key, user, name, role, now, expires_at, None)


def touch_token(connection: Connection, token_id: int, now: datetime) -> None:
    """Note that a token was used."""
    connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))


def delete_token(connection: Connection, username: str, name: str) -> bool:
    """Revoke a token; whether there was one."""
    owner = select(users.c.id).where(users.c.name_key == username_key(username)).scalar_subquery()
    return connection.execute(delete(tokens).where(tokens.c.user_id == owner, tokens.c.name == name)).rowcount > 0


def delete_idle_sessions(connection: Connection, before: datetime) -> list[tuple[str, str]]:
    """End the sessions not used since `before`; (session id, user name) of each."""
    query = (
        select(sessions.c.session_id, users.c.name).join_from(sessions, users).where(sessions.c.last_used_at <= before)
    )
    found = [(row[0], row[1]) for row in connection.execute(query)]
    if found:
        connection.execute(delete(sessions).where(sessions.c.session_id.in_([key for key, _ in found])))
    return found
