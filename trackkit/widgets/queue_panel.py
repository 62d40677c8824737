"""The mail queue: why mail waits, charts of how long, the list and what can be done, one mail in detail; sent mail.

Choosing a cause shows its groups and only its mail. Viewers look; operators act and read mails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import ipywidgets as w

from trackkit.client import Server
from trackkit.domain.accounts import Role
from trackkit.domain.delivery import State
from trackkit.widgets.chart_panel import domains_chart, queue_chart
from trackkit.widgets.diagnosis_table import DiagnosisTable
from trackkit.widgets.folded_chart import FoldedChart
from trackkit.widgets.grid import Grid, Sort
from trackkit.widgets.live import keeps_up, once_more
from trackkit.widgets.message_detail import MessageView
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.queue_actions import QueueActions
from trackkit.widgets.queue_groups import CauseView
from trackkit.widgets.queue_rows import (
    CAUSE_COLUMNS,
    NEWEST_FIRST,
    QUEUE_COLUMNS,
    CauseRows,
    QueueFilter,
    QueueRows,
)
from trackkit.widgets.sent_panel import SentPanel
from trackkit.widgets.session import on_server, trouble_for

LIVE_SECONDS = 10
SETTLED_SECONDS = 2
"""After a verb: the mail it made due has been tried by then, if the host answers."""

STATES = (("all but deleted", ""), *((state.value, state.value) for state in State if state is not State.sent))

AGES = (
    ("any age", 0),
    *((f"{words} or older", hours) for words, hours in (("1 hour", 1), ("4 hours", 4), ("1 day", 24))),
    *((f"{days} days or older", days * 24) for days in (3, 7)),
)
"""In hours."""


def mail_queue_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, trouble: QueuePanel(chosen, trouble).widget, server)


def _causes(server: Server, trouble: Trouble) -> Grid:
    return Grid(
        "Why mail waits",
        CAUSE_COLUMNS,
        CauseRows(server),
        sort=Sort("messages", descending=True),
        empty="No mail is waiting.",
        multiple=False,
        trouble=trouble,
    )


def _messages(server: Server, trouble: Trouble) -> Grid:
    return Grid(
        "Mail queue",
        QUEUE_COLUMNS,
        QueueRows(server),
        sort=NEWEST_FIRST,
        empty="No mail matches: the mail queue is empty, or the filters leave nothing.",
        trouble=trouble,
    )


class QueuePanel:
    """The panel and how to bring it up to date.

    Parameters
    ----------
    trouble: where errors of actions are shown.
    acted: called after each verb, for what else shows its effects.
    lines: where errors of the lists are shown, apart from those of actions, so that a refresh wipes none of these away;
        none = the panel has its own place.
    """

    def __init__(
        self, server: Server, trouble: Trouble, acted: Callable[[], None] = lambda: None, lines: Trouble | None = None
    ) -> None:
        self._server, self._acted = server, acted
        own = lines or trouble_for(server)
        self.causes, self.grid = _causes(server, own), _messages(server, own)
        self.cause = CauseView(server, trouble, own, self._filter, self._changed)
        self.charts = (
            FoldedChart("chart of the mail queue", server.mail.ages_frame, queue_chart, trouble_for(server)),
            FoldedChart("chart of domains and ages", server.mail.domain_ages_frame, domains_chart, trouble_for(server)),
        )
        self.state = w.Dropdown(options=STATES, value="", description="State")
        self.text = w.Text(description="Search", placeholder="subject or address", continuous_update=False)
        self.domain = w.Text(description="Domain", placeholder="of a recipient", continuous_update=False)
        self.older = w.Dropdown(options=AGES, value=0, description="Age")
        self.all = w.Button(description="Show all causes", disabled=True)
        self.live = keeps_up(server, "Keep up to date", LIVE_SECONDS, self._refresh_quietly)
        filters = row(self.state, self.text, self.domain, self.older, self.all, self.live)
        self.sent, self.diagnoses = SentPanel(server), DiagnosisTable(server)
        may_act = server.session().role.covers(Role.operator)
        below: tuple[w.Widget, ...] = (w.HTML("<p class='tk-hint'>Operators can open mails and act on them.</p>"),)
        if may_act:
            self.detail = MessageView(server, trouble, self._changed)
            self.actions = QueueActions(server, self.grid, trouble, self._changed)
            self.grid.on_open(self.detail.open)
            hint = w.HTML(
                "<p class='tk-hint'>Enter or a double click opens a mail. Space, Ctrl and Shift select, Ctrl+A "
                "selects all that match.</p>"
            )
            below = (hint, self.actions.widget, self.detail.widget)
        self.widget = panel(
            title("Mail queue"),
            *(() if lines else (own.widget,)),
            self.causes.widget,
            self.cause.widget,
            *(chart.widget for chart in self.charts),
            filters,
            self.grid.widget,
            *below,
            self.sent.widget,
            self.diagnoses.widget,
        )
        self.causes.on_select(self._choose)
        self.all.on_click(lambda _: self.causes.clear())
        for control in (self.state, self.text, self.domain, self.older):
            control.observe(lambda _: self._filter(), names="value")
        self.causes.show(None)
        self._filter()

    def refresh(self) -> None:
        """Ask the server again."""
        self.causes.refresh()
        self.cause.refresh()
        self.grid.refresh()
        for chart in self.charts:
            chart.refresh()
        self.sent.refresh()

    def _changed(self) -> None:
        self.refresh()
        self._acted()
        once_more(self._server, SETTLED_SECONDS, self.refresh)

    def _refresh_quietly(self) -> None:
        if not (self.grid.busy or self.causes.busy):
            self.causes.refresh(failed=self._stop_live)
            self.cause.refresh()
            self.grid.refresh(failed=self._stop_live)

    def _stop_live(self) -> None:
        self.live.value = False

    def _choose(self) -> None:
        cause = next(iter(self.causes.selected_ids), None)
        self.all.disabled = cause is None
        self.cause.show(cause)
        self._filter()

    def _filter(self) -> None:
        """Show what the filters and the chosen group say."""
        chosen = self.cause.filter if self.causes.selected_ids else QueueFilter()
        older = timedelta(hours=self.older.value) if self.older.value else None
        self.grid.show(
            replace(
                chosen,
                state=State(self.state.value) if self.state.value else None,
                cause=next(iter(self.causes.selected_ids), None),
                text=self.text.value or None,
                domain=self.domain.value.strip() or None,
                older_than=max((span for span in (chosen.older_than, older) if span), default=None),
            )
        )
