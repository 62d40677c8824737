"""Scheduled tasks (SPEC §10): what is done by itself, when, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from trackkit.contract.jobs import Job
from trackkit.contract.operation import Done, Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role

TaskValue = bool | int | str | None
TaskValues = dict[str, TaskValue]
"""Values by name; the names are the fields of `trackkit.domain.tasks.Task`."""

RunState = Literal["running", "done", "failed", "cancelled", "interrupted"]


class TaskRow(Response):
    """One task with its last result and its next run (none = it is switched off)."""

    name: str
    values: TaskValues
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_state: RunState | None
    last_words: str
    revision: int


class Tasks(Response):
    """By name. `zone` is the server's time zone, in which schedules are meant."""

    tasks: tuple[TaskRow, ...]
    zone: str


class AddTask(Request):
    """A new task."""

    values: TaskValues


class NamedTask(Request):
    """One task."""

    name: str = Field(min_length=1, max_length=100)


class EditTask(NamedTask):
    """What is not given stays. `revision` is the one that was seen; none = no check."""

    values: TaskValues
    revision: RowNumber | None = None


class TaskRun(Response):
    """One run of a task; `started_by` empty = its schedule."""

    name: str
    started_at: datetime
    ended_at: datetime | None
    state: RunState
    words: str
    started_by: str
    missed: bool
    """It was due while the server was down."""
    job_id: int | None


class ListRuns(Request):
    """Newest first, of one task or of all."""

    name: str | None = Field(None, max_length=100)
    limit: int = Field(100, ge=1, le=1000)


class TaskRuns(Response):
    """The history; kept when a task is deleted."""

    runs: tuple[TaskRun, ...]


LIST = Operation("task.list", "GET", "/tasks", Nothing, Tasks, Role.viewer, "The scheduled tasks")
ADD = Operation(
    "task.add",
    "POST",
    "/tasks",
    AddTask,
    TaskRow,
    Role.admin,
    "Add a scheduled task",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
EDIT = Operation(
    "task.edit",
    "PATCH",
    "/tasks",
    EditTask,
    TaskRow,
    Role.admin,
    "Change a scheduled task",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
DELETE = Operation(
    "task.delete",
    "DELETE",
    "/tasks",
    NamedTask,
    Done,
    Role.admin,
    "Delete a scheduled task",
    errors=(errors.NotFound,),
    audited=True,
)
RUN = Operation(
    "task.run",
    "POST",
    "/tasks/run",
    NamedTask,
    Job,
    Role.operator,
    "Run a scheduled task now",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
HISTORY = Operation(
    "task.history", "GET", "/tasks/history", ListRuns, TaskRuns, Role.viewer, "What scheduled tasks did"
)

OPERATIONS = (LIST, ADD, EDIT, DELETE, RUN, HISTORY)
