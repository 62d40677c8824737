"""Where project databases and their backups may lie on this machine, and how new ones get there.

A database on disk is the file ``project.db`` in a folder of its own. Names are checked, links and ``..`` resolved, and
nothing that exists is ever overwritten: a new database is built aside and put in place only where nothing is. What is
refused is `InvalidInput` with the reason, or `Conflict` when something is there already.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import SecretStr

from trackkit.domain.databases import (
    Place,
    PostgresqlPlace,
    checked_name,
    checked_path,
    checked_url,
    name_key,
    place_of,
    url_allowed,
)
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from trackkit.store import project_opening
from trackkit.store.database import Store, Work

T = TypeVar("T")

FILE: Final = "project.db"
_ASIDE: Final = "project.db.new"
_SIDE_FILES: Final = (_ASIDE, f"{_ASIDE}-journal")
_LEFT_OVERS: Final = tuple(f"{name}-{kind}" for name in (FILE, _ASIDE) for kind in ("journal", "wal", "shm"))
"""SQLite would play these into whatever new database lies beside them."""
_NO_FULL_PATHS: Final = (
    "On the server machine: `trackkit server set allow-full-paths ROOT[,ROOT…]`, then restart the server."
)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a database lies. `name` is what it is called everywhere, `key` what names are compared by."""

    place: Place
    name: str
    key: str
    folder: Path | None = None
    postgresql: PostgresqlPlace | None = None

    @property
    def shown(self) -> str:
        """The location for people, without any password."""
        return self.postgresql.url if self.postgresql else str(self.folder)

    @property
    def file(self) -> Path:
        """The database's file; only for those on disk."""
        assert self.folder is not None  # noqa: S101 - asked for only where the place is a folder
        return self.folder / FILE


