"""What a database's errors mean: one that cannot be used, whatever its reason, is `Unavailable` and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError

from trackkit.domain.errors import Unavailable

_FULL: Final = ("SQLITE_FULL", "53100")
_READ_ONLY: Final = ("SQLITE_READONLY", "25006")
_HINDERED: Final = ("40P01", "40001")
_NO_SUCH_TABLE: Final = "42P01"  # what SQLite reports as a database that cannot be used
"""https://www.sqlite.org/rescode.html; https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@contextmanager
def reachable() -> Iterator[None]:
    """Turns a database that cannot be used into `Unavailable`."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        missing = getattr(error.orig, "sqlstate", None) == _NO_SUCH_TABLE
        if isinstance(error, IntegrityError | ProgrammingError | DataError) and not missing:
            raise
        raise _unavailable(error) from error


def _unavailable(error: DatabaseError) -> Unavailable:
    said = str(error.orig)
    code = getattr(error.orig, "sqlite_errorname", "") or getattr(error.orig, "sqlstate", "") or ""
    if code.startswith(_FULL):
        return Unavailable("The disk is full; nothing was changed.", "Make room on the server machine, then try again.")
    if code.startswith(_READ_ONLY):
        return Unavailable(
            "The database can only be read; nothing was changed.",
            "Look at the rights of its file and folder, or at the state of its host, then try again.",
        )
    if code.startswith(_HINDERED):
        return Unavailable("Two changes at the same time hindered each other; nothing was changed.", "Try again.")
    return Unavailable(
        f"The database cannot be used: {said}",
        "Look at the disk and the database of the server machine, then try again.",
    )
