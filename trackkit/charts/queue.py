"""Unsent mail by age: one bar for each step of age, stacked by state, with the number on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.charts.style import STATES, dress, figure_on_top, legend, say_empty
from trackkit.domain.ages import Age

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Unsent mail by age"
NOTHING = "No unsent mail."


def queue_by_age(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw `server.mail.ages_frame()`: a bar for each step of age, stacked by state."""
    import numpy as np

    counts = _counts(frame)
    dress(axes, title=TITLE, x_label="time since it was queued (min, h, d)", y_label="messages")
    places = np.arange(len(counts))
    axes.set_xticks(places, [age_words(age) for age in counts.index])
    axes.set_xlim(-0.5, len(counts) - 0.5)
    if not counts.to_numpy().sum():
        say_empty(axes, NOTHING)
        return axes
    below, drawn = np.zeros(len(counts)), {}
    for state in counts.columns:
        heights = counts[state].to_numpy()
        drawn[f"{state} ({int(heights.sum()):,})"] = axes.bar(
            places, heights, 0.7, below, **STATES[state].drawn_on(axes)
        )
        below = below + heights
    legend(axes, drawn)
    axes.set_ylim(0, 1.15 * below.max())
    for place, height in enumerate(below):
        figure_on_top(axes, place, height)
    return axes


def queue_words(frame: pd.DataFrame) -> str:
    """What the chart shows, in a sentence: for people who do not see it."""
    counts = _counts(frame)
    totals = counts.sum(axis="columns")
    if not totals.sum():
        return f"{TITLE}: {NOTHING}"
    ages = ", ".join(f"{int(number):,} {age_words(age)}" for age, number in totals.items() if number)
    states = ", ".join(f"{int(number):,} {state}" for state, number in counts.sum().items() if number)
    return f"{TITLE}: {int(totals.sum()):,} messages. By age: {ages}. By state: {states}."


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Messages by age (rows, all of them) and state (columns, as far as the frame has them)."""
    counts = frame.pivot_table(
        index="age", columns="state", values="messages", aggfunc="sum", fill_value=0, observed=True
    )
    return counts.reindex([age.value for age in Age], fill_value=0).astype("int64")


def age_words(age: object) -> str:
    """A value of the column ``age`` as people read it."""
    return Age(str(age)).words
