"""The serials entered on this server, as text: what each says is read, and its signature verified, by who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trackkit.domain.errors import Conflict
from trackkit.store.tables import licenses


@dataclass(frozen=True, slots=True)
class LicenseRow:
    """An entered license; without a serial it is the evaluation license of a fresh server."""

    id: int
    serial: str | None
    added_at: datetime
    added_by: str


def all_licenses(connection: Connection) -> list[LicenseRow]:
    """In the order they were entered."""
    return [LicenseRow(*row) for row in connection.execute(select(licenses).order_by(licenses.c.id))]


def add_license(connection: Connection, serial: str, added_by: str, now: datetime) -> int:
    """Enter a serial; `Conflict` when it is there. Its id."""
    values = {"serial": serial, "added_by": added_by, "added_at": now}
    try:
        with connection.begin_nested():
            return int(connection.execute(insert(licenses).values(values).returning(licenses.c.id)).scalar_one())
    except IntegrityError:
        raise Conflict("This serial is entered already; nothing was changed.") from None


def replace_serial(connection: Connection, license_id: int, serial: str, added_by: str, now: datetime) -> None:
    """Put another serial in the place of one."""
    values = {"serial": serial, "added_by": added_by, "added_at": now}
    try:
        with connection.begin_nested():
            connection.execute(update(licenses).where(licenses.c.id == license_id).values(values))
    except IntegrityError:
        raise Conflict("This serial is entered already; nothing was changed.") from None


def delete_license(connection: Connection, license_id: int) -> None:
    """Take a license out."""
    connection.execute(delete(licenses).where(licenses.c.id == license_id))
