"""A native client that is there but idle: it says so now and then, so that its seat is kept as long as it lives.

When the process goes, however it goes, nothing is heard any more and the seat comes back within the API time-out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from trackkit.client.call import automatic
from trackkit.domain.errors import NotLoggedIn, TrackkitError

EVERY_SECONDS: Final = 20.0
"""The shortest API time-out is a minute."""


class Heartbeat:
    """Asks again and again, beside everything else, until stopped or until the session has ended."""

    def __init__(self, ask: Callable[[], object], every: float = EVERY_SECONDS) -> None:
        self._ask, self._every = ask, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="trackkit-heartbeat", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                with automatic():
                    self._ask()
            except NotLoggedIn:
                return
            except TrackkitError:
                continue  # the server may come back; whoever works in the session is told by their own requests

    def stop(self) -> None:
        """Be silent from now on."""
        self._stop.set()
