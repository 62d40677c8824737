"""The server log: filters, their histogram, the entries that match, one entry in detail, export, deletion.

The filters, a stretch of the histogram and a saved filter are three ways to the same conditions; list, count, export
and the Python that is shown have always the same ones.
"""

from __future__ import annotations

from datetime import UTC, datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import LogRow
from trackkit.domain.accounts import Role
from trackkit.widgets.grid import Grid
from trackkit.widgets.live import keeps_up
from trackkit.widgets.log_deletion import LogDeletion
from trackkit.widgets.log_entry import entry_html
from trackkit.widgets.log_export import LogExport
from trackkit.widgets.log_filter_form import LogFilterForm
from trackkit.widgets.log_histogram import LogHistogram
from trackkit.widgets.log_rows import LOG_COLUMNS, NEWEST_FIRST, LogRows
from trackkit.widgets.log_saved import SavedLogFilters
from trackkit.widgets.log_view import LogView, call_of
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.work import in_background

LIVE_SECONDS = 2


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
        self.saved = SavedLogFilters(server, trouble, lambda: self.view, self._use)
        self.form = LogFilterForm(self._show_view, self.saved.choice, self.saved.save, self.saved.delete)
        own = lines or trouble_for(server)
        self.histogram = LogHistogram(server, own, self._use)
        self.live = keeps_up(server, "Live", LIVE_SECONDS, self._refresh_quietly)
        self.live.observe(lambda _: self._live_switched(), names="value")
        self._live_words, self._total = "", 0
        self._count, self._entry = w.HTML(), w.VBox()
        self.grid = Grid(
            "Server log",
            LOG_COLUMNS,
            self._source,
            sort=NEWEST_FIRST,
            empty="No log entry matches the filters.",
            multiple=False,
            trouble=own,
        )
        self.code = python_of("server.log.frame()", server)
        self.export = LogExport(server, trouble, lambda: self.view)
        parts = [self.form.widget, self.saved.widget, *(() if lines else (own.widget,)), self.histogram.widget]
        parts += [row(self._count, self.live), self.grid.widget, self.code, self._entry, self.export.widget]
        if server.session().role is Role.admin:
            self.deletion = LogDeletion(server, trouble, self.refresh)
            parts.append(self.deletion.widget)
        self.widget = panel(title("Server log"), *parts)
        self.grid.on_show(self._told)
        self.grid.on_select(self._read)
        self._show_view(self.view)

    @property
    def view(self) -> LogView:
        """Which entries are shown."""
        return self.form.view

    def refresh(self) -> None:
        """Ask the server again."""
        self.grid.refresh()
        self.histogram.refresh()

    def _refresh_quietly(self) -> None:
        if not self.grid.busy:
            self.grid.refresh(failed=self._stop_live)

    def _stop_live(self) -> None:
        self.live.value = False

    def _use(self, view: LogView) -> None:
        """Conditions that come from the histogram or a saved filter."""
        self.form.put(view)
        self._show_view(view)

    def _show_view(self, view: LogView) -> None:
        self.code.code = whole(call_of("frame", view), self._server)
        self.saved.changed(view)
        self.export.changed()
        self.grid.show(view)
        self.histogram.show(view)

    def _told(self) -> None:
        words = f"Log entries that match: {'' if self._source.total_is_exact else 'more than '}{self.grid.total:,}"
        words = f'<p class="tk-hint" role="status">{words}{self._live_words}</p>'
        if words != self._count.value:
            self._count.value = words
        if self.live.value and self.grid.total != self._total:  # counting anew costs more than looking for new ones
            self.histogram.refresh()
        self._total = self.grid.total

    def _live_switched(self) -> None:
        now = f"{datetime.now(UTC):%H:%M:%S} UTC"
        self._live_words = "; new ones come by themselves" if self.live.value else f"; paused at {now}"
        self._told()

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
