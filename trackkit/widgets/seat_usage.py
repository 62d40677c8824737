"""Seats over time: a chart of the peak and the mean against the number of seats, and who was refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.licenses import SeatUses
from trackkit.widgets.chart_panel import seats_chart
from trackkit.widgets.folded_chart import FoldedChart
from trackkit.widgets.license_tables import refusals_table
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.work import in_background

if TYPE_CHECKING:
    import pandas as pd

MANY = 50
"""Refusals on the page; all of them are in `server.licenses.history_frame(refused_only=True)`."""

_DAY: Final = timedelta(days=1)
PERIODS: Final = (("last day", 1), ("last 30 days", 30), ("last year", 365))


class UsagePanel:
    """The panel. `widget` is what is shown; the controls are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._days = 30
        self.period = w.Dropdown(options=PERIODS, value=self._days, description="Time")
        self.chart = FoldedChart("chart of seats over time", self._frame, seats_chart, trouble.another())
        self.button = w.Button(description="Refresh")
        self.list, self.more = w.HTML(), w.HTML()
        self.code = python_of("", server)
        self.period.observe(shows_problems(trouble)(lambda _: self._choose()), names="value")
        self.button.on_click(shows_problems(trouble)(lambda _: self.refresh()))
        self.widget = panel(
            title("Seats over time", "The most seats in use at once, the average, and refusals for want of one."),
            trouble.widget,
            row(self.period, self.button),
            self.chart.widget,
            title("Refusals", level=3),
            self.list,
            self.more,
            self.code,
        )
        self._choose()
        self._refusals()

    def refresh(self) -> None:
        """Ask the server again."""
        self.chart.refresh()
        self._refusals()

    def _choose(self) -> None:
        self._days = int(self.period.value)
        call = (
            "from datetime import UTC, datetime, timedelta\n\n"
            f"since = datetime.now(UTC) - timedelta(days={self._days})\n"
            f"server.licenses.usage_frame(since=since, by={_step(self._days)!r})\n"
            "server.licenses.history_frame(refused_only=True)"
        )
        self.code.code = whole(call, self._server)
        self.chart.refresh()

    def _frame(self) -> pd.DataFrame:
        days = self._days
        return self._server.licenses.usage_frame(since=datetime.now(UTC) - days * _DAY, by=_step(days))

    def _refusals(self) -> None:
        def show(found: SeatUses) -> None:
            self.list.value = refusals_table(found.uses)
            more = f"These are the newest {MANY}." if found.next_before is not None else ""
            self.more.value = f"<p class='tk-hint'>{more}</p>" if more else ""

        in_background(
            self.trouble,
            lambda: self._server.licenses.history(refused_only=True, limit=MANY),
            show,
            busy=(self.button,),
        )


def _step(days: int) -> Literal["hour", "day"]:
    """Steps so wide that each can be seen."""
    return "hour" if days <= 2 else "day"
