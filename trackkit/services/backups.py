"""Backups of project databases: made while the database is in use, verified, kept apart, rotated by their manifest.

A backup is a folder of its own with ``project.db`` (SQLite, whatever engine the database is on) and ``manifest.json``.
It is read at one moment, written aside under a name nothing else has, synced, read again and compared. Rotation removes
only files that the manifest of the task's own older backups lists, and never the last verified backup of a database.
What lies in the backup folders without being known, from another server or an earlier life of this one, is found when
backups are listed, and can be restored like any other.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field, NonNegativeInt, TypeAdapter

from trackkit.contract import databases as contract
from trackkit.contract.jobs import Job
from trackkit.domain.databases import MAXIMUM_LOCATION, Place
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from trackkit.domain.jobs import JobKind
from trackkit.domain.log import Severity
from trackkit.domain.tasks import MAXIMUM_NAME as MAXIMUM_TASK_NAME
from trackkit.services.database_places import FILE
from trackkit.services.environment import Call, Environment
from trackkit.services.jobs import OnEnd, Outcome, Progress
from trackkit.services.refused_paths import refused_paths_told
from trackkit.store import backups as rows
from trackkit.store import copying, databases, project_opening
from trackkit.store.backups import BackupRow, FoundBackup
from trackkit.store.database import Connection, Work
from trackkit.store.databases import DatabaseRow
from trackkit.store.migrate import revision_of

SOURCE: Final = "backups"
MANIFEST: Final = "manifest.json"
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
Read = Callable[[Work[Any]], Any]
"""Runs a unit of work in one reading of the database that is backed up."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup folder says about itself."""

    database: Annotated[str, Field(max_length=MAXIMUM_LOCATION, pattern=_PRINTABLE)]
    database_id: str
    made_at: AwareDatetime
    task: Annotated[str, Field(max_length=MAXIMUM_TASK_NAME, pattern=_PRINTABLE)]
    rows: dict[str, NonNegativeInt]
    files: dict[str, str]
    """SHA-256 of each file of the backup by its name; rotation removes these and nothing else."""


_MANIFEST: Final = TypeAdapter(Manifest)


def back_up(call: Call, request: contract.BackUp) -> Job:
    """Begin a backup."""
    return begin_backup(call, request.database, request.root)


def begin_backup(
    call: Call,
    database: str,
    root: str | None = None,
    task: str = "",
    keep: int | None = None,
    on_end: OnEnd = lambda state, words: None,
) -> Job:
    """Back a database up in the background; with `keep`, older backups of the same task are removed afterwards."""
    environment = call.environment
    with refused_paths_told(call, root):
        folder = environment.places.backup_root(root)
    project = environment.projects.open(database)

    def work(progress: Progress) -> Outcome:
        made = make_backup(environment, project.row, project.read, folder, task, progress)
        removed = rotate(environment, project.row.name, task, keep) if keep is not None else 0
        result: dict[str, str | int] = {"location": made.location, "size": made.size, "rows": made.row_count}
        return Outcome(
            f"Backed up {made.row_count:,} rows to {made.location}.",
            {**result, "backup_id": made.id, "removed": removed},
        )

    return environment.jobs.start(
        kind=JobKind.backup,
        database=project.row.name,
        username=call.actor.username,
        work=work,
        on_start=lambda connection, job_id: call.audit(
            connection, contract.BACK_UP.name, project.row.name, after={"job": str(job_id), "below": str(folder)}
        ),
        on_end=on_end,
    )


def make_backup(
    environment: Environment,
    row: DatabaseRow,
    read: Read,
    root: Path,
    task: str,
    progress: Progress,
) -> BackupRow:
    """Copy a database, verify the copy, put it in place and remember it; `Unavailable`, and then nothing is left."""
    now = environment.clock()
    with _removed_on_failure(row.name, _new_folder(root / _safe(row.name), now)) as folder:
        counts, size = write_copy(folder, row, read, now, task, progress)

    def note(connection: Connection) -> BackupRow:
        databases.note_backup(connection, row.name_key, now)
        return rows.add_backup(
            connection,
            database=row.name,
            location=str(folder),
            made_at=now,
            size=size,
            row_count=sum(counts.values()),
            task=task,
        )

    return environment.store.write(note)


