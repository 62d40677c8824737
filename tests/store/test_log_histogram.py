"""The log counted by level and time, on both databases, against counting in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import one_in
from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as contract
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import BARS, LogEntry, Match, Severity
from trackkit.frames import histogram_frame
from trackkit.services import log
from trackkit.services.environment import Environment
from trackkit.store import log as rows

LEVELS = list(Severity)


def _fill(environment: Environment, clock: Clock) -> list[LogEntry]:
    """Entries over three days, thicker towards the end, some on the very edge of a bucket."""
    entries = [
        LogEntry(
            clock() - timedelta(seconds=n * n * 29, microseconds=n % 3),
            LEVELS[n % 5],
            ("mail", "log-in")[n % 2],
            ("disk low", "host gone")[n % 3 == 0],
        )
        for n in range(95)
    ]
    entries += [LogEntry(clock().replace(minute=0) - timedelta(hours=n), Severity.error, "edge", "x") for n in range(9)]
    environment.log_store.write(lambda connection: rows.append(connection, entries))
    return entries


@pytest.mark.spec("4: histogram over time by level")
@settings(max_examples=one_in(3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counts_are_those_of_plain_python(
    environment: Environment, admin: AsUser, clock: Clock, data: st.DataObject
) -> None:
    if environment.log_store.read(rows.newest_id) == 0:
        _fill(environment, clock)
    moments = st.none() | st.integers(-600, 6000).map(lambda minutes: clock() - timedelta(minutes=minutes))
    level = data.draw(st.sampled_from(Severity))
    request = contract.CountLog(
        level=level.name,
        match=data.draw(st.sampled_from(Match)),
        since=data.draw(moments),
        until=data.draw(moments),
        source=data.draw(st.none() | st.sampled_from(["mail", "edge", "nobody"])),
        text=data.draw(st.none() | st.just("DISK")),
        bucket_seconds=data.draw(st.none() | st.sampled_from([60, 3600, 86_400])),
    )
    found = log.count_log(admin(), request)
    conditions = request.model_dump(exclude={"bucket_seconds"})
    listed = log.list_log(admin(), contract.ListLog(**conditions, limit=10_000)).entries
    width = timedelta(seconds=found.bucket_seconds)
    counted = Counter(
        (found.starts_at + (entry.at - found.starts_at) // width * width, entry.level) for entry in listed
    )
    assert {(count.starts_at, count.level): count.entries for count in found.counts} == counted
    assert found.total == len(listed)
    assert found.levels == tuple(severity.name for severity in request.match.severities(level))
    ends_at = found.starts_at + found.buckets * width
    assert all(found.starts_at <= count.starts_at < ends_at for count in found.counts)
    assert request.bucket_seconds or found.buckets <= BARS
    assert int(histogram_frame(found)["entries"].sum()) == found.total


def test_without_a_range_it_reaches_from_the_oldest_entry_to_now(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    old, new = clock() - timedelta(hours=30), clock() - timedelta(hours=29)
    at = [LogEntry(moment, Severity.error, "test", "x") for moment in (old, new)]
    environment.log_store.write(lambda connection: rows.append(connection, at))
    found = log.count_log(admin(), contract.CountLog(source="test"))
    assert found.bucket_seconds == 600
    assert found.starts_at == old
    assert found.buckets == 180, "the silence since the newest entry is part of it"
    assert [(count.starts_at, count.entries) for count in found.counts] == [(old, 1), (new, 1)]


def test_an_entry_after_now_is_counted_too(environment: Environment, admin: AsUser, clock: Clock) -> None:
    ahead = [LogEntry(clock() + timedelta(minutes=5), Severity.warning, "test", "the clock was put back")]
    environment.log_store.write(lambda connection: rows.append(connection, ahead))
    found = log.count_log(admin(), contract.CountLog(source="test"))
    assert (found.total, found.buckets) == (1, 1)


def test_nothing_that_matches_and_no_time_at_all(admin: AsUser, clock: Clock) -> None:
    nothing = log.count_log(admin(), contract.CountLog(source="nobody"))
    assert (nothing.buckets, nothing.counts, nothing.total) == (0, (), 0)
    assert len(histogram_frame(nothing)) == 0
    day = log.count_log(admin(), contract.CountLog(source="nobody", since=clock() - timedelta(days=1)))
    assert (day.buckets, day.total) == (144, 0), "an hour without entries is an hour all the same"
    backwards = log.count_log(admin(), contract.CountLog(since=clock(), until=clock() - timedelta(days=1)))
    assert (backwards.buckets, backwards.total) == (0, 0)


@pytest.mark.parametrize("seconds", [None, 10 * 366 * 86_400])
def test_the_ends_of_the_calendar_are_a_range_too(
    environment: Environment, admin: AsUser, clock: Clock, seconds: int | None
) -> None:
    _fill(environment, clock)
    asked = contract.CountLog(
        since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC), bucket_seconds=seconds
    )
    found = log.count_log(admin(), asked)
    assert found.total == log.list_log(admin(), contract.ListLog()).total
    assert found.buckets <= 1000
    assert int(histogram_frame(found)["entries"].sum()) == found.total


def test_too_many_buckets_are_refused_with_the_number(admin: AsUser, clock: Clock) -> None:
    with pytest.raises(InvalidInput, match="86,400 buckets; at most 10,000"):
        log.count_log(admin(), contract.CountLog(since=clock() - timedelta(days=1), until=clock(), bucket_seconds=1))
