"""Databases of a server and of a project on SQLite with their tables and nothing in them: a server's for a folder where
none has run yet.

They are made once for a process, by what a server makes them with, and copied: making them takes longer than the rest
of a start, and than most tests. A server that starts on them makes everything else itself, as at any first start.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from trackkit.server.folder import Folder
from trackkit.store import database
from trackkit.store.database import Store
from trackkit.store.migrate import Schema, upgrade


def copy_to(folder: Folder) -> None:
    """Put them into a data folder, readable for its owner only."""
    made = _made()
    for source, target in ((made.database, folder.database), (made.log_database, folder.log_database)):
        shutil.copyfile(source, target)
        target.chmod(0o600)


def project_to(path: Path) -> None:
    """Put the tables of a project there, in a new database on SQLite."""
    shutil.copyfile(_made_project(), path)


def migrate(store: Store, *schemas: Schema) -> None:
    """Make the tables, and close the database."""
    for schema in schemas:
        upgrade(store, schema)
    store.close()


_FOLDER = tempfile.TemporaryDirectory(prefix="tk-migrated-", ignore_cleanup_errors=True)


@cache
def _made() -> Folder:
    folder = Folder(Path(_FOLDER.name))
    migrate(database.sqlite(folder.database), "main")
    migrate(database.sqlite(folder.log_database), "log")
    return folder


@cache
def _made_project() -> Path:
    path = Path(_FOLDER.name) / "project.db"
    migrate(database.sqlite(path), "project")
    return path
