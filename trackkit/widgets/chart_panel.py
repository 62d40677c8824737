"""A chart with the table behind it: the picture, and under it the same figures for reading, copying and hearing.

Pure HTML, so that it is the same in a notebook, a dashboard and a report. The table is folded away until somebody
opens it. `trackkit.widgets.folded_chart` puts it into a view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.charts import log_by_level, log_words, picture, queue_by_age, queue_words
from trackkit.charts.queue import age_words
from trackkit.domain.log import Severity
from trackkit.widgets.tables import Cell, table

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 200
"""Rows a table has at most; a chart has no more than that many bars."""


def log_chart(frame: pd.DataFrame) -> str:
    """`server.log.histogram_frame(…)` as a chart with its table; times without any entry are left out of the table."""
    counts = frame.pivot_table(index="starts_at", columns="level", values="entries", aggfunc="sum", observed=True)
    counts = counts[counts.sum(axis="columns") > 0].tail(LONGEST)
    titles = ("From (UTC)", *(Severity.named(level).title for level in counts.columns))
    rows = [
        (Cell(f"{start:%Y-%m-%d %H:%M:%S}", "tk-fixed"), *(Cell(f"{int(n):,}", "tk-number") for n in numbers))
        for start, *numbers in counts.itertuples()
    ]
    return _with_table(
        picture(log_by_level, frame, log_words(frame)),
        table("Log entries by level and time", titles, rows, "No log entries in this time."),
    )


def queue_chart(frame: pd.DataFrame) -> str:
    """`server.mail.ages_frame()` as a chart with its table."""
    counts = frame.pivot_table(index="age", columns="state", values="messages", aggfunc="sum", observed=True)
    titles = ("Waiting", *map(str, counts.columns))
    rows = [
        (Cell(age_words(age), "tk-fixed"), *(Cell(f"{int(n):,}", "tk-number") for n in numbers))
        for age, *numbers in counts.itertuples()
    ]
    return _with_table(
        picture(queue_by_age, frame, queue_words(frame)),
        table("Unsent mail by age and state", titles, rows, "No unsent mail."),
    )


def _with_table(chart: str, figures: str) -> str:
    return (
        f'<figure class="tk-chart" style="margin: 0">{chart}<details><summary>The figures as a table</summary>'
        f"{figures}</details></figure>"
    )