def write_copy(
    folder: Path, row: DatabaseRow, read: Read, now: datetime, task: str, progress: Progress
) -> tuple[dict[str, int], int]:
    """The files of a backup in its new folder: rows of each table, and the size of the copy in octets."""
    partial = folder / f"{FILE}.partial"

    def tell(done: int, total: int) -> None:
        progress(done, total, "rows", "Copying")

    def from_source(source: Connection) -> dict[str, int]:
        revision = revision_of(source, "project")
        return project_opening.fill_file(
            partial, lambda target: copying.copy(source, target, None, tell), revision or "heads"
        )

    counts = read(from_source)
    progress.no_way_back()
    total = sum(counts.values())
    progress(total, total, "rows", "Verifying")
    store = project_opening.open_file(partial, Place.path)
    try:
        copying.verify(store, counts)
    finally:
        store.close()
    manifest = Manifest(row.name, row.database_id, now, task, counts, {FILE: _hash(partial)})
    partial.rename(folder / FILE)  # the folder was made just now and is nobody else's
    _write(folder / MANIFEST, _MANIFEST.dump_json(manifest, indent=2))
    return counts, (folder / FILE).stat().st_size


def rotate(environment: Environment, database: str, task: str, keep: int) -> int:
    """Remove the older backups that a task made of a database, all but the newest `keep`; how many.

    A backup whose manifest does not say the same as the list, or whose folder holds anything else, stays, and so does
    whatever lies where a database of the list does.
    """
    known = environment.store.read(lambda connection: rows.all_backups(connection, database))
    mine = [row for row in known if row.task == task and row.verified]
    newest = next((row.id for row in known if row.verified and _manifest(Path(row.location))), None)
    listed = {environment.projects.location(row).shown for row in environment.store.read(databases.all_databases)}
    removed = 0
    for row in mine[keep:]:
        if row.id == newest or row.location in listed:
            continue
        if _remove(environment, row):
            environment.store.write(lambda connection, row=row: rows.forget_backup(connection, row.id))  # type: ignore[misc]
            removed += 1
    return removed


def _remove(environment: Environment, row: BackupRow) -> bool:
    """Remove the files a backup's manifest lists, and its folder; whether it is gone.

    Only what is still, octet by octet, what the backup wrote: somebody may have gone on working in it.
    """
    folder = Path(row.location)
    if not folder.exists():
        return True
    manifest = _manifest(folder)
    roots = [Path(root) for root in environment.places.backup_roots]
    inside = any(folder.resolve().is_relative_to(root.resolve()) for root in roots) and not folder.is_symlink()
    ours = manifest is not None and (manifest.database, manifest.task) == (row.database, row.task)
    if manifest is None or not ours or not inside or not _unchanged(folder, manifest):
        words = f"The old backup {folder} stays: it is not what its manifest says."
        environment.log.write(Severity.warning, SOURCE, words, database=row.database)
        return False
    for name in (*manifest.files, MANIFEST):
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        words = f"The folder {folder} of a removed backup stays: something else is in it."
        environment.log.write(Severity.warning, SOURCE, words, database=row.database)
    return True


def _unchanged(folder: Path, manifest: Manifest) -> bool:
    """Whether a backup folder's files are the ones that were written and verified."""
    files = {name: folder / name for name in manifest.files}
    plain = all(Path(name).name == name and file.is_file() and not file.is_symlink() for name, file in files.items())
    try:
        return plain and all(_hash(file) == manifest.files[name] for name, file in files.items())
    except OSError:
        return False  # what cannot be read is not removed


