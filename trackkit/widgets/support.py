"""The support page: the mail queue and the server log, as the person who is logged in.

`support_page()` connects as the environment says (in a dashboard: the visitor's own session), so it needs no
arguments there; in a notebook give it a server. What goes wrong, from connecting on, is shown on the page.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import ipywidgets as w

import trackkit
from trackkit.client import Server
from trackkit.domain.errors import InvalidInput
from trackkit.widgets import folder
from trackkit.widgets.log_panel import LogPanel
from trackkit.widgets.problems import shows_problems
from trackkit.widgets.queue_panel import QueuePanel
from trackkit.widgets.tables import shown


def support_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = connect as the environment says (TRACKKIT_SERVER, TRACKKIT_TOKEN …).
    """
    style = w.HTML(f"<style>{(folder() / 'look.css').read_text(encoding='utf-8')}</style>")
    trouble, body = w.HTML(), w.VBox()
    trouble.add_class("tk-trouble")
    page = w.VBox([style, trouble, body])
    page.add_class("tk")
    page.add_class("tk-panels")

    @shows_problems(trouble)
    def build() -> None:
        body.children = _panels(server if server is not None else _from_environment(), trouble)

    build()
    return page


def _from_environment() -> Server:
    address = os.environ.get("TRACKKIT_SERVER")
    if not address:
        raise InvalidInput(
            "No server is named.", "Give a connected one, support_page(trackkit.connect(…)), or set TRACKKIT_SERVER."
        )
    return trackkit.connect(address)


def _panels(server: Server, trouble: w.HTML) -> tuple[w.Widget, ...]:
    who, fresh = server.session(), w.HTML()
    queue, log = QueuePanel(server), LogPanel(server)
    button = w.Button(description="Refresh", button_style="primary", tooltip="Ask the server again")
    title = w.HTML(
        f"<h1>Mail queue and server log</h1><p class='tk-purpose'>{shown(server.url)}, "
        f"as <b>{shown(who.username)}</b> ({shown(who.role)})</p>"
    )
    head = w.HBox([title, fresh, button])
    head.add_class("tk-row")

    @shows_problems(trouble)
    def refresh(*_: object) -> None:
        now = datetime.now(UTC)
        queue.refresh(now)
        log.refresh()
        fresh.value = f"<p class='tk-hint' role='status'>As of {now:%H:%M:%S} UTC</p>"

    @shows_problems(trouble)
    def filtered(*_: object) -> None:
        log.refresh()

    button.on_click(refresh)
    log.when_filtered(filtered)
    refresh()
    return (head, queue.view, log.view)
