"""How long answers to e-mail took: for each side that waits a bar for each step of time, and for what still waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackkit.charts.style import STATES, dress, figure_on_top, legend, say_empty
from trackkit.domain.ages import Age, age_of
from trackkit.frames.emails import SIDES, wanting

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE: Final = "E-mails by the time people waited for an answer"
NOTHING: Final = "No e-mail that wants an answer was written in this time."
NOT_YET: Final = "not answered"
_FILLS: Final = dict(zip(SIDES, (STATES["active"], STATES["deferred"]), strict=True))


def answers_by_time(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw `server.tracking.answers_frame(…)`: two bars for each step, one for each side that waits."""
    import numpy as np

    counts = answer_counts(frame)
    dress(axes, title=TITLE, x_label="time until the answer came (min, h, d)", y_label="e-mails")
    places = np.arange(len(counts))
    axes.set_xticks(places, list(counts.index))
    axes.set_xlim(-0.5, len(counts) - 0.5)
    if not counts.to_numpy().sum():
        say_empty(axes, NOTHING)
        return axes
    drawn = {}
    for number, (direction, heights) in enumerate(counts.items()):
        middles = places + 0.4 * (number - 0.5)
        label = f"{_side(direction)} ({int(heights.sum()):,})"
        drawn[label] = axes.bar(middles, heights, 0.36, **_FILLS[str(direction)].drawn_on(axes))
        for middle, height in zip(middles, heights, strict=True):
            figure_on_top(axes, middle, height)
    legend(axes, drawn)
    axes.set_ylim(0, 1.15 * counts.to_numpy().max())
    return axes


def answers_words(frame: pd.DataFrame) -> str:
    """What the chart shows, in sentences: for people who do not see it."""
    counts = answer_counts(frame)
    if not counts.to_numpy().sum():
        return f"{TITLE}: {NOTHING}"
    sides = []
    for direction, numbers in counts.items():
        steps = ", ".join(f"{int(number):,} {words}" for words, number in numbers.items() if number)
        sides.append(f"{_side(direction)}: {steps or 'no e-mail'}.")
    return f"{TITLE}. {' '.join(sides)}"


def answer_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """E-mails that want an answer by step of time (rows, all of them) and side (columns, both)."""
    import pandas as pd

    found = wanting(frame)
    waited = (found["answered_at"] - found["at"]).to_list()
    steps = [NOT_YET if pd.isna(span) else _step(age_of(span.to_pytimedelta())) for span in waited]
    counts = pd.crosstab(pd.Series(steps, dtype="str"), pd.Series(found["direction"].to_list(), dtype="str"))
    rows = [*map(_step, Age), NOT_YET]
    return counts.reindex(index=rows, columns=list(SIDES), fill_value=0).astype("int64")


def _step(age: Age) -> str:
    return "longer" if age is Age.older else age.words


def _side(direction: object) -> str:
    return f"{SIDES[str(direction)].partition(',')[0]} wait"
