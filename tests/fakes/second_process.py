"""In place of `trackkit.server.second`: notes what it is told; where a file ``silent`` lies, it hangs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

MAIL, CHANGED = b"m", b"c"


def main(folder: Path) -> None:
    """Until stdin ends."""
    if (folder / "silent").exists():
        time.sleep(600)
    os.write(1, b".")
    with (folder / "told").open("ab", buffering=0) as told:
        while heard := os.read(0, 1):
            told.write(heard)
        told.write(b"end ")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
