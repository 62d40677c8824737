"""An answer that comes in pieces, as a file to read from."""

from __future__ import annotations

from collections.abc import Iterator
from io import RawIOBase
from typing import Any


class Readable(RawIOBase):
    """A file over pieces of octets, which are asked for as it is read; what raises there raises here."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """Fill `into` as far as the present piece goes; 0 at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(into), len(self._left))
        into[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
