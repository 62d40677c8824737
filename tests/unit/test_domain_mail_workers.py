"""How mail workers share the connections, and when one of them is lost."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain.mail_workers import BEAT, LOST_AFTER, Watch, granted, is_fresh, looked, share, wants_second
from trackkit.domain.options import from_flat

OAUTH2 = {
    "sending.smtp.host": "mail.example.org",
    "sending.smtp.authentication": "oauth2",
    "sending.smtp.username": "u",
    "sending.oauth2.token_url": "https://login.example.org/token",
    "sending.oauth2.client_id": "c",
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("limit", "workers", "shares"),
    [(4, 1, [4]), (4, 2, [2, 2]), (5, 2, [3, 2]), (10, 3, [4, 3, 3]), (2, 3, [1, 1, 0]), (1, 4, [1, 0, 0, 0])],
)
def test_shares_add_up_to_the_limit_and_the_first_get_what_is_left_over(
    limit: int, workers: int, shares: list[int]
) -> None:
    assert [share(limit, number, workers) for number in range(workers)] == shares


def test_nobody_takes_what_another_still_holds() -> None:
    assert granted(4, {1: 4, 2: 0}, 2) == 0, "the first has not let go yet"
    assert granted(4, {1: 4, 2: 0}, 1) == 2
    assert granted(4, {1: 2, 2: 0}, 2) == 2
    assert granted(4, {1: 3, 2: 0}, 2) == 1
    assert granted(1, {1: 4, 2: 0}, 2) == 0, "the limit was lowered"


class Worker:
    """One that opens and closes connections as it likes, as far as it was granted them."""

    def __init__(self) -> None:
        self.granted = self.open = 0

    def beat(self, limit: int, held: dict[int, int], life: int, counted: int) -> None:
        """As `services.mail_membership` does it; `counted` connections were open a moment ago."""
        mine = granted(limit, held, life)
        held[life] = max(mine, self.granted, counted)
        self.granted = mine


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_together_they_never_have_more_open_than_the_limit_whoever_comes_and_goes(seed: int, limit: int) -> None:
    choose = random.Random(seed)
    held: dict[int, int] = {1: 0}
    workers = {1: Worker()}
    for turn in range(200):
        life = choose.choice(list(workers))
        worker = workers[life]
        what = choose.choice(["beat", "beat", "open", "close", "join", "leave", "beat while opening"])
        if what == "open":
            worker.open = max(worker.open, choose.randint(0, worker.granted))
        elif what == "close":
            worker.open = choose.randint(0, worker.open)
        elif what == "join" and len(workers) < 6:
            workers[turn + 2], held[turn + 2] = Worker(), 0
        elif what == "leave" and len(workers) > 1:
            del workers[life], held[life]
        elif what == "beat":
            worker.beat(limit, held, life, worker.open)
        elif what == "beat while opening":
            counted, before = worker.open, worker.granted
            worker.open = max(worker.open, before)
            worker.beat(limit, held, life, counted)
        assert sum(worker.open for worker in workers.values()) <= limit
        assert sum(held.values()) <= limit
    for _ in range(3):  # once nobody comes or goes, all that there is is divided
        for life, worker in workers.items():
            worker.open = min(worker.open, worker.granted)
            worker.beat(limit, held, life, worker.open)
    assert sum(worker.granted for worker in workers.values()) == limit


def watch(*looks: tuple[float, float]) -> list[bool]:
    """Whether the other one is lost at each look; looks are (seconds, its last sign)."""
    seen, found = Watch(), []
    for at, sign in looks:
        seen, lost = looked(seen, {7: NOON + timedelta(seconds=sign)}, NOON + timedelta(seconds=at))
        found.append(lost == {7})
    return found


def test_one_that_gives_no_sign_for_a_minute_is_lost() -> None:
    looks = [(at, min(at, 20)) for at in range(0, 90, 5)]
    assert watch(*looks) == [at >= 80 for at in range(0, 90, 5)]


def test_signs_that_come_late_or_by_a_clock_that_is_wrong_are_signs() -> None:
    assert not any(watch(*((at, -5000 + at // 50) for at in range(0, 1000, 5))))


def test_an_outage_for_all_makes_nobody_lost() -> None:
    looks = [
        (0, 0),
        (5, 5),
        *((at, 5) for at in range(400, 455, 5)),
        (455, 455),
        *((at, 455) for at in range(460, 510, 5)),
    ]
    assert not any(watch(*looks))


def test_a_clock_that_is_put_on_or_back_makes_nobody_lost() -> None:
    assert not any(watch((0, 0), (5, 0), (7200, 0), (7205, 0), (3600, 0), (3605, 0)))


def test_one_that_was_asleep_does_not_rely_on_what_it_holds_long_before_it_is_lost() -> None:
    for seconds in range(200):
        lost = seconds >= LOST_AFTER.total_seconds()
        assert not (lost and is_fresh(NOON, NOON + timedelta(seconds=seconds)))
    assert is_fresh(NOON, NOON + 3 * BEAT)
    assert not is_fresh(NOON, NOON - BEAT)
    assert not is_fresh(None, NOON)


@pytest.mark.parametrize(
    ("connections", "processors", "more", "wanted"),
    [
        (8, 2, {"sending.smtp.host": "mail.example.org"}, True),
        (7, 2, {"sending.smtp.host": "mail.example.org"}, False),
        (100, 1, {"sending.smtp.host": "mail.example.org"}, False),
        (8, 2, {}, False),
        (8, 2, {"sending.smtp.host": "mail.example.org", "sending.paused": True}, True),
        (8, 2, {"sending.method": "direct"}, True),
        (8, 2, OAUTH2 | {"sending.oauth2.refresh_token": "r"}, False),
        (8, 2, OAUTH2 | {"sending.oauth2.client_secret": "s"}, True),
        (8, 2, {"sending.method": "pickup", "sending.pickup.folder": "/srv/pickup"}, False),
    ],
)
def test_a_second_process_is_wanted_for_many_connections_on_several_processors(
    connections: int, processors: int, more: dict[str, object], wanted: bool
) -> None:
    options = from_flat({"sending.timing.connections": connections, **more})
    assert wants_second(options.sending, processors) is wanted
