"""Refused paths are Unusual Activity: whoever asks for a file outside what is allowed may be looking for more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity
from trackkit.domain.log_text import scrubbed
from trackkit.services.environment import Call

SOURCE: Final = "databases"
_SHOWN: Final = 300


@contextmanager
def refused_paths_told(call: Call, path: str | None) -> Iterator[None]:
    """Log it when what is done inside refuses `path`; a mere name that is mistyped is no path."""
    try:
        yield
    except InvalidInput as error:
        if path is not None and (set(path) & set("/\\") or ".." in path):
            reason = error.problems[0].message if error.problems else error.message
            words = f"The path {scrubbed(path, ())[:_SHOWN]!r} was refused: it {reason}."
            call.log(Severity.unusual_activity, SOURCE, words)
        raise
