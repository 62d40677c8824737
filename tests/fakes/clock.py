"""A clock for a server process that a test can set: `clock.c`, built by gcc and loaded before the C library."""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path

from tests.fakes.preload import built


class ShiftedClock:
    """The library and the file that says by how much; start a program with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shift"
        self.shift(timedelta(0))
        self.environment = {"LD_PRELOAD": str(built("clock", folder)), "SHIFTED_CLOCK": str(self._file)}

    def shift(self, by: timedelta) -> None:
        """What the program takes for now differs by this from what it is."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", int(by.total_seconds())))
