"""Brings a database to the schema of this version: under a lock, in one transaction, or not at all.

Raises `Conflict` when the database was written by a newer trackkit.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Final, Literal

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from trackkit.domain.errors import Conflict
from trackkit.store.database import Store

Schema = Literal["main", "log", "project"]
Standing = Literal["empty", "older", "current", "newer", "foreign"]

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x747261636B6B6974  # "trackkit": two servers starting at once on one PostgreSQL database
_ALEMBIC: Final = threading.Lock()
"""Alembic keeps the migration it is at in names of its modules, so that two threads must not migrate at once."""


def upgrade(store: Store, schema: Schema) -> None:
    """Migrate `store` to the newest revision of `schema`; a database that is there already is left as it is."""
    with store.engine.connect().execution_options(trackkit_write=True) as connection, connection.begin():
        upgrade_on(connection, schema)


def upgrade_on(connection: Connection, schema: Schema, revision: str = "heads") -> None:
    """Migrate inside a write transaction: what is written afterwards is there together with the tables, or neither.

    On SQLite the transaction itself (BEGIN IMMEDIATE) is the lock.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found = standing(connection, schema)
    if found == "current" and revision == "heads":  # nothing to do, which Alembic takes long to find out
        return
    if found == "newer":
        raise Conflict(
            f"The {schema} database was written by a newer trackkit ({revision_of(connection, schema)}).",
            "Start it with the newer version, or restore a backup made by this one.",
        )
    config = _config(schema)
    config.attributes.update(connection=connection, schema=schema)
    with _ALEMBIC:
        command.upgrade(config, revision)


def revision_of(connection: Connection, schema: Schema) -> str | None:
    """The revision the tables of `schema` have; none = there are none."""
    if not inspect(connection).has_table(f"{schema}_schema"):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {schema}_schema")).scalar()  # noqa: S608 - one of three
    return str(found) if found is not None else None


def newest(schema: Schema) -> str:
    """The revision this version of trackkit works with."""
    return _revisions(schema)[0]


def standing(connection: Connection, schema: Schema) -> Standing:
    """How the database stands to this version; ``foreign`` = there are tables, but none of ours."""
    revision = revision_of(connection, schema)
    if revision is None:
        return "foreign" if inspect(connection).get_table_names() else "empty"
    if revision not in _revisions(schema):
        return "newer" if revision.startswith(f"{schema}_") else "foreign"
    return "current" if revision == newest(schema) else "older"


@cache
def _revisions(schema: Schema) -> tuple[str, ...]:
    """The revisions this version knows, newest first."""
    with _ALEMBIC:
        return tuple(script.revision for script in ScriptDirectory.from_config(_config(schema)).walk_revisions())


def _config(schema: Schema) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / schema))
    config.set_main_option("path_separator", "newline")
    return config
