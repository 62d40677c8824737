"""A running server whose machine allows full paths, once with everything on SQLite and once on PostgreSQL.

With PostgreSQL the server's own tables and every project database made by `House.make` lie there.
"""

from __future__ import annotations

import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests import migrated
from tests.command_line import CommandLine
from tests.conftest import Start, new_database
from tests.peers.postgres import Cluster
from tests.running import SHORT, RunningServer
from trackkit.client import Server
from trackkit.client.project import Project
from trackkit.server import settings
from trackkit.server.folder import Folder, prepare

PASSWORD = "the administrator's password"


@dataclass
class House:
    """A server and where its project databases go."""

    server: RunningServer
    root: Path
    """A folder that the server machine allows for full paths."""
    postgres: Cluster | None

    @property
    def admin(self) -> Server:
        """Logged in through the local socket."""
        return self.server.admin

    @property
    def engine(self) -> str:
        """What the databases of `make` are on."""
        return "PostgreSQL" if self.postgres else "SQLite"

    def new_name(self, label: str = "p") -> str:
        """A name for a database that can be made: relative, or the URL of an empty PostgreSQL database."""
        name = f"{label} {uuid.uuid4().hex[:8]}"
        return self.postgres.create(name.replace(" ", "_")) if self.postgres else name

    def make(self, label: str = "p", **settings: bool | str) -> str:
        """Make a database whose administrator has `PASSWORD`; its name."""
        made = self.admin.databases.create(
            self.new_name(label), administrator_password=PASSWORD, settings=settings or None
        )
        return made.name

    def sql(self, statement: str) -> None:
        """Change the server's own tables behind its back: what otherwise takes days to come about."""
        if self.server.database_url is None:
            with closing(sqlite3.connect(self.server.data / "trackkit.db", timeout=20)) as connection, connection:
                connection.execute(statement)
        else:
            with psycopg.connect(self.server.database_url) as connection:
                connection.execute(statement.encode())

    def project_sql(self, database: str, statement: str) -> None:
        """Change a project database behind the server's back: what otherwise takes a damaged disk."""
        if self.postgres is None:
            file = self.server.data / "databases" / database / "project.db"
            with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
                connection.execute(statement)
        else:
            with psycopg.connect(database) as connection:
                connection.execute(statement.encode())

    def project(self, database: str, username: str = "administrator", password: str = PASSWORD) -> Project:
        """Log in to a project."""
        return self.admin.project(database, username, password)


def set_up(data: Path, **settings: str) -> None:
    """Make a data folder and set what only its machine decides, with the command people use."""
    data.parent.mkdir(parents=True, exist_ok=True)
    command = CommandLine(data.parent, {"TRACKKIT_DATA": str(data)})
    for name, value in settings.items():
        command("server", "set", name.replace("_", "-"), value)


def _allowing(data: Path, full_paths: str) -> Folder:
    """A data folder whose machine allows these, as `set_up` makes one, less the time a command takes to start."""
    folder = prepare(data)
    settings.save(data, settings.changed(settings.load(data), "allow-full-paths", full_paths))
    return folder


@pytest.fixture(scope="module", params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, start_for_module: Start) -> Iterator[House]:
    """One server for a module, on each engine."""
    folder = Path(tempfile.mkdtemp(prefix=SHORT))
    root = folder / "drive"
    root.mkdir()
    if request.param == "SQLite":
        migrated.copy_to(_allowing(folder / "data", str(root)))
        yield House(start_for_module(folder / "data", seats=100), root, None)
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    main = new_database()
    _allowing(folder / "data", f"{root},postgresql://127.0.0.1:{cluster.port}")
    url = cluster.create(main, request.getfixturevalue("migrated_database"))
    server = start_for_module(folder / "data", database_url=url, seats=100)
    yield House(server, root, cluster)
    server.stop()
    cluster.drop(main)
