"""Files that commands read and write: what is wrong with one is told as `InvalidInput`, never as a traceback."""

import os
import sys
from pathlib import Path

from trackkit.cli.output import say
from trackkit.domain.errors import InvalidInput


def read(file: Path) -> bytes:
    """The bytes of a file; ``-`` is standard input."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be read: {error.strerror}") from None


def write_new(file: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file that is not there yet.

    Parameters
    ----------
    mode: the rights it is made with, less what the person's umask takes away.
    """
    try:
        with open(file, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as out:
            out.write(content)
    except FileExistsError:
        raise InvalidInput.of(str(file), "exists already; nothing was written", "Give another name.") from None
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be written: {error.strerror}") from None


def hand_over(content: bytes, output: Path | None) -> None:
    """Write to a new file, or to stdout as it is; at a terminal with control characters escaped."""
    if output is not None:
        write_new(output, content)
    elif sys.stdout.isatty():
        say(content.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
