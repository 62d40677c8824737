"""Scheduled tasks: looking after them, running one now, and running what is due.

A task that was due while the server was down runs once at the start if it shall, else it is moved on. Every run stands
in the history with what came of it; one that could not even begin does, too, and in the log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from trackkit.contract import tasks as contract
from trackkit.contract.jobs import Job
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.declared import checked, fields_of, flat_values
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, TrackkitError
from trackkit.domain.jobs import JobState
from trackkit.domain.log import Severity
from trackkit.domain.tasks import Task, next_run
from trackkit.services.backups import begin_backup
from trackkit.services.compacting import begin_compaction
from trackkit.services.environment import Call, Environment
from trackkit.services.jobs import OnEnd
from trackkit.services.refused_paths import refused_paths_told
from trackkit.store import tasks as rows
from trackkit.store.database import Connection
from trackkit.store.tasks import RunRow, TaskRow

SOURCE: Final = "tasks"
_REFUSED: Final = "The task was refused; nothing was changed."
_SCHEDULER: Final = Actor("", Role.admin, "schedule", local=True)
"""Who runs what is due: the server itself, in no person's name."""


def list_tasks(call: Call, request: Nothing) -> contract.Tasks:
    """Every task with its last result and its next run."""

    def work(connection: Connection) -> list[tuple[TaskRow, RunRow | None]]:
        return [(row, rows.last_run(connection, row.task.name)) for row in rows.all_tasks(connection)]

    found = call.environment.store.read(work)
    zone = call.now.astimezone(call.environment.zone).tzname() or str(call.environment.zone)
    return contract.Tasks(tasks=tuple(_view(row, last) for row, last in found), zone=zone)


def add_task(call: Call, request: contract.AddTask) -> contract.TaskRow:
    """Add a task."""
    task = _checked(call, request.values)

    def work(connection: Connection) -> TaskRow:
        row = rows.add_task(connection, task, _next(call.environment, task, call.now))
        call.audit(connection, contract.ADD.name, task.name, after=_texts(task))
        return row

    row = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Task {task.name} was added.", database=task.database)
    return _view(row, None)


def edit_task(call: Call, request: contract.EditTask) -> contract.TaskRow:
    """Change a task; its next run is worked out anew."""

    def work(connection: Connection) -> tuple[TaskRow, RunRow | None]:
        row = _existing(connection, request.name)
        if request.revision not in (None, row.revision):
            raise Conflict(
                f"The task {row.task.name} was changed by somebody else meanwhile; nothing of yours was changed.",
                "Look at it as it is now, then change it again.",
            )
        task = _checked(call, {**flat_values(row.task), **request.values})
        rows.edit_task(connection, row, task, _next(call.environment, task, call.now))
        before, after = _texts(row.task), _texts(task)
        changed = [name for name in after if before[name] != after[name]]
        call.audit(
            connection,
            contract.EDIT.name,
            row.task.name,
            {n: before[n] for n in changed},
            {n: after[n] for n in changed},
        )
        return _existing(connection, task.name), rows.last_run(connection, task.name)

    row, last = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Task {row.task.name} was changed.", database=row.task.database)
    return _view(row, last)


def delete_task(call: Call, request: contract.NamedTask) -> Done:
    """Delete a task; what it made stays, and so does its history."""

    def work(connection: Connection) -> Task:
        row = _existing(connection, request.name)
        rows.delete_task(connection, row.id)
        call.audit(connection, contract.DELETE.name, row.task.name, before=_texts(row.task))
        return row.task

    task = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Task {task.name} was deleted.", database=task.database)
    return Done()


def run_task(call: Call, request: contract.NamedTask) -> Job:
    """Run a task now, whatever its schedule."""

    def work(connection: Connection) -> Task:
        row = _existing(connection, request.name)
        call.audit(connection, contract.RUN.name, row.task.name)
        return row.task

    return _run(call, call.environment.store.write(work), call.actor.username, missed=False)


