"""Long work beside the requests that asked for it: it goes on when the client goes away, and can be looked at again.

Two pieces run at a time, the rest waits; a database has one at a time, and so has the mail queue. How far one is lives
in memory and is written down now and then; its end always is. The table of states stands in `trackkit.domain.jobs`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from trackkit.contract import jobs as contract
from trackkit.contract.wire import WireError
from trackkit.domain.errors import Conflict, JobCancelled, NotFound, ServerFault, TrackkitError, Unavailable
from trackkit.domain.jobs import JobKind, JobState, title_of
from trackkit.domain.log import Severity
from trackkit.services.log_writer import LogWriter
from trackkit.store import jobs as rows
from trackkit.store.database import Connection, Store
from trackkit.store.jobs import JobRow

SOURCE: Final = "jobs"
_AT_A_TIME: Final = 2
_WRITE_EVERY: Final = 1.0
"""Seconds between two writings of how far a job is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a piece of work."""

    words: str
    result: Mapping[str, str | int] = field(default_factory=dict)


@dataclass
class _Running:
    """What is known of a job while it runs."""

    row: JobRow
    state: JobState = JobState.queued
    words: str = "Waiting"
    done: int = 0
    total: int | None = None
    unit: str = ""
    cancel_wanted: bool = False
    cancellable: bool = True
    written_at: float = 0.0


class Progress:
    """How a piece of work tells how far it is, and hears that it shall stop."""

    def __init__(self, running: _Running, write: Callable[[_Running], None]) -> None:
        self._running, self._write = running, write

    def __call__(self, done: int, total: int | None = None, unit: str = "", words: str = "") -> None:
        """Tell; raises `JobCancelled` when the work shall stop here."""
        running = self._running
        if running.cancel_wanted and running.cancellable:
            raise JobCancelled("The work was cancelled; nothing of it is left.")
        running.done, running.total = done, total
        running.unit, running.words = unit or running.unit, words or running.words
        if time.monotonic() - running.written_at >= _WRITE_EVERY:
            running.written_at = time.monotonic()
            self._write(running)

    @property
    def job_id(self) -> int:
        """The number of the job."""
        return self._running.row.id

    def no_way_back(self) -> None:
        """From here on the work cannot be cancelled; the last chance to be is now."""
        self(self._running.done, self._running.total)
        self._running.cancellable = False


Work = Callable[[Progress], Outcome]
OnEnd = Callable[[JobState, str], None]


class Jobs:
    """The long work of one server."""

    def __init__(self, store: Store, clock: Callable[[], datetime], log: LogWriter) -> None:
        self._store, self._clock, self._log = store, clock, log
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="trackkit-job")
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()
        self._closing = False
        error = WireError.of(Unavailable("The server ended while this was under way.", "Start it again."))
        left = store.write(lambda c: rows.interrupt_leftovers(c, "Interrupted", error.model_dump(), clock()))
        for row in left:
            words = f"{title_of(row.kind, row.database)} was interrupted by the end of the server."
            log.write(Severity.warning, SOURCE, words, database=row.database)

    def start(
        self,
        *,
        kind: JobKind,
        database: str,
        username: str,
        work: Work,
        project_session: str = "",
        on_start: Callable[[Connection, int], None] = lambda connection, job_id: None,
        on_end: OnEnd = lambda state, words: None,
    ) -> contract.Job:
        """Begin a piece of work, or put it in line; `Conflict` while another one on that database has not ended.

        Parameters
        ----------
        on_start: called in the transaction that writes the job down, with its number: for the audit record.
        on_end: called when it has ended, with its last state and words.
        """
        with self._lock:
            if self._closing:
                raise Unavailable("The server is stopping; nothing was started.")
            busy = next((r for r in self._running.values() if r.row.database == database), None)
            if busy is not None:
                raise Conflict(
                    f"{title_of(busy.row.kind, database)} is under way (job {busy.row.id}); nothing was started.",
                    "Wait until it has ended, or cancel it.",
                )

            def begin(connection: Connection) -> JobRow:
                row = rows.add_job(connection, kind, database, username, project_session, self._clock())
                on_start(connection, row.id)
                return row

            running = _Running(self._store.write(begin))
            self._running[running.row.id] = running
            self._pool.submit(self._run, running, work, on_end)
        return self._view(running.row, running)

    def _run(self, running: _Running, work: Work, on_end: OnEnd) -> None:
        progress, job_id = Progress(running, self._write), running.row.id
        error: TrackkitError | None = None
        outcome = Outcome("")
        try:
            progress(0, words="Starting")
            running.state = JobState.running
            self._write(running)
            outcome = work(progress)
            state = JobState.done
        except JobCancelled as cancelled:
            state = JobState.interrupted if self._closing else JobState.cancelled
            error, outcome = cancelled, Outcome(state.capitalize())
        except TrackkitError as refused:
            state, error, outcome = JobState.failed, refused, Outcome(refused.message)
        except BaseException as defect:  # noqa: BLE001 - nobody waits for this thread; the job and the log tell it
            error = self._defect(defect, running.row)
            state, outcome = JobState.failed, Outcome(error.message)
        values: dict[str, Any] = {
            "state": state,
            "words": outcome.words,
            "done": running.done,
            "total": running.total,
            "unit": running.unit,
            "ended_at": self._clock(),
            "error": WireError.of(error).model_dump() if error else None,
            "result": dict(outcome.result),
        }
        try:
            self._store.write(lambda connection: rows.update_job(connection, job_id, **values))
            self._tell(running.row, state, outcome.words)
            on_end(state, outcome.words)
        except TrackkitError as lost:
            self._log.write(Severity.error, SOURCE, f"The end of job {job_id} could not be written down: {lost}")
        finally:
            with self._lock:
                self._running.pop(job_id, None)

    def _tell(self, row: JobRow, state: JobState, words: str) -> None:
        severity = Severity.information if state in (JobState.done, JobState.cancelled) else Severity.error
        text = f"{title_of(row.kind, row.database)}: {state}. {words}"
        self._log.write(severity, SOURCE, text, database=row.database, username=row.username)

    def _defect(self, defect: BaseException, row: JobRow) -> ServerFault:
        reference = secrets.token_hex(4)
        places, here = [], defect.__traceback__
        while here is not None:
            places.append(f"{here.tb_frame.f_code.co_filename}:{here.tb_lineno} {here.tb_frame.f_code.co_name}")
            here = here.tb_next
        words = f"Defect {reference} in job {row.id}: {type(defect).__name__}."
        self._log.write(Severity.error, SOURCE, words, "\n".join(places), database=row.database)
        return ServerFault(
            f"The server made a mistake (reference {reference}).", "The server log has an entry with this reference."
        )

    def _write(self, running: _Running) -> None:
        values = {name: getattr(running, name) for name in ("state", "words", "done", "total", "unit")}
        self._store.write(lambda connection: rows.update_job(connection, running.row.id, **values))

    def show(self, job_id: int, project_session: str | None = None) -> contract.Job:
        """How far a job is; `NotFound`, also for a project session that did not begin it."""
        with self._lock:
            running = self._running.get(job_id)
        row = self._store.read(lambda connection: rows.find_job(connection, job_id))
        if row is None or project_session not in (None, row.project_session):
            raise NotFound(f"There is no job {job_id}.")
        return self._view(row, None if row.state.ended else running)

    def page(self, before: int | None, limit: int) -> contract.Jobs:
        """Jobs, newest first."""
        found = self._store.read(lambda connection: rows.page_jobs(connection, before, limit + 1))
        shown = found[:limit]
        return contract.Jobs(
            jobs=tuple(self._view(row, None if row.state.ended else self._running.get(row.id)) for row in shown),
            next_before=shown[-1].id if len(found) > limit else None,
        )

    def cancel(self, job_id: int, project_session: str | None = None) -> contract.Job:
        """Ask a job to stop where that is safe; `Conflict` when it has ended or cannot go back any more."""
        job = self.show(job_id, project_session)
        with self._lock:
            running = self._running.get(job_id)
            if running is None or job.state.ended:
                raise Conflict(f"Job {job_id} has ended already ({job.state}); nothing was changed.")
            if not running.cancellable:
                raise Conflict(f"Job {job_id} cannot be cancelled any more: it is about to end.")
            running.cancel_wanted = True
        return self.show(job_id, project_session)

    def close(self) -> None:
        """Cancel what can be cancelled and wait for the rest."""
        with self._lock:
            self._closing = True
            for running in self._running.values():
                running.cancel_wanted = True
        self._pool.shutdown(wait=True)

    def _view(self, row: JobRow, running: _Running | None) -> contract.Job:
        now: Any = running or row
        return contract.Job(
            job_id=row.id,
            kind=row.kind,
            database=row.database,
            state=now.state,
            words=now.words,
            done=now.done,
            total=now.total,
            unit=now.unit,
            cancellable=running is not None and running.cancellable and not running.cancel_wanted,
            username=row.username,
            started_at=row.started_at,
            ended_at=row.ended_at,
            error=WireError.model_validate(row.error) if row.error else None,
            result=row.result,
        )
