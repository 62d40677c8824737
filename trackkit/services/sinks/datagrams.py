"""The local datagram sockets of event logs."""

from __future__ import annotations

import socket
from typing import Final

IDENTIFIER: Final = "trackkit"
"""What the server is called in event logs."""

SEND_SECONDS: Final = 5.0
"""How long an event log may keep a datagram waiting; then it counts as away, and is tried again."""


def connected(path: str) -> socket.socket:
    """A socket that is connected to the one at `path`; `OSError` when nobody listens there."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.settimeout(SEND_SECONDS)
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made
