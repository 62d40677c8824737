"""A certificate that did not verify, in the list of a running server on SQLite, as a mail worker would have put it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.certificates import Made, certificate
from trackkit.domain.trust import AskedBy, Reason, Seen
from trackkit.server.folder import Folder
from trackkit.services.trust import record
from trackkit.store import database, trust


def seen(
    made: Made,
    host: str = "relay.example",
    port: int = 587,
    reason: Reason = Reason.self_signed,
    asked_by: AskedBy = AskedBy.server,
    at: datetime | None = None,
) -> Seen:
    """What a host has shown."""
    return Seen(host, port, (made.der,), reason, "self-signed certificate", asked_by, at or datetime.now(UTC))


def put(data: Path, one: Seen | None = None) -> int:
    """Put it into the list; its number."""
    found = one or seen(certificate("relay.example"))
    store = database.sqlite(Folder(data).database)
    try:
        store.write(lambda connection: record(connection, [found]))
        return max(row.id for row in store.read(trust.everything))
    finally:
        store.close()
