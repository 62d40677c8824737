"""Who holds a license seat now, and giving it back: an operator ends the session after a question."""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.licenses import Seat, Seats
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.license_tables import pool_bars, seats_table
from trackkit.widgets.live import keeps_up
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import instant, shown
from trackkit.widgets.work import in_background

LIVE_SECONDS = 5


class SeatsPanel:
    """The panel. `widget` is what is shown; the buttons are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._lines = trouble.another()  # a refresh by itself wipes away no error of an action
        self._seats: dict[str, Seat] = {}
        self._busy = False
        self.pools, self.list, self.said, self.asking = w.HTML(), w.HTML(), Said(), w.VBox()
        self.chosen = w.Dropdown(description="Session", options=[])
        self.live = keeps_up(server, "Keep up to date", LIVE_SECONDS, self._refresh_quietly)
        self.code = python_of("server.licenses.seats_frame()", server)
        self.buttons = action_buttons({"Refresh": self.refresh, "End session": self.end}, trouble, danger="End session")
        self.may_end = Role(server.role).covers(Role.operator)
        ending = (self.chosen, self.buttons["End session"]) if self.may_end else ()
        self.widget = panel(
            title("Seats now", "Who holds a seat, since when, and when it comes back by itself."),
            trouble.widget,
            self._lines.widget,
            self.pools,
            self.list,
            row(*ending, self.buttons["Refresh"], self.live),
            self.asking,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server who holds seats and show it."""
        self._busy = True
        in_background(
            self._lines, self._server.licenses.seats, self._show, busy=(self.buttons["Refresh"],), failed=self._failed
        )

    def _refresh_quietly(self) -> None:
        if not self._busy:
            self.refresh()

    def _failed(self, _: Exception) -> bool:
        self._busy = self.live.value = False
        return False

    def _show(self, found: Seats) -> None:
        self._busy = False
        self._seats = {seat.session_id: seat for seat in found.seats}
        offer(self.chosen, [(_line(seat), key) for key, seat in self._seats.items()])
        self.pools.value, self.list.value = pool_bars(found.pools), seats_table(found.seats)
        self.buttons["End session"].disabled = not self._seats

    def end(self) -> None:
        """Ask, then end the chosen session, which frees its seat."""
        if self.chosen.value is None:
            raise InvalidInput("No session is chosen.", "Choose one in the list.")
        seat = self._seats[str(self.chosen.value)]
        self.said.value = ""

        def ended(_: object) -> None:
            self.code.code = whole(f"server.sessions.end({seat.session_id!r})", self._server)
            self.said.value = status(shown(f"The session of {seat.username} has ended; the seat is free."), "tk-good")
            self.refresh()

        def do() -> None:
            in_background(self.trouble, lambda: self._server.sessions.end(seat.session_id), ended)

        question = (
            f"End the session of {_line(seat)} UTC? The {seat.pool} seat is free for somebody else then. "
            "What is not saved there is lost."
        )
        confirm(self.asking, question, "End it", do)


def _line(seat: Seat) -> str:
    return f"{seat.username} in {seat.database} ({seat.client}), since {instant(seat.taken_at)}"
