"""The mail that has left: its history, searched by recipient, sender, Message-ID and time, behind a button.

Nothing is asked of the server before somebody opens it. What is wrong with a condition is said at it, and the list
stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail_history import SentMail
from trackkit.widgets.fields import Field, Fields, Section, typed_instant
from trackkit.widgets.grid import Column, Grid, Page, Row, Sort
from trackkit.widgets.page import row
from trackkit.widgets.session import trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import Cell, instant

NEWEST_FIRST = Sort("sent_at", descending=True)
COLUMNS = (
    Column("sent_at", "Sent (UTC)", "tk-fixed"),
    Column("recipient", "Recipient", "tk-text"),
    Column("sender", "Sender", "tk-text"),
    Column("subject", "Subject", "tk-text"),
    Column("reply", "Host and reply", "tk-text"),
    Column("tries", "Tries", "tk-number"),
)
FIELDS = (
    Field("recipient", "Sent to"),
    Field("sender", "Sent by"),
    Field("message_id", "Message-ID"),
    Field("since", "Sent from (UTC)", "instant"),
    Field("until", "Sent before (UTC)", "instant"),
)


@dataclass(frozen=True, slots=True)
class SentFilter:
    """Which lines are shown; none = no condition."""

    recipient: str | None = None
    sender: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> dict[str, Any]:
        """Those that are given, as arguments of `server.mail.history`."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def as_python(self) -> str:
        """The call that gets the same."""
        given = [
            f"{name}=datetime.fromisoformat({value.isoformat()!r})"
            if isinstance(value, datetime)
            else f"{name}={value!r}"
            for name, value in self.conditions().items()
        ]
        imports = "from datetime import datetime\n\n" if self.since or self.until else ""
        return f"{imports}server.mail.sent_frame({', '.join(given)})"


class SentRows:
    """The history of a server's mail; fits `trackkit.widgets.grid.Source`."""

    def __init__(self, server: Server) -> None:
        self._mail = server.mail
        self.total_is_exact = True
        """Whether the total of the newest page is; else at least so many match."""

    def page(self, filter: SentFilter, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of the history."""
        page = self._mail.history(None if before is None else int(before), limit, **filter.conditions())
        self.total_is_exact = page.total_is_exact
        next_before = None if page.next_before is None else str(page.next_before)
        return Page([_row(line) for line in page.sent], next_before, page.total)

    def ids(self, filter: SentFilter, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One line is looked at at a time."""
        return [id for id in (first, last) if id is not None and first == last]

    def present(self, filter: SentFilter, ids: Collection[str]) -> set[str]:
        """Those that have not gone by retention."""
        return {id for id in ids if [s.history_id for s in self._mail.history(int(id) + 1, 1).sent] == [int(id)]}


def _row(line: SentMail) -> Row:
    cells = (
        Cell(instant(line.sent_at)),
        Cell(line.recipient),
        Cell(line.sender or "(null sender)"),
        Cell(line.subject or "(no subject)", below=(line.queue_id, line.message_id)),
        Cell(line.host, below=(line.reply,)),
        Cell(str(line.tries)),
    )
    return Row(str(line.history_id), cells, str(line.history_id))


class SentPanel:
    """The button and what it opens."""

    def __init__(self, server: Server) -> None:
        self._server, self._source = server, SentRows(server)
        self.is_open = False
        self.trouble = trouble_for(server)
        self.fields = Fields([Section("", FIELDS)], {field.name: "" for field in FIELDS})
        self.fields.add_class("tk-filters")
        self.grid = Grid(
            "Sent mail",
            COLUMNS,
            self._source,
            sort=NEWEST_FIRST,
            empty="No mail that has left matches.",
            multiple=False,
            trouble=self.trouble,
        )
        self.count, self.code = w.HTML(), python_of("server.mail.sent_frame()", server)
        self.button = w.Button(description="Show sent mail")
        self.button.on_click(lambda _: self.turn(not self.is_open))
        self._body = w.VBox()
        self.widget = w.VBox([row(self.button), self._body])
        self.widget.add_class("tk-folded")
        self.fields.observe(lambda _: self._read(), names="values")
        self.grid.on_show(self._told)

    def turn(self, open: bool) -> None:
        """Open it, or shut it."""
        self.is_open = open
        self.button.description = f"{'Hide' if open else 'Show'} sent mail"
        shown = (self.trouble.widget, self.fields, self.count, self.grid.widget, self.code)
        self._body.children = shown if open else ()
        if open:
            self._read()

    def refresh(self) -> None:
        """Ask the server again, while it is open."""
        if self.is_open:
            self.grid.refresh()

    def _read(self) -> None:
        problems: dict[str, str] = {}
        given: dict[str, Any] = {}
        for name, typed in self.fields.values.items():
            try:
                given[name] = typed_instant(str(typed)) if name in ("since", "until") else str(typed).strip() or None
            except (ValueError, OverflowError):
                problems[name] = "is no time; write 2026-01-31T14:00"
        self.fields.messages = problems
        if not problems:
            wanted = SentFilter(**given)
            self.code.code = whole(wanted.as_python, self._server)
            self.grid.show(wanted)

    def _told(self) -> None:
        more = "" if self._source.total_is_exact else "more than "
        self.count.value = f"<p class='tk-hint' role='status'>Lines that match: {more}{self.grid.total:,}</p>"
