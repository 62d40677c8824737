"""The server a report asks: the one that the environment names, in that person's or token's name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trackkit.domain.accounts import ADMIN
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server


def connected() -> Server:
    """Log in as the environment says; never asks.

    TRACKKIT_SERVER (a connection's name or https://host:port) with TRACKKIT_TOKEN, or with TRACKKIT_USERNAME and
    TRACKKIT_PASSWORD, and TRACKKIT_FINGERPRINT; or TRACKKIT_DATA, a server's data folder on this machine.
    """
    import trackkit

    address, data = os.environ.get("TRACKKIT_SERVER"), os.environ.get("TRACKKIT_DATA")
    if address:
        return trackkit.connect(address)
    if data:
        return trackkit.local(data, os.environ.get("TRACKKIT_USERNAME") or ADMIN)
    raise InvalidInput(
        "No server is named.",
        "Set TRACKKIT_SERVER and TRACKKIT_TOKEN, or TRACKKIT_DATA on the server machine; in a notebook "
        "`server = trackkit.connect(…)` does instead.",
    )
