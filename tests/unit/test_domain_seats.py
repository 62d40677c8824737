"""Seats as leases against a plain model over random histories, with a clock that jumps; and the history replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain.errors import InvalidInput
from trackkit.domain.seat_replay import Use, checked_timeout, replay, stretches
from trackkit.domain.seats import (
    MOST_PAUSES,
    PAUSE,
    Ending,
    Lease,
    Pool,
    Timeouts,
    checkout,
    ending_of,
    pool_of,
    pulled_back,
    renewed,
    with_pause,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LASTING = Timeouts({"web": 30 * MINUTE, "api": 10 * MINUTE, "native": 240 * MINUTE}, 10 * MINUTE)


def lease(name: str = "a", client: str = "native", at: datetime = NOW, number: str = "") -> Lease:
    return Lease(name, pool_of(client, dedicated=bool(number)), number, client, at, at, at)


def test_the_table_line_by_line() -> None:
    decision = checkout([], Pool.floating, "", 1, NOW, LASTING)
    assert decision.granted
    assert not checkout([lease()], Pool.floating, "", 1, NOW, LASTING).granted
    assert checkout([lease()], Pool.floating, "", 1, NOW, LASTING).holders == (lease(),)
    assert checkout([lease()], Pool.web, "", 1, NOW, LASTING).granted  # another pool
    assert not checkout([], Pool.web, "", 0, NOW, LASTING).granted

    later = NOW + 5 * MINUTE
    assert renewed(lease(), later, automatic=False).used_at == later
    quiet = renewed(lease(), later, automatic=True)
    assert (quiet.used_at, quiet.seen_at) == (NOW, later)

    assert ending_of(lease(), NOW + 10 * MINUTE, LASTING) is Ending.vanished
    assert ending_of(lease(), NOW + 9 * MINUTE, LASTING) is None
    heard = renewed(lease(), NOW + 239 * MINUTE, automatic=True)
    assert ending_of(heard, NOW + 239 * MINUTE, LASTING) is None
    assert ending_of(heard, NOW + 240 * MINUTE, LASTING) is Ending.idle
    assert ending_of(lease(client="web"), NOW + 29 * MINUTE, LASTING) is None
    assert ending_of(lease(client="web"), NOW + 30 * MINUTE, LASTING) is Ending.idle
    assert ending_of(lease(client="api"), NOW + 10 * MINUTE, LASTING) is Ending.idle

    reclaimed = checkout([lease()], Pool.floating, "", 1, NOW + 10 * MINUTE, LASTING)
    assert (reclaimed.granted, reclaimed.reclaimed) == (True, ((lease(), Ending.vanished),))


def test_a_dedicated_license_is_one_seat_of_its_own() -> None:
    mine = lease(number="AB")
    assert not checkout([mine], Pool.dedicated, "AB", 1, NOW, LASTING).granted
    assert checkout([mine], Pool.dedicated, "CD", 1, NOW, LASTING).granted
    assert checkout([mine], Pool.floating, "", 1, NOW, LASTING).granted


def test_a_clock_put_back_holds_no_seat_longer_than_its_time_out() -> None:
    held = lease(client="web", at=NOW)
    back = NOW - timedelta(hours=10)
    after = pulled_back(held, back)
    assert ending_of(after, back + 29 * MINUTE, LASTING) is None
    assert ending_of(after, back + 30 * MINUTE, LASTING) is Ending.idle


def test_pauses_from_five_minutes_on_are_kept_and_not_without_end() -> None:
    assert with_pause([], NOW, NOW + MINUTE, NOW + MINUTE + PAUSE) == [(60, 300)]
    assert with_pause([], NOW, NOW, NOW + PAUSE - timedelta(seconds=1)) == []
    full = [(1, 300)] * MOST_PAUSES
    assert with_pause(full, NOW, NOW, NOW + PAUSE) == full


# What can happen, as a plain list of seats would have it ---------------------------------------------------------


@dataclass
class Held:
    """A seat of the model."""

    name: int
    client: str
    used: datetime
    seen: datetime


class Model:
    """Seats without any of the core's code: a list, and the rules as one reads them in the SPEC."""

    def __init__(self, capacity: dict[str, int]) -> None:
        self.capacity, self.held = capacity, list[Held]()

    def tidy(self, now: datetime) -> None:
        for one in self.held:
            one.used, one.seen = min(one.used, now), min(one.seen, now)
        self.held = [
            one
            for one in self.held
            if now - one.used < {"web": 30 * MINUTE, "api": 10 * MINUTE, "native": 240 * MINUTE}[one.client]
            and (one.client == "web" or now - one.seen < 10 * MINUTE)
        ]

    def take(self, name: int, client: str, now: datetime) -> bool:
        self.tidy(now)
        pool = {"native": ("native",), "web": ("web", "api"), "api": ("web", "api")}[client]
        if sum(one.client in pool for one in self.held) >= self.capacity[pool[0]]:
            return False
        self.held.append(Held(name, client, now, now))
        return True


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "use", "hear", "leave", "wait", "wait", "jump"]),
        st.integers(0, 11),
        st.sampled_from(["native", "web", "api"]),
        st.integers(-600, 600),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps, st.integers(0, 3), st.integers(0, 3))
