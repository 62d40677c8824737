"""The project side: log-in of project users, and everything a project holds, by kind and key; defects without a log-in.

The kinds and their fields are declared in `trackkit.domain.project.kinds`; a value travels as JSON has it, dates as
``YYYY-MM-DD``, secrets only towards the server. A key is a number (``12``) for what is numbered, else the name. What
the user may follows from the security groups, command by command (`trackkit.domain.project.commands`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Base64Bytes, Field, SecretStr

from trackkit.contract.jobs import Job, NamedJob
from trackkit.contract.licenses import MAXIMUM_SERIAL
from trackkit.contract.operation import Done, Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import MAXIMUM_PASSWORD, MAXIMUM_PROOF
from trackkit.domain.databases import MAXIMUM_LOCATION
from trackkit.domain.project import submission
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.texts import MAXIMUM_ADDRESS

PAGE = 200
MAXIMUM_PAGE = 5000
MAXIMUM_FILE = 25 * 1024 * 1024
"""Octets of one attached file."""
MAXIMUM_ROWS = 200_000
"""Rows of one import."""

ClientKind = Literal["native", "web", "api"]
Value = bool | int | str | list[str] | None
Values = dict[str, Value]


class OfferedDatabases(Request):
    """Which log-in list: that of the web log-in page, or the other clients'."""

    client: ClientKind = "api"


class Offered(Response):
    """An active database of the list."""

    name: str
    description: str


class Offers(Response):
    """By name."""

    databases: tuple[Offered, ...]


class SubmitDefect(Request):
    """A defect from somebody without an account; see `trackkit.domain.project.submission`."""

    database: str = Field(min_length=1, max_length=MAXIMUM_LOCATION)
    title: str = Field(min_length=1, max_length=submission.MAXIMUM_TITLE)
    description: str = Field(min_length=1, max_length=submission.MAXIMUM_DESCRIPTION)
    submitter: str = Field("", max_length=submission.MAXIMUM_SUBMITTER)
    """The name of who submits it; nobody checks it."""
    email: str = Field("", max_length=MAXIMUM_ADDRESS)


class Submitted(Response):
    """All that somebody without an account learns."""

    number: int
    message: str


class OpenProject(Request):
    """Log in to a project."""

    database: str = Field(min_length=1, max_length=MAXIMUM_LOCATION)
    username: str = Field(max_length=100)
    password: SecretStr = Field(max_length=MAXIMUM_PASSWORD)
    client: ClientKind = "api"
    serial: SecretStr | None = Field(None, max_length=MAXIMUM_SERIAL)
    """Of a dedicated license, for native clients; without one a native client takes a floating seat."""
    proof: SecretStr | None = Field(None, max_length=MAXIMUM_PROOF)
    """As at a server log-in: of an earlier log-in to this account."""


class ProjectSession(Response):
    """Who one is in the project, and what one may there."""

    session_id: str
    database: str
    username: str
    client: ClientKind
    commands: tuple[str, ...]
    opened_at: datetime


class OpenedProject(ProjectSession):
    """The token is shown once; it goes into the Authorization header as ``Bearer``."""

    token: str = Field(repr=False)
    proof: str = Field("", repr=False)
    """As at a server log-in: to be shown at the next one to this account."""


class ProjectPassword(Request):
    """One's own password; the present one proves that it is oneself."""

    new: SecretStr = Field(max_length=MAXIMUM_PASSWORD)
    present: SecretStr = Field(max_length=MAXIMUM_PASSWORD)


class Item(Response):
    """One thing of a project. Secrets are never among the values; `set_secrets` names those that are set."""

    kind: Kind
    key: str
    number: int
    values: Values
    set_secrets: tuple[str, ...]
    files: int
    """How many files are attached (records only)."""
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


class ListItems(Request):
    """Which items: every condition must hold.

    where: conditions as text, such as ``status=open`` (`trackkit.domain.project.conditions`).
    filter: the name of a saved filter whose conditions must hold, too.
    text: found in one of the texts of the item.
    sort: a field or ``number``.
    after: the `number` of the item after which to go on.
    """

    kind: Kind
    where: list[str] = Field([], max_length=50)
    filter: str | None = Field(None, max_length=100)
    text: str | None = Field(None, min_length=1, max_length=256)
    sort: str = Field("number", max_length=100)
    descending: bool = False
    after: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class Items(Response):
    """`total` counts all that match; `next_after` none = this was the last page."""

    items: tuple[Item, ...]
    next_after: int | None
    total: int


class NamedItem(Request):
    """One item by its key."""

    kind: Kind
    key: str = Field(min_length=1, max_length=100)


class AddItem(Request):
    """What is not given gets its default."""

    kind: Kind
    values: Values


class EditItem(NamedItem):
    """What is not given stays. `revision` is the one that was seen; none = no check."""

    values: Values
    revision: RowNumber | None = None


