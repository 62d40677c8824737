"""The serial of a license, pasted or from a file: a secret, so never state of a widget, and gone once it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets as w
from pydantic import SecretStr

from trackkit.contract.licenses import MAXIMUM_SERIAL, License
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.secret_file import SecretFile
from trackkit.widgets.work import in_background

SERIAL = Field(
    "serial",
    "Serial",
    "secret",
    help="Paste it whole, or load its file. Case, dashes and blanks do not matter. It is not shown again.",
)


class SerialInput:
    """The field and the button for a file. `widget` is what is shown; `fields` is for tests.

    Parameters
    ----------
    entered: called when Enter is pressed, and when a file was chosen; where what goes wrong is shown is its business.
    """

    def __init__(self, entered: Callable[[], None]) -> None:
        self.fields = Fields([Section("", (SERIAL,))], {"serial": ""})
        self.file = SecretFile("Load a file", self._loaded, MAXIMUM_SERIAL)
        self._entered = entered
        self.fields.when_entered(entered)
        self.widget = w.VBox([self.fields, self.file])
        self.widget.add_class("tk-serial")

    def _loaded(self, text: str) -> None:
        self.forget()  # else the page would go on showing what was typed before
        self.fields.put("serial", text)
        self._entered()

    def read(self) -> SecretStr:
        """What was pasted or loaded; `InvalidInput` when there is nothing."""
        text = str(self.fields.values["serial"])
        if not text.strip():
            self.fields.focus_on("serial")
            raise InvalidInput.of("Serial", "is empty", "Paste it, or load its file.")
        return SecretStr(text)

    def forget(self) -> None:
        """Take the serial out of the field and out of here."""
        self.fields.put("serial", "")


@dataclass(frozen=True, slots=True)
class Wording:
    """What the form says.

    Parameters
    ----------
    question: asks about the license that the serial is of.
    yes: the words on the button that enters it.
    """

    heading: str
    question: Callable[[License], str]
    yes: str


class SerialForm:
    """Says what a serial is, asks, and then enters it. `widget` is what is shown; `press` does what the button does.

    Parameters
    ----------
    send: enters the serial; with ``preview=True`` it only says what it is.
    done: gets the license that was entered.
    """

    def __init__(
        self,
        wording: Wording,
        trouble: Trouble,
        send: Callable[[SecretStr, bool], License],
        done: Callable[[License], None],
        cancel: Callable[[], None],
    ) -> None:
        self._wording, self._send, self._done = wording, send, done
        self.trouble = trouble.another()
        self.check = w.Button(description="Check the serial", button_style="primary")
        self.cancel = w.Button(description="Cancel")
        self.asking = w.VBox()
        press = shows_problems(self.trouble)(lambda *_: self.press())
        self.input = SerialInput(press)
        self.check.on_click(press)
        self.cancel.on_click(lambda _: cancel())
        actions = row(self.cancel, self.check, kind="tk-actions")
        heading = title(wording.heading, level=3)
        self.widget = w.VBox([heading, self.input.widget, self.asking, self.trouble.widget, actions])

    def press(self) -> None:
        """Have the serial looked at, then ask; nothing is entered before the answer."""
        self.asking.children = ()
        serial = self.input.read()

        def ask(license: License) -> None:
            confirm(self.asking, self._wording.question(license), self._wording.yes, lambda: self._enter(serial))

        in_background(self.trouble, lambda: self._send(serial, True), ask, busy=(self.check,))

    def _enter(self, serial: SecretStr) -> None:
        def entered(license: License) -> None:
            self.input.forget()
            self._done(license)

        in_background(self.trouble, lambda: self._send(serial, False), entered, busy=(self.check,))
