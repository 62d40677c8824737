"""A day of sending in simulated time, with hosts that are down, greylisting, a schedule, a limit and changes of the
clock: what has to hold holds, and the same seed gives the same trace."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.simulated_day import Days, Host, Recipient
from trackkit.domain.delivery import State
from trackkit.domain.replies import Verdict
from trackkit.domain.schedule import JITTER, WAITS

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DEAD, DOWN, GREY, FORGETFUL, CHOOSY, GOOD = "dead", "down for hours", "greylisting", "forgetful", "choosy", "good"


def hosts() -> list[Host]:
    """One of each sort, the good one more often."""
    return [
        Host(DEAD, down=((0, 10_000),)),
        Host(DOWN, down=((2, 7.5), (12, 13))),
        Host(GREY, greylists=True),
        Host(FORGETFUL, loses=0.2),
        Host(CHOOSY, rejects=0.3),
        *(Host(GOOD) for _ in range(5)),
    ]


@dataclass(frozen=True)
class Case:
    """A day, with the hours of its schedule as (from, to) in minutes of the wall clock."""

    zone: str
    midnight: str
    hours: tuple[tuple[int, int], ...]
    per_minute: int

    @property
    def start(self) -> datetime:
        """The local midnight before the clock is changed."""
        return datetime.fromisoformat(self.midnight).replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def schedule(self) -> str:
        """As people write it."""

        def clock(minutes: int) -> str:
            return f"{minutes // 60:02}:{minutes % 60:02}"

        return ", ".join(f"daily {clock(begin)}-{clock(end)}" for begin, end in self.hours)

    def is_open(self, at: datetime) -> bool:
        """By looking at the wall clock."""
        local = at.astimezone(ZoneInfo(self.zone))
        minutes = local.hour * 60 + local.minute
        return any(begin <= minutes < end for begin, end in self.hours)

    def days(self, seed: int = 1, messages: int = 1600) -> Days:
        """The simulation."""
        return Days(
            seed,
            self.start,
            hosts(),
            schedule=self.schedule,
            zone=self.zone,
            messages_per_minute=self.per_minute,
            keep_trying=2 * DAY,
            messages=messages,
        )


NIGHT_AND_DAY = ((1 * 60 + 15, 2 * 60 + 45), (8 * 60, 18 * 60))
CASES = {
    "Berlin, spring": Case("Europe/Berlin", "2026-03-29", NIGHT_AND_DAY, 30),
    "Berlin, autumn": Case("Europe/Berlin", "2026-10-25", NIGHT_AND_DAY, 30),
    "Berlin, no change": Case("Europe/Berlin", "2026-07-01", NIGHT_AND_DAY, 12),
    "Lord Howe Island, autumn, half an hour": Case("Australia/Lord_Howe", "2026-04-05", NIGHT_AND_DAY, 30),
    "Lord Howe Island, spring, half an hour": Case("Australia/Lord_Howe", "2026-10-04", NIGHT_AND_DAY, 30),
    "Santiago, spring, at midnight": Case("America/Santiago", "2026-09-06", ((0, 90), (10 * 60, 20 * 60)), 30),
}


@pytest.fixture(scope="module", params=CASES)
def lived(request: pytest.FixtureRequest) -> tuple[Case, Days]:
    """Each day, simulated once."""
    case = CASES[request.param]
    days = case.days()
    days.run()
    return case, days


def of_host(days: Days, name: str) -> list[Recipient]:
    return [recipient for recipient in days.recipients if recipient.host.name == name]


def test_every_recipient_ends_exactly_once_sent_or_failed(lived: tuple[Case, Days]) -> None:
    _, days = lived
    assert len(days.recipients) > 2000
    assert {len(recipient.ended) for recipient in days.recipients} == {1}
    ends = {name: Counter(r.ended[0] for r in of_host(days, name)) for name in (DEAD, DOWN, GREY, CHOOSY, GOOD)}
    assert set(ends[DEAD]) == {State.failed}
    assert set(ends[DOWN]) == set(ends[GREY]) == set(ends[GOOD]) == {State.sent}
    assert set(ends[CHOOSY]) == {State.sent, State.failed}


def test_nothing_leaves_outside_the_schedule(lived: tuple[Case, Days]) -> None:
    case, days = lived
    outside = {one.left_at for one in days.trace if not case.is_open(one.left_at)}
    assert outside == set()
    assert len({one.left_at.astimezone(ZoneInfo(case.zone)).hour for one in days.trace}) > 8, "all its hours are used"


def test_in_no_minute_more_leave_than_the_limit(lived: tuple[Case, Days]) -> None:
    case, days = lived
    left = sorted({(one.left_at, one.message) for one in days.trace})
    most = 0
    first = 0
    for last, (at, _) in enumerate(left):
        # The limit counts whole seconds.
        while int(at.timestamp()) - int(left[first][0].timestamp()) >= 60:
            first += 1
        most = max(most, last - first + 1)
    assert most == case.per_minute, "the limit is reached when the schedule opens, and never passed"


def test_waits_grow_until_the_days_limit(lived: tuple[Case, Days]) -> None:
    _, days = lived
    for recipient in days.recipients:
        waits = [one.after.next_attempt_at - one.ended_at for one in recipient.tries if not is_over(one.after.state)]
        expires_at = recipient.status.expires_at
        for number, (wait, one) in enumerate(zip(waits, recipient.tries, strict=False)):
            planned = WAITS[min(number, len(WAITS) - 1)]
            assert planned <= wait <= planned * (1 + JITTER) or one.after.next_attempt_at == expires_at
        for earlier, later in pairwise(waits[: len(WAITS) - 1]):
            assert earlier < later or recipient.tries[-1].ended_at >= expires_at
        for one, following in pairwise(recipient.tries):
            assert following.left_at >= one.after.next_attempt_at, "none is tried before it is due"


def is_over(state: State) -> bool:
    return state in (State.sent, State.failed)


def test_a_dead_host_is_tried_until_the_days_limit_and_no_longer(lived: tuple[Case, Days]) -> None:
    _, days = lived
    for recipient in of_host(days, DEAD):
        last = recipient.tries[-1]
        assert last.ended_at >= recipient.status.expires_at
        assert all(one.ended_at < recipient.status.expires_at for one in recipient.tries[:-1])
        assert last.ended_at - recipient.status.expires_at < 15 * HOUR, "when the schedule lets it, no later"
        assert len(recipient.tries) >= 6


def test_a_recipient_with_a_recorded_2xx_is_never_sent_to_again(lived: tuple[Case, Days]) -> None:
    _, days = lived
    taken = Counter(number for host in days.hosts for number in host.taken)
    for recipient in days.recipients:
        unknown = sum(one.verdict is Verdict.unknown for one in recipient.tries)
        accepted = sum(one.verdict is Verdict.accepted for one in recipient.tries)
        assert accepted == (recipient.ended == [State.sent])
        assert taken[recipient.number] == accepted + unknown, "twice only where the reply after the final dot was lost"
        assert recipient.status.outcome_unknown == (unknown > 0)


def test_mail_leaves_soon_after_it_came_where_nothing_hinders_it() -> None:
    days = Days(3, datetime(2026, 3, 29, tzinfo=UTC), [Host(GOOD)], messages=1500)
    days.run()
    waits = [r.tries[0].left_at - (r.status.expires_at - days.keep_trying) for r in days.recipients]
    assert max(waits) < MINUTE
    assert {len(r.tries) for r in days.recipients} == {1}


def test_greylisting_and_an_outage_of_hours_cost_time_and_nothing_else() -> None:
    both = [Host(GREY, greylists=True), Host(DOWN, down=((2, 8),))]
    days = Days(4, datetime(2026, 3, 29, tzinfo=UTC), both, messages=500)
    days.run()
    assert {r.ended[0] for r in days.recipients} == {State.sent}
    assert {len(r.tries) for r in of_host(days, GREY)} == {3}, "after a minute still too early, five minutes later not"
    back_at = days.start + 8 * HOUR
    late = max(r.tries[-1].ended_at for r in of_host(days, DOWN) if r.tries[0].left_at < back_at)
    assert late - back_at < WAITS[-1] * (1 + JITTER) + MINUTE, "the longest wait there is"


@pytest.mark.parametrize(
    ("midnight", "hours"),
    [("2026-03-29", 0), ("2026-07-01", 1), ("2026-10-25", 2)],
)
def test_the_hour_that_is_lost_and_the_one_that_comes_twice(midnight: str, hours: int) -> None:
    """Only from two to three at night in Berlin: not at all, or for two hours, when the clock is changed."""
    case = Case("Europe/Berlin", midnight, ((2 * 60, 3 * 60),), 1000)
    grey = Host(GREY, greylists=True)
    before = case.start - 12 * HOUR
    days = Days(5, before, [grey], case.schedule, case.zone, keep_trying=3 * DAY, messages=300)
    days.run()
    that_night = {one.left_at for one in days.trace if case.start <= one.left_at < case.start + 6 * HOUR}
    spread = max(that_night) - min(that_night) if that_night else timedelta(0)
    assert (hours - 1) * HOUR < spread <= hours * HOUR or (hours == 0 and not that_night)
    assert {r.ended[0] for r in days.recipients} == {State.sent}


def test_the_same_seed_gives_the_same_trace_and_another_one_another() -> None:
    case = CASES["Berlin, autumn"]
    first, again, other = (case.days(seed, messages=400) for seed in (1, 1, 2))
    assert first.run() == again.run()
    assert first.trace != other.run()
