"""A mail in quarantine, in the inbox of a running server on SQLite, as if it had been fetched from its mailbox."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from trackkit.domain.tracking.inbox import InboxState
from trackkit.server.folder import Folder
from trackkit.store import database, inbox
from trackkit.store.inbox import Arrived

MAIL = b"From: Eve <eve@there.test>\r\nTo: track@here.test\r\nSubject: Hello\r\n\r\nIs anybody there?\r\n"


def put(data: Path, raw: bytes = MAIL) -> int:
    """Put it there; its id."""
    one = Arrived(
        token_hex(8), sha256(raw).hexdigest(), len(raw), raw, InboxState.quarantined, "cookie", "It is forged."
    )
    store = database.sqlite(Folder(data).database)
    try:
        return store.write(lambda c: inbox.store(c, "track@here.test:110", [one], datetime.now(UTC)))[0]
    finally:
        store.close()
