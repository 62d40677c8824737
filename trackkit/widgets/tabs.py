"""Tabs: several views of one thing, one of them shown, each made when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as w
import traitlets as t
from anywidget import AnyWidget


class TabBar(AnyWidget):
    """The titles. `chosen` is the number of the one that is shown."""

    _esm = Path(__file__).with_name("tabs.js")

    label = t.Unicode().tag(sync=True)
    titles: t.List[str] = t.List(t.Unicode()).tag(sync=True)
    chosen = t.Int(0).tag(sync=True)


class Tabs:
    """The tabs with what they show. `widget` is what is shown, `bar` is for tests.

    Parameters
    ----------
    label: what they are views of, for screen readers.
    views: what makes each, by its title; it has to show its own trouble.
    """

    def __init__(self, label: str, views: Mapping[str, Callable[[], w.Widget]]) -> None:
        self._views, self._made = tuple(views.values()), dict[int, w.Widget]()
        self.bar, self._box = TabBar(label=label, titles=list(views)), w.VBox()
        self.bar.observe(lambda _: self._show(), names="chosen")
        self.widget = w.VBox([self.bar, self._box])
        self._show()

    def _show(self) -> None:
        number = self.bar.chosen
        if number not in self._made:
            self._made[number] = self._views[number]()
        self._box.children = (self._made[number],)

    def retitle(self, number: int, title: str) -> None:
        """Call a tab something else."""
        self.bar.titles = [title if place == number else one for place, one in enumerate(self.bar.titles)]
