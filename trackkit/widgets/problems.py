"""Errors on a page: what goes wrong in a handler is shown where the person looks, never swallowed.

ipywidgets drops what a callback raises; `shows_problems` stands between them. A trackkit error is shown with its
advice. Anything else is a defect: the page names its kind and the line of code, never its words or a traceback, which
hold values that are not for everybody.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from trackkit.domain.errors import NotLoggedIn, TrackkitError
from trackkit.widgets.tables import shown


def problem(error: TrackkitError) -> str:
    """An error as HTML: message, refused fields, advice; for an ended session the way to log in."""
    lines = [f"<strong>{shown(error.message)}</strong>"]
    lines += [f"{shown(one.field)}: {shown(one.message)}" for one in error.problems]
    if isinstance(error, NotLoggedIn):
        lines.append('<a href="/" target="_top">Log in again</a>')
    elif error.advice:
        lines.append(shown(error.advice))
    return f'<div class="tk-status tk-bad" role="alert">{"<br>".join(lines)}</div>'


def shows_problems(line: w.HTML) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator for handlers: clears `line` before, and shows there what goes wrong."""

    def wrap(handler: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(handler)
        def visible(*arguments: Any) -> None:
            line.value = ""
            try:
                handler(*arguments)
            except TrackkitError as error:
                line.value = problem(error)
            except Exception as error:  # noqa: BLE001 - the last resort of a page: shown, not swallowed
                line.value = problem(_defect(error))

        return visible

    return wrap


def _defect(error: Exception) -> TrackkitError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return TrackkitError(
        "This page failed: a defect of trackkit.",
        f"Report it as {type(error).__name__} at {Path(place.filename).name}:{place.lineno}.",
    )