def list_runs(call: Call, request: contract.ListRuns) -> contract.TaskRuns:
    """What tasks did, newest first."""
    found = call.environment.store.read(lambda connection: rows.runs(connection, request.name, request.limit))
    return contract.TaskRuns(
        runs=tuple(
            contract.TaskRun(
                name=run.task,
                started_at=run.started_at,
                ended_at=run.ended_at,
                state=cast("contract.RunState", run.state),
                words=run.words,
                started_by=run.started_by,
                missed=run.missed,
                job_id=run.job_id,
            )
            for run in found
        )
    )


def begin_schedules(environment: Environment) -> None:
    """At the start of the server: note what was cut off, run what was missed and shall run, move on the rest."""
    now = environment.clock()
    environment.store.write(lambda connection: rows.interrupt_runs(connection, now))
    for row in environment.store.read(rows.all_tasks):
        missed = row.next_run_at is not None and row.next_run_at <= now
        if missed and _claim(environment, row, now) and row.task.run_missed:
            _run_due(environment, row.task, now, missed=True)


def run_due(environment: Environment) -> None:
    """Run every task that is due now."""
    now = environment.clock()
    for row in environment.store.read(rows.all_tasks):
        if row.next_run_at is not None and row.next_run_at <= now and _claim(environment, row, now):
            _run_due(environment, row.task, now, missed=False)


def _claim(environment: Environment, row: TaskRow, now: datetime) -> bool:
    """Move a task on to its next run; only who does that runs it."""
    due, following = row.next_run_at, next_run(row.task.schedule, now, environment.zone)
    if due is None:
        return False
    return environment.store.write(lambda connection: rows.move_on(connection, row.id, due, following))


def _run_due(environment: Environment, task: Task, now: datetime, *, missed: bool) -> None:
    try:
        _run(Call(environment, _SCHEDULER, now), task, "", missed=missed)
    except TrackkitError as error:
        words = f"Task {task.name} could not run: {error.message}"
        environment.log.write(Severity.error, SOURCE, words, database=task.database)


def _run(call: Call, task: Task, started_by: str, *, missed: bool) -> Job:
    environment = call.environment
    run_id = environment.store.write(lambda c: rows.add_run(c, task.name, started_by, missed, call.now))

    def ended(state: JobState, words: str) -> None:
        values = {"state": state.value, "words": words, "ended_at": environment.clock()}
        environment.store.write(lambda connection: rows.update_run(connection, run_id, **values))

    try:
        job = _begin(call, task, ended)
    except TrackkitError as error:
        ended(JobState.failed, error.message)
        raise
    environment.store.write(lambda connection: rows.update_run(connection, run_id, job_id=job.job_id))
    return job


def _begin(call: Call, task: Task, ended: OnEnd) -> Job:
    if task.kind == "backup":
        return begin_backup(call, task.database, task.root, task=task.name, keep=task.keep, on_end=ended)
    return begin_compaction(call, task.database, ended)


def _checked(call: Call, values: dict[str, Any]) -> Task:
    environment = call.environment
    task = checked(Task, values, _REFUSED)
    if task.root is not None:
        with refused_paths_told(call, task.root):
            environment.places.allowed_backup_root(task.root)
    try:
        name = environment.projects.row(task.database).name
    except NotFound:
        raise InvalidInput.of("database", f"is {task.database!r}; there is no such database in the list") from None
    return task.model_copy(update={"database": name})


def _next(environment: Environment, task: Task, now: datetime) -> datetime | None:
    return next_run(task.schedule, now, environment.zone) if task.enabled else None


def _existing(connection: Connection, name: str) -> TaskRow:
    row = rows.find_task(connection, name, lock=True)
    if row is None:
        raise NotFound(f"There is no task {name!r}.")
    return row


def _texts(task: Task) -> dict[str, str]:
    return {name: field.text(getattr(task, name)) for name, field in fields_of(Task).items()}


def _view(row: TaskRow, last: RunRow | None) -> contract.TaskRow:
    return contract.TaskRow(
        name=row.task.name,
        values=flat_values(row.task),
        next_run_at=row.next_run_at,
        last_run_at=last.started_at if last else None,
        last_state=cast("contract.RunState", last.state) if last else None,
        last_words=last.words if last else "",
        revision=row.revision,
    )
