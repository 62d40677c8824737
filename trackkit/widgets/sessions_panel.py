"""Who is logged in now, and ending a session (asks first). Everybody sees their own; what else, the role decides."""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.sessions import SessionRow, Sessions
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.account_tables import sessions_table, what_for
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import instant, shown
from trackkit.widgets.work import in_background


class SessionsPanel:
    """The panel. `widget` is what is shown; the buttons are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._sessions: dict[str, SessionRow] = {}
        self.list, self.said, self.asking = w.HTML(), w.HTML(), w.VBox()
        self.chosen = w.Dropdown(description="Session", options=[])
        self.code = python_of("server.sessions.frame()", server)
        actions = {"Refresh": self.refresh, "End session": self.end}
        self.buttons = action_buttons(actions, trouble, danger="End session")
        self.widget = panel(
            title("Sessions", "Who is logged in now."),
            trouble.widget,
            self.list,
            row(self.chosen, *self.buttons.values()),
            self.asking,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for the list and show it."""
        in_background(self.trouble, self._server.sessions.list, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Sessions) -> None:
        self._sessions = {session.session_id: session for session in found.sessions}
        offer(self.chosen, [(_line(session), key) for key, session in self._sessions.items()])
        self.list.value = sessions_table(found.sessions)
        self.buttons["End session"].disabled = not self._sessions

    def end(self) -> None:
        """Ask, then end the chosen session."""
        if self.chosen.value is None:
            raise InvalidInput("No session is chosen.", "Choose one in the list.")
        session = self._sessions[str(self.chosen.value)]
        self.said.value = ""

        def ended(_: object) -> None:
            self.code.code = whole(f"server.sessions.end({session.session_id!r})", self._server)
            self.said.value = status(shown(f"The session of {session.username} has ended."), "tk-good")
            self.refresh()

        def do() -> None:
            in_background(self.trouble, lambda: self._server.sessions.end(session.session_id), ended)

        own = " It is the one this page works in: log in again afterwards." if session.current else ""
        question = f"End the session of {_line(session)} UTC? What is not saved there is lost.{own}"
        confirm(self.asking, question, "End it", do)


def _line(session: SessionRow) -> str:
    where = "local socket" if session.local else session.client_address
    return f"{session.username} ({what_for(session)}) from {where}, opened {instant(session.opened_at)}"
