"""E-mails of a record, or of all records, as rows of a grid."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from trackkit.client.email_words import STANDINGS, addresses, headline
from trackkit.client.project import Project
from trackkit.contract.project_mail import EmailView
from trackkit.domain.errors import NotFound
from trackkit.widgets.grid import Column, Page, Row, Sort
from trackkit.widgets.tables import Cell, instant

ORDER = Sort("at")
"""That of the server: of a record the oldest first, of all records the newest."""

_COLUMNS = (
    Column("at", "Date (UTC)", "tk-fixed"),
    Column("what", "What"),
    Column("who", "From and to", "tk-text"),
    Column("subject", "Subject", "tk-text"),
    Column("files", "Files", "tk-number"),
)


@dataclass(frozen=True, slots=True)
class EmailFilter:
    """Which e-mails are shown. `record` none = those of all records."""

    record: str | None
    text: str | None = None

    def as_python(self) -> str:
        """As the arguments of `project.mail.frame`."""
        given = [repr(self.record)] if self.record else []
        return ", ".join([*given, *([f"text={self.text!r}"] if self.text else [])])


def columns(of_all: bool) -> tuple[Column, ...]:
    """The columns; where e-mails of all records are shown with the record."""
    return (*_COLUMNS[:1], Column("record", "Record", "tk-fixed"), *_COLUMNS[1:]) if of_all else _COLUMNS


class EmailRows:
    """E-mails; fits `trackkit.widgets.grid.Source`. The id of a row is the e-mail's number."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def page(self, filter: EmailFilter, sort: Sort, before: str | None, limit: int) -> Page:
        """A page of e-mails. The server goes in one direction; for the other one all are read."""
        if sort.descending:
            return self._backwards(filter, before, limit)
        after = None if before is None else int(before)
        page = self._project.mail.list(filter.record, text=filter.text, after=after, limit=limit)
        following = None if page.next_after is None else str(page.next_after)
        return Page([_row(one, filter.record is None) for one in page.items], following, page.total)

    def _backwards(self, filter: EmailFilter, before: str | None, limit: int) -> Page:
        every = list(self._project.mail.each(filter.record, text=filter.text))
        end = next((place for place, one in enumerate(every) if str(one.number) == before), len(every))
        found = [_row(one, filter.record is None) for one in islice(reversed(every[:end]), limit)]
        return Page(found, found[-1].key if found and end > limit else None, len(every))

    def ids(self, filter: EmailFilter, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One e-mail is read at a time."""
        return []

    def present(self, filter: EmailFilter, ids: Collection[str]) -> set[str]:
        """Those that have not been deleted."""
        return {number for number in ids if self._exists(int(number))}

    def _exists(self, number: int) -> bool:
        try:
            self._project.mail.show(number)
        except NotFound:
            return False
        return True


def _row(email: EmailView, with_record: bool) -> Row:
    doubtful = email.direction == "received" and email.standing != "known"
    bad = email.standing == "unauthenticated"
    failed = any(one.outcome in ("bounce", "feedback") for one in email.recipients)
    cells = (
        Cell(instant(email.at)),
        *([Cell(email.record)] if with_record else []),
        Cell(
            headline(email),
            tone="tk-bad" if failed else "",
            below=("came back" if failed else "", "not tracked" if not email.tracked else ""),
        ),
        Cell(
            email.sender or "(nobody)",
            tone="tk-bad" if doubtful and bad else "tk-warn" if doubtful else "",
            below=(f"to {addresses(email)}", STANDINGS[email.standing] if doubtful else ""),
        ),
        Cell(email.subject or "(no subject)", below=(email.beginning,)),
        Cell(str(email.files or "–")),
    )
    return Row(str(email.number), cells, str(email.number))
