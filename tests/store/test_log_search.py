"""The log read with its search index in every state, on both databases, against the filter in plain Python."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as contract
from trackkit.domain.log import LogEntry, LogFilter, Match, Severity
from trackkit.services import log, log_search
from trackkit.services.environment import Environment
from trackkit.services.log_deletion import delete_until, keep_newest
from trackkit.services.log_search import LogSearch
from trackkit.store import log as rows
from trackkit.store import log_query
from trackkit.store.log_search import SearchIndex

WORDS = (
    "disk low",
    "100% full",
    "under_score",
    "Straße ÄÖ",
    'back\\slash "quoted"',
    "İstanbul",
    "MIXED case",
    "nul \u2400 l",
)
TEXTS = (
    "DISK",
    "100%",
    "_score",
    "raße",
    "ÄÖ",
    "ä",
    'h "q',
    "İst",
    "ist",
    "ed CASE",
    "\x00",
    "l \x00 l",
    "low",
    "nowhere",
)


def entry(clock: Clock, n: int) -> LogEntry:
    """Entry number `n`; every ninth was written while the clock was wrong."""
    return LogEntry(
        clock() - timedelta(minutes=37 * n if n % 9 else 100 * n, microseconds=n % 3),
        list(Severity)[n % 5],
        ("mail", "log-in")[n % 2],
        WORDS[n % len(WORDS)],
        details=WORDS[(n * 3) % len(WORDS)] if n % 3 else "",
        username=("", "olga")[n % 2],
        database=("", "demo")[n % 3 == 0],
        client_address=("", "10.0.0.1", "10.0.0.2")[n % 3],
    )


@pytest.fixture
def index(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> SearchIndex:
    """The search index, which is used for few entries, too."""
    monkeypatch.setattr(log_query, "SMALL", 3)
    monkeypatch.setattr(log_search, "WORTHWHILE", 1)
    found: SearchIndex = environment.log_search._index
    return found


def fill(index: SearchIndex, at_most: int) -> None:
    """Take in the next few; PostgreSQL has to see them once before."""
    index.fill(0, at_least=1)
    index.fill(0, at_least=1)
    index.fill(at_most)


def filters(clock: Clock) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions as they are asked for."""
    moments = st.none() | st.integers(-100, 4500).map(lambda minutes: clock() - timedelta(minutes=minutes))
    return st.fixed_dictionaries(
        {
            "level": st.none() | st.sampled_from([s.name for s in Severity]),
            "match": st.sampled_from(Match),
            "since": moments,
            "until": moments,
            "source": st.sampled_from([None, None, "mail", "none"]),
            "database": st.sampled_from([None, None, "demo", ""]),
            "username": st.sampled_from([None, None, "olga", "a\x00b"]),
            "client_address": st.sampled_from([None, None, "10.0.0.1"]),
            "text": st.none() | st.sampled_from(TEXTS),
        }
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_reading_means_what_the_filter_means(
    environment: Environment, index: SearchIndex, admin: AsUser, clock: Clock, data: st.DataObject
) -> None:
    """Page, number, histogram and export, while entries come and go and the index is somewhere behind."""
    step = data.draw(st.sampled_from(["append", "fill some", "fill", "delete some", "reset", "nothing"]))
    if step == "append" or environment.log_store.read(rows.newest_id) == 0:
        new = [entry(clock, n) for n in range(data.draw(st.integers(1, 90)))]
        environment.log_store.write(lambda c: rows.append(c, new))
    elif step.startswith("fill"):
        fill(index, 20 if step == "fill some" else 10_000)
    elif step == "delete some":
        keep_newest(environment, data.draw(st.integers(30, 60)))
    elif step == "reset":
        index.reset()
    asked = data.draw(filters(clock))
    wanted = log.filter_of(contract.LogConditions(**asked))
    model = (wanted.text and LogFilter(**{**_fields(wanted), "text": wanted.text.replace("\x00", "\u2400")})) or wanted
    everything = environment.log_store.read(lambda c: rows.page(c, LogFilter(), None, 10_000))
    expected = [key for key, one in everything if model.matches(one)]
    size = data.draw(st.sampled_from([1, 7, 10_000]))
    assert _all_pages(admin, asked, size, oldest_first=False) == expected
    assert _all_pages(admin, asked, max(size, 7), oldest_first=True) == expected[::-1]
    page = log.list_log(admin(), contract.ListLog(**asked, limit=1))
    assert (page.total, page.total_is_exact) == (len(expected), True)
    histogram = log.count_log(admin(), contract.CountLog(**asked, bucket_seconds=3600))
    assert sum(count.entries for count in histogram.counts) == histogram.total == len(expected)
    counted = Counter(one.severity.name for key, one in everything if key in set(expected))
    assert Counter({level: _of(histogram, level) for level in counted}) == counted


def test_the_index_is_as_it_was_when_the_server_starts_again(
    environment: Environment, index: SearchIndex, clock: Clock
) -> None:
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(50)]))
    fill(index, 10_000)
    known = index.filled()
    assert known[0] > 0
    assert index.prepare(environment.log_store.read(rows.highest_id)) == ""
    assert index.filled() == known


