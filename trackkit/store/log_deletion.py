"""Deleting entries of the server log in portions that nobody waits for; the summary stays exact."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, delete, select, type_coerce

from trackkit.store import log_summary
from trackkit.store.log_tables import entries


def delete_some(connection: Connection, until: datetime | None, up_to_id: int, at_most: int) -> int:
    """Delete the oldest entries with an id up to `up_to_id` (and before `until`), `at_most` of them; how many it were.

    The space is used again by entries that come later.
    """
    doomed = select(entries.c.id).where(entries.c.id <= up_to_id)
    if until is None:
        doomed = doomed.order_by(entries.c.id)
    else:
        doomed = doomed.where(entries.c.at < until).order_by(entries.c.at)
    gone = connection.execute(
        delete(entries)
        .where(entries.c.id.in_(doomed.limit(at_most)))
        .returning(type_coerce(entries.c.at, BigInteger), entries.c.severity)
    ).all()
    log_summary.subtract(connection, [(at, severity) for at, severity in gone])
    return len(gone)
