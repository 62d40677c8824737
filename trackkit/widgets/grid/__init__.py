"""The one grid: any number of rows, of which only those looked at are fetched; selection by id.

The kernel asks a `Source` for pages by key; the browser gets at most `window.MAXIMUM` rows, as text. The selection is
a set of ids kept in the kernel: it survives sorting, filtering and refreshing, and reaches across pages that were
never fetched. What a source raises is shown above the table; the rows stay as they were.
"""

from __future__ import annotations

from trackkit.widgets.grid.grid import Grid
from trackkit.widgets.grid.source import Column, Page, Row, Sort, Source

__all__ = ["Column", "Grid", "Page", "Row", "Sort", "Source"]
