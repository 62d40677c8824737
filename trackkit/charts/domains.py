"""Unsent mail by domain and age: a field for each pair, stronger the more mail it is, with the number in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.charts.picture import SIZE
from trackkit.charts.queue import NOTHING, age_words
from trackkit.charts.style import LIGHT, dress, say_empty, theme_of
from trackkit.domain.ages import Age

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Unsent mail by domain and age"
SHOWN = 15
"""Domains that are drawn, those with the most mail."""

_LONGEST = 28
"""Characters of a domain's name."""


def domains_by_age(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw `server.mail.domain_ages_frame()`: domains below each other, the one with the most mail on top."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    counts = domain_counts(frame).head(SHOWN)
    theme = theme_of(axes)
    dress(axes, title=TITLE, x_label="time since it was queued (min, h, d)", y_label="")
    if not len(counts):
        axes.set_xticks([])
        say_empty(axes, NOTHING)
        return axes
    numbers = counts.to_numpy()
    strong = "#0b4f8a" if theme is LIGHT else "#5cb8ff"
    colours = LinearSegmentedColormap.from_list("mail", [theme.lines, strong])
    axes.pcolormesh(
        np.ma.masked_equal(numbers, 0),
        cmap=colours,
        norm=LogNorm(1, max(2, int(numbers.max()))),
        edgecolors=theme.ground,
        linewidth=1,
    )
    axes.grid(visible=False)
    axes.set_ylim(len(counts), 0)
    axes.set_xticks(np.arange(len(counts.columns)) + 0.5, [age_words(age) for age in counts.columns])
    axes.set_yticks(np.arange(len(counts)) + 0.5, [_short(str(name)) for name in counts.index])
    axes.tick_params(length=0)
    _label(axes, numbers)
    return axes


def _label(axes: Axes, numbers: object) -> None:
    """The number in each field that has one, on a ground of its own so that it can be read on any colour."""
    import numpy as np

    theme = theme_of(axes)
    for (down, right), number in np.ndenumerate(numbers):
        if number:
            axes.text(
                right + 0.5,
                down + 0.5,
                f"{int(number):,}",
                ha="center",
                va="center",
                color=theme.words,
                fontsize=8,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": theme.ground, "edgecolor": "none", "alpha": 0.85},
            )


def domains_size(frame: pd.DataFrame) -> tuple[float, float]:
    """Width and height in inches that the chart wants: a line for each domain."""
    lines = min(SHOWN, frame["domain"].nunique())
    return SIZE[0], max(SIZE[1], 1.2 + 0.3 * lines)


def domains_words(frame: pd.DataFrame) -> str:
    """What the chart shows, in a sentence: for people who do not see it."""
    counts = domain_counts(frame).head(SHOWN)
    if not len(counts):
        return f"{TITLE}: {NOTHING}"
    each = [
        f"{name}: " + ", ".join(f"{int(number):,} {age_words(age)}" for age, number in ages.items() if number)
        for name, ages in counts.iterrows()
    ]
    return f"{TITLE}. {'; '.join(each)}."


def domain_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Messages by domain (rows, the most first) and age (columns, all of them)."""
    counts = frame.pivot_table(
        index="domain", columns="age", values="messages", aggfunc="sum", fill_value=0, observed=True
    )
    counts = counts.reindex(columns=[age.value for age in Age], fill_value=0).astype("int64")
    order = counts.sum(axis="columns").sort_values(ascending=False, kind="stable").index
    return counts.loc[order]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
