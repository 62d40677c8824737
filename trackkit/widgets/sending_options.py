"""The page of the sending options: how mail leaves, how fast, the pause; and the test of what is stored."""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.suggest import Candidate
from trackkit.domain.accounts import Role
from trackkit.domain.options import catalogue
from trackkit.widgets.forms import option_form
from trackkit.widgets.mail_test_panel import MailTestPanel
from trackkit.widgets.page import panel, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.suggest import SuggestForm
from trackkit.widgets.trust_panel import TrustPanel
from trackkit.widgets.work import in_background

LOG_IN = ("sending.smtp.authentication", "sending.smtp.username", "sending.smtp.password")
CONNECTIONS = (
    "sending.smtp.one_message_per_connection",
    "sending.smtp.connect_timeout",
    "sending.smtp.conversation_timeout",
)

SECTIONS = {
    "How mail leaves": ("sending.method",),
    "Mail host": tuple(
        name for name in catalogue() if name.startswith("sending.smtp.") and name not in (*LOG_IN, *CONNECTIONS)
    ),
    "Log-in": LOG_IN,
    "OAuth 2": tuple(name for name in catalogue() if name.startswith("sending.oauth2.")),
    "POP before SMTP": tuple(name for name in catalogue() if name.startswith("sending.pop_before_smtp.")),
    "Connections to mail hosts": CONNECTIONS,
    "Pickup folder": ("sending.pickup.folder",),
    "MAPI": tuple(name for name in catalogue() if name.startswith("sending.mapi.")),
    "Timing and size": tuple(name for name in catalogue() if name.startswith("sending.timing.")),
    "History": ("sending.history_days",),
    "Mail from other programs": tuple(name for name in catalogue() if name.startswith("sending.listener.")),
    "Pause": ("sending.paused",),
}


def sending_options_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(_panel, server)


def _panel(server: Server, trouble: Trouble) -> w.Widget:
    purpose = f"How mail leaves {server.name}. Changes apply to the next message; nothing has to be restarted."
    form, trust, suggesting = option_form(server, SECTIONS), w.VBox(), w.VBox()
    test = MailTestPanel(server, trouble, lambda: in_background(trouble, server.options.get, form.update))
    form.when_dirty(test.unsaved)

    @shows_problems(trouble)
    def open_trust() -> None:
        trust.children = (TrustPanel(server, trouble_for(server)).widget,)

    def close() -> None:
        suggesting.children = ()

    def choose(one: Candidate) -> None:
        close()
        form.fill(one.changes, one.needs[0] if one.needs else "sending.smtp.host")

    @shows_problems(trouble)
    def suggest() -> None:
        suggesting.children = (panel(SuggestForm(server, trouble_for(server), choose, close).widget),)

    if Role(server.role) is Role.admin:
        form.fields.put_beside("sending.smtp.host", "Suggest settings", suggest)
    form.fields.put_beside("sending.smtp.encryption", "Trust manager", open_trust)
    return w.VBox([suggesting, panel(title("Sending options", purpose), form.widget), test.widget, trust])
