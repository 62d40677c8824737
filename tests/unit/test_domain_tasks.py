"""When a schedule is due, over changes of the clock; what a task refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.declared import checked
from trackkit.domain.errors import InvalidInput
from trackkit.domain.tasks import Task, next_run

BERLIN = ZoneInfo("Europe/Berlin")


def runs(schedule: str, after: datetime, number: int) -> list[str]:
    """The next so many runs, as the clock on the wall shows them."""
    found = []
    for _ in range(number):
        after = next_run(schedule, after, BERLIN)
        found.append(after.astimezone(BERLIN).strftime("%m-%d %H:%M %z"))
    return found


@pytest.mark.spec("10: cron-like, in the server")
@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        # The hour from 02:00 to 03:00 is missing in the night of 2026-03-29: what is due in it runs once, after it.
        ("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        # The same hour comes twice in the night of 2026-10-25: what is due at one time of day runs once.
        ("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        # What is due every hour runs every hour, in both of them.
        (
            "0 * * * *",
            datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
            ["10-25 02:00 +0200", "10-25 02:00 +0100", "10-25 03:00 +0100"],
        ),
        ("30 18 * * FRI", datetime(2026, 11, 24, tzinfo=UTC), ["11-27 18:30 +0100", "12-04 18:30 +0100"]),
        ("0 0 29 2 *", datetime(2026, 11, 24, tzinfo=UTC), ["02-29 00:00 +0100"]),
    ],
)
def test_when_it_is_due(schedule: str, after: datetime, expected: list[str]) -> None:
    assert runs(schedule, after, len(expected)) == expected


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 59),
    st.integers(0, 23),
)
def test_a_daily_task_is_due_later_and_within_a_long_day(after: datetime, minute: int, hour: int) -> None:
    due = next_run(f"{minute} {hour} * * *", after, BERLIN)
    assert due.tzinfo is UTC
    assert timedelta(0) < due - after <= timedelta(hours=25, minutes=30)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"schedule": "now and then"}, "schedule", "is no schedule"),
        ({"schedule": "61 * * * *"}, "schedule", "is no schedule"),
        ({"schedule": "0 0 30 2 *"}, "schedule", "is no schedule"),
        ({"schedule": ""}, "schedule", "is no schedule"),
        ({"kind": "delete"}, "kind", "is not one of backup, compact"),
        ({"kind": "compact", "keep": 3}, "keep", "only for a backup task"),
        ({"kind": "compact", "root": "/backups"}, "root", "only for a backup task"),
        ({"keep": 0}, "keep", "is not between 1 and 1000"),
        ({"keep": "three"}, "keep", "is not a whole number"),
        ({"enabled": "yes"}, "enabled", "is neither yes nor no"),
        ({"name": ""}, "name", "is empty"),
        ({"name": "x" * 101}, "name", "is longer than 100 characters"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"database": 7}, "database", "is not a text"),
        ({"colour": "red"}, "colour", "is no field"),
    ],
)
def test_what_a_task_refuses(changes: dict[str, Any], field: str, said: str) -> None:
    good = {"name": "nightly", "kind": "backup", "database": "a", "schedule": "0 2 * * *"}
    checked(Task, good, "refused")
    with pytest.raises(InvalidInput) as refused:
        checked(Task, good | changes, "refused")
    assert [(p.field, said in p.message) for p in refused.value.problems] == [(field, True)]


@pytest.mark.parametrize("missing", ["name", "kind", "database"])
def test_what_a_task_needs(missing: str) -> None:
    given = {"name": "nightly", "kind": "backup", "database": "a"}
    del given[missing]
    with pytest.raises(InvalidInput) as refused:
        checked(Task, given, "refused")
    assert [(p.field, p.message) for p in refused.value.problems] == [(missing, "is missing")]
