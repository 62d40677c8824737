"""A file sent to the browser piece by piece, to be saved there as a download.

The kernel holds a few pieces at most: it waits until the browser has taken them. A browser that takes none (the page
was closed) ends it with `Unavailable`. Cancelling between two pieces leaves nothing behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from anywidget import AnyWidget

from trackkit.domain.errors import Unavailable

PIECE = 512 * 1024
"""Bytes sent at a time, at least; what comes in larger pieces goes as it is."""
AHEAD = 4
"""Pieces that may be on the way."""
PATIENCE = 60.0
"""Seconds the browser may take for one."""


class Download(AnyWidget):
    """Shows nothing; has to be on the page."""

    _esm = Path(__file__).with_name("download.js")

    def __init__(self) -> None:
        super().__init__()
        self._got = 0
        self._taken = threading.Condition()
        self.on_msg(self._told)

    def send_file(self, name: str, content: Iterable[bytes], sent: Callable[[int], None]) -> int:
        """Send a file, from a thread; its size in bytes.

        Parameters
        ----------
        sent: called after each piece with the bytes so far; what it raises ends it.
        """
        self._got, number, size = 0, 0, 0
        self.send({"begin": True})
        for piece in gathered(content):
            number, size = number + 1, size + len(piece)
            self._wait_for(number - AHEAD)
            self.send({"piece": number}, [piece])
            sent(size)
        self._wait_for(number)
        self.send({"name": name})
        return size

    def _wait_for(self, number: int) -> None:
        with self._taken:
            if not self._taken.wait_for(lambda: self._got >= number, PATIENCE):
                raise Unavailable("The browser does not take the file any more.", "Is the page still open? Try again.")

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        if isinstance(content, dict) and isinstance(content.get("got"), int):
            with self._taken:
                self._got = max(self._got, content["got"])
                self._taken.notify_all()


def gathered(content: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes in pieces of a useful size."""
    held: list[bytes] = []
    size = 0
    for part in content:
        held.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
