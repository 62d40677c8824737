"""One's own dedicated license at the log-in to a project: asked for once, remembered on this computer, forgotten again.

This computer is the one the notebook's kernel runs on. The serial is never state of a widget; where it is kept is
`trackkit.client.dedicated`'s business.
"""

from __future__ import annotations

import os

import ipywidgets as w

from trackkit.client import dedicated
from trackkit.domain.errors import TrackkitError
from trackkit.widgets.confirm import confirm
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, show, shows_problems
from trackkit.widgets.serial_form import SerialInput

FLOATING = "You take one of the floating seats while you are logged in."
REMEMBERED = "Your dedicated license is remembered on this computer, and is presented at the log-in."
GIVEN = "The dedicated license that TRACKKIT_SERIAL holds is presented at the log-in."
IN_THE_WAY = "A dedicated license is kept on this computer, but cannot be used as it is."


class DedicatedLicense:
    """What a log-in presents. `widget` is what is shown; the buttons are for tests, and do what a click does."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble.another()
        self.words, self.asking, self._body = w.HTML(), w.VBox(), w.VBox()
        self.have = w.Button(description="I have a dedicated license")
        self.remember_it = w.Button(description="Remember it")
        self.forget_it = w.Button(description="Forget it")
        self._controls = row(self.words)
        remember = shows_problems(self.trouble)(lambda *_: self.remember())
        self.input = SerialInput(remember)
        self.remember_it.on_click(remember)
        self.have.on_click(shows_problems(self.trouble)(lambda _: self._turn(not self._body.children)))
        self.forget_it.on_click(shows_problems(self.trouble)(lambda _: self.forget()))
        self.widget = w.VBox([self._controls, self.asking, self._body, self.trouble.widget])
        self.look()

    def look(self) -> None:
        """Show which license a log-in would present now."""
        self._turn(False)
        words, button = FLOATING, self.have
        try:
            if os.environ.get("TRACKKIT_SERIAL"):
                words, button = GIVEN, None
            elif dedicated.recall() is not None:
                words, button = REMEMBERED, self.forget_it
        except TrackkitError as error:
            show(self.trouble, error)
            words, button = IN_THE_WAY, self.forget_it
        self.words.value = f"<span class='tk-hint'>{words}</span>"
        self._controls.children = (self.words, button) if button else (self.words,)

    def _turn(self, open: bool) -> None:
        self._body.children = (self.input.widget, row(self.remember_it, kind="tk-actions")) if open else ()
        if open:
            self.input.fields.focus_on("serial")
        else:
            self.input.forget()

    def remember(self) -> None:
        """Keep the serial that was pasted or loaded; `SerialMistyped` when its check digits do not fit."""
        dedicated.remember(self.input.read())
        self.look()

    def forget(self) -> None:
        """Ask, then take the license away from this computer."""

        @shows_problems(self.trouble)
        def do() -> None:
            dedicated.forget()
            self.look()

        words = "Take your dedicated license away from this computer? To use it again its serial is needed."
        confirm(self.asking, words, "Forget it", do)
