"""The mail queue and its causes as rows of a grid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trackkit.client import Server
from trackkit.client.mail_where import Conditions
from trackkit.client.paging import follow
from trackkit.contract import mail as contract
from trackkit.domain.delivery import State
from trackkit.domain.message import queue_number
from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.tables import Cell, age, instant

NEWEST_FIRST = Sort("queued_at", descending=True)

QUEUE_COLUMNS = (
    Column("queued_at", "Date (UTC)", "tk-fixed", sortable=True),
    Column("attempts", "Attempts", "tk-number", sortable=True),
    Column("subject", "Subject", "tk-text", sortable=True),
    Column("sender", "Sender", "tk-text", sortable=True),
    Column("state", "State", "tk-fixed"),
    Column("next_attempt_at", "Next attempt (UTC)", "tk-fixed"),
    Column("age", "Age", "tk-number"),
    Column("why", "Why it waits"),
)

CAUSE_COLUMNS = (
    Column("why", "Why", "tk-text"),
    Column("next_step", "What to do", "tk-text"),
    Column("messages", "Messages", "tk-number"),
    Column("oldest", "Oldest", "tk-number"),
)


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which messages are shown; none = no condition, and no deleted ones."""

    state: State | None = None
    cause: str | None = None
    text: str | None = None
    domain: str | None = None
    older_than: timedelta | None = None
    younger_than: timedelta | None = None
    destination: str | None = None
    deletion: int | None = None

    @classmethod
    def of(cls, conditions: Conditions) -> QueueFilter:
        """The filter that is one of the queue's groups."""
        return cls(
            cause=conditions.get("cause"),
            destination=conditions.get("destination"),
            older_than=conditions.get("older_than"),
            younger_than=conditions.get("younger_than"),
        )

    def conditions(self) -> dict[str, Any]:
        """Those that are given, as arguments of `server.mail.list` and `where`."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def as_python(self, call: str, rest: str = "") -> str:
        """The call with the conditions as its arguments, and what it needs to be imported."""
        given = [
            f"{name}=timedelta(seconds={value.total_seconds():.0f})"
            if isinstance(value, timedelta)
            else f"{name}={value if isinstance(value, int) else str(value)!r}"
            for name, value in self.conditions().items()
        ]
        spans = self.older_than, self.younger_than
        imports = "from datetime import timedelta\n\n" if any(span is not None for span in spans) else ""
        return f"{imports}server.mail.{call}({', '.join(given)}){rest}"


class QueueRows:
    """The queue of a server; fits `trackkit.widgets.grid.Source`."""

    def __init__(self, server: Server) -> None:
        self._mail = server.mail

    def page(self, filter: QueueFilter, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of the queue."""
        column, now = contract.QueueSort(sort.column), datetime.now(UTC)
        page = self._mail.list(
            before=before, limit=limit, sort=column, descending=sort.descending, **filter.conditions()
        )
        rows = [_message(message, column, now) for message in page.messages]
        return Page(rows, page.next_before, page.total)

    def ids(self, filter: QueueFilter, sort: Sort, first: str | None, last: str | None) -> Iterator[str]:
        """The ids in between, page after page."""

        def fetch(before: str | None, limit: int) -> tuple[tuple[str, ...], str | None]:
            page = self._mail.ids(
                before=before,
                limit=limit,
                sort=contract.QueueSort(sort.column),
                descending=sort.descending,
                first=first,
                last=last,
                **filter.conditions(),
            )
            return page.queue_ids, page.next_before

        return follow(fetch, contract.MAXIMUM_IDS, None)

    def present(self, filter: QueueFilter, ids: Collection[str]) -> set[str]:
        """Those still in the queue; deleted ones count where the deleted are what is looked at."""
        in_order = sorted(ids, key=lambda text: queue_number(text) or 0)
        wanted, found = set(ids), set()
        for state in (None, State.deleted) if filter.state is State.deleted else (None,):
            there = self.ids(QueueFilter(state), NEWEST_FIRST, in_order[-1], in_order[0])
            found |= wanted.intersection(there)
        return found


def _message(message: contract.QueuedMessage, sort: contract.QueueSort, now: datetime) -> Row:
    cells = (
        Cell(instant(message.queued_at)),
        Cell(str(message.attempts)),
        Cell(message.subject or "(no subject)", below=(_to(message),)),
        Cell(message.sender or "(null sender)"),
        Cell(message.state, tone=f"tk-state-{message.state}"),
        Cell(instant(message.next_attempt_at)),
        Cell(age(now - message.queued_at)),
        Cell(message.diagnosis.title),
    )
    return Row(message.queue_id, cells, contract.place(message.queue_id, sort, getattr(message, sort)))


def _to(message: contract.QueuedMessage) -> str:
    recipients = "1 recipient" if message.recipients == 1 else f"{message.recipients} recipients"
    return f"{recipients} at {', '.join(message.domains)}" if message.domains else recipients


class CauseRows:
    """Why mail waits, most frequent first; fits `trackkit.widgets.grid.Source`. There are never many causes."""

    def __init__(self, server: Server) -> None:
        self._mail = server.mail
        self.titles: dict[str, str] = {}
        """Of the causes that were found last, by cause."""

    def page(self, filter: None, sort: Sort, before: str | None, limit: int) -> Page:
        """All of them."""
        now = datetime.now(UTC)
        causes = self._mail.summary().causes
        self.titles = {cause.diagnosis.cause: cause.diagnosis.title for cause in causes}
        return Page([_cause(cause, now) for cause in causes], None, len(causes))

    def ids(self, filter: None, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One cause is looked at at a time."""
        return [id for id in (first, last) if id is not None and first == last]

    def present(self, filter: None, ids: Collection[str]) -> set[str]:
        """Those that some mail still waits for."""
        return set(ids) & set(self.titles)


def _cause(cause: contract.CauseCount, now: datetime) -> Row:
    cells = (
        Cell(cause.diagnosis.title, below=(cause.diagnosis.words,)),
        Cell(cause.diagnosis.next_step),
        Cell(f"{cause.messages:,}"),
        Cell(age(now - cause.oldest_queued_at)),
    )
    return Row(cause.diagnosis.cause, cells, cause.diagnosis.cause)