def is_backup(environment: Environment, folder: Path) -> bool:
    """Whether a folder is, or says of itself that it is, a backup."""
    if (folder / MANIFEST).exists() or folder.resolve().is_relative_to(environment.places.backups.resolve()):
        return True
    return str(folder) in {row.location for row in environment.store.read(rows.all_backups)}


def list_backups(call: Call, request: contract.ListBackups) -> contract.Backups:
    """The backups this server made or finds in its backup folders, newest first."""
    _note_found(call.environment)
    found = call.environment.store.read(lambda connection: rows.all_backups(connection, request.database))
    return contract.Backups(
        backups=tuple(
            contract.Backup(
                backup_id=row.id,
                database=row.database,
                location=row.location,
                made_at=row.made_at,
                size=row.size,
                verified=row.verified,
                rows=row.row_count,
                task=row.task,
                available=(Path(row.location) / FILE).is_file(),
            )
            for row in sorted(found, key=lambda row: row.made_at, reverse=True)
        )
    )


def _note_found(environment: Environment) -> None:
    """Put backups that lie in the backup folders and are not known yet into the list."""
    known = {row.location for row in environment.store.read(rows.all_backups)}
    found = []
    for root in environment.places.backup_roots:
        for folder in (path.parent for path in Path(root).glob(f"*/*/{MANIFEST}")):
            manifest = _manifest(folder) if str(folder) not in known else None
            if manifest is not None and (folder / FILE).is_file():
                size, count = (folder / FILE).stat().st_size, sum(manifest.rows.values())
                backup = FoundBackup(manifest.database, str(folder), manifest.made_at, size, count, manifest.task)
                found.append(backup)
    if found:
        environment.store.write(lambda connection: rows.note_found(connection, found))


def sound_backup(environment: Environment, backup_id: int) -> tuple[BackupRow, Path, Manifest]:
    """A backup that is there and as it was written; `NotFound`, `Unavailable`, or `InvalidInput` for a changed one."""
    row = environment.store.read(lambda connection: rows.find_backup(connection, backup_id))
    if row is None:
        raise NotFound(f"There is no backup {backup_id}.")
    file, manifest = Path(row.location) / FILE, _manifest(Path(row.location))
    if manifest is None or not file.is_file():
        raise Unavailable(f"The backup {row.location} is not there, or not whole.", "Is its drive connected?")
    if _hash(file) != manifest.files.get(FILE):
        raise InvalidInput.of(
            "backup_id", f"is damaged: {file} is not what was written and verified", "Restore another backup."
        )
    return row, file, manifest


def _manifest(folder: Path) -> Manifest | None:
    """What a folder's manifest says; none when there is none that can be read."""
    try:
        return _MANIFEST.validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None


@contextmanager
def _removed_on_failure(name: str, folder: Path) -> Iterator[Path]:
    """A folder made just now that goes again when the work in it fails."""
    try:
        yield folder
    except BaseException as error:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        if isinstance(error, OSError):
            raise Unavailable(f"The backup of {name} failed: {error.strerror}. Nothing of it is left.") from error
        raise


def _new_folder(above: Path, now: datetime) -> Path:
    """A folder that nothing else has: the time to the millisecond, and a number where that is taken.

    A name that rotation has freed shall not come back within the same second: people have noted it.
    """
    moment = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03}Z"
    try:
        above.mkdir(mode=0o700, exist_ok=True)
        for number in range(1, 1000):
            folder = above / (moment + (f" ({number})" if number > 1 else ""))
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise Unavailable(f"No backup can be written to {above}: {error.strerror}. Nothing was changed.") from error
    raise Conflict(f"There is no free name for a backup in {above}.")


def _safe(name: str) -> str:
    """A folder's name for the backups of a database, whatever its location is."""
    plain = re.sub(r"[^\w -]+", "_", name).strip(" _")[:80]
    return plain if plain == name else f"{plain} {hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _hash(file: Path) -> str:
    """SHA-256 of a file, synced to disk first."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write(file: Path, content: bytes) -> None:
    with file.open("xb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
