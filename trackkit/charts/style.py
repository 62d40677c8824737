"""The one style: colours for light and dark ground, and what all charts dress alike.

The ground decides: axes that are dark get light words. Fills are from the palettes of Okabe and Ito and of Paul Tol,
chosen so that people who see no red or no green tell them apart; hatching and order say the same once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of everything but the data."""

    ground: str
    words: str
    lines: str


LIGHT: Final = Theme("#ffffff", "#17202a", "#cbd2d9")
DARK: Final = Theme("#1b222a", "#e6ebf0", "#3a4551")


@dataclass(frozen=True, slots=True)
class Fill:
    """How one kind of bar is filled."""

    colour: str
    hatch: str

    def drawn_on(self, axes: Axes) -> dict[str, Any]:
        """As matplotlib's patches take it; the hatching has the colour of the ground."""
        return {"facecolor": self.colour, "hatch": self.hatch, "edgecolor": theme_of(axes).ground, "linewidth": 0.4}


LEVELS: Mapping[str, Fill] = MappingProxyType(
    {
        "severe_error": Fill("#aa3377", "xxx"),
        "error": Fill("#d55e00", "///"),
        "warning": Fill("#e6b800", "\\\\\\"),
        "unusual_activity": Fill("#0077bb", ".."),
        "information": Fill("#9aa5b1", ""),
    }
)
STATES: Mapping[str, Fill] = MappingProxyType(
    {
        "active": Fill("#0077bb", ".."),
        "queued": Fill("#9aa5b1", ""),
        "deferred": Fill("#e6b800", "\\\\\\"),
        "held": Fill("#d55e00", "///"),
        "failed": Fill("#aa3377", "xxx"),
    }
)


def theme_of(axes: Axes) -> Theme:
    """Which theme fits the ground that the axes have."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(axes.get_facecolor())
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else LIGHT


def dress(axes: Axes, *, title: str, x_label: str, y_label: str) -> None:
    """Title, labels, and quiet axes that count in whole numbers from zero."""
    from matplotlib.ticker import MaxNLocator

    theme = theme_of(axes)
    axes.set_title(title, loc="left", color=theme.words, fontsize=11, fontweight="bold", pad=12)
    axes.set_xlabel(x_label, color=theme.words)
    axes.set_ylabel(y_label, color=theme.words)
    axes.tick_params(colors=theme.words, which="both")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.grid(visible=True, color=theme.lines, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.words)


def legend(axes: Axes, drawn: Mapping[str, Any]) -> None:
    """A legend beside the axes, where it hides nothing; in the order of the stack, the first at the bottom."""
    theme = theme_of(axes)
    axes.legend(
        list(drawn.values()),
        list(drawn),
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        reverse=True,
        labelcolor=theme.words,
        fontsize=9,
        handleheight=1.3,
        borderaxespad=0.0,
    )


def figure_on_top(axes: Axes, place: float, height: float) -> None:
    """The number that a bar stands for, above it; above one of nothing none."""
    if height:
        axes.annotate(
            f"{int(height):,}",
            (place, height),
            (0, 3),
            textcoords="offset points",
            ha="center",
            color=theme_of(axes).words,
        )


def say_empty(axes: Axes, words: str) -> None:
    """Say in the middle of the axes that there is nothing to draw."""
    theme = theme_of(axes)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=theme.words, fontsize=12)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
