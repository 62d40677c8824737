"""The server log over time: stacked bars by level, the most severe at the bottom where they can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.charts.style import LEVELS, dress, legend, say_empty
from trackkit.charts.times import days, span, time_axis
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Log entries by level"
NOTHING = "No log entries in this time."


def log_by_level(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw `server.log.histogram_frame(…)`: a bar for each bucket of time, stacked by level; the time axis is UTC.

    Raises `InvalidInput` when the frame holds buckets of different widths.
    """
    counts, width = _counts(frame), _width(frame)
    unit = "entries" if width is None else f"entries per {span(width)}"
    dress(axes, title=TITLE, x_label="time (UTC)", y_label=unit)
    if width is None:
        axes.set_xticks([])
    else:
        time_axis(axes, frame["starts_at"].min(), frame["ends_at"].max())
    if width is not None and counts.to_numpy().sum():
        _stack(axes, counts, width)
    else:
        say_empty(axes, NOTHING)
    return axes


def _stack(axes: Axes, counts: pd.DataFrame, width: pd.Timedelta) -> None:
    """One step line a level, filled down to the one below it: as fast with 200 buckets as with ten."""
    import numpy as np

    # A bucket that no frame has (several servers' ranges may lie apart) is a gap, not a wide bar.
    whole = counts.reindex(_every(counts.index[0], counts.index[-1], width), fill_value=0)
    edges = [*map(days, whole.index), days(whole.index[-1] + width)]
    below, drawn = np.zeros(len(whole)), {}
    for level in whole.columns:
        top, fill = below + whole[level].to_numpy(), LEVELS[level]
        drawn[f"{Severity.named(level).title} ({int(whole[level].sum()):,})"] = axes.stairs(
            top, edges, baseline=below, fill=True, **fill.drawn_on(axes)
        )
        below = top
    axes.set_ylim(0, 1.05 * below.max())
    legend(axes, drawn)


def log_words(frame: pd.DataFrame) -> str:
    """What the chart shows, in a sentence: for people who do not see it."""
    counts, width = _counts(frame), _width(frame)
    if width is None or not counts.to_numpy().sum():
        return f"{TITLE}: {NOTHING}"
    sums = ", ".join(f"{int(counts[level].sum()):,} {Severity.named(level).title}" for level in counts.columns)
    totals = counts.sum(axis="columns")
    return (
        f"{TITLE}, {frame['starts_at'].min():%Y-%m-%d %H:%M} to {frame['ends_at'].max():%Y-%m-%d %H:%M} UTC: {sums}. "
        f"The most in {span(width)}: {int(totals.max()):,}, from {totals.idxmax():%Y-%m-%d %H:%M} on."
    )


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Entries by start of the bucket (rows) and level (columns, most severe first)."""
    counts = frame.pivot_table(
        index="starts_at", columns="level", values="entries", aggfunc="sum", fill_value=0, observed=True
    )
    return counts.sort_index().astype("int64")


def _width(frame: pd.DataFrame) -> pd.Timedelta | None:
    """How long every bucket is; none of an empty frame."""
    widths = (frame["ends_at"] - frame["starts_at"]).unique()
    if len(widths) > 1:
        raise InvalidInput.of(
            "frame", "has buckets of different widths", "Ask each server with the same `bucket_seconds`."
        )
    return widths[0] if len(widths) else None


def _every(first: pd.Timestamp, last: pd.Timestamp, width: pd.Timedelta) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.date_range(first, last, freq=width, unit="us")
