"""What a grid shows and where it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from trackkit.widgets.tables import Cell


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name towards the source, its title towards people.

    `kind` is a class of the style sheet for the whole column (``tk-text``, ``tk-number``, ``tk-fixed``). `sortable`
    only where the source can sort all rows by it, not just those that were fetched.
    """

    name: str
    title: str
    kind: str = ""
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column, and in which direction."""

    column: str
    descending: bool = False

    @property
    def reversed(self) -> Sort:
        """The other way round."""
        return replace(self, descending=not self.descending)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `id` names it for good; `key` is its place in the present sort, to go on from."""

    id: str
    cells: tuple[Cell, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order. `next` is the key to go on from, none = no more rows; `total` counts all that match."""

    rows: Sequence[Row]
    next: str | None
    total: int


class Source(Protocol):
    """Where rows come from. Called outside the kernel's main thread, one call at a time.

    `filter` is whatever the view gave to `Grid.show`; the grid only passes it on. Any of these may raise.
    """

    def page(self, filter: Any, sort: Sort, before: str | None, limit: int) -> Page:
        """At most `limit` rows that match and come after the key `before` (none = from the beginning)."""

    def ids(self, filter: Any, sort: Sort, first: str | None, last: str | None) -> Iterable[str]:
        """The ids of all matching rows from the key `first` to the key `last`, both included; none = no bound.

        Nothing when `last` comes before `first`.
        """

    def present(self, filter: Any, ids: Collection[str]) -> Collection[str]:
        """Those of `ids` whose rows still exist, whether or not they match just now.

        `filter` only says which view asks: what is gone for one can still be there for another.
        """
