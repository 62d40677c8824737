"""Databases made of others: from a template, of a backup, and those that exist already and come into the list.

What is wrong is said before the work begins where that can be known; what fails later leaves no database behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from pydantic import SecretStr

from trackkit.contract import databases as contract
from trackkit.contract.jobs import Job
from trackkit.domain.databases import DatabaseSettings, Place
from trackkit.domain.errors import InvalidInput
from trackkit.domain.jobs import JobKind
from trackkit.services import backups
from trackkit.services.database_places import Location
from trackkit.services.databases import checked_settings, new_location, register
from trackkit.services.environment import Call
from trackkit.services.jobs import Outcome, Progress
from trackkit.services.upgrading import back_up_and_upgrade
from trackkit.store import copying, outbox, project_facts, project_opening
from trackkit.store.database import Connection, Store
from trackkit.store.databases import DatabaseRow
from trackkit.store.migrate import Standing, revision_of, upgrade_on

SOURCE: Final = "databases"


@dataclass(frozen=True, slots=True)
class _Target:
    """What shall come into the list."""

    location: Location
    settings: DatabaseSettings
    password: SecretStr | None


def _target(call: Call, request: Any, **forced: bool) -> _Target:
    settings = checked_settings({**request.settings, **forced})
    location = new_location(call, request.name, request.database_password)
    return _Target(location, settings, request.database_password)


def create_from_template(call: Call, request: contract.CreateFromTemplate) -> Job:
    """Begin to copy users, groups, customers, filters, test configurations, reports, templates and rules."""
    target = _target(call, request)
    template = call.environment.projects.open(request.template)

    def work(progress: Progress) -> Outcome:
        database_id = str(uuid4())

        def copy(source: Connection) -> dict[str, int]:
            def fill(connection: Connection) -> dict[str, int]:
                project_facts.set_identity(connection, database_id)
                found = copying.copy_template(source, connection, _rows(progress))
                progress.no_way_back()
                return found

            return call.environment.places.build(target.location, target.password, fill)

        counts = template.read(copy)
        _register(call, contract.CREATE_FROM_TEMPLATE.name, target, database_id)
        words = f"Created {target.location.name} from {template.row.name}: {sum(counts.values()):,} rows."
        return Outcome(words, {"rows": sum(counts.values()), "location": target.location.shown})

    return _start(
        call, JobKind.create, contract.CREATE_FROM_TEMPLATE.name, target, work, {"template": request.template}
    )


def restore(call: Call, request: contract.Restore) -> Job:
    """Begin to make a new database of a backup: with an identity of its own, and sending switched off."""
    target = _target(call, request, sending=False)
    backup, file, manifest = backups.sound_backup(call.environment, request.backup_id)

    def work(progress: Progress) -> Outcome:
        database_id, store = str(uuid4()), project_opening.open_file(file, Place.path)
        try:

            def copy(source: Connection) -> dict[str, int]:
                def fill(connection: Connection) -> dict[str, int]:
                    found = copying.copy(source, connection, None, _rows(progress))
                    upgrade_on(connection, "project")
                    project_facts.set_identity(connection, database_id)
                    outbox.forget_all(connection)
                    progress.no_way_back()
                    return found

                revision = revision_of(source, "project") or "heads"
                return call.environment.places.build(target.location, target.password, fill, revision)

            counts = store.read(copy)
        finally:
            store.close()
        if counts != {name: counts.get(name, 0) for name in counts} | manifest.rows:
            raise InvalidInput.of("backup_id", "does not hold what its manifest says", "Restore another backup.")
        _register(call, contract.RESTORE.name, target, database_id)
        words = f"Restored {backup.location} as {target.location.name}; sending is switched off there."
        return Outcome(words, {"rows": sum(counts.values()), "location": target.location.shown})

    more = {"backup": backup.location, "of": backup.database}
    return _start(call, JobKind.restore, contract.RESTORE.name, target, work, more)


def add_database(call: Call, request: contract.AddDatabase) -> Job:
    """Begin to add a database that exists: looked at, backed up and upgraded if it is older, then listed."""
    environment, target = call.environment, _target(call, request)
    if target.location.folder and backups.is_backup(environment, target.location.folder):
        raise InvalidInput.of("name", "is a backup", "Restore it as a new database instead.")
    environment.places.open_existing(target.location, target.password).close()

    def work(progress: Progress) -> Outcome:
        store = environment.places.open_existing(target.location, target.password)
        try:
            progress(0, None, words="Looking at it")
            found = project_opening.examine(store)
            _refuse_unfit(found)
            identity = store.read(project_facts.identity)
            if identity is None:
                raise InvalidInput.of("name", "is no whole trackkit database: it has no identity")
            progress.no_way_back()
            saved = _upgraded(call, target, store, identity, progress) if found == "older" else ""
        finally:
            store.close()
        row = _register(call, contract.ADD.name, target, identity)
        environment.projects.opened(row)
        words = f"Added {row.name}." + (f" It was upgraded; what it was before is in {saved}." if saved else "")
        return Outcome(words, {"location": target.location.shown, **({"backup": saved} if saved else {})})

    return _start(call, JobKind.add, contract.ADD.name, target, work, {})


def _refuse_unfit(found: Standing) -> None:
    reasons = {
        "newer": "was written by a newer trackkit; add it to a server of that version",
        "foreign": "is no trackkit database: what is there belongs to another program",
        "empty": "is no trackkit database: it is empty",
    }
    if found in reasons:
        raise InvalidInput.of("name", reasons[found])


def _upgraded(call: Call, target: _Target, store: Store, identity: str, progress: Progress) -> str:
    """Back an older database up, then bring it to this version's schema; where the backup is."""
    row = unlisted_row(target.location, target.settings, identity, call)
    return back_up_and_upgrade(call.environment, row, store, progress)


def unlisted_row(location: Location, settings: DatabaseSettings, identity: str, call: Call) -> DatabaseRow:
    """What the list would say about a database that is not in it yet."""
    return DatabaseRow(
        0, location.name, location.key, location.place, identity, None, settings, 0, call.now, None, None
    )


def _register(call: Call, operation: str, target: _Target, database_id: str) -> DatabaseRow:
    return register(call, operation, target.location, target.settings, database_id, target.password)


def _start(call: Call, kind: JobKind, operation: str, target: _Target, work: Any, more: dict[str, str]) -> Job:
    """Begin; the audit tells both that it was asked for and, when the database is listed, that it was done."""
    return call.environment.jobs.start(
        kind=kind,
        database=target.location.name,
        username=call.actor.username,
        work=work,
        on_start=lambda connection, job_id: call.audit(
            connection, operation, target.location.name, after={"job": str(job_id), **more}
        ),
    )


def _rows(progress: Progress) -> Any:
    return lambda done, total: progress(done, total, "rows", "Copying")
