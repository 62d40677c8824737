"""Rows of long work: what it was, how far it came, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from trackkit.domain.jobs import JobKind, JobState
from trackkit.store.tables import jobs


@dataclass(frozen=True, slots=True)
class JobRow:
    """One piece of long work as stored."""

    id: int
    kind: JobKind
    database: str
    state: JobState
    words: str
    done: int
    total: int | None
    unit: str
    username: str
    project_session: str
    started_at: datetime
    ended_at: datetime | None
    error: dict[str, Any] | None
    result: dict[str, str | int]


def add_job(
    connection: Connection, kind: JobKind, database: str, username: str, project_session: str, now: datetime
) -> JobRow:
    """A new one, waiting."""
    values = {
        "kind": kind,
        "database": database,
        "state": JobState.queued,
        "words": "Waiting",
        "done": 0,
        "unit": "",
        "username": username,
        "project_session": project_session,
        "started_at": now,
        "result": {},
    }
    number = connection.execute(insert(jobs).values(values).returning(jobs.c.id)).scalar_one()
    row = find_job(connection, number)
    assert row is not None  # noqa: S101 - added just now
    return row


def update_job(connection: Connection, job_id: int, **values: object) -> None:
    """Change columns of a job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def find_job(connection: Connection, job_id: int) -> JobRow | None:
    """The job with that number."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    return JobRow(**row._mapping) if row else None


def page_jobs(connection: Connection, before: int | None, limit: int) -> list[JobRow]:
    """Jobs older than `before`, newest first."""
    query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    rows = connection.execute(query if before is None else query.where(jobs.c.id < before))
    return [JobRow(**row._mapping) for row in rows]


def interrupt_leftovers(connection: Connection, words: str, error: dict[str, Any], now: datetime) -> list[JobRow]:
    """Jobs that had not ended when the server did."""
    left = jobs.c.state.in_([JobState.queued, JobState.running])
    found = [JobRow(**row._mapping) for row in connection.execute(select(jobs).where(left))]
    values = {"state": JobState.interrupted, "words": words, "error": error, "ended_at": now}
    connection.execute(update(jobs).where(left).values(values))
    return found
