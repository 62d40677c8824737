"""``python -m tests.scratch`` makes a folder in memory for what the tests store, and prints where it is.

Databases sync each commit to the disk, and the tests make thousands of them that nobody will want back. Prints nothing
where there is no such file system, little room in it or little memory, or where programs in it may not be run (tests
write some): the tests use the usual temporary folder then.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30


def _available_memory() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def fits() -> bool:
    """Whether what the tests store can be kept in memory here."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free >= ROOM and _available_memory() >= 2 * ROOM


if __name__ == "__main__" and fits():
    folder = Path(tempfile.mkdtemp(prefix="tk", dir=MEMORY))
    folder.chmod(0o1777)  # as the usual one: PostgreSQL and the mail servers run as others
    print(folder)
