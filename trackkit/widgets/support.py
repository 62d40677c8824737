"""The support page: the mail queue and the server log, as the person who is logged in.

In a dashboard that is the visitor's own session; in a notebook the server it is connected to, or the one given.
"""

from __future__ import annotations

from datetime import UTC, datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.widgets.log_panel import LogPanel
from trackkit.widgets.mail_test_panel import MailTestPanel
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.queue_panel import QueuePanel
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.tables import shown


def support_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(_panels, server)


def _panels(server: Server, trouble: Trouble) -> w.Widget:
    who, fresh = server.session(), w.HTML()
    lines = trouble_for(server)
    log = LogPanel(server, trouble, lines)
    queue = QueuePanel(server, trouble, log.refresh, lines)
    button = w.Button(description="Refresh", button_style="primary", tooltip="Ask the server again")
    test, testing = (
        w.Button(description="Test sending", tooltip="Test the settings for sending, step by step"),
        w.VBox(),
    )
    head = w.HTML(
        f"<h1>Mail queue and server log</h1><p class='tk-purpose'>{shown(server.url)}, "
        f"as <b>{shown(who.username)}</b> ({shown(who.role)})</p>"
    )

    def refresh(_: object) -> None:
        queue.refresh()
        log.refresh()

    def told() -> None:
        fresh.value = f"<p class='tk-hint'>As of {datetime.now(UTC):%H:%M:%S} UTC</p>"

    @shows_problems(trouble)
    def open_test(_: object) -> None:
        testing.children = (MailTestPanel(server, trouble).widget,)

    button.on_click(refresh)
    test.on_click(open_test)
    log.grid.on_show(told)
    return w.VBox([lines.widget, row(head, fresh, test, button), testing, queue.widget, log.widget])
