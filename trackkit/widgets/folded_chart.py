"""A chart in a view, behind a button.

Nothing is asked of the server, loaded or drawn before somebody wants to see it, then in a thread, so that the lists
go on. What goes wrong is shown beside it, in the place of the picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import ipywidgets as w

from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble
from trackkit.widgets.work import in_background

if TYPE_CHECKING:
    import pandas as pd

_ONE_AT_A_TIME = threading.Lock()
"""matplotlib promises nothing for several threads that draw at once."""


class FoldedChart:
    """A chart behind a button, shut at first; `refresh` draws it again while it is open and does nothing else.

    Parameters
    ----------
    name: what the button says: ``chart of the queue``.
    frame: asks the server; called in a thread, so it must look at no widget.
    chart: makes the HTML: `trackkit.widgets.chart_panel.log_chart`, `queue_chart`.
    trouble: where errors are shown, for this chart alone.
    """

    def __init__(
        self, name: str, frame: Callable[[], pd.DataFrame], chart: Callable[[pd.DataFrame], str], trouble: Trouble
    ) -> None:
        self._name, self._frame, self._chart, self.trouble = name, frame, chart, trouble
        self._busy = self._stale = self.is_open = False
        self.picture, self.note = w.HTML(), w.HTML()
        self.button = w.Button()
        self.button.on_click(lambda _: self._turn(not self.is_open))
        self._body = w.VBox()
        self.widget = w.VBox([row(self.button, self.note), self._body])
        self.widget.add_class("tk-folded")
        self._turn(False)

    def refresh(self) -> None:
        """Draw it again if it is open; while it is being drawn, once more afterwards, however often this is called."""
        self._stale = self.is_open
        if self._busy or not self.is_open:
            return
        self._busy, self._stale = True, False
        self.note.value = "<p class='tk-hint' role='status'>Drawing the chart …</p>"
        in_background(self.trouble, self._drawn, self._show, failed=self._failed)

    def _turn(self, open: bool) -> None:
        self.is_open = open
        self.button.description = f"{'Hide' if open else 'Show'} {self._name}"
        self.picture.value = self.note.value = ""
        self._body.children = (self.trouble.widget, self.picture) if open else ()
        self.refresh()

    def _drawn(self) -> str:
        frame = self._frame()
        with _ONE_AT_A_TIME:
            return self._chart(frame)

    def _show(self, html: str) -> None:
        if self._goes_on():
            self.picture.value = html
            self.note.value = f"<p class='tk-hint' role='status'>As drawn at {datetime.now(UTC):%H:%M:%S} UTC</p>"

    def _failed(self, _: Exception) -> bool:
        """An old picture would pass for the new one, so there is none."""
        if not self._goes_on():
            return True
        self.picture.value = self.note.value = ""
        return False

    def _goes_on(self) -> bool:
        """Whether what has been drawn is still wanted; starts the next drawing if it is not the latest."""
        self._busy = False
        stale = self._stale
        if stale:
            self.refresh()
        return self.is_open and not stale
