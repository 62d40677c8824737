"""The log's vocabulary: levels, matches and the filter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.log import (
    BARS,
    LogEntry,
    LogFilter,
    Match,
    Severity,
    bucket_count,
    bucket_start,
    bucket_width,
    end_of_day,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY = LogEntry(NOW, Severity.warning, "mail", "Host Ünreachable", "details here", "sample", "ann", "192.0.2.1")


@pytest.mark.spec("4: Five levels, most severe first")
def test_levels_stand_most_severe_first() -> None:
    assert [level.title for level in Severity] == [
        "Severe Error",
        "Error",
        "Warning",
        "Unusual Activity",
        "Information",
    ]


@pytest.mark.spec("4: filter by level only / and more severe / and less severe")
@given(st.sampled_from(Severity))
def test_more_and_less_meet_in_the_level_itself(level: Severity) -> None:
    more, less = Match.more.severities(level), Match.less.severities(level)
    assert set(more) & set(less) == {level} == set(Match.only.severities(level))
    assert set(more) | set(less) == set(Severity)
    assert Severity.severe_error in more
    assert Severity.information in less


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (LogFilter(), True),
        (LogFilter(severities=(Severity.error,)), False),
        (LogFilter(since=NOW), True),
        (LogFilter(since=NOW + timedelta(microseconds=1)), False),
        (LogFilter(until=NOW), False),
        (LogFilter(until=NOW + timedelta(microseconds=1)), True),
        (LogFilter(source="mail", database="sample", username="ann"), True),
        (LogFilter(source="mai"), False),
        (LogFilter(username="bob"), False),
        (LogFilter(text="HOST"), True),
        (LogFilter(text="DETAILS"), True),
        (LogFilter(text="host Ünr"), True),
        (LogFilter(text="host ünr"), False),
        (LogFilter(text="%"), False),
    ],
)
def test_filter(wanted: LogFilter, matches: bool) -> None:
    assert wanted.matches(ENTRY) is matches


@pytest.mark.spec("4: entries up to and including that date, in the server's time zone")
def test_a_day_ends_in_the_servers_time_zone_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert end_of_day(date(2026, 3, 28), berlin).astimezone(UTC) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of_day(date(2026, 3, 29), berlin).astimezone(UTC) == datetime(2026, 3, 29, 22, tzinfo=UTC)


_instants = st.datetimes(datetime(1970, 1, 1), datetime(8999, 1, 1), timezones=st.just(UTC))


@pytest.mark.spec("4: histogram over time by level")
@given(since=_instants, span=st.timedeltas(timedelta(microseconds=1), timedelta(days=30_000)))
def test_buckets_cover_the_range_and_are_not_too_many(since: datetime, span: timedelta) -> None:
    until = since + span
    width = bucket_width(since, until)
    number, first = bucket_count(since, until, width), bucket_start(since, width)
    assert 1 <= number <= BARS
    assert first <= since < first + width
    assert first + (number - 1) * width < until <= first + number * width
    if width <= timedelta(days=1):
        assert (first - datetime(1970, 1, 1, tzinfo=UTC)) % width == timedelta(0)


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (timedelta(0), timedelta(seconds=1)),
        (timedelta(minutes=3), timedelta(seconds=1)),
        (timedelta(hours=1), timedelta(seconds=30)),
        (timedelta(hours=24), timedelta(minutes=10)),
        (timedelta(days=7), timedelta(hours=1)),
        (timedelta(days=365), timedelta(days=2)),
    ],
)
def test_bucket_widths_are_those_people_use(span: timedelta, width: timedelta) -> None:
    assert bucket_width(NOW, NOW + span) == width


def test_buckets_of_a_week_begin_on_mondays_and_no_time_has_none() -> None:
    assert bucket_start(NOW, timedelta(days=7)) == datetime(2026, 2, 23, tzinfo=UTC)
    assert bucket_start(NOW, timedelta(days=7)).weekday() == 0
    assert bucket_count(NOW, NOW, timedelta(hours=1)) == 0
    assert bucket_count(NOW, NOW - timedelta(days=1), timedelta(hours=1)) == 0
