"""Retention on both databases: exact at the boundaries, in the server's time zone, and not talking endlessly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as contract
from trackkit.contract.audit import ListAudit
from trackkit.contract.options import SetOptions
from trackkit.domain.log import LogEntry, LogFilter, Severity
from trackkit.services import audit, log, options
from trackkit.services.environment import Environment
from trackkit.services.log_retention import LogRetention
from trackkit.store import log as rows
from trackkit.store import log_deletion as deletion


def fill(environment: Environment, *times: datetime) -> None:
    """Only these entries are in the log."""
    environment.log.flush()
    environment.log_store.write(lambda connection: deletion.delete_some(connection, None, 10**12, 10**6))
    made = [LogEntry(at, Severity.information, "test", at.isoformat()) for at in times]
    environment.log_store.write(lambda connection: rows.append(connection, made))


def kept(environment: Environment, admin: AsUser) -> list[str]:
    page = log.list_log(admin(), contract.ListLog(source="test", limit=10_000, oldest_first=True))
    return [entry.message for entry in page.entries]


def told(admin: AsUser) -> list[str]:
    return [e.message for e in log.list_log(admin(), contract.ListLog(text="deleted by retention")).entries]


@pytest.mark.parametrize("hours", [-11, 0, 2, 13])
def test_by_age_whole_days_of_the_servers_time_zone_are_kept(
    environment: Environment, admin: AsUser, clock: Clock, hours: int
) -> None:
    zone = timezone(timedelta(hours=hours))
    environment = replace(environment, zone=zone)
    midnight = datetime.combine(clock().astimezone(zone).date() - timedelta(days=7), datetime.min.time(), tzinfo=zone)
    before = (midnight - timedelta(microseconds=1)).astimezone(UTC)
    options.set_options(admin(), SetOptions(values={"log.retention_days": 7}))
    fill(environment, before - timedelta(days=1), before, midnight.astimezone(UTC), clock())
    LogRetention(environment).look()
    assert kept(environment, admin) == [midnight.astimezone(UTC).isoformat(), clock().isoformat()]
    assert told(admin) == ["Entries were deleted by retention: 2 of days more than 7 days back."]
    record = audit.list_audit(admin(), ListAudit()).records[0]
    assert (record.operation, record.after) == ("log.retention", {"by age": "2", "by number": "0"})


@pytest.mark.parametrize("there", [9, 10, 11, 25])
def test_by_number_the_newest_are_kept_the_note_among_them(
    environment: Environment, admin: AsUser, clock: Clock, there: int
) -> None:
    options.set_options(admin(), SetOptions(values={"log.retention_entries": 10}))
    times = [clock() + timedelta(seconds=n) for n in range(there)]
    fill(environment, *times)
    LogRetention(environment).look()
    environment.log.flush()
    total = environment.log_store.read(lambda connection: rows.count(connection, LogFilter())).entries
    if there <= 10:
        assert total == there
        assert told(admin) == []
    else:
        assert total == 10
        assert kept(environment, admin) == [at.isoformat() for at in times[-9:]]
        assert told(admin) == [f"Entries were deleted by retention: {there - 9} beyond the newest 10."]


def test_it_tells_of_itself_once_a_day_with_exact_numbers(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    options.set_options(admin(), SetOptions(values={"log.retention_entries": 50}))
    fill(environment, *(clock() for _ in range(60)))
    retention = LogRetention(environment)
    for _ in range(60):
        retention.look()
        clock.forward(minutes=30)
        environment.log.write(Severity.information, "test", "x")
    records = audit.list_audit(admin(), ListAudit()).records
    numbers = [record.after["by number"] for record in records if record.operation == "log.retention"]
    assert numbers == ["49", "11"], "at once, and a day later what went since, one each half hour"
    assert told(admin) == ["Entries were deleted by retention: 49 beyond the newest 50."]


def test_nothing_is_deleted_where_nothing_is_asked_for(environment: Environment, admin: AsUser, clock: Clock) -> None:
    fill(environment, clock() - timedelta(days=40_000), clock())
    LogRetention(environment).look()
    assert len(kept(environment, admin)) == 2


def test_a_change_counts_at_once_and_else_every_ten_minutes(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    retention = LogRetention(environment)
    options.set_options(admin(), SetOptions(values={"log.retention_days": 30}))
    fill(environment, clock() - timedelta(days=20))
    retention.look()
    assert len(kept(environment, admin)) == 1
    options.set_options(admin(), SetOptions(values={"log.retention_days": 10}))
    retention.look()
    assert kept(environment, admin) == []
    fill(environment, clock() - timedelta(days=20))
    retention.look()
    assert len(kept(environment, admin)) == 1, "looked a moment ago"
    clock.forward(minutes=10)
    retention.look()
    assert kept(environment, admin) == []
