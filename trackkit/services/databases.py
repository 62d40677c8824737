"""The list of project databases: what is in it, making empty ones, settings, and taking one out.

No use case here or elsewhere deletes, overwrites or moves a database's files: that is done by a person on the server's
disk (SPEC §2).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from pydantic import SecretStr

from trackkit.contract import databases as contract
from trackkit.contract.operation import Nothing
from trackkit.domain import databases as rules
from trackkit.domain.accounts import checked_password
from trackkit.domain.databases import DatabaseSettings, Place
from trackkit.domain.declared import checked, fields_of, flat_values
from trackkit.domain.errors import Conflict, DatabaseUnavailable, InvalidInput, TrackkitError, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.project.kinds import ProjectUser
from trackkit.services.database_places import Location
from trackkit.services.environment import Call, Environment
from trackkit.services.refused_paths import refused_paths_told
from trackkit.store import compaction, databases, project_facts, project_sessions
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.migrate import revision_of

SOURCE: Final = "databases"
_REFUSED: Final = "The settings were refused; nothing was changed."


def list_databases(call: Call, request: Nothing) -> contract.Databases:
    """Every database of the list."""
    environment = call.environment
    rows = environment.store.read(databases.all_databases)
    return contract.Databases(
        databases=tuple(contract.Database(**_view(environment, row)) for row in rows),
        full_paths=environment.places.full_path_roots,
        backup_roots=environment.places.backup_roots,
    )


def show_database(call: Call, request: contract.NamedDatabase) -> contract.DatabaseInfo:
    """What is in a database; of one that is away, what the list knows."""
    return information(call.environment, call.environment.projects.row(request.database))


def information(environment: Environment, row: DatabaseRow) -> contract.DatabaseInfo:
    """Everything about a database: shown after each operation on it."""
    sessions = environment.store.read(lambda connection: project_sessions.count_of(connection, row.id))

    def look(connection: Connection) -> dict[str, object]:
        return {
            "records": project_facts.record_counts(connection),
            "users": project_facts.user_count(connection),
            "schema_version": revision_of(connection, "project") or "",
        }

    try:
        found = environment.projects.opened(row).read(look)
    except DatabaseUnavailable:
        found = {"records": {}, "users": 0, "schema_version": ""}
    view = _view(environment, row)
    return contract.DatabaseInfo(**view, **found, database_id=row.database_id, sessions=sessions)


def _view(environment: Environment, row: DatabaseRow) -> dict[str, object]:
    try:
        size = compaction.size(environment.projects.opened(row).store)
    except Unavailable:
        size = None
    reason = environment.projects.availability(row)
    return {
        "name": row.name,
        "place": row.place,
        "location": environment.projects.location(row).shown,
        "settings": flat_values(row.settings),
        "available": not reason,
        "unavailable_reason": reason,
        "size": size,
        "created_at": row.created_at,
        "last_backup_at": row.last_backup_at,
        "last_compacted_at": row.last_compacted_at,
        "revision": row.revision,
        "warnings": tuple(rules.warnings(row.settings, row.place)),
    }


def checked_settings(values: Mapping[str, object], base: DatabaseSettings | None = None) -> DatabaseSettings:
    """Settings made of values by name, over those of `base` or the defaults; `InvalidInput` names each bad one."""
    for name in ("name", "location", "place"):
        if name in values:
            raise InvalidInput.of(name, "cannot be changed: a database stays where it is")
    before = flat_values(base) if base else {}
    return checked(DatabaseSettings, {**before, **values}, _REFUSED)


def new_location(call: Call, name: str, password: SecretStr | None) -> Location:
    """Where a database is to be listed that is not yet; `InvalidInput`, `Conflict`."""
    environment = call.environment
    with refused_paths_told(call, name):
        location = environment.places.locate(name)
    if password is not None and location.place is not Place.postgresql:
        raise InvalidInput.of("database_password", "is for a PostgreSQL URL only")
    there = environment.store.read(lambda connection: databases.find_database(connection, location.key))
    if there is not None:
        raise Conflict(
            f"There is a database {there.name!r} in the list already; nothing was changed.",
            "Names that differ only in case are the same.",
        )
    return location


def register(
    call: Call,
    operation: str,
    location: Location,
    settings: DatabaseSettings,
    database_id: str,
    password: SecretStr | None,
) -> DatabaseRow:
    """Put a database that lies in its place into the list, with the audit record of the operation that did it."""
    sealed = call.environment.sealer.seal(location.name, password) if password else None

    def work(connection: Connection) -> DatabaseRow:
        row = databases.add_database(
            connection,
            name=location.name,
            key=location.key,
            place=location.place,
            database_id=database_id,
            sealed_password=sealed,
            settings=settings,
            now=call.now,
        )
        call.audit(connection, operation, location.name, after=_texts(settings))
        return row

    row = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Database {row.name} is in the list now ({operation}).", database=row.name)
    return row


def create_database(call: Call, request: contract.CreateDatabase) -> contract.CreatedDatabase:
    """Make an empty database with its first project user."""
    environment = call.environment
    settings = checked_settings(request.settings)
    administrator = checked(ProjectUser, {"name": request.administrator}, "The administrator was refused.").name
    given = request.administrator_password
    password = (
        checked_password(given.get_secret_value(), "administrator_password") if given else secrets.token_urlsafe(12)
    )
    location = new_location(call, request.name, request.database_password)
    hashed, database_id = environment.passwords.hash(password), str(uuid4())

    def fill(connection: Connection) -> None:
        project_facts.found_project(connection, database_id, call.now, administrator, hashed)

    environment.places.build(location, request.database_password, fill)
    row = register(call, contract.CREATE.name, location, settings, database_id, request.database_password)
    return contract.CreatedDatabase(
        **information(environment, row).model_dump(),
        administrator=administrator,
        administrator_password=None if given else password,
    )


def edit_database(call: Call, request: contract.EditDatabase) -> contract.DatabaseInfo:
    """Change settings; an inactive database's sessions end."""
    environment, key = call.environment, call.environment.projects.row(request.database).name_key

    def work(connection: Connection) -> DatabaseRow:
        row = databases.find_database(connection, key, lock=True)
        if row is None:
            raise Conflict(f"{request.database} was taken out of the list meanwhile; nothing was changed.")
        if request.revision not in (None, row.revision):
            raise Conflict(
                f"The settings of {row.name} were changed by somebody else meanwhile; nothing of yours was changed.",
                "Look at the present settings, then change them again.",
            )
        settings = checked_settings(request.settings, row.settings)
        changed = {
            name for name in fields_of(DatabaseSettings) if getattr(row.settings, name) != getattr(settings, name)
        }
        if changed:
            databases.edit_database(connection, row, settings)
            before, after = _texts(row.settings), _texts(settings)
            call.audit(
                connection,
                contract.EDIT.name,
                row.name,
                {name: before[name] for name in changed},
                {name: after[name] for name in changed},
            )
            if not settings.active:
                project_sessions.end_all_of(connection, row.id, call.now)
        found = databases.find_database(connection, key)
        assert found is not None  # noqa: S101 - its row is locked
        return found

    row = environment.store.write(work)
    call.log(Severity.information, SOURCE, f"The settings of {row.name} were changed.", database=row.name)
    return information(environment, row)


