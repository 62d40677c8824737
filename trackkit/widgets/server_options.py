"""The panel of all server options: a form for each group, options as a file, and the history with its revert.

Groups, sections and fields come from the declarations: an option that is added later is here by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.options import OptionsState
from trackkit.domain.options import Options, catalogue
from trackkit.widgets import draft
from trackkit.widgets.forms import Form, option_form
from trackkit.widgets.mail_test_panel import MailTestPanel, mailbox
from trackkit.widgets.option_file import OptionFilePanel
from trackkit.widgets.option_history import OptionHistoryPanel
from trackkit.widgets.page import panel, title
from trackkit.widgets.problems import status
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

TITLES: Mapping[str, str] = {
    "log": "Server log",
    "sending": "Sending mail",
    "sending.smtp": "Mail host",
    "sending.oauth2": "OAuth 2",
    "sending.pop_before_smtp": "POP before SMTP",
    "sending.timing": "Timing and size",
    "sending.listener": "Mail from other programs",
    "tracking": "E-mail tracking",
}
"""Of groups and sections whose name alone does not say it."""


def server_options_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, _: ServerOptionsPanel(chosen).widget, server)


def sections() -> dict[str, dict[str, list[str]]]:
    """The names of all options by group, and in each by the title of their section."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, info in catalogue().items():
        path = name.rpartition(".")[0]
        words = "" if path == info.group else title_of(path)
        found.setdefault(info.group, {}).setdefault(words, []).append(name)
    return found


def title_of(path: str) -> str:
    """The heading of a group or section."""
    return TITLES.get(path) or path.rpartition(".")[2].replace("_", " ").capitalize()


class ServerOptionsPanel:
    """The panel. `widget` is what is shown; the parts are for tests, and do what a click does."""

    def __init__(self, server: Server) -> None:
        self._server, self.restart = server, w.HTML()
        self.forms: dict[str, Form] = {
            group: option_form(server, names, self._applied) for group, names in sections().items()
        }
        self.mailbox_test = MailTestPanel(server, trouble_for(server), self._look_again, mailbox())
        self.forms["tracking"].when_dirty(self.mailbox_test.unsaved)
        self.file = OptionFilePanel(server, self._changed)
        self.history = OptionHistoryPanel(server, self._changed)
        purpose = f"Everything that can be set on {server.name}. What needs a restart says so."
        cards: list[w.Widget] = []
        for group, form in self.forms.items():
            if form.names:
                words = str(Options.model_fields[group].annotation.__doc__)
                cards.append(panel(title(title_of(group), words), form.widget))
            if group == "tracking":
                cards.append(self.mailbox_test.widget)
        head = panel(title("Server options", purpose), self.restart)
        self.widget = w.VBox([head, *cards, self.file.widget, self.history.widget])
        self.widget.add_class("tk-panels")
        self._warn(next(iter(self.forms.values())).seen)

    def _look_again(self) -> None:
        """The test has changed something."""
        in_background(self.forms["tracking"].trouble, self._server.options.get, self._changed)

    def _applied(self, state: OptionsState) -> None:
        """A form has changed something: the other parts have to know."""
        self._warn(state)
        self.history.refresh(newest=True)

    def _changed(self, state: OptionsState) -> None:
        """A file or a revert has changed something."""
        for form in self.forms.values():
            form.update(state)
        self._applied(state)

    def _warn(self, state: OptionsState) -> None:
        waiting = [option.name for option in state.options if option.restart_needed]
        lines = "".join(f"<li>{shown(line)}</li>" for line in draft.notes(state, waiting))
        words = f"<strong>A restart of the server is needed.</strong><ul>{lines}</ul>"
        self.restart.value = status(words, "tk-warn") if waiting else ""
