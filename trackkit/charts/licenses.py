"""License seats over time: the most in use at once and the mean, against the number of seats; refusals marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackkit.charts.style import LEVELS, STATES, dress, legend, say_empty, theme_of
from trackkit.charts.times import days, time_axis
from trackkit.domain.errors import InvalidInput
from trackkit.domain.text import counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

NOTHING = "Nobody counted seats in this time."
_PEAK = STATES["queued"]
_REFUSED = LEVELS["error"]


def seats_over_time(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw `server.licenses.usage_frame(pool, …)`: one step for each hour or day; the time axis is UTC.

    Hours nobody looked at (the server was down) are gaps. Frames of several servers add up; the peak is then the most
    that can have been in use at once. Raises `InvalidInput` when the frame holds several pools.
    """
    found = _steps(frame)
    dress(axes, title=_title(frame), x_label="time (UTC)", y_label="seats")
    if not len(found):
        axes.set_xticks([])
        say_empty(axes, NOTHING)
        return axes
    time_axis(axes, found.index[0], found["ends_at"].iloc[-1])
    _draw(axes, found)
    axes.set_ylim(0, 1.18 * max(found["capacity"].max(), found["peak"].max(), 1))
    return axes


def _draw(axes: Axes, found: pd.DataFrame) -> None:
    """Peaks as filled steps, mean and number of seats as lines, refusals as triangles on the line of the seats."""
    from matplotlib.patheffects import withStroke

    words, ground = theme_of(axes).words, theme_of(axes).ground
    seen: dict[str, Any] = {
        "color": words,
        "path_effects": [withStroke(linewidth=4, foreground=ground)],
    }  # on bars as beside them
    edges, rows = _with_gaps(found)
    drawn: dict[str, Any] = {
        "most at once": axes.stairs(rows["peak"], edges, fill=True, **_PEAK.drawn_on(axes)),
    }
    if found["mean"].notna().any():
        drawn["on average"] = axes.stairs(
            rows["mean"], edges, baseline=None, linewidth=1.6, linestyle=(0, (4, 2)), **seen
        )
    drawn["seats"] = axes.stairs(rows["capacity"], edges, baseline=None, linewidth=1.4, **seen)
    refused = found[found["refusals"] > 0]
    if len(refused):
        middles = [(days(at) + days(end)) / 2 for at, end in zip(refused.index, refused["ends_at"], strict=True)]
        heights = refused[["capacity", "peak"]].max(axis="columns").to_numpy(float)
        (marks,) = axes.plot(
            middles,
            heights * 1.06 + 0.02,
            linestyle="",
            marker="v",
            markersize=8,
            color=_REFUSED.colour,
            markeredgecolor=words,
            clip_on=False,
        )
        drawn[f"refused ({int(refused['refusals'].sum()):,})"] = marks
    legend(axes, drawn)


def _with_gaps(found: pd.DataFrame) -> tuple[list[float], dict[str, np.ndarray]]:
    """Edges of all steps and their heights; a stretch nobody looked at is a step of its own that is not drawn."""
    import numpy as np

    edges, places = [days(found.index[0])], []
    for number, (at, end) in enumerate(zip(found.index, found["ends_at"], strict=True)):
        if days(at) > edges[-1]:
            edges.append(days(at))
            places.append(-1)
        edges.append(days(end))
        places.append(number)
    kept = np.array(places)
    heights = {name: found[name].to_numpy(dtype=float, na_value=np.nan) for name in ("peak", "mean", "capacity")}
    return edges, {name: np.where(kept < 0, np.nan, values[kept]) for name, values in heights.items()}


def seats_words(frame: pd.DataFrame) -> str:
    """What the chart shows, in a sentence: for people who do not see it."""
    found, title = _steps(frame), _title(frame)
    if not len(found):
        return f"{title}: {NOTHING}"
    highest, refusals = int(found["peak"].to_numpy().argmax()), int(found["refusals"].sum())
    words = (
        f"{title}, {found.index[0]:%Y-%m-%d %H:%M} to {found['ends_at'].iloc[-1]:%Y-%m-%d %H:%M} UTC: at most "
        f"{int(found['peak'].max()):,} at once, from {found.index[highest]:%Y-%m-%d %H:%M} on, when there were "
        f"{int(found['capacity'].iloc[highest]):,} seats"
    )
    if found["mean"].notna().any():
        words += f"; {_mean(found):.1f} on average"
    if not refusals:
        return f"{words}. Nobody was refused."
    worst = found["refusals"].idxmax()
    return (
        f"{words}. Refused {counted(refusals, 'time')}; most often from {worst:%Y-%m-%d %H:%M} on: "
        f"{counted(int(found['refusals'].max()), 'time')}."
    )


def _mean(found: pd.DataFrame) -> float:
    """Over the whole time, long steps counting more."""
    known = found[found["mean"].notna()]
    lasting = known["ends_at"] - known.index
    return float((known["mean"].astype(float) * lasting.dt.total_seconds()).sum() / lasting.dt.total_seconds().sum())


def _title(frame: pd.DataFrame) -> str:
    pools = frame["pool"].unique()
    if len(pools) > 1:
        raise InvalidInput.of("frame", f"holds the pools {', '.join(sorted(pools))}", "Draw one pool at a time.")
    return f"{str(pools[0]).capitalize()} seats in use" if len(pools) else "Seats in use"


def _steps(frame: pd.DataFrame) -> pd.DataFrame:
    """By start of the step: when it ends, seats, peak, mean, refusals; of several servers together."""
    import pandas as pd

    ends = frame["starts_at"] + pd.to_timedelta(frame["hours"].astype("int64"), unit="h")
    by_start = frame.assign(ends_at=ends).groupby("starts_at")
    found = by_start[["capacity", "peak", "refusals"]].sum()
    found["mean"] = by_start["mean"].sum(min_count=1)
    found["ends_at"] = by_start["ends_at"].max()
    found = found.sort_index()
    following = found.index.to_series().shift(-1)  # servers may be counted in different steps
    found["ends_at"] = found["ends_at"].where(~(found["ends_at"] > following), following)
    return found
