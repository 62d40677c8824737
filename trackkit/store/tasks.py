"""Rows of scheduled tasks and of their runs. Times pass in from above; what is due is decided there, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trackkit.domain.databases import name_key
from trackkit.domain.declared import fields_of, flat_values
from trackkit.domain.errors import Conflict
from trackkit.domain.tasks import Task
from trackkit.store.tables import task_runs, tasks

_FIELDS = tuple(fields_of(Task))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task with when it is due."""

    id: int
    task: Task
    next_run_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a task."""

    id: int
    task: str
    started_at: datetime
    ended_at: datetime | None
    state: str
    words: str
    started_by: str
    missed: bool
    job_id: int | None


def _row(found: Any) -> TaskRow:
    values = found._mapping
    task = Task(**{name: values[name] for name in _FIELDS})
    return TaskRow(values["id"], task, values["next_run_at"], values["revision"])


def all_tasks(connection: Connection) -> list[TaskRow]:
    """Every task, by name."""
    return [_row(found) for found in connection.execute(select(tasks).order_by(tasks.c.name_key))]


def find_task(connection: Connection, name: str, *, lock: bool = False) -> TaskRow | None:
    """The task of that name, whatever its case."""
    query = select(tasks).where(tasks.c.name_key == name_key(name.strip()))
    found = connection.execute(query.with_for_update() if lock else query).first()
    return _row(found) if found else None


def add_task(connection: Connection, task: Task, next_run_at: datetime | None) -> TaskRow:
    """A new task; `Conflict` when its name is taken."""
    values = {**flat_values(task), "name_key": name_key(task.name), "next_run_at": next_run_at, "revision": 1}
    try:
        with connection.begin_nested():
            connection.execute(insert(tasks).values(values))
    except IntegrityError:
        raise Conflict(f"There is a task {task.name!r} already; nothing was changed.") from None
    row = find_task(connection, task.name)
    assert row is not None  # noqa: S101 - added just now
    return row


def edit_task(connection: Connection, row: TaskRow, task: Task, next_run_at: datetime | None) -> None:
    """Change a task that was read with `lock`; `Conflict` when its new name is taken."""
    values = {**flat_values(task), "name_key": name_key(task.name), "next_run_at": next_run_at}
    try:
        with connection.begin_nested():
            connection.execute(update(tasks).where(tasks.c.id == row.id).values(**values, revision=row.revision + 1))
    except IntegrityError:
        raise Conflict(f"There is a task {task.name!r} already; nothing was changed.") from None


def move_on(connection: Connection, task_id: int, due_at: datetime, next_run_at: datetime) -> bool:
    """Set the next run, unless somebody else did since it was due at `due_at`; whether it was this one."""
    mine = (tasks.c.id == task_id) & (tasks.c.next_run_at == due_at)
    return connection.execute(update(tasks).where(mine).values(next_run_at=next_run_at)).rowcount == 1


def delete_task(connection: Connection, task_id: int) -> None:
    """Delete a task; its history stays."""
    connection.execute(delete(tasks).where(tasks.c.id == task_id))


def add_run(connection: Connection, name: str, started_by: str, missed: bool, now: datetime) -> int:
    """A run that begins; its number."""
    values = {"task": name, "started_at": now, "state": "running", "words": "", "started_by": started_by}
    query = insert(task_runs).values(**values, missed=missed).returning(task_runs.c.id)
    return int(connection.execute(query).scalar_one())


def update_run(connection: Connection, run_id: int, **values: object) -> None:
    """Change columns of a run."""
    connection.execute(update(task_runs).where(task_runs.c.id == run_id).values(values))


def runs(connection: Connection, name: str | None, limit: int) -> list[RunRow]:
    """Runs of one task or of all, newest first."""
    query = select(task_runs).order_by(task_runs.c.id.desc()).limit(limit)
    found = connection.execute(query if name is None else query.where(task_runs.c.task == name))
    return [RunRow(**row._mapping) for row in found]


def last_run(connection: Connection, name: str) -> RunRow | None:
    """The newest run of a task."""
    return next(iter(runs(connection, name, 1)), None)


def interrupt_runs(connection: Connection, now: datetime) -> None:
    """Runs that had not ended when the server did."""
    values = {"state": "interrupted", "words": "The server ended while it was running.", "ended_at": now}
    connection.execute(update(task_runs).where(task_runs.c.state == "running").values(values))
