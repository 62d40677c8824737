"""What every panel stands in: the style sheet, in a notebook as in a dashboard, and one place for trouble."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import ipywidgets as w

from trackkit.widgets import folder
from trackkit.widgets.tables import shown


def page(*children: w.Widget) -> w.VBox:
    """The panels as one widget with the style sheet. Works offline, and several of them on one page."""
    style = w.HTML(f"<style>{(folder() / 'look.css').read_text(encoding='utf-8')}</style>")
    whole = w.VBox([style, *children])
    whole.add_class("tk")
    whole.add_class("tk-panels")
    return whole


def panel(*children: w.Widget) -> w.VBox:
    """A card on the page."""
    card = w.VBox(children)
    card.add_class("tk-panel")
    return card


def row(*children: w.Widget, kind: str = "tk-row") -> w.HBox:
    """Controls beside each other, one below the other where the page is narrow."""
    line = w.HBox(children)
    line.add_class(kind)
    return line


def offer(
    control: w.Dropdown | w.Select, options: Sequence[tuple[str, Hashable]], wanted: Hashable | None = None
) -> None:
    """Put (words, value) into a list. `wanted` is chosen, by default what was chosen before; else the first.

    ipywidgets by itself chooses nothing in a list that was empty, and the first whenever the options change.
    """
    if wanted is None:
        wanted = control.value
    values = [value for _, value in options]
    control.options = options
    control.value = wanted if wanted in values else values[0] if values else None


def title(words: str, purpose: str = "", level: int = 2) -> w.HTML:
    """A heading and one line that says what the panel is for."""
    below = f"<p class='tk-purpose'>{shown(purpose)}</p>" if purpose else ""
    return w.HTML(f"<h{level}>{shown(words)}</h{level}>{below}")
