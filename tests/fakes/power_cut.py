"""SIGKILL at a chosen commit of a server process: `power_cut.c`, built by gcc and loaded before the C library."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

from tests.fakes.preload import built

How = Literal["before", "after"]
"""Before anything of the commit is written, or when it is durable and the program has not been told."""

_HOW = {"": 0, "before": 1, "after": 2}


class PowerCut:
    """The library and the file that says when; start a program with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "cut"
        self._file.write_bytes(bytes(12))
        self.environment = {"LD_PRELOAD": str(built("power_cut", folder)), "POWER_CUT": str(self._file)}

    def at(self, how: How, commit: int) -> None:
        """The program dies around that commit from now on, the first being 1."""
        self._write(0, commit, 0)
        self._write(_HOW[how], commit, 0)

    def never(self) -> int:
        """It lives on; how many commits there were."""
        seen: int = struct.unpack("=iii", self._file.read_bytes())[2]
        self._write(0, 0, 0)
        return seen

    def _write(self, *numbers: int) -> None:
        with self._file.open("r+b") as file:
            file.write(struct.pack("=iii", *numbers))
