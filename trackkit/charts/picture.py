"""A chart as a picture in HTML: for light and for dark pages, with words for people who do not see it.

The pictures lie in the HTML itself, so it needs nothing from elsewhere. No window or global state of matplotlib is
touched.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from trackkit.charts.style import DARK, LIGHT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Draw = Callable[["pd.DataFrame", "Axes"], "Axes"]

SIZE = (9.0, 3.2)
"""Inches; also the relation of the sides."""

_DOTS_PER_INCH = 160


def png(draw: Draw, frame: pd.DataFrame, *, dark: bool = False, size: tuple[float, float] = SIZE) -> bytes:
    """The chart as a PNG.

    Parameters
    ----------
    size: width and height in inches.
    """
    from matplotlib.figure import Figure

    ground = (DARK if dark else LIGHT).ground
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained", facecolor=ground)
    axes = figure.subplots()
    axes.set_facecolor(ground)
    draw(frame, axes)
    written = BytesIO()
    figure.savefig(written, format="png", facecolor=ground)
    return written.getvalue()


def picture(draw: Draw, frame: pd.DataFrame, words: str, size: tuple[float, float] = SIZE) -> str:
    """The chart as HTML, light or dark as the page is.

    Parameters
    ----------
    words: what it shows, for people who do not see it.
    size: width and height in inches.
    """
    pictures = (png(draw, frame, dark=dark, size=size) for dark in (False, True))
    light, dark = ("data:image/png;base64," + b64encode(one).decode() for one in pictures)
    width, height = (round(inches * 96) for inches in size)
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" width="{width}" height="{height}" alt="{escape(words)}" '
        'style="max-width: 100%; height: auto"></picture>'
    )
