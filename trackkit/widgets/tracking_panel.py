"""E-mail tracking of a server: its mailboxes, the set-up of projects, what was fetched, and the quarantine.

Viewers see how it goes; operators fetch, look into mails and reprocess them; admins set it up.
"""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.domain.accounts import Role
from trackkit.widgets.inbox_panel import InboxPanel
from trackkit.widgets.mailboxes_panel import MailboxesPanel
from trackkit.widgets.page import panel, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.session import on_server
from trackkit.widgets.tables import shown
from trackkit.widgets.tracking_setup import TrackingSetup


def tracking_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, trouble: TrackingPanel(chosen, trouble).widget, server)


class TrackingPanel:
    """The panels. `widget` is what is shown; the parts are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        who = server.session()
        may_look = who.role.covers(Role.operator)
        self.inbox = InboxPanel(server, trouble, lambda: self.mailboxes.refresh()) if may_look else None
        fetched = self.inbox.refresh if self.inbox else lambda: None
        self.mailboxes, self.setup = MailboxesPanel(server, trouble, fetched), TrackingSetup(server, trouble)
        head = w.HTML(
            f"<h1>E-mail tracking</h1><p class='tk-purpose'>{shown(server.url)}, as <b>{shown(who.username)}</b> "
            f"({shown(who.role)})</p>"
        )
        words = "<p class='tk-hint'>Operators see what was fetched.</p>"
        inbox = self.inbox.widget if self.inbox else panel(title("Fetched mail and quarantine"), w.HTML(words))
        self.widget = w.VBox([head, self.mailboxes.widget, inbox, self.setup.widget])
        self.widget.add_class("tk-panels")
