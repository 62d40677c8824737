"""A mail in the quarantine of a running server on SQLite, as an import would have put it there."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from pathlib import Path

from trackkit.domain.tracking.inbox import InboxState
from trackkit.server.folder import Folder
from trackkit.store import database, inbox
from trackkit.store.inbox import Arrived


def put(data: Path) -> int:
    """Put one there; its number in the inbox."""
    raw = f"From: x@y.test\r\nSubject: {uuid.uuid4()}\r\n\r\nx\r\n".encode()
    sha256 = hashlib.sha256(raw).hexdigest()
    arrived = Arrived(sha256, sha256, len(raw), raw, InboxState.quarantined, "cookie", "A cookie is forged.")
    store = database.sqlite(Folder(data).database)
    try:
        (number,) = store.write(lambda c: inbox.store(c, "track@127.0.0.1:9", [arrived], datetime.now(UTC)))
        return number
    finally:
        store.close()
