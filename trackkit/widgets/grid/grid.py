"""The grid: a table in the browser, its rows fetched as they are looked at, the selection kept here.

    grid = Grid("Mail queue", columns, source, sort=Sort("queued_at", descending=True))
    grid.on_select(lambda: print(grid.selected_ids))
    grid.widget

The source is asked off the kernel's main thread (`trackkit.widgets.work`), one question at a time in the order they
came; what follows, and every handler, runs where the grid was asked. What the source raises is shown above the table
and leaves rows and selection as they were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context, copy_context
from functools import partial
from pathlib import Path
from typing import Any, Final

import anywidget
import ipywidgets as w
import traitlets as t

from trackkit.widgets.grid import window as windows
from trackkit.widgets.grid.selection import Selection
from trackkit.widgets.grid.source import Column, Page, Row, Sort, Source
from trackkit.widgets.grid.window import Window
from trackkit.widgets.problems import Place
from trackkit.widgets.tables import Cell, visible
from trackkit.widgets.work import in_background

Ask = Callable[[], Callable[[], None]]
"""Asks the source, off the main thread; what it gives back is then done where the grid was asked."""

_HERE: Final = Path(__file__).parent
_MOVES: Final[Mapping[str, Callable[[Window, windows.Fetch, Sort], Window]]] = {
    "first": lambda _, fetch, sort: windows.first(fetch, sort),
    "last": lambda _, fetch, sort: windows.last(fetch, sort),
    "next": windows.following,
    "previous": windows.preceding,
    "again": windows.again,
}


def _nothing() -> None:
    """What follows where nothing has to."""


class _Table(anywidget.AnyWidget):
    """What the browser knows; it changes nothing of this but asks by messages."""

    _esm = _HERE / "table.js"
    _css = _HERE / "table.css"

    label = t.Unicode().tag(sync=True)
    empty = t.Unicode().tag(sync=True)
    multiple = t.Bool().tag(sync=True)
    columns: t.List[Any] = t.List().tag(sync=True)
    sort = t.Dict().tag(sync=True)
    window = t.Dict().tag(sync=True)
    selected: t.List[str] = t.List().tag(sync=True)
    count = t.Int().tag(sync=True)
    status = t.Unicode().tag(sync=True)
    asked = t.Int().tag(sync=True)
    """How many messages of the browser have been dealt with, well or not."""


class Grid:
    """A table of any number of rows.

    Parameters
    ----------
    label: what it is, for screen readers; the visible heading stands above it.
    sort: how it is sorted at first, by one of the sortable columns.
    empty: what to say when no row matches.
    multiple: whether several rows can be selected; if not, the selection follows the focus.
    trouble: where errors are shown; without one the grid has its own place.
    """

    def __init__(
        self,
        label: str,
        columns: Sequence[Column],
        source: Source,
        *,
        sort: Sort,
        empty: str = "There is nothing to show.",
        multiple: bool = True,
        trouble: Place | None = None,
    ) -> None:
        self._source = source
        self._sortable = {column.name for column in columns if column.sortable}
        self._filter: Any = None
        self._sort = sort
        self._window = Window()
        self._selection = Selection()
        self._selected_handlers: list[Callable[[], None]] = []
        self._show_handlers: list[Callable[[], None]] = []
        self._open_handlers: list[Callable[[str], None]] = []
        self._queue: deque[tuple[Context, Ask, int, Callable[[], None]]] = deque()
        self._busy = self._away = False
        own = w.HTML()
        self._trouble = trouble or own
        shown = [{"name": c.name, "title": c.title, "kind": c.kind, "sortable": c.sortable} for c in columns]
        self._table = _Table(label=label, columns=shown, empty=empty, multiple=multiple, sort=_wire_sort(sort))
        self._table.on_msg(self._asked)
        self.widget = w.VBox([self._table] if trouble else [own, self._table])
        self.widget.add_class("tk-grid-box")

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """The ids of the selected rows, in the order they were chosen."""
        return self._selection.order

    @property
    def total(self) -> int:
        """How many rows matched when the source was last asked."""
        return self._window.total

    @property
    def busy(self) -> bool:
        """Whether the source is being asked."""
        return self._busy

    @property
    def filter(self) -> Any:
        """What was last given to `show`."""
        return self._filter

    def on_select(self, handler: Callable[[], None]) -> None:
        """Call `handler` when the selection has changed."""
        self._selected_handlers.append(handler)

    def on_show(self, handler: Callable[[], None]) -> None:
        """Call `handler` when the source has been asked and rows are shown, changed or not."""
        self._show_handlers.append(handler)

    def on_open(self, handler: Callable[[str], None]) -> None:
        """Call `handler` with a row's id when it is opened: Enter or a double click."""
        self._open_handlers.append(handler)

    def show(self, filter: Any) -> None:
        """Show the rows that match, from the first; the selection stays."""

        def ask() -> Callable[[], None]:
            window = windows.first(partial(self._source.page, filter), self._sort)

            def then() -> None:
                self._filter = filter
                self._hold(window)

            return then

        self._later(ask)

    def refresh(self, *, failed: Callable[[], None] = _nothing) -> None:
        """Ask the source again for the rows in view; selected rows that no longer exist leave the selection.

        However many rows have come before them, who has scrolled down keeps the rows that are looked at. `failed` is
        called when it failed, besides showing the error.
        """

        def ask() -> Callable[[], None]:
            here = windows.held(self._window, self._fetch, self._sort) if self._away else self._window
            window = windows.again(here, self._fetch, self._sort)
            away = self._selection.ids - {row.id for row in window.rows}
            gone = away.difference(self._source.present(self._filter, away)) if away else frozenset()

            def show() -> None:
                self._hold(window)
                self._drop(gone)

            return show

        self._later(ask, failed=failed)

    def clear(self) -> None:
        """Select nothing."""
        self._choose(Selection())

    def _later(self, ask: Ask, asked: int = 0, failed: Callable[[], None] = _nothing) -> None:
        """Do it when it is its turn, in the caller's context: an automatic refresh stays one.

        `asked`: the browser's number of what it asked for, given back when that is done, well or not.
        """
        self._queue.append((copy_context(), ask, asked, failed))
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if not self._queue:
            return
        context, ask, asked, when_failed = self._queue.popleft()
        self._busy = True

        def over() -> None:
            self._busy = False
            if asked:
                self._table.asked = asked
            self._next()

        def then(show: Callable[[], None]) -> None:
            try:
                show()
            finally:
                over()

        def failed(_: Exception) -> bool:
            over()
            when_failed()
            return False

        context.run(in_background, self._trouble, ask, then, failed=failed)

    def _asked(self, _: object, message: Mapping[str, Any], __: object) -> None:
        """The browser asks; what makes no sense (an old page, a row that is gone) changes nothing."""
        what, row_id = str(message.get("do", "")), str(message.get("id", ""))
        if what in ("away", "top"):
            self._away = what == "away"
            return
        asks: dict[str, Ask] = {
            "sort": lambda: self._sort_by(str(message.get("column", ""))),
            "select": lambda: self._select(str(message.get("how", "")), row_id),
            "open": lambda: partial(self._open, row_id),
        }
        ask = partial(self._move, what) if what in _MOVES else asks.get(what)
        if ask is not None:
            self._later(ask, int(message.get("number", 0)))

    def _fetch(self, sort: Sort, before: str | None, limit: int) -> Page:
        return self._source.page(self._filter, sort, before, limit)

    def _move(self, how: str) -> Callable[[], None]:
        return partial(self._hold, _MOVES[how](self._window, self._fetch, self._sort))

    def _sort_by(self, column: str) -> Callable[[], None]:
        if column not in self._sortable:
            return _nothing
        other = column != self._sort.column
        sort = Sort(column) if other else self._sort.reversed
        window = windows.first(self._fetch, sort)

        def then() -> None:
            if other:  # the anchor's key belongs to the column that was sorted by
                self._selection = self._selection.anchored(None)
            self._sort = sort
            self._hold(window)

        return then

    def _select(self, how: str, row_id: str) -> Callable[[], None]:
        if how == "none":
            return self.clear
        if how == "all" and self._table.multiple:
            ids = tuple(self._source.ids(self._filter, self._sort, None, None))
            return partial(self._choose, self._selection.range(ids, adding=False))
        row = next((row for row in self._window.rows if row.id == row_id), None)
        if row is None:
            return _nothing
        chosen = self._selection
        if how == "one" or not self._table.multiple:
            chosen = chosen.only(row)
        elif how == "toggle":
            chosen = chosen.toggled(row)
        elif how in ("range", "more"):
            anchor = chosen.anchor or row
            chosen = chosen.anchored(anchor).range(self._between(anchor, row), adding=how == "more")
        return partial(self._choose, chosen)

    def _between(self, anchor: Row, row: Row) -> Sequence[str]:
        """The ids from `anchor` to the other row, both included, in that order."""
        here = [r.id for r in self._window.rows]
        if anchor.id in here:
            one, other = here.index(anchor.id), here.index(row.id)
            return here[one : other + 1] if one <= other else here[other : one + 1][::-1]
        down = tuple(self._source.ids(self._filter, self._sort, anchor.key, row.key))
        return down or tuple(self._source.ids(self._filter, self._sort, row.key, anchor.key))[::-1]

    def _hold(self, window: Window) -> None:
        self._window = window
        with self._table.hold_sync():
            self._table.window = _wire_window(window)
            self._table.sort = _wire_sort(self._sort)
            self._table.selected = self._selected_here()
        for handler in self._show_handlers:
            handler()

    def _choose(self, selection: Selection, status: str = "") -> None:
        changed = selection.ids != self._selection.ids
        self._selection = selection
        with self._table.hold_sync():
            self._table.selected = self._selected_here()
            self._table.count = len(selection.ids)
            self._table.status = status
        if changed:
            for handler in self._selected_handlers:
                handler()

    def _drop(self, gone: Collection[str]) -> None:
        if not gone:
            return
        rows = "1 selected row is gone" if len(gone) == 1 else f"{len(gone):,} selected rows are gone"
        told = (
            f"{rows} and no longer selected." if self._table.multiple else "The chosen row is gone; none is chosen now."
        )
        self._choose(self._selection.without(gone), told)

    def _selected_here(self) -> list[str]:
        return [row.id for row in self._window.rows if row.id in self._selection.ids]

    def _open(self, row_id: str) -> None:
        for handler in self._open_handlers:
            handler(row_id)


def _wire_sort(sort: Sort) -> dict[str, object]:
    return {"column": sort.column, "descending": sort.descending}


def _wire_window(window: Window) -> dict[str, object]:
    return {
        "rows": [{"id": row.id, "cells": [_wire_cell(cell) for cell in row.cells]} for row in window.rows],
        "start": window.start,
        "total": window.total,
        "previous": window.before is not None,
        "next": window.more,
    }


def _wire_cell(cell: Cell) -> object:
    """A text alone where it is only that: most cells are, and there are thousands of them."""
    text, below = visible(cell.text), [visible(text) for text in cell.below if text]
    return [text, cell.tone, *below] if cell.tone or below else text
