"""Follow a listing from page to page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Row = TypeVar("Row")


def follow(fetch: Callable[[Any, int], tuple[Sequence[Row], Any]], size: int, limit: int | None) -> Iterator[Row]:
    """The rows of a listing, page after page, at most `limit` of them (none: all).

    Parameters
    ----------
    fetch: takes the key after which to go on (none at first) and how many rows to ask for; gives the rows and the
        next key, none when that was the last page.
    size: rows a page.
    """
    before: Any = None
    left = limit
    while True:
        rows, before = fetch(before, size if left is None else min(size, left))
        yield from rows if left is None else rows[:left]
        left = None if left is None else left - len(rows)
        if before is None or (left is not None and left <= 0):
            return
