"""What a person does to a page and reads off it, in tests that press its parts without a browser."""

from __future__ import annotations

from html import unescape

import ipywidgets as w

from trackkit.widgets.grid import Grid


def choose(grid: Grid, row: str) -> None:
    """Click on a row."""
    grid._asked(None, {"do": "select", "how": "one", "id": row}, None)


def words(widget: w.Widget) -> str:
    """Everything a part of the page says."""
    found = str(widget.value) if isinstance(widget, w.HTML) or type(widget).__name__ == "Said" else ""
    return unescape(found + " ".join(words(child) for child in getattr(widget, "children", ())))


def answer(box: w.Box, yes: bool) -> str:
    """Answer the question in a box; its words."""
    (asked,) = box.children
    asked.answer(yes)
    return str(asked.question)
