"""When mail may leave: schedules around midnight and daylight saving, and at most so many messages a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain.sending_times import NoSchedule, after_leaving, room, room_at, schedule_of

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        ("", "2026-11-25T03:00", None),
        ("daily 00:00-24:00", "2026-11-25T03:00", None),
        ("Mon-Fri 08:00-18:00", "2026-11-25T07:59:59", "2026-11-25T08:00"),  # a Wednesday
        ("Mon-Fri 08:00-18:00", "2026-11-25T08:00", None),
        ("Mon-Fri 08:00-18:00", "2026-11-25T17:59:59", None),
        ("Mon-Fri 08:00-18:00", "2026-11-25T18:00", "2026-11-26T08:00"),
        ("Mon-Fri 08:00-18:00", "2026-11-27T18:00", "2026-11-30T08:00"),  # over the weekend
        ("Mon-Fri 08:00-18:00, Sat 09:00-12:00", "2026-11-27T18:00", "2026-11-28T09:00"),
        ("daily 22:00-06:00", "2026-11-25T05:59", None),
        ("daily 22:00-06:00", "2026-11-25T06:00", "2026-11-25T22:00"),
        ("Sun 22:00-06:00", "2026-11-30T05:59", None),  # Monday morning
        ("Sun 22:00-06:00", "2026-11-30T06:00", "2026-12-06T22:00"),
        ("Sat-Mon 10:00-11:00", "2026-11-24T10:30", "2026-11-28T10:00"),
        ("mon wed fri 10:00-11:00", "2026-11-25T11:00", "2026-11-27T10:00"),
        ("Wed 10:00-11:00", "2026-11-25T11:00", "2026-12-02T10:00"),
    ],
)
def test_windows(text: str, now: str, opens: str | None) -> None:
    assert schedule_of(text).opens_at(utc(now), UTC) == (None if opens is None else utc(opens))


def test_the_zone_is_the_schedules_own_or_the_servers() -> None:
    nine = berlin("2026-11-25T09:00")
    assert schedule_of("daily 09:00-10:00 in Europe/Berlin").opens_at(nine, UTC) is None
    assert schedule_of("daily 09:00-10:00").opens_at(nine, BERLIN) is None
    assert schedule_of("daily 09:00-10:00").opens_at(nine, UTC) == utc("2026-11-25T09:00")


def test_an_hour_that_does_not_exist_is_in_no_window_and_one_that_comes_twice_is_both_times() -> None:
    spring, autumn = "2026-03-29", "2026-10-25"  # 02:00 becomes 03:00; 03:00 becomes 02:00
    lost = schedule_of("daily 02:00-02:30 in Europe/Berlin")
    assert lost.opens_at(utc(f"{spring}T00:59"), UTC) == utc("2026-03-30T00:00")
    into = schedule_of("daily 02:30-05:00 in Europe/Berlin")
    assert into.opens_at(utc(f"{spring}T00:59"), UTC) == utc(f"{spring}T01:00"), "the clock is put on into the window"
    twice = schedule_of("daily 02:00-02:30 in Europe/Berlin")
    for minute in ("00:00", "00:29", "01:00", "01:29"):
        assert twice.opens_at(utc(f"{autumn}T{minute}"), UTC) is None
    assert twice.opens_at(utc(f"{autumn}T00:30"), UTC) == utc(f"{autumn}T01:00")
    assert twice.opens_at(utc(f"{autumn}T01:30"), UTC) == utc("2026-10-26T01:00")


@pytest.mark.parametrize(
    "text",
    [
        "always",
        "Mon",
        "08:00-18:00",
        "Mon 8-18",
        "Mon 08:00-25:00",
        "Mon 24:00-06:00",
        "Mon 08:00-08:00",
        "Mon 08:60-09:00",
        "Monday 08:00-09:00",
        "Mon-Fry 08:00-09:00",
        "Mon 08:00-18:00,",
        "Mon 08:00-18:00 in Middle/Earth",
        "Mon 08:00-18:00 in ../etc/passwd",
        " in Europe/Berlin",
        ", ".join(["Mon 08:00-09:00"] * 51),
        "Mon 08:00-24:30",
    ],
)
def test_what_is_no_schedule_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NoSchedule):
        schedule_of(text)


windows = st.tuples(
    st.sampled_from(["Mon", "Tue-Thu", "Fri-Mon", "Sat Sun", "daily"]),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60),
).filter(lambda w: w[1] != w[2])


@settings(max_examples=60, deadline=None)
@given(st.lists(windows, min_size=1, max_size=4), st.sampled_from(["2026-03-27", "2026-10-23", "2026-07-01"]))
def test_a_schedule_agrees_with_looking_at_the_wall_clock_minute_by_minute(
    made: list[tuple[str, int, int]], day: str
) -> None:
    """Four days, both changes of the clock among them."""

    def hours(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    schedule = schedule_of(", ".join(f"{days} {hours(start)}-{hours(end)}" for days, start, end in made))
    named = [schedule_of(f"{days} 00:00-24:00").windows[0].days for days, _, _ in made]
    begun = berlin(f"{day}T00:00").astimezone(UTC)
    for quarter in range(4 * 24 * 4):
        now = begun + timedelta(minutes=15 * quarter)
        local = now.astimezone(BERLIN)
        at, today = local.hour * 60 + local.minute, local.weekday()
        opened = any(
            (today in days and start <= at < (end if end > start else end + 1440))
            or (end <= start and (today - 1) % 7 in days and at < end)
            for days, (_, start, end) in zip(named, made, strict=True)
        )
        opens_at = schedule.opens_at(now, BERLIN)
        assert (opens_at is None) is opened, now
        if opens_at is not None:
            assert schedule.opens_at(opens_at, BERLIN) is None
            assert opens_at > now


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), max_size=60), st.integers(1, 40))
def test_never_more_than_the_limit_in_any_minute_and_no_longer_wait_than_needed(
    wishes: list[tuple[int, int]], per_minute: int
) -> None:
    now, lately = 1_000_000, list[tuple[int, int]]()
    left: list[tuple[int, int]] = []
    for pause, wanted in wishes:
        now += pause
        taken = min(wanted, room(lately, now, per_minute))
        lately = after_leaving(lately, now, taken)
        left.append((now, taken))
        free = room_at(lately, now, per_minute)
        assert room(lately, free, per_minute) > 0
        assert free == now or room(lately, free - 1, per_minute) == 0
    for moment, _ in left:
        assert sum(messages for at, messages in left if moment - 60 < at <= moment) <= per_minute
    assert all(first <= second for (first, _), (second, _) in pairwise(lately))


def test_a_clock_put_back_blocks_nothing() -> None:
    lately = after_leaving([], 1_000_000, 5)
    assert room(lately, 999_000, 5) == 5
    assert room_at(lately, 999_000, 5) == 999_000
