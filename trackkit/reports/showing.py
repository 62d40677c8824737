"""How report notebooks show things: tables and charts in the one look, harmless whatever the data holds.

In JupyterLab they look the same as in the page made of the notebook. Nothing here is a widget: widgets do not survive
an unattended run.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trackkit.widgets.chart_panel import answers_chart, log_chart, queue_chart, seats_chart
from trackkit.widgets.tables import Cell, instant, shown, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answers_chart", "log_chart", "queue_chart", "seats_chart", "show", "show_table", "show_words"]


def show(html: str) -> None:
    """Display HTML made by the functions here or by `trackkit.widgets.chart_panel`."""
    from IPython.display import HTML, display

    display(HTML(html))  # type: ignore[no-untyped-call]


def show_words(words: str) -> None:
    """Display a sentence that may hold anything."""
    show(f"<p>{shown(words)}</p>")


def show_table(frame: pd.DataFrame, caption: str, empty: str, sentences: Collection[str] = ()) -> None:
    """Display a frame's columns as a table, its index not.

    Parameters
    ----------
    caption: what it is, for screen readers.
    empty: what to say when there are no rows.
    sentences: columns that hold sentences and get the room.
    """
    numbers = set(frame.select_dtypes("number").columns)
    kinds = ["tk-number" if name in numbers else "tk-text" if name in sentences else "" for name in frame.columns]
    rows = (
        [_cell(value, kind) for value, kind in zip(row, kinds, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    )
    show(table(caption, [str(name) for name in frame.columns], rows, empty))


def _cell(value: Any, kind: str) -> Cell:
    if isinstance(value, datetime):
        return Cell(instant(value), "tk-fixed")
    return Cell(f"{value:,}" if kind == "tk-number" else str(value), kind)
