"""Who is logged in now, and ending a session. What somebody may not see does not exist for them: `NotFound`."""

from __future__ import annotations

from typing import Final

from trackkit.contract import sessions as contract
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.errors import NotFound
from trackkit.domain.log import Severity
from trackkit.domain.seats import Ending
from trackkit.services.environment import Call
from trackkit.store import accounts, project_sessions
from trackkit.store.database import Connection

SOURCE: Final = "sessions"


def list_sessions(call: Call, request: Nothing) -> contract.Sessions:
    """The sessions the caller may see, newest first."""
    found = call.environment.store.read(lambda connection: _seen_by(call.actor, connection))
    found.sort(key=lambda session: session.opened_at, reverse=True)
    return contract.Sessions(sessions=tuple(found))


def end_session(call: Call, request: contract.NamedSession) -> Done:
    """End a session the caller may see."""

    def work(connection: Connection) -> contract.SessionRow:
        seen = {session.session_id: session for session in _seen_by(call.actor, connection)}
        session = seen.get(request.session_id)
        if session is None or not _end(connection, session, call):
            raise NotFound(f"There is no session {request.session_id!r} (any more).", "List them again.")
        call.audit(connection, contract.END.name, session.session_id, before=_described(session))
        return session

    ended = call.environment.store.write(work)
    of = f"{ended.username} in {ended.database}" if ended.database else ended.username
    call.log(Severity.information, SOURCE, f"The session of {of} was ended.", database=ended.database)
    return Done()


def _end(connection: Connection, session: contract.SessionRow, call: Call) -> bool:
    if session.kind == "project":
        return project_sessions.end(connection, session.session_id, Ending.ended, call.now)
    return accounts.end_session(connection, session.session_id)


def _seen_by(actor: Actor, connection: Connection) -> list[contract.SessionRow]:
    """An admin sees all, an operator those of projects and their own, everybody their own."""
    found = [_admin_session(row, actor) for row in accounts.all_sessions(connection)]
    if not actor.role.covers(Role.admin):
        found = [session for session in found if session.username == actor.username]
    if actor.role.covers(Role.operator):
        found += [_project_session(row) for row in project_sessions.all_sessions(connection)]
    return found


def _admin_session(row: accounts.SessionRow, actor: Actor) -> contract.SessionRow:
    return contract.SessionRow(
        session_id=row.session_id,
        kind="admin",
        username=row.user.name,
        role=row.user.role,
        database="",
        client="",
        client_address=row.client_address,
        local=row.local,
        opened_at=row.opened_at,
        last_used_at=row.last_used_at,
        current=row.session_id == actor.session_id,
    )


def _project_session(row: project_sessions.ProjectSessionRow) -> contract.SessionRow:
    return contract.SessionRow(
        session_id=row.session_id,
        kind="project",
        username=row.username,
        role=None,
        database=row.database,
        client=row.client,
        client_address=row.client_address,
        local=False,
        opened_at=row.opened_at,
        last_used_at=row.last_used_at,
        current=False,
    )


def _described(session: contract.SessionRow) -> dict[str, str]:
    known = {"username": session.username, "database": session.database, "address": session.client_address}
    return {name: value for name, value in known.items() if value}
