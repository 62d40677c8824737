"""Project databases. No operation deletes, overwrites or moves a database's files (SPEC §2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from trackkit.contract.jobs import Job
from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import MAXIMUM_PASSWORD, Role
from trackkit.domain.databases import MAXIMUM_LOCATION, Place

SettingValue = bool | str
Settings = dict[str, SettingValue]
"""Values by name; the names are the fields of `trackkit.domain.databases.DatabaseSettings`."""


class Database(Response):
    """A database of the list. Its `name` is what every operation calls it: the relative name, full path, or URL."""

    name: str
    place: Place
    location: str
    """Where its files are on the server machine, or its URL; never with a password."""
    settings: Settings
    available: bool
    unavailable_reason: str
    size: int | None
    """Octets; none while it is not available."""
    created_at: datetime
    """When it came into this server's list."""
    last_backup_at: datetime | None
    """The last one that was verified."""
    last_compacted_at: datetime | None
    revision: int
    """Of the settings; an edit names the one it has seen."""
    warnings: tuple[str, ...]


class Databases(Response):
    """By name."""

    databases: tuple[Database, ...]
    full_paths: tuple[str, ...]
    """The roots that the server machine allows for full path names; none = only relative names are possible."""
    backup_roots: tuple[str, ...]
    """Where backups can be written; the first is the server's own folder."""


class DatabaseInfo(Database):
    """What is in it; counts are empty while it is not available."""

    database_id: str
    schema_version: str
    records: dict[str, int]
    """By type."""
    users: int
    sessions: int
    """Project sessions that are open."""


class NamedDatabase(Request):
    """One database of the list."""

    database: str = Field(min_length=1, max_length=MAXIMUM_LOCATION)


class _NewPlace(Request):
    """Where a database is to be listed, and how.

    name: a relative name, a full path, or a PostgreSQL URL without its password; the latter two only where the server
    machine allows them.
    """

    name: str = Field(max_length=MAXIMUM_LOCATION)
    database_password: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)
    """Of the account in a PostgreSQL URL; kept sealed, never shown."""
    settings: Settings = Field({})


class CreateDatabase(_NewPlace):
    """A new, empty database with its first project user.

    Without a password one is made and shown this once.
    """

    administrator: str = Field("administrator", min_length=1, max_length=100)
    administrator_password: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)


class CreatedDatabase(DatabaseInfo):
    """`administrator_password` is set when it was made here; it is never shown again."""

    administrator: str
    administrator_password: str | None = Field(repr=False)


class CreateFromTemplate(_NewPlace):
    """A new database with users, groups, customers, filters, test configurations, reports, templates and rules of
    another; nothing else is copied."""

    template: str = Field(min_length=1, max_length=MAXIMUM_LOCATION)


class AddDatabase(_NewPlace):
    """A database that exists already; an older one is backed up, then upgraded."""


class EditDatabase(NamedDatabase):
    """Settings by name; what is not given stays. `revision` is the one that was seen; none = no check."""

    settings: Settings
    revision: RowNumber | None = None


class Browse(Request):
    """A folder on the server machine: none = the roots; only the databases' folder and allowed roots can be seen."""

    folder: str | None = Field(None, max_length=MAXIMUM_LOCATION)


class Entry(Response):
    """One folder. A database can be added by its `name` unless `reason` says why not."""

    name: str
    """As `database.add` takes it."""
    title: str
    kind: Literal["folder", "database"]
    reason: str = ""


class Listing(Response):
    """What is in a folder; `parent` none = it is the top."""

    folder: str | None
    parent: str | None
    entries: tuple[Entry, ...]


class BackUp(NamedDatabase):
    """A backup below one of the allowed roots; none = the server's own backups folder."""

    root: str | None = Field(None, max_length=MAXIMUM_LOCATION)


class Backup(Response):
    """One backup: a folder that is never written to again."""

    backup_id: int
    database: str
    location: str
    made_at: datetime
    size: int
    verified: bool
    rows: int
    task: str
    """The scheduled task that made it; only that task's rotation may remove it. Empty: a person made it."""
    available: bool
    """Its file is there."""


class ListBackups(Request):
    """Newest first, of one database or of all."""

    database: str | None = Field(None, max_length=MAXIMUM_LOCATION)


class Backups(Response):
    """The backups this server knows of."""

    backups: tuple[Backup, ...]


class Restore(_NewPlace):
    """A backup as a new database, with a new identity and sending switched off."""

    backup_id: RowNumber


class RemoveDatabase(NamedDatabase):
    """Take it out of the list; the files stay. With `preview` only say what would happen."""

    preview: bool = False


class RemovedDatabase(Response):
    """Where the files are, and how many project sessions end (or ended)."""

    name: str
    location: str
    sessions: int


LIST = Operation("database.list", "GET", "/databases", Nothing, Databases, Role.viewer, "The project databases")
SHOW = Operation(
    "database.show",
    "GET",
    "/databases/info",
    NamedDatabase,
    DatabaseInfo,
    Role.viewer,
    "What is in a database",
    errors=(errors.NotFound,),
)
CREATE = Operation(
    "database.create",
    "POST",
    "/databases",
    CreateDatabase,
    CreatedDatabase,
    Role.admin,
    "Create an empty database",
    errors=(errors.Conflict, errors.Unavailable),
    audited=True,
)
CREATE_FROM_TEMPLATE = Operation(
    "database.create_from_template",
    "POST",
    "/databases/from-template",
    CreateFromTemplate,
    Job,
    Role.admin,
    "Create a database from the users, groups and definitions of another",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
BROWSE = Operation(
    "database.browse",
    "GET",
    "/databases/browse",
    Browse,
    Listing,
    Role.admin,
    "Look for databases on the server machine",
    errors=(errors.NotFound,),
)
ADD = Operation(
    "database.add",
    "POST",
    "/databases/existing",
    AddDatabase,
    Job,
    Role.admin,
    "Add an existing database to the list",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
EDIT = Operation(
    "database.edit",
    "PATCH",
    "/databases/settings",
    EditDatabase,
    DatabaseInfo,
    Role.admin,
    "Change a database's settings",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
COMPACT = Operation(
    "database.compact",
    "POST",
    "/databases/compact",
    NamedDatabase,
    Job,
    Role.operator,
    "Give back the space of what was deleted and rebuild the indexes",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
BACK_UP = Operation(
    "database.backup",
    "POST",
    "/databases/backups",
    BackUp,
    Job,
    Role.operator,
    "Back up a database while it is in use",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
BACKUPS = Operation(
    "database.backups", "GET", "/databases/backups", ListBackups, Backups, Role.viewer, "The backups of the databases"
)
RESTORE = Operation(
    "database.restore",
    "POST",
    "/databases/restore",
    Restore,
    Job,
    Role.admin,
    "Restore a backup as a new database",
    errors=(errors.NotFound, errors.Conflict, errors.Unavailable),
    audited=True,
)
REMOVE = Operation(
    "database.remove",
    "POST",
    "/databases/remove",
    RemoveDatabase,
    RemovedDatabase,
    Role.admin,
    "Take a database out of the list; its files stay",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)

OPERATIONS = (
    LIST,
    SHOW,
    CREATE,
    CREATE_FROM_TEMPLATE,
    BROWSE,
    ADD,
    EDIT,
    COMPACT,
    BACK_UP,
    BACKUPS,
    RESTORE,
    REMOVE,
)
