"""Project databases, their backups, long work and scheduled tasks as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.databases import Backup, Database
from trackkit.contract.jobs import Job
from trackkit.contract.tasks import TaskRow, TaskRun
from trackkit.frames import INSTANT, Column, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd


def databases_frame(rows: Iterable[Database], server: str = "") -> pd.DataFrame:
    """Databases, one row each; `size` in octets."""
    return frame_of(rows, server, _DATABASES)


def backups_frame(rows: Iterable[Backup], server: str = "") -> pd.DataFrame:
    """Backups, one row each; `size` in octets."""
    return frame_of(rows, server, _BACKUPS)


def jobs_frame(rows: Iterable[Job], server: str = "") -> pd.DataFrame:
    """Long work, one row each."""
    return frame_of(rows, server, _JOBS)


def tasks_frame(rows: Iterable[TaskRow], server: str = "") -> pd.DataFrame:
    """Scheduled tasks, one row each."""
    return frame_of(rows, server, _TASKS)


def runs_frame(rows: Iterable[TaskRun], server: str = "") -> pd.DataFrame:
    """Runs of scheduled tasks, one row each."""
    return frame_of(rows, server, _RUNS)


def _setting(dtype: str, *names: str) -> dict[str, Column]:
    return {name: (dtype, lambda row, name=name: row.settings.get(name)) for name in names}  # type: ignore[misc]


def _value(dtype: str, *names: str) -> dict[str, Column]:
    return {name: (dtype, lambda row, name=name: row.values.get(name)) for name in names}  # type: ignore[misc]


_DATABASES: Mapping[str, Column] = {
    **plain("str", "name"),
    **_setting("str", "description"),
    **plain("str", "location"),
    "place": ("str", lambda row: row.place.value),
    **_setting("bool", "active"),
    **plain("bool", "available"),
    **plain("str", "unavailable_reason"),
    **_setting("bool", "in_web_list", "in_other_list", "compact_every_start", "compact_next_start", "sending"),
    **plain("Int64", "size"),
    **plain(INSTANT, "created_at", "last_backup_at", "last_compacted_at"),
}

_BACKUPS: Mapping[str, Column] = {
    **plain("int64", "backup_id"),
    **plain("str", "database", "location"),
    **plain(INSTANT, "made_at"),
    **plain("int64", "size", "rows"),
    **plain("bool", "verified", "available"),
    **plain("str", "task"),
}

_JOBS: Mapping[str, Column] = {
    **plain("int64", "job_id"),
    "kind": ("str", lambda row: row.kind.value),
    **plain("str", "database"),
    "state": ("str", lambda row: row.state.value),
    **plain("str", "words"),
    **plain("int64", "done"),
    **plain("Int64", "total"),
    **plain("str", "unit", "username"),
    **plain(INSTANT, "started_at", "ended_at"),
}

_TASKS: Mapping[str, Column] = {
    **plain("str", "name"),
    **_value("str", "kind", "database", "schedule"),
    **_value("bool", "enabled", "run_missed"),
    **_value("Int64", "keep"),
    **_value("str", "root"),
    **plain(INSTANT, "next_run_at", "last_run_at"),
    **plain("str", "last_state", "last_words"),
}

_RUNS: Mapping[str, Column] = {
    **plain("str", "name"),
    **plain(INSTANT, "started_at", "ended_at"),
    **plain("str", "state", "words", "started_by"),
    **plain("bool", "missed"),
    **plain("Int64", "job_id"),
}
