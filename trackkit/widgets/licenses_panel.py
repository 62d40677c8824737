"""The page of licenses and seats (SPEC §3): serials, who holds a seat now, seats over time, the history played again.

A serial is looked at and described before it is entered, and is never state of a widget. What deleting a license does
to people is said before it is done. Only an admin changes licenses; who may do less sees the same without the buttons.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import ipywidgets as w
from pydantic import SecretStr

from trackkit.client import Server
from trackkit.client.license_words import described, name_of, who_stays
from trackkit.contract.licenses import Deleted, License, Licenses
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput
from trackkit.frames.licenses import seats_words
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.copyable import Copyable
from trackkit.widgets.license_tables import expiry_warning, licenses_table
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.seat_replay import ReplayPanel
from trackkit.widgets.seat_usage import UsagePanel
from trackkit.widgets.seats_panel import SeatsPanel
from trackkit.widgets.serial_form import SerialForm, Wording
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

_ASKED = 'getpass("Serial: ")'
NO_KEYS = (
    "This server accepts no serials yet: on its machine, <code>trackkit server set license-keys KEY</code> says whose "
    "signature counts, then it has to be restarted."
)


def licenses_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """

    def build(chosen: Server, trouble: Trouble) -> w.VBox:
        seats, replay = SeatsPanel(chosen, trouble_for(chosen)), ReplayPanel(chosen, trouble_for(chosen))

        def changed() -> None:
            seats.refresh()
            replay.refresh()

        licenses = LicensesPanel(chosen, trouble, changed)
        usage = UsagePanel(chosen, trouble_for(chosen))
        return w.VBox([licenses.widget, seats.widget, usage.widget, replay.widget])

    return on_server(build, server)


class LicensesPanel:
    """The licenses. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does.

    Parameters
    ----------
    changed: called after a license was entered, replaced or deleted.
    """

    def __init__(self, server: Server, trouble: Trouble, changed: Callable[[], None] = lambda: None) -> None:
        self._server, self.trouble, self._changed = server, trouble, changed
        self._licenses: dict[int, License] = {}
        self.warning, self.list, self.keys, self.said = w.HTML(), w.HTML(), w.HTML(), Said()
        self.server_id = Copyable(label="Serials for this server are issued for its id:")
        self.chosen = w.Dropdown(description="License", options=[])
        self.form_box, self.asking = w.VBox(), w.VBox()
        self.form: SerialForm | None = None
        self.code = python_of("server.licenses.frame()", server)
        actions = {"Refresh": self.refresh, "Add a license": self.add, "Replace": self.edit, "Delete": self.delete}
        self.buttons = action_buttons(actions, trouble, primary="Add a license", danger="Delete")
        self.may_edit = Role(server.role).covers(Role.admin)
        controls = row(self.chosen, *self.buttons.values()) if self.may_edit else row(self.buttons["Refresh"])
        self.widget = panel(
            title(
                "Licenses", f"What is entered on {server.name}: how many people can be logged in to projects at once."
            ),
            self.warning,
            self.list,
            self.server_id,
            self.keys,
            controls,
            self.asking,
            self.form_box,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for the list and show it."""
        in_background(self.trouble, self._server.licenses.list, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Licenses) -> None:
        today = datetime.now(UTC).date()
        self._licenses = {one.license_id: one for one in found.licenses}
        offer(self.chosen, [(_line(one), key) for key, one in self._licenses.items()])
        self.list.value = licenses_table(found.licenses, today)
        self.warning.value = expiry_warning(found.licenses, today)
        self.server_id.text = found.server_id
        self.keys.value = "" if found.accepted_keys else f"<p class='tk-hint'>{NO_KEYS}</p>"
        for words, button in self.buttons.items():
            button.disabled = words in ("Replace", "Delete") and not self._licenses

    @property
    def license(self) -> License:
        """The chosen license; `InvalidInput` when there is none."""
        if self.chosen.value is None:
            raise InvalidInput("No license is chosen.", "Choose one in the list.")
        return self._licenses[int(self.chosen.value)]

    def add(self) -> None:
        """The form for a serial."""

        def send(serial: SecretStr, preview: bool) -> License:
            return self._server.licenses.add(serial, preview=preview)

        wording = Wording("Add a license", lambda one: f"This is {described(one)}.\nEnter it?", "Enter the license")
        self._place(wording, send, f"add({_ASKED})", "Entered")

    def edit(self) -> None:
        """The form for a serial that takes the place of the chosen license's."""
        old = self.license

        def send(serial: SecretStr, preview: bool) -> License:
            return self._server.licenses.edit(old.license_id, serial, preview=preview)

        def question(new: License) -> str:
            return f"This is {described(new)}.\nPut it in the place of {described(old)}?"

        wording = Wording(f"Replace the serial of {name_of(old)}", question, "Replace the serial")
        self._place(wording, send, f"edit({old.license_id}, {_ASKED})", f"Entered in the place of {name_of(old)}")

    def _place(self, wording: Wording, send: Callable[[SecretStr, bool], License], call: str, outcome: str) -> None:
        self._close()

        def done(license: License) -> None:
            self._done(f"{outcome}: {described(license)}.", call)

        self.form = SerialForm(wording, self.trouble, send, done, self._close)
        self.form_box.children = (self.form.widget,)
        self.form.input.fields.focus_on("serial")

    def delete(self) -> None:
        """Say what would go and who holds a seat of it, ask, then delete the chosen license."""
        license_id = self.license.license_id
        self._close()

        def ask(gone: Deleted) -> None:
            words = f"Delete the {described(gone.license)}?\n{who_stays(gone)} To enter it again its serial is needed."
            confirm(self.asking, words, "Delete the license", do)

        def do() -> None:
            in_background(self.trouble, lambda: self._server.licenses.delete(license_id), deleted)

        def deleted(gone: Deleted) -> None:
            self._done(f"The {name_of(gone.license)} was deleted.", f"delete({license_id})")

        in_background(self.trouble, lambda: self._server.licenses.delete(license_id, preview=True), ask)

    def _done(self, words: str, call: str) -> None:
        self._close()
        self.code.code = whole(f"server.licenses.{call}", self._server)
        self.said.value = status(shown(words), "tk-good")
        self.refresh()
        self._changed()

    def _close(self) -> None:
        self.form_box.children = self.asking.children = ()
        if self.form is not None:
            self.form.input.forget()
        self.form = None
        self.said.value = ""


def _line(license: License) -> str:
    return f"{license.number or name_of(license)} ({seats_words(license.seats) or 'no seats'})"
