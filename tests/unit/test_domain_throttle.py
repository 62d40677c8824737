"""How fast log-ins may be tried: the figures of the table, and the properties that follow from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain import throttle
from trackkit.domain.failures import BY_ACCOUNT, FIRST_WINDOW, IN_ALL, LONGEST_WINDOW, NAMES, Failures
from trackkit.domain.rates import NO_WAIT
from trackkit.domain.throttle import ACCOUNT, KNOWN_PAIR, PAIR, PLACE, SHARED_PLACE, Throttle, place_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOME, LOOPBACK = "192.0.2.7", "127.0.0.1"


def admitted(throttle: Throttle, now: datetime, account: str, places: list[str]) -> int:
    """How many of these tries are looked at."""
    return sum(throttle.admit(now, account, place) == NO_WAIT for place in places)


def test_a_thousand_tries_from_one_address_cost_five_looks() -> None:
    tried = Throttle()
    assert admitted(tried, NOW, "admin", [HOME] * 1000) == PAIR.tries
    assert tried.admit(NOW, "admin", HOME) == PAIR.every
    assert admitted(tried, NOW + PAIR.every, "admin", [HOME] * 1000) == 1
    assert tried.admit(NOW, "bob", HOME) == NO_WAIT


def test_a_thousand_addresses_cost_twenty_looks_and_who_logged_in_before_is_not_kept_out() -> None:
    tried = Throttle()
    assert tried.admit(NOW, "admin", HOME) == NO_WAIT
    tried.succeeded(NOW, "admin", HOME)
    strangers = [f"198.51.{n // 250}.{n % 250}" for n in range(1000)]
    assert admitted(tried, NOW, "admin", strangers) == ACCOUNT.tries
    assert tried.admit(NOW, "admin", "203.0.113.1") > NO_WAIT, "somebody who is new has to wait"
    assert tried.admit(NOW, "admin", HOME) == NO_WAIT, "the rightful owner has not"


def test_a_thousand_names_from_one_address() -> None:
    for place, limit in ((HOME, PLACE), (LOOPBACK, SHARED_PLACE)):
        tried = Throttle()
        looked_at = sum(tried.admit(NOW, f"name {n}", place) == NO_WAIT for n in range(1000))
        assert looked_at == limit.tries


def test_one_visitors_failures_at_one_account_do_not_lock_out_others_behind_the_same_address() -> None:
    tried = Throttle()
    assert admitted(tried, NOW, "ada", [LOOPBACK] * 1000) == PAIR.tries
    assert tried.admit(NOW, "bob", LOOPBACK) == NO_WAIT
    assert tried.admit(NOW, "ada", "browser 1", known=True) == NO_WAIT, "her own browser is not kept out either"


def test_a_known_address_may_try_more_and_is_new_again_after_a_month() -> None:
    tried = Throttle()
    tried.succeeded(NOW, "ada", HOME)
    assert admitted(tried, NOW, "ada", [HOME] * 1000) == KNOWN_PAIR.tries
    later = NOW + throttle.KNOWN_FOR
    assert admitted(tried, later, "ada", [HOME] * 1000) == PAIR.tries


def test_a_success_owes_nothing() -> None:
    tried = Throttle()
    for _ in range(1000):
        assert tried.admit(NOW, "ada", HOME) == NO_WAIT
        tried.succeeded(NOW, "ada", HOME)
    for number in range(1000):
        assert tried.admit(NOW, f"name {number}", HOME) == NO_WAIT
        tried.give_back(NOW, f"name {number}", HOME)


@pytest.mark.parametrize("hours", [0.1, 1, 5, 500])
def test_a_clock_that_jumps_back_locks_nobody_out(hours: float) -> None:
    tried = Throttle()
    for number in range(3):
        assert tried.admit(NOW, f"name {number}", HOME) == NO_WAIT
        tried.succeeded(NOW, f"name {number}", HOME)
    assert tried.admit(NOW, "wrong", HOME) == NO_WAIT
    back = NOW - timedelta(hours=hours)
    assert tried.admit(back, "somebody new", HOME) == NO_WAIT
    assert tried.admit(back, "name 0", HOME) == NO_WAIT


def test_a_clock_that_jumps_back_lengthens_no_wait() -> None:
    tried = Throttle()
    admitted(tried, NOW, "ada", [HOME] * 10)
    before = NOW - timedelta(days=365)
    assert tried.admit(before, "ada", HOME) <= PAIR.every
    assert tried.admit(before + PAIR.every, "ada", HOME) == NO_WAIT, "who waits as told gets in"


ACCOUNTS, PLACES = ("ada", "bob"), (HOME, "192.0.2.8", LOOPBACK)
tries = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(PLACES), st.booleans(), st.integers(-5, 40)), max_size=120
)


@settings(max_examples=200, deadline=None)
@given(tries)
def test_no_wait_is_longer_than_its_interval_and_who_waits_is_admitted(
    events: list[tuple[str, str, bool, int]],
) -> None:
    tried, now = Throttle(), NOW
    for account, place, right, seconds in events:
        now += timedelta(seconds=seconds)
        wait = tried.admit(now, account, place)
        assert wait <= PAIR.every
        assert tried.admit(now, account, place) >= wait, "a try that is turned away does not help"
        if wait > NO_WAIT:
            assert tried.admit(now, account, place) == wait, "nor does it make the wait longer"
            assert tried.admit(now + wait, account, place) == NO_WAIT
        elif right:
            tried.succeeded(now, account, place)
            assert tried.admit(now, account, place) == NO_WAIT


@settings(max_examples=200, deadline=None)
@given(tries)
def test_strangers_never_keep_out_who_logs_in_from_where_they_did_before(
    events: list[tuple[str, str, bool, int]],
) -> None:
    tried, now = Throttle(), NOW
    tried.succeeded(now, "owner", "203.0.113.9")
    for account, place, _, seconds in events:
        now += timedelta(seconds=abs(seconds))
        tried.admit(now, "owner", place)
        tried.admit(now, account, "203.0.113.9")
    assert tried.admit(now, "owner", "203.0.113.9") == NO_WAIT


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 20))
def test_what_is_looked_at_is_bounded_by_time(attempts: int, seconds: int) -> None:
    """So many at once, and one an interval; however the tries are spread."""
    tried = Throttle()
    looked_at = sum(
        tried.admit(NOW + timedelta(seconds=seconds * n / attempts), "ada", HOME) == NO_WAIT for n in range(attempts)
    )
    assert looked_at <= PAIR.tries + seconds // PAIR.every.total_seconds() + 1


def test_the_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST", 100)
    tried = Throttle()
    for number in range(1000):
        now, name, place = NOW + number * timedelta(seconds=1), f"name {number}", f"10.0.{number // 250}.{number % 250}"
        tried.admit(now, name, place)
        tried.succeeded(now, name, place)
    assert admitted(tried, now, name, [place] * 100) == KNOWN_PAIR.tries, "the last one is still known"
    assert admitted(tried, now, "name 0", ["10.0.0.0"] * 100) == PAIR.tries
    for number in range(1000):
        tried.admit(now, f"name {number}", f"10.1.{number // 250}.{number % 250}")
    assert len(tried) <= 2 * throttle.MOST


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("unknown", "unknown"),
    ],
)
def test_the_place_of_an_address(address: str, place: str) -> None:
    assert place_of(address) == place


def test_a_flood_of_failures_is_told_in_few_entries() -> None:
    failures, told, summaries = Failures(), 0, []
    for second in range(24 * 3600):
        now = NOW + timedelta(seconds=second)
        if summary := failures.due(now):
            summaries.append(summary)
        for _ in range(3):
            told += failures.note(now, f"name {second % 7}", HOME, turned_away=second % 2 == 0)
    rest = failures.due(now, at_the_end=True)
    assert rest is not None
    assert told <= (len(summaries) + 1) * IN_ALL
    assert len(summaries) <= 24 + 6, "windows grow to an hour"
    assert told + sum(summary.failures for summary in (*summaries, rest)) == 3 * 24 * 3600, "nothing is left out"


def test_few_failures_are_told_one_by_one_and_need_no_summary() -> None:
    failures = Failures()
    assert all(failures.note(NOW, "ada", HOME, turned_away=False) for _ in range(BY_ACCOUNT))
    assert not failures.note(NOW, "ada", HOME, turned_away=False)
    assert not failures.note(NOW, "eve", HOME, turned_away=True), "nobody looked at the password"
    assert failures.note(NOW, "bob", HOME, turned_away=False), "one account's flood does not hide another"
    assert failures.due(NOW) is None
    summary = failures.due(NOW + FIRST_WINDOW)
    assert summary is not None
    assert (summary.failures, summary.turned_away) == (2, 1)
    assert "as ada: 1" in summary.details()
    assert "2 more failed" in summary.words()
    assert failures.due(NOW + LONGEST_WINDOW * 2) is None


def test_names_of_a_flood_do_not_fill_the_memory() -> None:
    failures = Failures()
    for number in range(5 * NAMES):
        failures.note(NOW, f"name {number}", f"place {number}", turned_away=False)
    summary = failures.due(NOW, at_the_end=True)
    assert summary is not None
    assert summary.accounts[0][0] == "others"
    assert len(summary.details().splitlines()) <= 10
