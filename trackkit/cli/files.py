"""Files that commands read and write: what is wrong with one is told as `InvalidInput`, never as a traceback."""

from pathlib import Path

from trackkit.domain.errors import InvalidInput


def read(file: Path) -> bytes:
    """The bytes of a file."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be read: {error.strerror}") from None


def write_new(file: Path, content: bytes) -> None:
    """Write a file that is not there yet."""
    try:
        with file.open("xb") as out:
            out.write(content)
    except FileExistsError:
        raise InvalidInput.of(str(file), "exists already; nothing was written", "Give another name.") from None
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be written: {error.strerror}") from None
