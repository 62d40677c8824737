"""Time on an axis: instants as matplotlib counts them, ticks in UTC, spans in words."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def days(at: pd.Timestamp) -> float:
    """An instant as matplotlib counts it."""
    from matplotlib.dates import date2num

    return float(date2num(at.to_pydatetime()))  # type: ignore[no-untyped-call]


def time_axis(axes: Axes, since: pd.Timestamp, until: pd.Timestamp) -> None:
    """Ticks in UTC from one instant to another."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=UTC, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    axes.set_xlim(days(since), days(until))


def span(width: pd.Timedelta) -> str:
    """A span in the largest unit that goes into it: ``10 min``, ``1 h``, ``7 d``."""
    seconds = int(width.total_seconds())
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