def _fields(wanted: LogFilter) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in LogFilter.__dataclass_fields__}


def _of(histogram: contract.LogHistogram, level: str) -> int:
    return sum(count.entries for count in histogram.counts if count.level == level)


def _all_pages(admin: AsUser, asked: dict[str, Any], size: int, *, oldest_first: bool) -> list[int]:
    found: list[int] = []
    before: int | None = None
    while True:
        request = contract.ListLog(**asked, limit=size, before=before, oldest_first=oldest_first)
        page = log.list_log(admin(), request)
        found += [one.entry_id for one in page.entries]
        if page.next_before is None or len(found) > 400:
            return found
        before = page.next_before


def test_counting_stops_where_it_would_take_long(
    environment: Environment, index: SearchIndex, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "COUNTED", 10)
    monkeypatch.setattr(rows, "EXAMINED", 200)
    monkeypatch.setattr(rows, "NAMED", 50)
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(300)]))

    def counted(**asked: Any) -> tuple[int, bool]:
        page = log.list_log(admin(), contract.ListLog(**asked, limit=1))
        return page.total, page.total_is_exact

    assert counted(text="disk") == (10, False), "looked through"
    assert counted(text="nowhere") == (0, True), "the page holds all there are"
    found = environment.log_store.read(lambda c: rows.count(c, LogFilter(text="nowhere")))
    assert (found.entries, found.is_exact) == (0, False), "only the newest were looked through"
    fill(index, 10_000)
    assert counted(text="nowhere") == (0, True), "the index knows"
    number, exact = counted(text="disk")
    assert number >= 10
    assert not exact
    assert counted(username="olga") == (50, False)
    assert counted(level="error")[1], "what the summary knows is exact"


def test_the_index_is_made_anew_when_most_of_it_is_of_deleted_entries(
    environment: Environment, index: SearchIndex, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "_STALE_ENTRIES", 20)
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(100)]))
    fill(index, 10_000)
    assert index.filled() == (100, 100)
    environment.log_search.keep_up()
    assert index.filled() == (100, 100), "nothing is stale"
    keep_newest(environment, 30)
    environment.log_search.keep_up()
    environment.log_search.keep_up()
    environment.log_search.keep_up()
    assert index.filled()[1] == 30
    delete_until(environment, None)
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(5)]))
    assert environment.log_store.read(lambda c: rows.count(c, LogFilter(text="disk"))).entries == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", ["damaged", "newer", "of another log", "missing", "emptied"])
def test_an_index_that_does_not_fit_is_made_anew(
    environment: Environment, index: SearchIndex, admin: AsUser, clock: Clock, what: str
) -> None:
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(100)]))
    fill(index, 10_000)
    path = environment.data / "log-search.db"
    if what == "missing":
        path.unlink()
    elif what == "emptied":
        path.write_bytes(b"")
    elif what == "damaged":
        size = path.stat().st_size
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(b"no database at all" * (size // 18))
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            changed = "PRAGMA user_version=99" if what == "newer" else "UPDATE state SET covered = 5000"
            connection.execute(changed)
    if what in ("newer", "of another log"):  # seen when the server starts
        environment.log_search._prepare()
    everything = environment.log_store.read(lambda c: rows.page(c, LogFilter(), None, 1000))
    expected = [key for key, one in everything if LogFilter(text="disk").matches(one)]
    assert _all_pages(admin, {"text": "disk"}, 50, oldest_first=False) == expected, "found all the same"
    for _ in range(3):
        environment.log_search.keep_up()
    assert environment.log_search.covered > 0
    assert _all_pages(admin, {"text": "disk"}, 50, oldest_first=False) == expected
    if what in ("newer", "of another log", "damaged"):
        told = log.list_log(admin(), contract.ListLog(text="search index")).entries
        assert told
        assert all("anew" in one.message for one in told)


class Without:
    """A database that has no such index."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def prepare(self, newest_id: int) -> str:
        from trackkit.store.log_search import SearchBroken

        raise SearchBroken("permission denied to create extension")


def test_without_an_index_texts_are_found_and_it_is_told_once(
    environment: Environment, index: SearchIndex, admin: AsUser, clock: Clock
) -> None:
    search = LogSearch(Without(index), environment.log_store, environment.log)
    environment.log_store.write(lambda c: rows.append(c, [entry(clock, n) for n in range(100)]))
    for _ in range(3):
        search.keep_up()
    found = search.read(lambda c, candidates: rows.page(c, LogFilter(text="disk"), None, 1000, search=candidates))
    assert len(found) == sum(LogFilter(text="disk").matches(entry(clock, n)) for n in range(100))
    [told] = log.list_log(admin(), contract.ListLog(text="no search index")).entries
    assert told.details.endswith("permission denied to create extension")
