"""`server.jobs`, and `RunningJob`: long work that goes on whether or not anybody looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import jobs
from trackkit.contract.jobs import Job
from trackkit.domain.errors import JobCancelled, Unavailable
from trackkit.domain.jobs import JobState, title_of

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 1000
FRAME_LIMIT = 10_000
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.5
"""Seconds between two looks at a job: short at first, because much long work is short."""


class RunningJob:
    """A handle on long work. `job` is what was last seen of it; losing the handle stops nothing."""

    def __init__(self, job: Job, look: Callable[[int], Job], cancel: Callable[[int], Job]) -> None:
        self.job = job
        self._look, self._cancel = look, cancel

    def __repr__(self) -> str:
        return f"<job {self.job.job_id}: {title_of(self.job.kind, self.job.database)}, {self.job.state}>"

    def refresh(self) -> Job:
        """Look again."""
        self.job = self._look(self.job.job_id)
        return self.job

    def cancel(self) -> Job:
        """Ask it to stop where that is safe; `Conflict` when it is too late."""
        self.job = self._cancel(self.job.job_id)
        return self.job

    def wait(self, on_progress: Callable[[Job], None] | None = None, timeout: float | None = None) -> Job:
        """Wait for the end and return it.

        Parameters
        ----------
        on_progress: called with what was seen, whenever it was looked at.
        timeout: seconds; `TimeoutError` afterwards, and the work goes on.

        Raises
        ------
        TrackkitError: what the work failed with, as its own class; `JobCancelled`.
        """
        deadline, pause = (time.monotonic() + timeout if timeout is not None else None), _FIRST_WAIT
        while True:
            if on_progress is not None:
                on_progress(self.job)
            if self.job.state.ended:
                return _ended(self.job)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Job {self.job.job_id} has not ended in {timeout} s; it goes on.")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_WAIT)
            self.refresh()


def _ended(job: Job) -> Job:
    if job.state is JobState.done:
        return job
    if job.error is not None:
        raise job.error.error()
    if job.state is JobState.cancelled:
        raise JobCancelled(f"Job {job.job_id} was cancelled.")
    raise Unavailable(f"Job {job.job_id} was interrupted.", "Start it again.")


class JobsPart:
    """Long work on the server, under way and ended."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self, before: int | None = None, limit: int = 100) -> jobs.Jobs:
        """One page, newest first."""
        return self._caller.ask(jobs.LIST, before=before, limit=limit)

    def each(self, limit: int | None = None) -> Iterator[Job]:
        """The jobs, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[Job, ...], int | None]:
            page = self.list(before, size)
            return page.jobs, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(self, limit: int | None = FRAME_LIMIT) -> pd.DataFrame:
        """The jobs as a frame, newest first."""
        from trackkit.frames.databases import jobs_frame

        return jobs_frame(self.each(limit), self._server)

    def show(self, job_id: int) -> Job:
        """How far a job is; `NotFound`."""
        return self._caller.ask(jobs.SHOW, job_id=job_id)

    def cancel(self, job_id: int) -> Job:
        """Cancel a job where that is safe; `Conflict` when it is too late."""
        return self._caller.ask(jobs.CANCEL, job_id=job_id)

    def follow(self, job_id: int) -> RunningJob:
        """A handle on a job that was begun before, or elsewhere."""
        return self.handle(self.show(job_id))

    def handle(self, job: Job) -> RunningJob:
        """A handle on a job as an operation answered it."""
        return RunningJob(job, self.show, self.cancel)
