"""Deleting log entries: all, or up to and including a date. Asks first, with the number counted by the server.

While there are problems the log may be what explains them, so the question then advises against it and names them:
findings of the server's health, and errors of the last day. A day that is not over yet anywhere is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import DeletedLog
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import instant, visible
from trackkit.widgets.work import in_background

RECENT = timedelta(days=1)
_THROUGH = Field(
    "through", "Up to and including", "date", help="A day of the server's time zone. It is deleted with all before it."
)


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
        self.through = Fields([Section("", (_THROUGH,))], {"through": ""})
        self.by_date = w.Button(description="Delete by date")
        self.everything = w.Button(description="Delete all")
        for button in (self.by_date, self.everything):
            button.add_class("tk-danger")
        self.by_date.on_click(shows_problems(trouble)(lambda _: self._count_by_date()))
        self.everything.on_click(lambda _: self._count(None))
        self.asking, self.result = w.VBox(), Said()
        self.code = python_of("server.log.delete(all=True)", server)
        self.widget = w.VBox(
            [
                w.HTML("<h3>Delete entries</h3>"),
                self.through,
                row(self.by_date, self.everything),
                *(self.asking, self.result, self.code),
            ]
        )

    def _count_by_date(self) -> None:
        self.through.messages, self.asking.children = {}, ()
        try:
            chosen = checked_day(str(self.through.values["through"]), datetime.now(UTC))
        except InvalidInput as error:
            self._refused(error)
        else:
            self._count(chosen)

    def _count(self, through: date | None) -> None:
        self.result.value = ""
        self.code.code = whole(_call(through), self._server)

        def count() -> _Doomed:
            return _Doomed(self._delete(through, preview=True).entries, problems(self._server, datetime.now(UTC)))

        buttons = [self.by_date, self.everything]
        in_background(self._trouble, count, partial(self._ask, through), busy=buttons, failed=self._refused)

    def _refused(self, error: Exception) -> bool:
        """What is wrong with the day is said at it."""
        about = [one for one in error.problems if one.field == "through"] if isinstance(error, InvalidInput) else []
        self.through.messages = {one.field: one.message for one in about}
        return bool(about)

    def _delete(self, through: date | None, *, preview: bool) -> DeletedLog:
        return self._server.log.delete(all=through is None, through=through, preview=preview)

    def _ask(self, through: date | None, doomed: _Doomed) -> None:
        if not doomed.entries:
            self.result.value = status("There is no such entry; nothing is to be deleted.", "")
            return
        what = "All entries of the log" if through is None else f"All entries up to and including {through}"
        lines = [
            f"{what} will be deleted for good: {entries(doomed.entries)}. There is no undo.",
            "The deletion is recorded in the audit, with who did it and how many entries it were.",
        ]
        if doomed.problems:
            lines.append("Better not now: the log may be needed for the problems there are:")
            lines += [f"– {words}" for words in doomed.problems]
        confirm(self.asking, "\n".join(lines), f"Delete {entries(doomed.entries)}", partial(self._do, through))

    def _do(self, through: date | None) -> None:
        def done(deleted: DeletedLog) -> None:
            self.result.value = status(f"{entries(deleted.entries)} deleted. The audit has a record of it.", "tk-good")
            self._changed()

        buttons = [self.by_date, self.everything]
        in_background(self._trouble, lambda: self._delete(through, preview=False), done, busy=buttons)


def checked_day(text: str, now: datetime) -> date:
    """The last day to delete, or `InvalidInput`: somewhere on earth (UTC+14) it must have begun."""
    if not text:
        raise InvalidInput.of("through", "is empty; choose the last day to delete")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput.of("through", "is no date; write it as 2026-01-31") from None
    if day > (now + timedelta(hours=14)).date():
        raise InvalidInput.of("through", "lies in the future; to delete everything there is “Delete all”")
    return day


def problems(server: Server, now: datetime) -> tuple[str, ...]:
    """Why the log may be needed: what health finds, and how many errors there were of late, with the newest."""
    health = server.health().findings
    found = [one.words for one in health if Severity.named(one.severity) <= Severity.warning]
    for level in (Severity.severe_error, Severity.error):
        late = server.log.list(level.name, "only", since=now - RECENT, limit=1)
        if late.entries:
            newest = late.entries[0]
            many = f"1 {level.title}" if late.total == 1 else f"{late.total:,} {level.title}s"
            found.append(
                f"{many} in the last 24 hours, the newest at {instant(newest.at)} UTC: {visible(newest.message)}"
            )
    return tuple(found)


def _call(through: date | None) -> str:
    return (
        "server.log.delete(all=True)"
        if through is None
        else f"from datetime import date\n\nserver.log.delete(through=date.fromisoformat({through.isoformat()!r}))"
    )


def entries(number: int) -> str:
    """``1 entry``, ``1,200 entries``."""
    return "1 entry" if number == 1 else f"{number:,} entries"
