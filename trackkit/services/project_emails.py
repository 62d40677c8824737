"""The e-mails of records: list, show, their bytes and files, delete; each by the commands for its kind of record.

Who may view the e-mails of no kind of record is refused; otherwise lists hold those that one may view.
"""

from __future__ import annotations

from typing import Final

from trackkit.contract import project_mail as contract
from trackkit.contract.operation import Done
from trackkit.domain.errors import NotAllowed, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.project.commands import MailVerb, command
from trackkit.domain.project.kind import RECORD_KINDS, Kind, named_record
from trackkit.domain.project.kinds import KINDS
from trackkit.services.environment import Call
from trackkit.services.project_files import checked_content
from trackkit.services.project_items import allowed, existing, project_of
from trackkit.services.project_login import identity_of
from trackkit.services.project_stores import OpenProject
from trackkit.store import project_emails, project_files
from trackkit.store.database import Connection
from trackkit.store.project_emails import EmailRow, Wanted

SOURCE: Final = "project mail"
_BEGINNING: Final = 200
"""Characters of the text that lists show."""


def list_emails(call: Call, request: contract.ListEmails) -> contract.Emails:
    """The e-mails of a record, or of all records whose e-mails the user may view."""
    wanted, project = _wanted(call, request)

    def work(connection: Connection) -> tuple[list[EmailRow], int]:
        if wanted.record is not None:
            kind, number = named_record(wanted.record)
            existing(connection, KINDS[kind], str(number))
        found = project_emails.page(connection, wanted, request.after, request.limit + 1)
        return found, project_emails.count(connection, wanted)

    found, total = project.read(work)
    shown = found[: request.limit]
    more = len(found) > request.limit
    return contract.Emails(items=tuple(map(view, shown)), next_after=shown[-1].number if more else None, total=total)


def _wanted(call: Call, request: contract.ListEmails) -> tuple[Wanted, OpenProject]:
    if request.record is not None:
        kind, number = named_record(request.record)
        record = project_emails.record_of(kind, number)
        return Wanted((kind,), record, request.text), project_of(call, kind, "view_mail")
    kinds = [kind for kind in RECORD_KINDS if allowed(call, kind, "view_mail")]
    if not kinds:
        needed = ", ".join(command(kind, "view_mail") for kind in RECORD_KINDS)
        raise NotAllowed(
            f"Your security groups give you none of the commands {needed}.", "Ask an administrator of the project."
        )
    project = call.environment.projects.open(identity_of(call).database)
    return Wanted(kinds, None, request.text), project


def show_email(call: Call, request: contract.NamedEmail) -> contract.EmailDetail:
    """One e-mail whole."""
    row, project = email_of(call, request.number, "view_mail")

    def work(connection: Connection) -> contract.EmailDetail:
        source = project_emails.source(connection, row.number)
        files = project_files.attached(connection, Kind.tracked_email, row.number)
        return contract.EmailDetail(
            email=view(row),
            text=row.text,
            cut=row.cut,
            html=source.html,
            message_id=row.message_id,
            problems=source.problems,
            files=tuple(
                contract.EmailFile(file_id=file.id, name=file.name, size=file.size, sha256=file.sha256)
                for file in files
            ),
            replies=tuple(project_emails.replies(connection, row.number)),
            size=source.size,
            sha256=source.sha256,
        )

    return project.read(work)


def raw_email(call: Call, request: contract.NamedEmail) -> contract.RawEmail:
    """The bytes as they came or left."""
    row, project = email_of(call, request.number, "view_mail")
    raw = project.read(lambda connection: project_emails.raw(connection, row.number))
    if raw is None:
        raise NotFound(f"The bytes of e-mail {row.number} are not here.", "It was filed before they were kept.")
    return contract.RawEmail.model_construct(number=row.number, message=raw)


def email_file(call: Call, request: contract.NamedEmailFile) -> contract.EmailFileContent:
    """A file that is attached to an e-mail."""
    row, project = email_of(call, request.number, "view_mail")
    file = project.read(lambda connection: project_files.find(connection, request.file_id))
    if file is None or (file.record_kind, file.record_id) != (Kind.tracked_email, row.number):
        raise NotFound(f"E-mail {row.number} has no attached file {request.file_id}.")
    content = checked_content(call, project, file)
    return contract.EmailFileContent.model_construct(
        file_id=file.id, name=file.name, size=file.size, sha256=file.sha256, content=content
    )


def delete_email(call: Call, request: contract.NamedEmail) -> Done:
    """Delete an e-mail with its bytes and files."""
    row, project = email_of(call, request.number, "delete_mail")
    project.write(lambda connection: project_emails.remove(connection, row.number))
    call.log(
        Severity.information, SOURCE, f"E-mail {row.number} of {row.record} was deleted.", database=project.row.name
    )
    return Done()


def email_of(call: Call, number: int, verb: MailVerb) -> tuple[EmailRow, OpenProject]:
    """The e-mail of that number, if the user has the command for its kind of record."""
    project = call.environment.projects.open(identity_of(call).database)
    row = project.read(lambda connection: project_emails.find(connection, number))
    if row is None:
        raise NotFound(f"There is no e-mail {number} in this project.")
    return row, project_of(call, row.kind, verb)


def view(row: EmailRow) -> contract.EmailView:
    """An e-mail as it travels in lists."""
    to = [
        contract.EmailRecipient(
            address=one.address,
            outcome=one.outcome,
            status_code=one.status_code,
            hard=one.hard,
            text=one.text,
            at=one.at,
        )
        for one in row.recipients
    ]
    named = [
        contract.EmailRecipient(address=address, outcome="", status_code="", hard=None, text="", at=None)
        for address in row.addresses
    ]
    return contract.EmailView(
        number=row.number,
        record=row.record,
        direction=row.direction,
        origin=row.origin,
        tracked=row.tracked,
        answers=row.answers,
        user=row.user,
        standing=row.standing,
        sender=row.sender,
        recipients=tuple(to or named),
        subject=row.subject,
        beginning=next(filter(None, map(str.strip, row.text.splitlines())), "")[:_BEGINNING],
        queue_id=row.queue_id,
        at=row.created_at,
        files=row.files,
    )
