"""A source of any number of made-up rows for the grid, in memory, with every order and a filter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.tables import Cell

COLUMNS = (
    Column("number", "Number", "tk-number", sortable=True),
    Column("subject", "Subject", "tk-text", sortable=True),
    Column("state", "State", "tk-fixed"),
)
STATES = ("queued", "deferred", "held", "failed")

Made = tuple[int, str, str]


def made(count: int) -> list[Made]:
    """Rows (number, subject, state); subjects are in another order than numbers, and not unique."""
    return [(n, f"Subject {n * 7919 % 1000:03}", STATES[n % 4]) for n in range(count)]


class MadeUp:
    """Fits `trackkit.widgets.grid.Source`; `rows` may be changed as one likes, `calls` says what was asked."""

    def __init__(self, rows: Sequence[Made]) -> None:
        self.rows = list(rows)
        self.calls: list[str] = []
        self._sorted: dict[object, list[tuple[tuple[object, int], Made]]] = {}

    def _in_order(self, filter: str | None, sort: Sort) -> list[tuple[tuple[object, int], Made]]:
        known = (filter, sort, id(self.rows), len(self.rows))
        if known not in self._sorted:
            at = 1 if sort.column == "subject" else 0
            found = [((row[at], row[0]), row) for row in self.rows if filter is None or row[2] == filter]
            self._sorted = {known: sorted(found, reverse=sort.descending)}
        return self._sorted[known]

    def page(self, filter: str | None, sort: Sort, before: str | None, limit: int) -> Page:
        self.calls.append("page")
        found = self._in_order(filter, sort)
        start = 0
        if before is not None:
            after = _place(before, sort)
            start = sum(1 for place, _ in found if (place >= after if sort.descending else place <= after))
        rows = [_row(place, row) for place, row in found[start : start + limit]]
        return Page(rows, rows[-1].key if start + limit < len(found) else None, len(found))

    def ids(self, filter: str | None, sort: Sort, first: str | None, last: str | None) -> Iterable[str]:
        self.calls.append("ids")
        found = self._in_order(filter, sort)
        low, high = (_place(first, sort), _place(last, sort)) if first and last else (None, None)
        if sort.descending:
            low, high = high, low
        return [str(row[0]) for place, row in found if low is None or (low <= place <= high)]

    def present(self, filter: str | None, ids: Collection[str]) -> Collection[str]:
        self.calls.append("present")
        return {str(row[0]) for row in self.rows} & set(ids)


def _row(place: tuple[object, int], row: Made) -> Row:
    number, subject, state = row
    cells = (Cell(f"{number}"), Cell(subject, below=(f"row {number}",)), Cell(state, tone=f"tk-state-{state}"))
    return Row(str(number), cells, f"{place[0]}|{place[1]}")


def _place(key: str, sort: Sort) -> tuple[object, int]:
    value, number = key.rsplit("|", 1)
    return (value if sort.column == "subject" else int(value), int(number))
