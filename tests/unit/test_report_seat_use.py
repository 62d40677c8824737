"""What the report license-use counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from trackkit.contract.licenses import Seat, SeatUse
from trackkit.reports.seat_use import around, by_person, in_time

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHO = {"pool": "floating", "license_number": "", "client": "native", "client_address": "192.0.2.7"}


def use(username: str, hours: float, ago: float = 0, ending: str = "returned", database: str = "apollo") -> SeatUse:
    ended = NOW - ago * HOUR
    return SeatUse(
        use_id=1,
        username=username,
        database=database,
        taken_at=ended - hours * HOUR,
        used_at=ended,
        ended_at=ended,
        ending=ending,
        **WHO,
    )


def test_each_person_of_each_project_is_one_row() -> None:
    uses = [use("ana", 2), use("ana", 0.5), use("ana", 1, database="gemini"), use("ben", 0, ending="refused")]
    seat = Seat(
        session_id="s",
        username="ben",
        database="apollo",
        taken_at=NOW - 3 * HOUR,
        used_at=NOW,
        seen_at=NOW,
        ends_at=NOW,
        **WHO,
    )
    found = by_person(uses, [seat], NOW)
    assert list(found.itertuples(index=False, name=None)) == [
        ("ana", "apollo", 2, 2.5, 0),
        ("ana", "gemini", 1, 1.0, 0),
        ("ben", "apollo", 1, 3.0, 1),
    ]
    assert list(by_person([], [], NOW).columns) == list(found.columns)


def test_no_older_page_is_fetched_than_is_needed() -> None:
    def pages() -> Iterator[SeatUse]:
        yield use("ana", 1, ago=1)
        yield use("ben", 1, ago=25)
        raise AssertionError("one page too many")

    assert [one.username for one in in_time(pages(), NOW - 24 * HOUR)] == ["ana"]


@pytest.mark.parametrize(
    ("seats", "numbers"),
    [(0, [0, 1]), (1, [0, 1, 2]), (2, [1, 2, 3]), (5, [4, 5, 6]), (10, [8, 10, 12]), (100, [80, 100, 120])],
)
def test_fewer_and_more_seats(seats: int, numbers: list[int]) -> None:
    assert around(seats) == numbers
