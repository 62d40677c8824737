"""Server users, tokens and sessions as tables; and the warning for each account without a password."""

from __future__ import annotations

from collections.abc import Sequence

from trackkit.contract.sessions import SessionRow
from trackkit.contract.users import Token, User
from trackkit.widgets.problems import status
from trackkit.widgets.tables import Cell, instant, shown, table


def without_password(users: Sequence[User]) -> str:
    """A warning for each account that has none; empty when every one has."""
    lines = [
        f"<strong>{shown(user.username)}</strong> has no password: the account can log in only on the server machine, "
        "as the one who owns the data folder. Set a password."
        for user in users
        if not user.password_set
    ]
    return status("<br>".join(lines), "tk-warn") if lines else ""


def users_table(users: Sequence[User]) -> str:
    """The list of users."""
    rows = [
        (
            Cell(user.username, "tk-text"),
            Cell(user.role.value),
            Cell("set" if user.password_set else "NONE", tone="" if user.password_set else "tk-warn"),
            Cell(instant(user.created_at), "tk-fixed"),
            Cell(instant(user.last_login_at), "tk-fixed"),
        )
        for user in users
    ]
    titles = ("Name", "Role", "Password", "Created (UTC)", "Last log-in (UTC)")
    return table("Server users", titles, rows, "There are no users.")


def tokens_table(tokens: Sequence[Token]) -> str:
    """The list of tokens."""
    rows = [
        (
            Cell(token.name, "tk-text"),
            Cell(token.username, "tk-text"),
            Cell(token.role.value),
            Cell(instant(token.created_at), "tk-fixed"),
            Cell(instant(token.expires_at) if token.expires_at else "never", "tk-fixed"),
            Cell(instant(token.last_used_at), "tk-fixed"),
        )
        for token in tokens
    ]
    titles = ("Name", "Owner", "Role", "Made (UTC)", "Expires (UTC)", "Last used (UTC)")
    return table("API tokens", titles, rows, "There are no tokens.")


def sessions_table(sessions: Sequence[SessionRow]) -> str:
    """The list of sessions."""
    rows = [
        (
            Cell(session.username, "tk-text", below=("this session",) if session.current else ()),
            Cell(what_for(session), "tk-text"),
            Cell("local socket" if session.local else session.client_address, "tk-text"),
            Cell(instant(session.opened_at), "tk-fixed"),
            Cell(instant(session.last_used_at), "tk-fixed"),
        )
        for session in sessions
    ]
    titles = ("User", "What for", "From", "Opened (UTC)", "Last used (UTC)")
    return table("Sessions", titles, rows, "Nobody is logged in.")


def what_for(session: SessionRow) -> str:
    """The role of a server user; the project of a project user."""
    return f"project {session.database}, {session.client}" if session.role is None else session.role.value
