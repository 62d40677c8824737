"""Items of a project as rows of a grid, and which of their fields are columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from trackkit.client.project import Project
from trackkit.contract.project import Item
from trackkit.domain.errors import NotFound
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.tables import Cell

NUMBER = Sort("number")
MANY = 6
"""Columns besides number and subject: more do not fit beside each other."""


@dataclass(frozen=True, slots=True)
class ItemView:
    """Which items are shown."""

    where: tuple[str, ...] = ()
    filter: str | None = None
    text: str | None = None

    def as_python(self, kind: Kind) -> str:
        """As the arguments of `project.frame`."""
        named = {"filter": self.filter, "text": self.text}
        parts = [repr(str(kind)), *([repr(list(self.where))] if self.where else [])]
        return ", ".join([*parts, *(f"{name}={value!r}" for name, value in named.items() if value is not None)])


def column_names(info: KindInfo) -> tuple[str, ...]:
    """The fields shown in a grid: the subject, then short ones."""
    short = (
        name
        for name, field in info.fields.items()
        if name != info.subject and field.kind not in ("long text", "secret", "list")
    )
    return (info.subject, *islice(short, MANY))


def columns(info: KindInfo) -> tuple[Column, ...]:
    """The columns of a grid of that kind."""
    fields = [info.fields[name] for name in column_names(info)]
    rest = (Column(f.name, f.title, "tk-text" if f.name == info.subject else "", sortable=True) for f in fields)
    return (Column("number", "Number", "tk-number", sortable=True), *rest)


class ItemRows:
    """The items of one kind; fits `trackkit.widgets.grid.Source`. The id of a row is the item's key."""

    def __init__(self, project: Project, kind: Kind) -> None:
        self._project, self._info = project, KINDS[kind]

    def page(self, filter: ItemView, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of items."""
        page = self._project.list(
            self._info.kind,
            filter.where,
            filter=filter.filter,
            text=filter.text,
            sort=sort.column,
            descending=sort.descending,
            after=None if before is None else int(before),
            limit=limit,
        )
        following = None if page.next_after is None else str(page.next_after)
        return Page([self._row(item) for item in page.items], following, page.total)

    def ids(self, filter: ItemView, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One item is worked on at a time."""
        return []

    def present(self, filter: ItemView, ids: Collection[str]) -> set[str]:
        """Those that have not been deleted."""
        return {key for key in ids if self._exists(key)}

    def _exists(self, key: str) -> bool:
        try:
            self._project.show(self._info.kind, key)
        except NotFound:
            return False
        return True

    def _row(self, item: Item) -> Row:
        fields = self._info.fields
        cells = [Cell(fields[name].text(item.values.get(name)) or "–") for name in column_names(self._info)]
        return Row(item.key, (Cell(str(item.number)), *cells), str(item.number))
