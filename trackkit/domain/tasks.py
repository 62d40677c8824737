"""Scheduled tasks: what can be done on a schedule, and when it is due (SPEC §10).

Schedules are five cron fields in the server's time zone, as Debian's cron reads them (crontab(5)), daylight saving
included. Clock and zone are passed in.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Group, declare
from trackkit.domain.text import is_one_line

TaskKind = Literal["backup", "compact"]
MAXIMUM_NAME: Final = 100

EXAMPLES: Final = "'0 2 * * *' is every night at two, '30 18 * * FRI' Fridays at half past six"


class Task(Group):
    """One scheduled task."""

    name: str = declare(..., title="Name", min_length=1, max_length=MAXIMUM_NAME, help="To tell your tasks apart.")
    kind: TaskKind = declare(..., title="What it does", help="Back up or compact a database.")
    database: str = declare(
        ..., title="Database", min_length=1, max_length=1000, help="The database it is done to, by its name."
    )
    schedule: str = declare(
        "0 2 * * *",
        title="Schedule",
        max_length=100,
        help=f"Minute, hour, day of the month, month, day of the week, in the server's time zone: {EXAMPLES}.",
    )
    enabled: bool = declare(True, title="Enabled", help="Off: it runs only when told to.")
    run_missed: bool = declare(
        False, title="Run when missed", help="If the server was down when it was due, it runs once after the start."
    )
    keep: int | None = declare(
        None,
        title="Backups to keep",
        ge=1,
        le=1000,
        help="Of a backup task: older backups made by this task are removed, never the last verified one. "
        "Empty: all are kept.",
    )
    root: str | None = declare(
        None,
        title="Backup folder",
        max_length=1000,
        help="Of a backup task: a folder that the server machine allows for backups. Empty: the server's own.",
    )

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.strip() or not is_one_line(value):
            raise PydanticCustomError("name", "is empty or holds control characters")
        return value.strip()

    @field_validator("schedule")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            next(CronSim(value.strip(), datetime(2026, 1, 1, tzinfo=UTC)))
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "it never comes"
            raise PydanticCustomError("schedule", "is no schedule: {reason}", {"reason": reason}) from None
        return " ".join(value.split())

    @model_validator(mode="after")
    def _only_backups_are_kept(self) -> Self:
        for name in ("keep", "root"):
            if getattr(self, name) is not None and self.kind != "backup":
                raise PydanticCustomError(f"at:{name}", "is possible only for a backup task")
        return self


def next_run(schedule: str, after: datetime, zone: tzinfo) -> datetime:
    """The first instant after `after` that the schedule names, in UTC.

    Parameters
    ----------
    schedule: five cron fields, checked before.
    zone: the zone the schedule is meant in.
    """
    return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)