def remove_database(call: Call, request: contract.RemoveDatabase) -> contract.RemovedDatabase:
    """Take a database out of the list: its sessions end, its files stay where they are."""
    environment = call.environment
    row = environment.projects.row(request.database)
    location = environment.projects.location(row).shown

    def work(connection: Connection) -> int:
        sessions = project_sessions.count_of(connection, row.id)
        if databases.find_database(connection, row.name_key, lock=True) is None:
            raise Conflict(f"{row.name} was taken out of the list meanwhile; nothing was changed.")
        if not request.preview:
            project_sessions.end_all_of(connection, row.id, call.now)
            databases.remove_database(connection, row.id)
            call.audit(connection, contract.REMOVE.name, row.name, before=_texts(row.settings))
        return sessions

    sessions = environment.store.write(work)
    if not request.preview:
        environment.projects.forget(row.id)
        words = f"Database {row.name} was taken out of the list; its files stay in {location}."
        call.log(Severity.information, SOURCE, words, database=row.name)
    return contract.RemovedDatabase(name=row.name, location=location, sessions=sessions)


def browse_databases(call: Call, request: contract.Browse) -> contract.Listing:
    """The folders below the databases' folder and the allowed roots, and the databases in them."""
    places = call.environment.places
    with refused_paths_told(call, request.folder):
        here, folders = places.browse(request.folder)
    listed = {
        call.environment.projects.location(row).shown: row
        for row in call.environment.store.read(databases.all_databases)
    }
    if here is None:
        tops = tuple(contract.Entry(name=str(folder), title=str(folder), kind="folder") for folder in folders)
        return contract.Listing(folder=None, parent=None, entries=tops)
    entries = []
    for folder in folders:
        name = folder.name if folder.parent == places.databases else str(folder)
        try:
            places.present(Location(rules.place_of(name), name, name, folder))
        except TrackkitError as error:
            if folder.parent == places.databases:
                entries.append(contract.Entry(name=name, title=folder.name, kind="database", reason=_reason(error)))
            else:
                entries.append(contract.Entry(name=name, title=folder.name, kind="folder"))
            continue
        reason = "is in the list already" if str(folder) in listed else ""
        entries.append(contract.Entry(name=name, title=folder.name, kind="database", reason=reason))
    inside = any(here != root and here.is_relative_to(root) for root in places.browse(None)[1])
    return contract.Listing(folder=str(here), parent=str(here.parent) if inside else None, entries=tuple(entries))


def _reason(error: TrackkitError) -> str:
    return error.problems[0].message if error.problems else error.message


def _texts(settings: DatabaseSettings) -> dict[str, str]:
    return {name: field.text(getattr(settings, name)) for name, field in fields_of(DatabaseSettings).items()}
