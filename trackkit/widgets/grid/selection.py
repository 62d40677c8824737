"""The selection: ids in the order they were chosen, and the row that ranges start from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from trackkit.widgets.grid.source import Row


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are selected. `anchor` is where a range begins; none = at the row that is chosen next."""

    ids: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()
    anchor: Row | None = None

    def only(self, row: Row) -> Selection:
        """This row and no other."""
        return _of((row.id,), row)

    def toggled(self, row: Row) -> Selection:
        """This row in or out, the others as they are."""
        if row.id in self.ids:
            return _of((i for i in self.order if i != row.id), row)
        return _of((*self.order, row.id), row)

    def range(self, ids: Iterable[str], adding: bool) -> Selection:
        """These ids, in place of what is selected or besides it; the anchor stays."""
        return _of((*(self.order if adding else ()), *ids), self.anchor)

    def without(self, ids: Collection[str]) -> Selection:
        """All but these."""
        return _of((i for i in self.order if i not in ids), self.anchor)

    def anchored(self, row: Row | None) -> Selection:
        """The same, with ranges from this row."""
        return replace(self, anchor=row)


def _of(ids: Iterable[str], anchor: Row | None) -> Selection:
    order = tuple(dict.fromkeys(ids))
    return Selection(frozenset(order), order, anchor)
