"""The stretch of rows that the browser holds, and how it moves. Nothing is kept of what is not in it.

Pages are fetched by key, so a step costs the same wherever it starts. A step backwards asks for the rows after the
first one in the reversed order; so does the way to the end. Row numbers are exact from the beginning and at the end;
between them rows that came or went elsewhere can shift them until either is reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from trackkit.widgets.grid.source import Page, Row, Sort

PAGE = 100
MAXIMUM = 300
"""Rows the browser holds at most."""

Fetch = Callable[[Sort, str | None, int], Page]
"""`Source.page` with its filter filled in."""


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive rows. `before` is the key they come after (none = they begin at the beginning), `start` the number
    of rows before them, `more` whether rows come after them, `total` how many match altogether."""

    rows: tuple[Row, ...] = ()
    before: str | None = None
    start: int = 0
    more: bool = False
    total: int = 0


def first(fetch: Fetch, sort: Sort) -> Window:
    """The window at the beginning."""
    page = fetch(sort, None, PAGE)
    return Window(tuple(page.rows), None, 0, page.next is not None, page.total)


def last(fetch: Fetch, sort: Sort) -> Window:
    """The window at the end."""
    rows, before, total = _backwards(fetch, sort, None)
    return Window(rows, before, max(total - len(rows), 0), False, total)


def following(window: Window, fetch: Fetch, sort: Sort) -> Window:
    """One page further; rows at the beginning are let go of where there are too many."""
    if not window.more or not window.rows:
        return window
    page = fetch(sort, window.rows[-1].key, PAGE)
    rows = window.rows + tuple(page.rows)
    over = max(len(rows) - MAXIMUM, 0)
    more = page.next is not None
    return Window(
        rows[over:],
        rows[over - 1].key if over else window.before,
        window.start + over if more else max(page.total - len(rows) + over, 0),
        more,
        page.total,
    )


def preceding(window: Window, fetch: Fetch, sort: Sort) -> Window:
    """One page back; rows at the end are let go of where there are too many."""
    if window.before is None or not window.rows:
        return window
    found, before, total = _backwards(fetch, sort, window.rows[0].key)
    rows = found + window.rows
    return Window(
        rows[:MAXIMUM],
        before,
        0 if before is None else max(window.start - len(found), 1),
        window.more or len(rows) > MAXIMUM,
        total,
    )


def held(window: Window, fetch: Fetch, sort: Sort) -> Window:
    """The window tied to the rows it has: what comes before the first of them moves none of them out of it."""
    if window.before is not None or not window.rows:
        return window
    newer = fetch(sort.reversed, window.rows[0].key, 1).rows
    return replace(window, before=newer[0].key) if newer else window


def again(window: Window, fetch: Fetch, sort: Sort) -> Window:
    """The same stretch as it is now."""
    page = fetch(sort, window.before, max(len(window.rows), PAGE))
    if not page.rows and window.before is not None:
        return last(fetch, sort)
    now = replace(window, rows=tuple(page.rows), more=page.next is not None, total=page.total)
    if now.before is None:
        return replace(now, start=0)
    if not now.more:
        return replace(now, start=max(page.total - len(now.rows), 0))
    return replace(now, start=max(window.start + page.total - window.total, 1))


def _backwards(fetch: Fetch, sort: Sort, before: str | None) -> tuple[tuple[Row, ...], str | None, int]:
    """The page that ends before the key, the key that it comes after, and the total.

    One row more than a page is asked for: its key is the one the page comes after.
    """
    page = fetch(sort.reversed, before, PAGE + 1)
    rows = tuple(reversed(page.rows))
    if len(rows) <= PAGE:
        return rows, None, page.total
    return rows[1:], rows[0].key, page.total