class ImportItems(Request):
    """Rows of texts below their columns, all or none.

    columns: names of fields; ``key`` names the item to change when `change` is given.
    change: rows whose key exists change that item; otherwise such a row is refused.
    preview: check everything, change nothing.
    """

    kind: Kind
    columns: list[str] = Field(min_length=1, max_length=100)
    rows: list[list[str]] = Field(max_length=MAXIMUM_ROWS)
    change: bool = False
    preview: bool = False


class FileInfo(Response):
    """A file attached to a record."""

    file_id: int
    name: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str


class Files(Response):
    """In the order they were added."""

    files: tuple[FileInfo, ...]


class AttachFile(NamedItem):
    """A file for a record."""

    name: str = Field(min_length=1, max_length=255)
    content: Base64Bytes


class NamedFile(Request):
    """One attached file."""

    file_id: RowNumber


class FileContent(FileInfo):
    """A file with its bytes."""

    content: Base64Bytes


_ANY = (errors.NotFound, errors.Conflict, errors.DatabaseUnavailable)

OFFERS = Operation(
    "project.databases", "GET", "/project/databases", OfferedDatabases, Offers, None, "Databases to log in to"
)
SUBMISSION_DATABASES = Operation(
    "project.submission_databases",
    "GET",
    "/project/submissions/databases",
    Nothing,
    Offers,
    None,
    "Databases that take defects without an account",
)
SUBMIT = Operation(
    "project.submit",
    "POST",
    "/project/submissions",
    SubmitDefect,
    Submitted,
    None,
    "Submit a defect without an account",
    errors=(errors.NotFound, errors.Conflict, errors.TooManyAttempts, errors.DatabaseUnavailable),
)
OPEN = Operation(
    "project.open",
    "POST",
    "/project/sessions",
    OpenProject,
    OpenedProject,
    None,
    "Log in to a project",
    errors=(errors.WrongLogin, errors.TooManyAttempts, errors.NoSeat, errors.Conflict, errors.DatabaseUnavailable),
)
CURRENT = Operation(
    "project.session",
    "GET",
    "/project/sessions/current",
    Nothing,
    ProjectSession,
    None,
    "Who am I in the project",
    realm="project",
)
CLOSE = Operation(
    "project.close",
    "DELETE",
    "/project/sessions/current",
    Nothing,
    Done,
    None,
    "Log out of the project",
    realm="project",
)
PASSWORD = Operation(
    "project.password",
    "PUT",
    "/project/password",
    ProjectPassword,
    Done,
    None,
    "Change one's own password in the project",
    realm="project",
    errors=(errors.WrongLogin, errors.TooManyAttempts, *_ANY),
)
LIST = Operation(
    "project.list", "GET", "/project/items", ListItems, Items, None, "Items of a kind", realm="project", errors=_ANY
)
SHOW = Operation(
    "project.show", "GET", "/project/item", NamedItem, Item, None, "One item", realm="project", errors=_ANY
)
ADD = Operation(
    "project.add", "POST", "/project/items", AddItem, Item, None, "Add an item", realm="project", errors=_ANY
)
EDIT = Operation(
    "project.edit", "PATCH", "/project/item", EditItem, Item, None, "Change an item", realm="project", errors=_ANY
)
DELETE = Operation(
    "project.delete", "DELETE", "/project/item", NamedItem, Done, None, "Delete an item", realm="project", errors=_ANY
)
IMPORT = Operation(
    "project.import",
    "POST",
    "/project/import",
    ImportItems,
    Job,
    None,
    "Import rows, all or none",
    realm="project",
    errors=_ANY,
)
JOB = Operation(
    "project.job",
    "GET",
    "/project/jobs/{job_id}",
    NamedJob,
    Job,
    None,
    "How far an import is",
    realm="project",
    errors=(errors.NotFound,),
)
CANCEL_JOB = Operation(
    "project.cancel",
    "POST",
    "/project/jobs/{job_id}/cancel",
    NamedJob,
    Job,
    None,
    "Cancel an import",
    realm="project",
    errors=(errors.NotFound, errors.Conflict),
)
FILES = Operation(
    "project.files", "GET", "/project/files", NamedItem, Files, None, "Files of a record", realm="project", errors=_ANY
)
ATTACH = Operation(
    "project.attach",
    "POST",
    "/project/files",
    AttachFile,
    FileInfo,
    None,
    "Attach a file to a record",
    realm="project",
    errors=_ANY,
)
FILE = Operation(
    "project.file",
    "GET",
    "/project/files/{file_id}",
    NamedFile,
    FileContent,
    None,
    "An attached file",
    realm="project",
    errors=_ANY,
)
DETACH = Operation(
    "project.detach",
    "DELETE",
    "/project/files/{file_id}",
    NamedFile,
    Done,
    None,
    "Remove an attached file",
    realm="project",
    errors=_ANY,
)

OPERATIONS = (
    OFFERS,
    SUBMISSION_DATABASES,
    SUBMIT,
    OPEN,
    CURRENT,
    CLOSE,
    PASSWORD,
    LIST,
    SHOW,
    ADD,
    EDIT,
    DELETE,
    IMPORT,
    JOB,
    CANCEL_JOB,
    FILES,
    ATTACH,
    FILE,
    DETACH,
)
