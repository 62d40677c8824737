"""The server log as rows of a grid."""

from __future__ import annotations

from collections.abc import Collection

from trackkit.client import Server
from trackkit.contract.log import LogRow
from trackkit.domain.log import Severity
from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.log_view import LogView
from trackkit.widgets.tables import Cell, instant

NEWEST_FIRST = Sort("at", descending=True)

LOG_COLUMNS = (
    Column("at", "Time (UTC)", "tk-fixed", sortable=True),
    Column("level", "Level", "tk-fixed"),
    Column("source", "Source"),
    Column("message", "Message", "tk-text"),
    Column("username", "User"),
)


class LogRows:
    """The log of a server; fits `trackkit.widgets.grid.Source`."""

    def __init__(self, server: Server) -> None:
        self._log = server.log
        self.total_is_exact = True
        """Whether the total of the newest page is; else at least so many match."""

    def page(self, filter: LogView, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of the log."""
        page = self._log.list(
            **filter.conditions(),
            before=None if before is None else int(before),
            limit=limit,
            oldest_first=not sort.descending,
        )
        self.total_is_exact = page.total_is_exact
        return Page(
            [_row(entry) for entry in page.entries],
            None if page.next_before is None else str(page.next_before),
            page.total,
        )

    def ids(self, filter: LogView, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One entry is read at a time."""
        return [id for id in (first, last) if id is not None and first == last]

    def present(self, filter: LogView, ids: Collection[str]) -> set[str]:
        """Those that have not been deleted."""
        return {id for id in ids if self.entry(id) is not None}

    def entry(self, id: str) -> LogRow | None:
        """One entry whole; none when it has been deleted."""
        found = self._log.list(before=int(id) + 1, limit=1).entries
        return found[0] if found and found[0].entry_id == int(id) else None


def _row(entry: LogRow) -> Row:
    cells = (
        Cell(instant(entry.at)),
        Cell(Severity.named(entry.level).title, tone=f"tk-level-{entry.level}"),
        Cell(entry.source, below=(entry.database,)),
        Cell(entry.message, below=(entry.details.partition("\n")[0],)),
        Cell(entry.username, below=(entry.client_address,)),
    )
    return Row(str(entry.entry_id), cells, str(entry.entry_id))
