"""Who is logged in now: the sessions of server users and of project users, and ending one."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from trackkit.contract.operation import Done, Nothing, Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.accounts import Role

SessionKind = Literal["admin", "project"]


class SessionRow(Response):
    """A session. `session_id` is its name; the token it goes by is never shown."""

    session_id: str
    kind: SessionKind
    username: str
    role: Role | None
    """Of a server user."""
    database: str
    """Of a project user; else empty."""
    client: str
    """Of a project user what kind of client: native, web or api; else empty."""
    client_address: str
    local: bool
    """Through the owner-only local socket."""
    opened_at: datetime
    last_used_at: datetime
    current: bool
    """The session that asks."""


class Sessions(Response):
    """Newest first."""

    sessions: tuple[SessionRow, ...]


class NamedSession(Request):
    """One session."""

    session_id: str = Field(max_length=64)


LIST = Operation(
    "session.list",
    "GET",
    "/sessions",
    Nothing,
    Sessions,
    Role.viewer,
    "Who is logged in: one's own sessions; an operator sees those of projects, too, an admin all",
)
END = Operation(
    "session.end",
    "DELETE",
    "/sessions/{session_id}",
    NamedSession,
    Done,
    Role.viewer,
    "End a session: one's own; an operator one of a project, an admin any",
    errors=(errors.NotFound,),
    audited=True,
)

OPERATIONS = (LIST, END)
