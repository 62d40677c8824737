"""Server users, their API tokens, and sessions as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.sessions import SessionRow
from trackkit.contract.users import Token, User
from trackkit.frames import INSTANT, Column, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd


def users_frame(rows: Iterable[User], server: str = "") -> pd.DataFrame:
    """Server users, one row each."""
    return frame_of(rows, server, _USERS)


def tokens_frame(rows: Iterable[Token], server: str = "") -> pd.DataFrame:
    """API tokens, one row each; never their secrets."""
    return frame_of(rows, server, _TOKENS)


def sessions_frame(rows: Iterable[SessionRow], server: str = "") -> pd.DataFrame:
    """Sessions of server users and project users, one row each."""
    return frame_of(rows, server, _SESSIONS)


_ROLE: Mapping[str, Column] = {"role": ("role", lambda row: row.role.value if row.role else None)}

_USERS: Mapping[str, Column] = {
    **plain("str", "username"),
    **_ROLE,
    **plain("bool", "password_set"),
    **plain(INSTANT, "created_at", "last_login_at"),
}

_TOKENS: Mapping[str, Column] = {
    **plain("str", "username", "name"),
    **_ROLE,
    **plain(INSTANT, "created_at", "expires_at", "last_used_at"),
}

_SESSIONS: Mapping[str, Column] = {
    **plain("str", "session_id", "kind", "username"),
    **_ROLE,
    **plain("str", "database", "client", "client_address"),
    **plain("bool", "local"),
    **plain(INSTANT, "opened_at", "last_used_at"),
    **plain("bool", "current"),
}
