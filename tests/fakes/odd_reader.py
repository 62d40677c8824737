"""A reader with a weakness: what some mails say it does."""

from __future__ import annotations

import os
import signal
from datetime import datetime

from trackkit.domain.tracking import reading
from trackkit.domain.tracking.reading import Known, Read, Unreadable
from trackkit.services.reader import serve


def read(raw: bytes, fetched_at: datetime, known: Known) -> Read | Unreadable:
    """Read a mail, or come to grief."""
    if b"hang here" in raw:
        signal.pause()
    if b"die here" in raw:
        os._exit(3)
    if b"take it all" in raw:
        raw += bytes(2**32)
    return reading.read(raw, fetched_at, known)


def read_all(raw: bytes, fetched_at: datetime, known: Known) -> Read | Unreadable:
    """As `reading.read` tells of an error."""
    try:
        return read(raw, fetched_at, known)
    except MemoryError as error:
        return Unreadable(f"It could not be read: {type(error).__name__}.")


if __name__ == "__main__":
    serve(read_all)
