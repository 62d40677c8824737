"""`server.project(…)`: one project, as one of its users. One method an operation, frames and CSV over the listings."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from trackkit.client.admin import Secret
from trackkit.client.call import Caller
from trackkit.client.heartbeat import Heartbeat
from trackkit.client.jobs import RunningJob
from trackkit.client.paging import follow
from trackkit.client.project_mail import ProjectMail
from trackkit.contract import project
from trackkit.contract.jobs import Job
from trackkit.contract.operation import Done
from trackkit.domain.errors import InvalidInput, NotLoggedIn, TrackkitError
from trackkit.domain.project import csv_rows
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 2000
FRAME_LIMIT = 100_000


class Project:
    """A project and who one is in it. A context manager; `close` ends the session, unless it was opened elsewhere.

    Parameters
    ----------
    caller: acts with the session's token.
    session: what opening it was answered, or what the server says about one that was opened elsewhere.
    """

    def __init__(self, caller: Caller, server: str, session: project.ProjectSession) -> None:
        self._caller = caller
        self._server = server
        self.mail = ProjectMail(caller, server)
        self.opened = session if isinstance(session, project.OpenedProject) else None
        """What the log-in was answered, with its token and proof; none in a session that was opened elsewhere."""
        self.database = session.database
        self.username = session.username
        self.commands = session.commands
        """What the user's security groups allowed at the log-in."""
        # Its seat is kept while this process lives, and no longer; what a person does the requests themselves tell.
        self._heartbeat = Heartbeat(self.session) if self.opened and session.client == "native" else None

    def __repr__(self) -> str:
        return f"<project {self.database!r} on {self._server!r}: {self.username}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except TrackkitError:
            if error is None:  # else the first error is the one to be told
                raise

    def close(self) -> None:
        """End the session if it was opened here; otherwise only forget it. A second call does nothing."""
        if self._caller.token is None:
            return
        if self.opened is None:
            self._forget()
            return
        try:
            self.log_out()
        except NotLoggedIn:
            self._forget()  # it has ended already, which is what was wanted

    def _forget(self) -> None:
        self._caller.token = None
        if self._heartbeat is not None:
            self._heartbeat.stop()

    def log_out(self) -> Done:
        """End the session, wherever it was opened, and give the seat back."""
        done = end_session(self._caller)
        self._forget()
        return done

    def session(self) -> project.ProjectSession:
        """Who one is in the project; `NotLoggedIn` when the session has ended."""
        return _session(self._caller)

    def password(self, new: Secret, present: Secret) -> Done:
        """Change one's own password; `WrongLogin` when `present` is wrong."""
        return self._caller.ask(project.PASSWORD, new=new, present=present)

    def list(
        self,
        kind: Kind | str,
        where: Iterable[str] = (),
        *,
        filter: str | None = None,
        text: str | None = None,
        sort: str = "number",
        descending: bool = False,
        after: int | None = None,
        limit: int = project.PAGE,
    ) -> project.Items:
        """One page of the items of a kind.

        Parameters
        ----------
        where: conditions that all must hold: ``["status=open", "due_on<2026-12-31"]``.
        filter: the name of a saved filter that must hold, too.
        text: found in one of the texts of an item.
        after: the number of the item after which to go on.
        """
        return self._caller.ask(
            project.LIST,
            kind=kind,
            where=list(where),
            filter=filter,
            text=text,
            sort=sort,
            descending=descending,
            after=after,
            limit=limit,
        )

    def each(
        self,
        kind: Kind | str,
        where: Iterable[str] = (),
        *,
        filter: str | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Iterator[project.Item]:
        """The items of a kind by number, page after page; at most `limit`."""
        conditions = tuple(where)

        def fetch(after: int | None, size: int) -> tuple[tuple[project.Item, ...], int | None]:
            page = self.list(kind, conditions, filter=filter, text=text, after=after, limit=size)
            return page.items, page.next_after

        return follow(fetch, _PAGE, limit)

    def frame(
        self,
        kind: Kind | str,
        where: Iterable[str] = (),
        *,
        filter: str | None = None,
        text: str | None = None,
        limit: int | None = FRAME_LIMIT,
    ) -> pd.DataFrame:
        """The items of a kind as a frame: number and key, then a column for each declared field."""
        from trackkit.frames.project import items_frame

        found = self.each(kind, where, filter=filter, text=text, limit=limit)
        return items_frame(KINDS[Kind(kind)], found, self._server)

    def show(self, kind: Kind | str, key: str) -> project.Item:
        """One item by its key: a number for what is numbered, else the name; `NotFound`."""
        return self._caller.ask(project.SHOW, kind=kind, key=key)

    def add(self, kind: Kind | str, **values: object) -> project.Item:
        """Add an item: ``add("defect", title="It stops", priority="high")``."""
        return self._caller.ask(project.ADD, kind=kind, values=_plain(values))

    def edit(
        self, kind: Kind | str, key: str, values: dict[str, project.Value], revision: int | None = None
    ) -> project.Item:
        """Change an item; `Conflict` when somebody changed it since `revision` was seen (none = no check)."""
        return self._caller.ask(project.EDIT, kind=kind, key=key, values=_plain(values), revision=revision)

    def delete(self, kind: Kind | str, key: str) -> Done:
        """Delete an item; `Conflict` when something that must stay refers to it."""
        return self._caller.ask(project.DELETE, kind=kind, key=key)

    def import_rows(
        self,
        kind: Kind | str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        change: bool = False,
        preview: bool = False,
    ) -> RunningJob:
        """Begin to import rows of texts: all or none; `wait` raises `ImportRefused` naming each faulty cell.

        Parameters
        ----------
        change: rows whose ``key`` (or name) exists change that item.
        preview: check everything, change nothing.
        """
        job = self._caller.ask(
            project.IMPORT,
            kind=kind,
            columns=list(columns),
            rows=[list(row) for row in rows],
            change=change,
            preview=preview,
        )
        return RunningJob(job, self.job, self.cancel_job)

    def job(self, job_id: int) -> Job:
        """How far an import of this session is."""
        return self._caller.ask(project.JOB, job_id=job_id)

    def cancel_job(self, job_id: int) -> Job:
        """Cancel an import of this session."""
        return self._caller.ask(project.CANCEL_JOB, job_id=job_id)

    def import_csv(
        self, kind: Kind | str, file: str | Path | bytes, *, change: bool = False, preview: bool = False
    ) -> RunningJob:
        """Begin to import a CSV file (its path, or its bytes); see `import_rows`."""
        raw = file if isinstance(file, bytes) else Path(file).read_bytes()
        columns, rows = csv_rows.read(raw)
        return self.import_rows(kind, columns, rows, change=change, preview=preview)

    def import_frame(
        self, kind: Kind | str, frame: pd.DataFrame, *, change: bool = False, preview: bool = False
    ) -> RunningJob:
        """Begin to import a frame whose columns are fields; missing values are empty cells. See `import_rows`."""
        from trackkit.frames.project import rows_of

        columns, rows = rows_of(KINDS[Kind(kind)], frame)
        return self.import_rows(kind, columns, rows, change=change, preview=preview)

    def export_csv(
        self,
        kind: Kind | str,
        where: Iterable[str] = (),
        *,
        filter: str | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> bytes:
        """The items of a kind as a CSV file that `import_csv` reads; secrets are never in it."""
        info = KINDS[Kind(kind)]
        fields = {name: field for name, field in info.fields.items() if not field.secret}
        found = self.each(kind, where, filter=filter, text=text, limit=limit)
        rows = ([field.text(item.values.get(name)) for name, field in fields.items()] for item in found)
        return csv_rows.write(list(fields), rows)

    def files(self, kind: Kind | str, key: str) -> project.Files:
        """The files attached to a record."""
        return self._caller.ask(project.FILES, kind=kind, key=key)

    def attach(self, kind: Kind | str, key: str, name: str, content: bytes) -> project.FileInfo:
        """Attach a file to a record; its bytes stay as they are."""
        return self._caller.ask(project.ATTACH, kind=kind, key=key, name=name, content=base64.b64encode(content))

    def file(self, file_id: int) -> project.FileContent:
        """An attached file with its bytes."""
        return self._caller.ask(project.FILE, file_id=file_id)

    def detach(self, file_id: int) -> Done:
        """Remove an attached file."""
        return self._caller.ask(project.DETACH, file_id=file_id)


def open_project(
    caller: Caller,
    server: str,
    database: str,
    username: str,
    password: Secret,
    client: project.ClientKind | str,
    serial: Secret | None = None,
    proof: Secret | None = None,
) -> Project:
    """Log in to a project over a connection of its own; see `Server.project`."""
    opened = caller.ask(
        project.OPEN,
        database=database,
        username=username,
        password=password,
        client=client,
        serial=serial,
        proof=proof,
    )
    caller.token = SecretStr(opened.token)
    return Project(caller, server, opened)


def resume_project(caller: Caller, server: str) -> Project:
    """The project whose session the caller's token is of; `NotLoggedIn` when it has ended."""
    return Project(caller, server, _session(caller))


def end_session(caller: Caller) -> Done:
    """End the session that the caller's token is of, also while its database is away; `NotLoggedIn`."""
    return caller.ask(project.CLOSE)


def _session(caller: Caller) -> project.ProjectSession:
    return caller.ask(project.CURRENT)


def _plain(values: dict[str, object] | dict[str, project.Value]) -> dict[str, object]:
    """Values as JSON has them: dates as texts, tuples as lists, secrets revealed for the way."""
    from datetime import date

    def plain(value: object) -> object:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if isinstance(value, date):
            return value.isoformat()[:10]
        return list(value) if isinstance(value, tuple) else value

    for name in values:
        if not name:
            raise InvalidInput.of("values", "holds a value without a name")
    return {name: plain(value) for name, value in values.items()}
