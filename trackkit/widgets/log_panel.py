"""The server log: filters, the entries that match, their chart, one entry in detail, deletion for administrators."""

from __future__ import annotations

from datetime import UTC, datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import LogRow
from trackkit.domain.accounts import Role
from trackkit.domain.log import Match, Severity
from trackkit.widgets.chart_panel import log_chart
from trackkit.widgets.folded_chart import FoldedChart
from trackkit.widgets.grid import Grid
from trackkit.widgets.live import keeps_up
from trackkit.widgets.log_deletion import LogDeletion
from trackkit.widgets.log_rows import LOG_COLUMNS, NEWEST_FIRST, LogRows, LogView
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import instant, shown, shown_block
from trackkit.widgets.work import in_background

LIVE_SECONDS = 2

MATCHES = (
    ("that level and more severe", Match.more),
    ("that level only", Match.only),
    ("that level and less severe", Match.less),
)


def server_log_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, trouble: LogPanel(chosen, trouble).widget, server)


class LogPanel:
    """The panel, its filters, and how to bring it up to date; `trouble` and `lines` as in the panel of the queue."""

    def __init__(self, server: Server, trouble: Trouble, lines: Trouble | None = None) -> None:
        self._server, self._trouble, self._source = server, trouble, LogRows(server)
        levels = [(severity.title, severity.name) for severity in Severity]
        self.level = w.Dropdown(options=levels, value=Severity.information.name, description="Level")
        self.match = w.Dropdown(options=MATCHES, value=Match.more, description="Show")
        self.text = w.Text(description="Text", placeholder="in message or details", continuous_update=False)
        self.source = w.Text(description="Source", placeholder="any", continuous_update=False)
        self.username = w.Text(description="User", placeholder="any", continuous_update=False)
        self.since = w.NaiveDatetimePicker(description="From (UTC)")
        self.until = w.NaiveDatetimePicker(description="Before (UTC)")
        self.live = keeps_up(server, "Live", LIVE_SECONDS, self._refresh_quietly)
        self._filters = (self.level, self.match, self.text, self.source, self.username, self.since, self.until)
        self._count, self._entry = w.HTML(), w.VBox()
        own = lines or trouble_for(server)
        self.grid = Grid(
            "Server log",
            LOG_COLUMNS,
            self._source,
            sort=NEWEST_FIRST,
            empty="No log entry matches the filters.",
            multiple=False,
            trouble=own,
        )
        self._view = LogView()
        self.chart = FoldedChart(
            "chart of the server log",
            lambda: server.log.histogram_frame(**self._view.conditions),
            log_chart,
            trouble_for(server),
        )
        self.code = python_of("server.log.frame()", server)
        parts = [row(*self._filters, self.live), *(() if lines else (own.widget,)), self._count]
        parts += [self.chart.widget, self.grid.widget, self.code, self._entry]
        if server.session().role is Role.admin:
            self.deletion = LogDeletion(server, trouble, self.refresh)
            parts.append(self.deletion.widget)
        self.widget = panel(title("Server log"), *parts)
        for control in self._filters:
            control.observe(lambda _: self._filter(), names="value")
        self.grid.on_show(self._told)
        self.grid.on_select(self._read)
        self._filter()

    def refresh(self) -> None:
        """Ask the server again."""
        self.grid.refresh()
        self.chart.refresh()

    def _refresh_quietly(self) -> None:
        if not self.grid.busy:
            self.grid.refresh(failed=self._stop_live)

    def _stop_live(self) -> None:
        self.live.value = False

    def _filter(self) -> None:
        self._view = view = LogView(
            self.level.value,
            self.match.value,
            _instant(self.since.value),
            _instant(self.until.value),
            self.text.value or None,
            self.source.value.strip() or None,
            self.username.value.strip() or None,
        )
        call = f"server.log.frame({view.as_python})"
        needs = "from datetime import datetime\n\n" if "datetime." in call else ""
        self.code.code = whole(needs + call, self._server)
        self.grid.show(view)
        self.chart.refresh()

    def _told(self) -> None:
        words = f'<p class="tk-hint" role="status">Log entries that match: {self.grid.total:,}</p>'
        if words != self._count.value:
            self._count.value = words

    def _read(self) -> None:
        chosen = next(iter(self.grid.selected_ids), None)
        if chosen is None:
            self._entry.children = ()
            return
        in_background(self._trouble, lambda: self._source.entry(chosen), self._show)

    def _show(self, entry: LogRow | None) -> None:
        html = entry_html(entry) if entry else "<p role='status'>This entry has been deleted.</p>"
        body = w.HTML(html)
        body.add_class("tk-detail")
        self._entry.children = (body,)


def _instant(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def entry_html(entry: LogRow) -> str:
    """A log entry whole, as HTML; all of it escaped."""
    facts = {
        "Time (UTC)": instant(entry.at),
        "Level": Severity.named(entry.level).title,
        "Source": entry.source,
        "Database": entry.database,
        "User": entry.username,
        "Client address": entry.client_address,
    }
    given = "".join(f"<dt>{name}</dt><dd>{shown(value)}</dd>" for name, value in facts.items() if value)
    details = f"<h4>Details</h4>{shown_block(entry.details)}" if entry.details else ""
    return f"<h3>Entry {entry.entry_id}</h3><dl class='tk-facts'>{given}</dl>{shown_block(entry.message)}{details}"
