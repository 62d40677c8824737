"""Mails that were fetched as rows of a grid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import dropwhile, islice
from typing import Any

from trackkit.client import Server
from trackkit.contract.inbox import InboxMail
from trackkit.domain.errors import NotFound
from trackkit.domain.tracking.inbox import InboxState
from trackkit.widgets.database_tables import octets
from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.tables import Cell, instant
from trackkit.widgets.tracking_tables import STATE_WORDS

NEWEST_FIRST = Sort("fetched_at", descending=True)

COLUMNS = (
    Column("fetched_at", "Fetched (UTC)", "tk-fixed"),
    Column("author", "From", "tk-text"),
    Column("subject", "Subject", "tk-text"),
    Column("state", "What became of it"),
    Column("reason", "Why", "tk-text"),
    Column("size", "Size", "tk-number"),
)

_TONES = {InboxState.quarantined: "tk-bad", InboxState.fetched: "tk-warn", InboxState.attached: "tk-good"}


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which mails are shown; none = no condition."""

    states: tuple[InboxState, ...] = ()
    text: str | None = None

    def conditions(self) -> dict[str, Any]:
        """As the arguments of `server.tracking.inbox`."""
        return {name: value for name, value in asdict(self).items() if value}

    def as_python(self) -> str:
        """As they are written."""
        given = [f"states={[str(state) for state in self.states]!r}"] if self.states else []
        return ", ".join([*given, *([f"text={self.text!r}"] if self.text else [])])


class InboxRows:
    """The inbox of a server; fits `trackkit.widgets.grid.Source`. The id of a row is that of the mail."""

    def __init__(self, server: Server) -> None:
        self._tracking = server.tracking

    def page(self, filter: InboxFilter, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of mails. The server goes from the newest on; for the other direction all are read."""
        if not sort.descending:
            return self._backwards(filter, before, limit)
        after = None if before is None else int(before)
        page = self._tracking.inbox(after=after, limit=limit, **filter.conditions())
        following = None if page.next_after is None else str(page.next_after)
        return Page([_row(one) for one in page.items], following, page.total)

    def _backwards(self, filter: InboxFilter, before: str | None, limit: int) -> Page:
        every = list(self._tracking.each(**filter.conditions()))
        earlier = every if before is None else [one for one in every if one.inbox_id > int(before)]
        found = [_row(one) for one in islice(reversed(earlier), limit)]
        return Page(found, found[-1].key if found and len(earlier) > limit else None, len(every))

    def ids(self, filter: InboxFilter, sort: Sort, first: str | None, last: str | None) -> Iterator[str]:
        """The ids in between; newest first."""
        found = dropwhile(lambda one: first is not None and one.inbox_id > int(first), self._each(filter))
        for one in found:
            if last is not None and one.inbox_id < int(last):
                return
            yield str(one.inbox_id)

    def _each(self, filter: InboxFilter) -> Iterator[InboxMail]:
        return self._tracking.each(**filter.conditions())

    def present(self, filter: InboxFilter, ids: Collection[str]) -> set[str]:
        """Those that are still known of."""
        return {one for one in ids if self._exists(int(one))}

    def _exists(self, inbox_id: int) -> bool:
        try:
            self._tracking.show(inbox_id)
        except NotFound:
            return False
        return True


def _row(one: InboxMail) -> Row:
    where = f"{one.record} of {one.database}" if one.record else one.database
    cells = (
        Cell(instant(one.fetched_at)),
        Cell(one.author or "(nobody)"),
        Cell(one.subject or "(no subject)"),
        Cell(STATE_WORDS.get(one.state, str(one.state)), tone=_TONES.get(one.state, ""), below=(where,)),
        Cell(one.reason or "–"),
        Cell(octets(one.size)),
    )
    return Row(str(one.inbox_id), cells, str(one.inbox_id))
