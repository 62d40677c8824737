"""What a diagnosis or a test offers, as a button: it shows what would change and asks, then applies it.

Who may not do it sees what would have to be done, and who can.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.fixes import Prepared, prepare
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.fixes import FixView
from trackkit.domain.accounts import Role
from trackkit.widgets.confirm import Question, confirm
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background


class FixButton:
    """One offer. `widget` is what is shown; `button` and `question` are for tests, and do what a click does.

    Parameters
    ----------
    trouble: where errors are shown.
    applied: called with what happened, after it was applied.
    """

    def __init__(
        self, server: Server, fix: FixView, trouble: Trouble, applied: Callable[[str], None] = lambda said: None
    ) -> None:
        self._server, self._fix, self._trouble, self._applied = server, fix, trouble, applied
        self.button = w.Button(description=fix.words, button_style="primary")
        self.button.on_click(lambda _: self.ask())
        self.asking, self.said = w.VBox(), Said()
        self.question: Question | None = None
        needed = OPERATIONS[fix.operation].role or Role.viewer
        if Role(server.role).covers(needed):
            self.widget = w.VBox([row(self.button), self.asking, self.said])
        else:
            words = f"{fix.words}: that takes the role {needed}."
            self.widget = w.VBox([w.HTML(status(shown(words), "tk-warn"))])

    def ask(self) -> None:
        """Look at what would change, and ask."""
        in_background(self._trouble, lambda: prepare(self._server, self._fix), self._ask, busy=(self.button,))

    def _ask(self, prepared: Prepared) -> None:
        self.said.value = ""
        self.question = confirm(self.asking, prepared.question, self._fix.words, lambda: self._do(prepared))

    def _do(self, prepared: Prepared) -> None:
        in_background(self._trouble, prepared.do, self._done, busy=(self.button,))

    def _done(self, said: str) -> None:
        self.said.value = status("<br>".join(map(shown, said.splitlines())), "tk-good")
        self._applied(said)
