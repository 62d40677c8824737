"""Questions before anything is changed for good, in the page and not in a dialog of the browser.

The question says what will happen to how many things. *No* changes nothing, has the focus first, and is what Escape
means. One question at a time in a box: the next one replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as w
import traitlets as t
from anywidget import AnyWidget


class Question(AnyWidget):
    """A question with its two answers."""

    _esm = Path(__file__).with_name("confirm.js")

    question = t.Unicode().tag(sync=True)
    yes = t.Unicode().tag(sync=True)
    no = t.Unicode("No").tag(sync=True)

    def __init__(self, question: str, yes: str, no: str, answered: Callable[[bool], None]) -> None:
        super().__init__(question=question, yes=yes, no=no)
        self._answered: Callable[[bool], None] | None = answered
        self.on_msg(self._told)

    def answer(self, yes: bool) -> None:
        """Answer it, as a click would; only the first answer counts."""
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(yes)

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        if isinstance(content, dict) and isinstance(content.get("yes"), bool):
            self.answer(content["yes"])


def confirm(
    box: w.Box,
    question: str,
    yes: str,
    on_yes: Callable[[], None],
    on_no: Callable[[], None] | None = None,
    *,
    no: str = "No",
) -> Question:
    """Ask in `box`, which is empty again once there is an answer.

    Parameters
    ----------
    question: what will happen to how many things; lines are kept.
    yes, no: the words on the buttons; say what is done: ``Delete 3 messages``.
    on_yes, on_no: called after the answer; a handler that can fail brings its own `shows_problems`.
    """

    def answered(is_yes: bool) -> None:
        box.children = ()
        asked.close()
        if is_yes:
            on_yes()
        elif on_no is not None:
            on_no()

    asked = Question(question, yes, no, answered)
    box.children = (asked,)
    return asked