class Places:
    """The folders of one server, and what its machine allows beyond them."""

    def __init__(self, data: Path, full_path_roots: Sequence[str] = (), backup_roots: Sequence[str] = ()) -> None:
        self.data = data = data.resolve()
        self.databases = data / "databases"
        self.backups = data / "backups"
        self.full_path_roots = tuple(full_path_roots)
        self.backup_roots = (str(self.backups), *backup_roots)
        for folder in (self.databases, self.backups):
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise _cannot(f"The folder {folder} cannot be made", error) from error

    def locate(self, name: str) -> Location:
        """The location that a name, a full path or a URL means; `InvalidInput` when it cannot be one here."""
        place = place_of(name)
        if place is Place.relative:
            name = checked_name(name)
            return Location(place, name, name_key(name), self.databases / name)
        if not self.full_path_roots:
            raise InvalidInput.of("name", "is a full path, which needs allow-full-paths on this server", _NO_FULL_PATHS)
        if place is Place.postgresql:
            where = checked_url(name)
            if not url_allowed(where, self.full_path_roots):
                raise InvalidInput.of("name", "names a host that allow-full-paths does not name", _NO_FULL_PATHS)
            return Location(place, where.url, _url_key(where), postgresql=where)
        folder = self._allowed(checked_path(name))
        return Location(place, str(folder), str(folder), folder)

    def key_of(self, name: str) -> str:
        """What a database of the list is found by, also where full paths are not allowed any more; `InvalidInput`."""
        place = place_of(name)
        if place is Place.relative:
            return name_key(checked_name(name))
        return _url_key(checked_url(name)) if place is Place.postgresql else str(resolved(checked_path(name)))

    def listed(self, name: str, key: str, place: Place) -> Location:
        """The location of a database of the list, without a look whether it is still allowed (`allowed_still`)."""
        if place is Place.relative:
            return Location(place, name, key, self.databases / name)
        if place is Place.postgresql:
            return Location(place, name, key, postgresql=checked_url(name))
        return Location(place, name, key, Path(name))

    def allowed_still(self, location: Location) -> None:
        """`InvalidInput` when a listed database lies where none may now: roots change, folders become links."""
        if location.place is not Place.relative and self.locate(location.name).shown != location.shown:
            raise InvalidInput.of("name", "leads elsewhere now: a folder on its path has become a link")

    def _allowed(self, path: str) -> Path:
        """The folder a path leads to, links resolved, inside an allowed root."""
        if not Path(path).is_absolute():
            raise InvalidInput.of("name", "is a full path of another operating system")
        folder = resolved(path)
        roots = [resolved(root) for root in self.full_path_roots if place_of(root) is Place.path]
        if not any(folder.is_relative_to(root) for root in roots):
            raise InvalidInput.of("name", "lies outside the roots that allow-full-paths names", _NO_FULL_PATHS)
        if folder.is_relative_to(self.data) or self.data.is_relative_to(folder):
            raise InvalidInput.of("name", "lies in the server's own data folder", "Give a relative name instead.")
        return folder

    def build(self, location: Location, password: SecretStr | None, work: Work[T], revision: str = "heads") -> T:
        """Make a database where none is, with what `work` puts into it: all of it, or nothing is left.

        `revision` is that of the schema that `work` begins with; it leaves this version's.

        Raises `InvalidInput`, `Conflict` (something is there already) or `Unavailable` (disk, host).
        """
        if location.postgresql is not None:
            return project_opening.fill_url(location.postgresql.url, password, work, revision)
        folder = location.file.parent
        made = location.place is Place.relative
        if made:
            self._refuse_neighbours(location.name)
            _make_folder(folder)
        else:
            _refuse_unfit(folder)
        try:
            return _build_in(folder, work, revision)
        except BaseException:
            if made:
                _remove_empty(folder)
            raise

    def _refuse_neighbours(self, name: str) -> None:
        """A folder whose name differs only in case would be the same one on other systems."""
        try:
            entries = list(self.databases.iterdir())
        except OSError as error:
            raise _cannot(f"The folder {self.databases} cannot be looked at", error) from error
        for entry in entries:
            if name_key(entry.name) == name_key(name):
                raise Conflict(
                    f"There is {entry.name!r} among the databases already; nothing was changed.",
                    "Choose another name, or add what lies there with Add existing.",
                )

    def present(self, location: Location) -> Path:
        """The file of a database on disk that is there; `InvalidInput` says what is wrong with the place."""
        folder, file = location.file.parent, location.file
        try:
            if location.place is Place.relative and folder.is_symlink():
                raise InvalidInput.of("name", "is a link; a database's folder has to be a real one")
            if not folder.exists():
                raise InvalidInput.of("name", f"is missing: there is no folder {folder}")
            if not folder.is_dir():
                raise InvalidInput.of("name", "is a file, not a folder")
            if file.is_symlink():
                raise InvalidInput.of("name", f"holds a link instead of a database: {FILE}")
            if not file.is_file():
                raise InvalidInput.of("name", f"holds no trackkit database: there is no {FILE} in {folder}")
            if not project_opening.looks_like_a_database(file):
                raise InvalidInput.of("name", f"holds no trackkit database: {FILE} is damaged or something else")
            if not os.access(file, os.W_OK):
                raise InvalidInput.of("name", f"is read-only for the server's account: {file}")
        except OSError as error:
            raise _cannot(f"{folder} cannot be looked at", error) from error
        return file

    def open_existing(self, location: Location, password: SecretStr | None) -> Store:
        """The store of a database that is there."""
        if location.postgresql is not None:
            return project_opening.open_url(location.postgresql.url, password)
        return project_opening.open_file(self.present(location), location.place)

    def backup_root(self, root: str | None) -> Path:
        """The folder below which a backup is written, which is there; `InvalidInput`, `Unavailable`."""
        if root is None:
            return self.backups
        self.allowed_backup_root(root)
        folder = Path(root)
        if not folder.is_dir():
            raise Unavailable(f"The backup folder {root} is not there.", "Is its drive connected?")
        return folder

    def allowed_backup_root(self, root: str) -> None:
        """`InvalidInput` unless the machine allows backups below that folder."""
        if root not in self.backup_roots:
            known = ", ".join(self.backup_roots)
            raise InvalidInput.of(
                "root",
                f"is not allowed; there is {known}",
                "On the server machine: `trackkit server set backup-roots …`.",
            )

    def browse(self, folder: str | None) -> tuple[Path | None, list[Path]]:
        """The folder meant (none = the roots) and the folders in it that can be gone into or added."""
        roots = [self.databases, *(resolved(r) for r in self.full_path_roots if place_of(r) is Place.path)]
        if folder is None:
            return None, roots
        where = resolved(checked_path(folder))
        outside = where.is_relative_to(self.data) and not where.is_relative_to(self.databases)
        if outside or not any(where.is_relative_to(root) for root in roots):
            raise InvalidInput.of("folder", "lies outside the folders that can be looked at")
        try:
            entries = [e for e in sorted(where.iterdir()) if not e.name.startswith(".") and not e.is_symlink()]
            return where, [entry for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            raise NotFound(f"There is no folder {where}.") from None
        except OSError as error:
            raise _cannot(f"The folder {where} cannot be looked at", error) from error


def _url_key(where: PostgresqlPlace) -> str:
    """Whoever logs in, it is the same database."""
    return f"{where.host}:{where.port}/{where.database}"


def resolved(path: str) -> Path:
    """The path with links and ``..`` resolved, as far as it exists."""
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.of("name", f"leads nowhere: {error}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise Conflict(f"{folder} exists already; nothing was changed.", "Choose another name.") from None
    except OSError as error:
        raise _cannot(f"The folder {folder} cannot be made", error) from error


def _refuse_unfit(folder: Path) -> None:
    if not folder.exists():
        raise InvalidInput.of("name", f"is missing: there is no folder {folder}", "Make the folder first.")
    if not folder.is_dir():
        raise InvalidInput.of("name", "is a file, not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput.of("name", f"cannot be written to by the server's account: {folder}")
    if os.path.lexists(folder / FILE):
        raise Conflict(f"{folder} holds a database already; nothing was changed.", "Use Add existing for it.")
    for name in _LEFT_OVERS:
        if os.path.lexists(folder / name):
            raise Conflict(
                f"{folder} holds {name}, which belongs to a database that was there; nothing was changed.",
                "Choose an empty folder, or move what is in this one away.",
            )


def _build_in(folder: Path, work: Work[T], revision: str) -> T:
    """Build aside, then put in place without overwriting: the name is taken by an exclusive creation first."""
    aside = folder / _ASIDE
    try:
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Conflict(
            f"{aside} is there: another database is being made here, or was when the server ended.",
            "If no other server uses the folder, remove that file.",
        ) from None
    except OSError as error:
        raise _cannot(f"A database cannot be made in {folder}", error) from error
    try:
        result = project_opening.fill_file(aside, work, revision)
        _put_in_place(aside, folder / FILE)
    except BaseException:
        for name in _SIDE_FILES:
            (folder / name).unlink(missing_ok=True)
        raise
    return result


def _put_in_place(aside: Path, file: Path) -> None:
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Conflict(f"{file} came to be meanwhile; nothing was overwritten.") from None
    except OSError as error:
        raise _cannot(f"{file} cannot be made", error) from error
    try:
        aside.replace(file)  # over the empty file made just now
    except OSError as error:
        file.unlink(missing_ok=True)
        raise _cannot(f"{file} cannot be made", error) from error
    if os.name == "posix":
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; some network drives cannot, and the database is whole all the same."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise _cannot(f"{folder} cannot be written to", error) from error
    finally:
        os.close(descriptor)


def _remove_empty(folder: Path) -> None:
    """Remove a folder made just now; one that is not empty any more is somebody else's and stays."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _cannot(words: str, error: OSError) -> Unavailable:
    reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
    return Unavailable(f"{words}: {reason}. Nothing was changed.", "Look at the disk of the server machine.")
