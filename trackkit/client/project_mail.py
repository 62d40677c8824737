"""`project.mail`: the e-mail of a project's records."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import project_mail as contract
from trackkit.contract.operation import Done
from trackkit.contract.project import PAGE
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kind import Kind

if TYPE_CHECKING:
    import pandas as pd

Attached = Path | tuple[str, bytes]
"""A file to attach: its path, or its name and content."""


class ProjectMail:
    """The e-mail of a project, as one of its users."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller, self._server = caller, server

    def list(
        self, record: str | None = None, *, text: str | None = None, after: int | None = None, limit: int = PAGE
    ) -> contract.Emails:
        """E-mails of a record (``defect 12``), or of every record whose e-mails one may view."""
        return self._caller.ask(contract.LIST, record=record, text=text, after=after, limit=limit)

    def each(self, record: str | None = None, *, text: str | None = None) -> Iterator[contract.EmailView]:
        """All of them, page after page."""

        def fetch(after: int | None, limit: int) -> tuple[tuple[contract.EmailView, ...], int | None]:
            page = self.list(record, text=text, after=after, limit=limit)
            return page.items, page.next_after

        return follow(fetch, PAGE, None)

    def frame(self, record: str | None = None, *, text: str | None = None) -> pd.DataFrame:
        """The e-mails of a record, or of all whose e-mails one may view, as a frame."""
        from trackkit.frames.emails import emails_frame

        return emails_frame(self.each(record, text=text), self._server)

    def show(self, number: int) -> contract.EmailDetail:
        """One e-mail whole."""
        return self._caller.ask(contract.SHOW, number=number)

    def raw(self, number: int) -> bytes:
        """The bytes as they came or left."""
        return self._caller.ask(contract.RAW, number=number).message

    def file(self, number: int, file_id: int) -> contract.EmailFileContent:
        """A file that is attached to an e-mail."""
        return self._caller.ask(contract.FILE, number=number, file_id=file_id)

    def send(
        self,
        record: str,
        to: Iterable[str],
        subject: str | None = None,
        text: str | None = None,
        *,
        cc: Iterable[str] = (),
        template: str | None = None,
        tracked: bool = True,
        files: Iterable[Attached] = (),
    ) -> contract.EmailView:
        """Send an e-mail about a record.

        Parameters
        ----------
        record: ``defect 12``.
        to, cc: addresses, or names of the project's users and customers.
        template: its subject and text stand where none is given.
        tracked: replies are filed with the record.

        Raises
        ------
        NotAllowed: one's security groups do not give the command.
        InvalidInput: somebody has no valid address, a template has a fault; names whom or which line.
        Conflict: the project or the server is not set up for it; `server.tracking.check` says what is missing.
        """
        return self._caller.ask(
            contract.SEND,
            record=record,
            to=list(to),
            cc=list(cc),
            subject=subject,
            text=text,
            template=template,
            tracked=tracked,
            files=_attached(files),
        )

    def reply(
        self, number: int, text: str, *, to: Iterable[str] = (), files: Iterable[Attached] = ()
    ) -> contract.EmailView:
        """Answer an e-mail, in its thread."""
        return self._caller.ask(contract.REPLY, number=number, text=text, to=list(to), files=_attached(files))

    def delete(self, number: int) -> Done:
        """Delete an e-mail."""
        return self._caller.ask(contract.DELETE, number=number)

    def preview(
        self, subject: str, body: str, record_kind: Kind | str = Kind.defect, record: str | None = None
    ) -> contract.TemplatePreview:
        """What a template makes of a record; none = the newest of its kind."""
        return self._caller.ask(contract.PREVIEW, subject=subject, body=body, record_kind=record_kind, record=record)


def _attached(files: Iterable[Attached]) -> list[dict[str, object]]:
    return [{"name": name, "content": base64.b64encode(content)} for name, content in map(_named, files)]


def _named(file: Attached) -> tuple[str, bytes]:
    if isinstance(file, tuple):
        return file
    try:
        return file.name, file.read_bytes()
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be read: {error.strerror}") from None
