"""The e-mail of a project's records: send, answer, read, delete; and trying a template out.

What a user may follows from the commands of each kind of record (`domain.project.commands.MAIL_VERBS`).
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, Field

from trackkit.contract.operation import Done, Operation, Request, Response, RowNumber
from trackkit.contract.project import MAXIMUM_PAGE, PAGE
from trackkit.domain import errors
from trackkit.domain.project.kind import MAXIMUM_TEXT, Kind
from trackkit.domain.project.kinds import EmailOrigin, Standing

MAXIMUM_ADDRESSES = 100
"""Recipients of one e-mail."""


class ListEmails(Request):
    """E-mails of one record (``defect 12``), or of all that one may view; newest last for a record, else first.

    `after`: the number of the e-mail after which to go on.
    """

    record: str | None = Field(None, max_length=60)
    text: str | None = Field(None, min_length=1, max_length=256)
    after: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class EmailRecipient(Response):
    """Whom an e-mail went to, and what came back from there.

    outcome: empty while nothing came back; else ``human``, ``automatic``, ``bounce``, ``delay``, ``delivered`` or
    ``feedback``.
    hard: of a bounce: writing again is of no use.
    """

    address: str
    outcome: str
    status_code: str
    hard: bool | None
    text: str
    at: datetime | None


class EmailView(Response):
    """One e-mail as lists show it."""

    number: int
    record: str
    direction: str
    origin: EmailOrigin
    tracked: bool
    answers: int | None
    user: str
    standing: Standing
    sender: str
    recipients: tuple[EmailRecipient, ...]
    subject: str
    beginning: str
    """The first line of its text."""
    queue_id: str
    at: datetime
    """When it was sent or filed."""
    files: int


class Emails(Response):
    """`total` counts all; `next_after` none = this was the last page."""

    items: tuple[EmailView, ...]
    next_after: int | None
    total: int


class NamedEmail(Request):
    """One e-mail by its number."""

    number: RowNumber


class EmailFile(Response):
    """Something that is attached."""

    file_id: int
    name: str
    size: int
    sha256: str


class EmailDetail(Response):
    """One e-mail whole. `html` was made safe; `cut` is what its text quoted or was signed with."""

    email: EmailView
    text: str
    cut: str
    html: str
    message_id: str
    problems: tuple[str, ...]
    files: tuple[EmailFile, ...]
    replies: tuple[int, ...]
    size: int
    sha256: str


class RawEmail(Response):
    """The bytes as they came or left."""

    number: int
    message: Base64Bytes


class NamedEmailFile(NamedEmail):
    """One attached file."""

    file_id: RowNumber


class EmailFileContent(EmailFile):
    """A file with its bytes."""

    content: Base64Bytes


class NewFile(Request):
    """A file to attach."""

    name: str = Field(min_length=1, max_length=255)
    content: Base64Bytes


class SendEmail(Request):
    """An e-mail about a record.

    template: the name of one of the project's templates, whose subject and text stand where none is given.
    to, cc: addresses, or names of the project's users and customers.
    tracked: replies are filed with the record.
    """

    record: str = Field(min_length=1, max_length=60)
    to: tuple[str, ...] = Field((), max_length=MAXIMUM_ADDRESSES)
    cc: tuple[str, ...] = Field((), max_length=MAXIMUM_ADDRESSES)
    subject: str | None = Field(None, max_length=300)
    text: str | None = Field(None, max_length=MAXIMUM_TEXT)
    template: str | None = Field(None, max_length=100)
    tracked: bool = True
    files: tuple[NewFile, ...] = Field((), max_length=50)


class ReplyToEmail(NamedEmail):
    """An answer to an e-mail: to its author, in its thread, tracked as it is."""

    text: str = Field(min_length=1, max_length=MAXIMUM_TEXT)
    to: tuple[str, ...] = Field((), max_length=MAXIMUM_ADDRESSES)
    """None = whom it is from; of one that was sent from here, whom it went to."""
    files: tuple[NewFile, ...] = Field((), max_length=50)


class PreviewTemplate(Request):
    """What a template makes of a record (none = the newest of its kind); nothing is stored or sent."""

    record_kind: Kind = Kind.defect
    record: str | None = Field(None, max_length=60)
    subject: str = Field("", max_length=300)
    body: str = Field("", max_length=MAXIMUM_TEXT)


class TemplateProblem(Response):
    """What is wrong with a template: in which field, in which line of it."""

    field: str
    line: int
    words: str


class TemplatePreview(Response):
    """The mail it would become, or its problems. `names`: what may be used in it."""

    record: str
    subject: str
    text: str
    problems: tuple[TemplateProblem, ...]
    names: tuple[str, ...]


_ANY = (errors.NotFound, errors.Conflict, errors.DatabaseUnavailable)
_SENT = (*_ANY, errors.MessageTooLarge)

LIST = Operation(
    "project.mail.list", "GET", "/project/mail", ListEmails, Emails, None, "E-mails", realm="project", errors=_ANY
)
SHOW = Operation(
    "project.mail.show",
    "GET",
    "/project/mail/{number}",
    NamedEmail,
    EmailDetail,
    None,
    "One e-mail",
    realm="project",
    errors=_ANY,
)
RAW = Operation(
    "project.mail.raw",
    "GET",
    "/project/mail/{number}/raw",
    NamedEmail,
    RawEmail,
    None,
    "An e-mail's bytes",
    realm="project",
    errors=_ANY,
)
FILE = Operation(
    "project.mail.file",
    "GET",
    "/project/mail/{number}/files/{file_id}",
    NamedEmailFile,
    EmailFileContent,
    None,
    "A file attached to an e-mail",
    realm="project",
    errors=_ANY,
)
SEND = Operation(
    "project.mail.send",
    "POST",
    "/project/mail",
    SendEmail,
    EmailView,
    None,
    "Send an e-mail about a record",
    realm="project",
    errors=_SENT,
)
REPLY = Operation(
    "project.mail.reply",
    "POST",
    "/project/mail/{number}/reply",
    ReplyToEmail,
    EmailView,
    None,
    "Answer an e-mail",
    realm="project",
    errors=_SENT,
)
DELETE = Operation(
    "project.mail.delete",
    "DELETE",
    "/project/mail/{number}",
    NamedEmail,
    Done,
    None,
    "Delete an e-mail",
    realm="project",
    errors=_ANY,
)
PREVIEW = Operation(
    "project.template.preview",
    "POST",
    "/project/templates/preview",
    PreviewTemplate,
    TemplatePreview,
    None,
    "Try a template out",
    realm="project",
    errors=_ANY,
)

OPERATIONS = (LIST, SHOW, RAW, FILE, SEND, REPLY, DELETE, PREVIEW)
