"""A chart with the table behind it: the picture, and under it the same figures for reading, copying and hearing.

Pure HTML, so that it is the same in a notebook, a dashboard and a report. The table is folded away until somebody
opens it. `trackkit.widgets.folded_chart` puts it into a view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.charts import (
    answers_by_time,
    answers_words,
    domains_by_age,
    domains_size,
    domains_words,
    log_by_level,
    log_words,
    picture,
    queue_by_age,
    queue_words,
    seats_over_time,
    seats_words,
)
from trackkit.charts.answers import NOTHING as NO_ANSWERS
from trackkit.charts.answers import TITLE as ANSWERS
from trackkit.charts.answers import answer_counts
from trackkit.charts.domains import domain_counts
from trackkit.charts.queue import age_words
from trackkit.domain.log import Severity
from trackkit.frames.emails import SIDES
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


def domains_chart(frame: pd.DataFrame) -> str:
    """`server.mail.domain_ages_frame()` as a chart with its table."""
    counts = domain_counts(frame)
    titles = ("Domain", *(age_words(age) for age in counts.columns), "In all")
    rows = [
        (Cell(str(domain), "tk-text"), *(Cell(f"{int(n):,}", "tk-number") for n in (*numbers, sum(numbers))))
        for domain, *numbers in counts.itertuples()
    ]
    return _with_table(
        picture(domains_by_age, frame, domains_words(frame), domains_size(frame)),
        table("Unsent mail by domain and age", titles, rows, "No unsent mail."),
    )


def seats_chart(frame: pd.DataFrame) -> str:
    """`server.licenses.usage_frame(…)` as a chart with its table for each pool the frame holds."""
    pools = list(frame["pool"].unique())
    charts = [_pool_chart(frame[frame["pool"] == pool]) for pool in pools]
    return "".join(charts) or _pool_chart(frame)


def _pool_chart(frame: pd.DataFrame) -> str:
    from pandas import isna

    titles = ("From (UTC)", "Hours", "Seats", "Most at once", "On average", "Refused")
    columns = ["starts_at", "hours", "capacity", "peak", "mean", "refusals"]
    rows = [
        (
            Cell(f"{start:%Y-%m-%d %H:%M}", "tk-fixed"),
            *(Cell(f"{int(n):,}", "tk-number") for n in (hours, capacity, peak)),
            Cell("–" if isna(mean) else f"{mean:.1f}", "tk-number"),
            Cell(f"{int(refusals):,}", "tk-number"),
        )
        for start, hours, capacity, peak, mean, refusals in frame[columns].tail(LONGEST).itertuples(index=False)
    ]
    return _with_table(
        picture(seats_over_time, frame, seats_words(frame)),
        table("Seats in use over time", titles, rows, "Nobody counted seats in this time."),
    )


def answers_chart(frame: pd.DataFrame) -> str:
    """`server.tracking.answers_frame(…)` as a chart with its table."""
    counts = answer_counts(frame)
    titles = ("Answer after", *(SIDES[str(side)].capitalize() for side in counts.columns))
    rows = [
        (Cell(str(words), "tk-fixed"), *(Cell(f"{int(n):,}", "tk-number") for n in numbers))
        for words, *numbers in counts.itertuples()
    ]
    return _with_table(
        picture(answers_by_time, frame, answers_words(frame)),
        table(ANSWERS, titles, rows, NO_ANSWERS),
    )


def _with_table(chart: str, figures: str) -> str:
    return (
        f'<figure class="tk-chart" style="margin: 0">{chart}<details><summary>The figures as a table</summary>'
        f"{figures}</details></figure>"
    )