def test_the_core_agrees_with_a_plain_model_over_random_histories(
    history: list[tuple[str, int, str, int]], floating: int, web: int
) -> None:
    now, model, leases = NOW, Model({"native": floating, "web": web}), dict[str, Lease]()
    capacity = {Pool.floating: floating, Pool.web: web}
    for number, (what, who, client, minutes) in enumerate(history):
        if what in ("wait", "jump"):
            now += (abs(minutes) / 10 if what == "wait" else minutes) * MINUTE
            continue
        leases = {key: pulled_back(held, now) for key, held in leases.items()}
        if what == "take":
            pool = pool_of(client, dedicated=False)
            decision = checkout(leases.values(), pool, "", capacity[pool], now, LASTING)
            for over, _ in decision.reclaimed:
                del leases[over.session_id]
            if decision.granted:
                leases[str(number)] = lease(str(number), client, now)
            assert decision.granted == model.take(number, client, now)
            for each, most in capacity.items():
                assert sum(held.pool is each for held in leases.values()) <= most
            assert sorted(leases) == sorted(str(one.name) for one in model.held)
            continue
        model.tidy(now)
        leases = {key: held for key, held in leases.items() if ending_of(held, now, LASTING) is None}
        assert sorted(leases) == sorted(str(one.name) for one in model.held)
        if not model.held:
            continue
        mine = model.held[who % len(model.held)]
        if what == "leave":
            model.held.remove(mine)
            del leases[str(mine.name)]
            continue
        leases[str(mine.name)] = renewed(leases[str(mine.name)], now, automatic=what == "hear")
        mine.seen = now
        mine.used = now if what == "use" else mine.used


# Replay ----------------------------------------------------------------------------------------------------------


def use(
    holder: str,
    taken: int,
    used: int,
    ended: int,
    ending: Ending = Ending.returned,
    pauses: tuple[tuple[int, int], ...] = (),
) -> Use:
    """Minutes become microseconds; pauses are in minutes, too."""
    m = 60_000_000
    return (holder, taken * m, used * m, ended * m, ending.value, [(at * 60, long * 60) for at, long in pauses])


DAY = [
    use("ana", 0, 50, 55),  # logs out after 55 minutes
    use("ben", 10, 20, 50, Ending.idle),  # left; the time-out took the seat
    use("cem", 30, 100, 100, Ending.returned, ((10, 40),)),  # away from minute 40 to 80
    use("dan", 45, 45, 45, Ending.refused),  # was refused, tried again at once …
    use("dan", 47, 47, 47, Ending.refused),
    use("dan", 90, 90, 90, Ending.refused),  # … and once more much later
]
"""By hand, with a time-out of 30 minutes:

ana 0-55; ben 10-50; cem 30-70 (40 + 30), again 80-100; dan 45-75 (45 + 30, the try at 47 is the same), 90-120.
Wanted 6 times. At once: minute 45 has ana, ben, cem, dan = 4.
With 2 seats: ana and ben in, cem refused at 30, dan refused at 45, cem in at 80, dan in at 90: 2 refused.
With 3 seats: cem in at 30, dan refused at 45: 1 refused. With 4 nobody.
With a time-out of 5: ana 0-55, ben 10-25, cem 30-45 and 80-100, dan 45-50 and 90-95; never more than 2 at once.
With a time-out of 60: cem 30-100 in one piece (a pause of 40 is within it), ben 10-80, dan 45-105 and 90 is within it.
"""


@pytest.mark.parametrize(
    ("seats", "timeout", "wanted", "refused", "enough"),
    [
        (2, 30, 6, [("cem", 30), ("dan", 45)], 4),
        (3, 30, 6, [("dan", 45)], 4),
        (4, 30, 6, [], 4),
        (0, 30, 6, [("ana", 0), ("ben", 10), ("cem", 30), ("dan", 45), ("cem", 80), ("dan", 90)], 4),
        (3, 60, 4, [("dan", 45)], 4),
        (1, 5, 6, [("ben", 10), ("cem", 30), ("dan", 45), ("dan", 90)], 2),
    ],
)
def test_replay_equals_what_was_computed_by_hand(
    seats: int, timeout: int, wanted: int, refused: list[tuple[str, int]], enough: int
) -> None:
    found = replay(stretches(DAY, checked_timeout(timeout)), seats)
    assert found.wanted == wanted
    assert [(holder, at // 60_000_000) for at, holder in found.refused] == refused
    assert (found.refusals, found.enough) == (len(refused), enough)


def test_a_time_out_shorter_than_what_the_history_knows_is_refused() -> None:
    with pytest.raises(InvalidInput, match="5 is the least"):
        checked_timeout(4)
    assert replay(stretches([], checked_timeout(5)), 3).enough == 0
    assert replay(stretches([use("x", 1, 1, 1, Ending.ended)], 5 * MINUTE), 1).refusals == 0


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 200), st.integers(0, 60), st.sampled_from(list(Ending))),
        max_size=40,
    ),
    st.integers(0, 6),
    st.integers(5, 90),
)
def test_replay_agrees_with_counting_minute_by_minute(
    uses: list[tuple[int, int, int, Ending]], seats: int, timeout: int
) -> None:
    made = [use(f"u{n}", at, at + used, at + used + gone, how) for n, (at, used, gone, how) in enumerate(uses)]
    wanted = stretches(made, timedelta(minutes=timeout))
    found = replay(wanted, seats)
    moments = {begin for begin, _, _ in wanted}
    assert found.enough == max((sum(b <= at < e for b, e, _ in wanted) for at in moments), default=0)
    assert replay(wanted, found.enough).refusals == 0
    if found.enough:
        assert replay(wanted, found.enough - 1).refusals > 0
    refused = {(at, holder) for at, holder in found.refused}
    inside = [stretch for stretch in wanted if (stretch[0], stretch[2]) not in refused]
    for at in moments:
        assert sum(b <= at < e for b, e, _ in inside) <= seats
