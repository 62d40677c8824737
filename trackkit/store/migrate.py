"""Brings a database to the schema of this version: under a lock, in one transaction, or not at all.

Raises `Conflict` when the database was written by a newer trackkit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import text

from trackkit.domain.errors import Conflict
from trackkit.store.database import Store

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x747261636B6B6974  # "trackkit": two servers starting at once on one PostgreSQL database


def upgrade(store: Store, schema: Literal["main", "log"]) -> None:
    """Migrate `store` to the newest revision of `schema`; a database that is there already is left as it is."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / schema))
    config.set_main_option("path_separator", "newline")
    with store.engine.connect().execution_options(trackkit_write=True) as connection, connection.begin():
        # On SQLite the transaction itself (BEGIN IMMEDIATE) is the lock.
        if not store.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes.update(connection=connection, schema=schema)
        try:
            command.upgrade(config, "heads")
        except CommandError as error:
            if "Can't locate revision" not in str(error):
                raise
            raise Conflict(
                f"The {schema} database was written by a newer trackkit ({error}).",
                "Start it with the newer version, or restore a backup made by this one.",
            ) from error
