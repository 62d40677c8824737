"""Long work on the server: a handle that outlives the client that asked."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from trackkit.contract.operation import Operation, Request, Response, RowNumber
from trackkit.contract.wire import WireError
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.jobs import JobKind, JobState


class Job(Response):
    """One piece of long work. `done` of `total` `unit`s are behind it; no total = not known yet."""

    job_id: int
    kind: JobKind
    database: str
    state: JobState
    words: str
    """What it is doing, or what came of it."""
    done: int
    total: int | None
    unit: str
    cancellable: bool
    """It can be cancelled now."""
    username: str
    started_at: datetime
    ended_at: datetime | None
    error: WireError | None
    """Of a failed one: what was wrong."""
    result: dict[str, str | int]
    """Of a done one: what came of it, such as sizes before and after, or where the backup is."""


class ListJobs(Request):
    """Newest first; `before` is the `job_id` after which to go on."""

    before: RowNumber | None = None
    limit: int = Field(100, ge=1, le=1000)


class Jobs(Response):
    """Of project users' imports there is only the count of rows, never their content."""

    jobs: tuple[Job, ...]
    next_before: int | None


class NamedJob(Request):
    """One job."""

    job_id: RowNumber


LIST = Operation("job.list", "GET", "/jobs", ListJobs, Jobs, Role.viewer, "Long work, under way and ended")
SHOW = Operation(
    "job.show", "GET", "/jobs/{job_id}", NamedJob, Job, Role.viewer, "How far long work is", errors=(errors.NotFound,)
)
CANCEL = Operation(
    "job.cancel",
    "POST",
    "/jobs/{job_id}/cancel",
    NamedJob,
    Job,
    Role.operator,
    "Cancel long work where that is safe",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)

OPERATIONS = (LIST, SHOW, CANCEL)
