"""Deleting log entries: all, or up to and including a date. Asks first, with the number counted by the server.

While there are problems the log may be what explains them, so the question then advises against it and names them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import DeletedLog
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity
from trackkit.widgets.confirm import confirm
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.work import in_background


@dataclass(frozen=True, slots=True)
class _Doomed:
    """What would be deleted, and the problems there are now."""

    entries: int
    problems: tuple[str, ...]


class LogDeletion:
    """The buttons, the question, and how many it were.

    Parameters
    ----------
    changed: called after a deletion.
    """

    def __init__(self, server: Server, trouble: Trouble, changed: Callable[[], None]) -> None:
        self._server, self._trouble, self._changed = server, trouble, changed
        self.through = w.DatePicker(description="Up to and including")
        self.by_date = w.Button(description="Delete by date")
        self.everything = w.Button(description="Delete all")
        for button in (self.by_date, self.everything):
            button.add_class("tk-danger")
        self.by_date.on_click(shows_problems(trouble)(lambda _: self._count(self._chosen())))
        self.everything.on_click(lambda _: self._count(None))
        self.asking, self.result = w.VBox(), w.HTML()
        self.code = python_of("server.log.delete(all=True, preview=True)", server)
        controls = row(self.through, self.by_date, self.everything)
        self.widget = w.VBox([w.HTML("<h3>Delete entries</h3>"), controls, self.asking, self.result, self.code])

    def _chosen(self) -> date:
        if self.through.value is None:
            raise InvalidInput.of("Up to and including", "is empty; choose the last day to delete")
        chosen: date = self.through.value
        return chosen

    def _count(self, through: date | None) -> None:
        self.result.value = ""
        self.code.code = whole(_call(through), self._server)

        def count() -> _Doomed:
            doomed = self._delete(through, preview=True).entries
            health = self._server.health().findings
            bad = tuple(one.words for one in health if Severity.named(one.severity) <= Severity.warning)
            return _Doomed(doomed, bad)

        in_background(self._trouble, count, partial(self._ask, through), busy=[self.by_date, self.everything])

    def _delete(self, through: date | None, *, preview: bool) -> DeletedLog:
        return self._server.log.delete(all=through is None, through=through, preview=preview)

    def _ask(self, through: date | None, doomed: _Doomed) -> None:
        what = "All entries of the log" if through is None else f"All entries up to and including {through}"
        lines = [f"{what} will be deleted for good: {entries(doomed.entries)}. There is no undo."]
        if doomed.problems:
            lines.append("Better not now: the log may be needed for the problems there are:")
            lines += [f"– {words}" for words in doomed.problems]
        confirm(self.asking, "\n".join(lines), f"Delete {entries(doomed.entries)}", partial(self._do, through))

    def _do(self, through: date | None) -> None:
        def done(deleted: DeletedLog) -> None:
            self.result.value = status(f"{entries(deleted.entries)} deleted.", "tk-good")
            self._changed()

        buttons = [self.by_date, self.everything]
        in_background(self._trouble, lambda: self._delete(through, preview=False), done, busy=buttons)


def _call(through: date | None) -> str:
    return (
        "server.log.delete(all=True)"
        if through is None
        else f"from datetime import date\n\nserver.log.delete(through=date.fromisoformat({through.isoformat()!r}))"
    )


def entries(number: int) -> str:
    """``1 entry``, ``1,200 entries``."""
    return "1 entry" if number == 1 else f"{number:,} entries"
