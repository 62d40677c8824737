"""The server log as a plain table with its filters: level (only, and more severe, and less severe) and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import LogRow
from trackkit.domain.log import Match, Severity
from trackkit.widgets.queue_panel import counted
from trackkit.widgets.tables import Cell, instant, table

NEWEST = 100

LOG_TITLES = ("Time (UTC)", "Level", "Source", "Message", "User")

MATCHES = (
    ("that level and more severe", Match.more),
    ("that level only", Match.only),
    ("that level and less severe", Match.less),
)


def log_table(entries: Sequence[LogRow]) -> str:
    """The entries, one row each."""
    rows = [
        (
            Cell(instant(entry.at), "tk-fixed"),
            Cell(Severity.named(entry.level).title, "tk-fixed", f"tk-level-{entry.level}"),
            Cell(entry.source),
            Cell(entry.message, "tk-text", below=(entry.details,)),
            Cell(entry.username, below=(entry.client_address,)),
        )
        for entry in entries
    ]
    return table("Server log", LOG_TITLES, rows, "No log entry matches the filters.")


class LogPanel:
    """The panel, its filters, and how to bring it up to date."""

    def __init__(self, server: Server) -> None:
        self._server = server
        levels = [(severity.title, severity.name) for severity in Severity]
        self.level = w.Dropdown(options=levels, value=Severity.information.name, description="Level")
        self.match = w.Dropdown(options=MATCHES, value=Match.more, description="Show")
        self.text = w.Text(description="Text", placeholder="in message or details", continuous_update=False)
        self._entries = w.HTML()
        filters = w.HBox([self.level, self.match, self.text])
        filters.add_class("tk-row")
        self.view = w.VBox([w.HTML("<h2>Server log</h2>"), filters, self._entries])
        self.view.add_class("tk-panel")

    def when_filtered(self, handler: Callable[[object], None]) -> None:
        """Call `handler` when a filter has changed."""
        for control in (self.level, self.match, self.text):
            control.observe(handler, names="value")

    def refresh(self) -> None:
        """Ask the server and show; raises what the server says, and leaves the panel as it was then."""
        page = self._server.log.list(self.level.value, self.match.value, text=self.text.value or None, limit=NEWEST)
        self._entries.value = counted(len(page.entries), page.total, "Log entries that match") + log_table(page.entries)
