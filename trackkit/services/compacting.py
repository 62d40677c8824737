"""Compacting project databases: now, or at the start of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trackkit.contract import databases as contract
from trackkit.contract.jobs import Job
from trackkit.domain.errors import TrackkitError
from trackkit.domain.jobs import JobKind
from trackkit.domain.log import Severity
from trackkit.services.environment import Call, Environment
from trackkit.services.jobs import OnEnd, Outcome, Progress
from trackkit.services.project_stores import OpenProject
from trackkit.store import compaction, databases

SOURCE: Final = "databases"


def compact_database(call: Call, request: contract.NamedDatabase) -> Job:
    """Begin to compact a database."""
    return begin_compaction(call, request.database)


def begin_compaction(call: Call, database: str, on_end: OnEnd = lambda state, words: None) -> Job:
    """Compact a database in the background."""
    environment = call.environment
    project = environment.projects.open(database)

    def work(progress: Progress) -> Outcome:
        before, after = _compact(environment, project, lambda done, total, what: progress(done, total, "steps", what))
        return Outcome(f"Compacted: {before:,} octets before, {after:,} after.", {"before": before, "after": after})

    return environment.jobs.start(
        kind=JobKind.compact,
        database=project.row.name,
        username=call.actor.username,
        work=work,
        on_start=lambda connection, job_id: call.audit(
            connection, contract.COMPACT.name, project.row.name, after={"job": str(job_id)}
        ),
        on_end=on_end,
    )


def _compact(
    environment: Environment, project: OpenProject, progress: Callable[[int, int, str], None]
) -> tuple[int, int]:
    sizes = compaction.compact(project.store, progress)
    now = environment.clock()
    environment.store.write(lambda connection: databases.note_compaction(connection, project.row.name_key, now))
    return sizes


def compact_at_start(environment: Environment) -> None:
    """Compact what its settings ask for, before anybody can log in; what cannot be is logged and left."""
    for row in environment.store.read(databases.all_databases):
        if row.settings.compact_every_start or row.settings.compact_next_start:
            try:
                project = environment.projects.opened(row)
                before, after = _compact(environment, project, lambda done, total, what: None)
            except TrackkitError as error:
                words = f"{row.name} could not be compacted at the start: {error}"
                environment.log.write(Severity.error, SOURCE, words, database=row.name)
            else:
                words = f"{row.name} was compacted at the start: {before:,} octets before, {after:,} after."
                environment.log.write(Severity.information, SOURCE, words, database=row.name)
