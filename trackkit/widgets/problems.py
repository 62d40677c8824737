"""Errors on a page: what goes wrong in a handler is shown where the person looks, never swallowed.

ipywidgets drops what a callback raises; `shows_problems` stands between them. A trackkit error is shown with its
advice. Anything else is a defect: the page names its kind and the line of code, never its words or a traceback, which
hold values that are not for everybody.

Where it is shown is an HTML line, or a `Trouble`, which besides can offer the log-in when the session has ended.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import ipywidgets as w

from trackkit.domain.errors import NotLoggedIn, TrackkitError, WrongLogin
from trackkit.widgets.tables import shown

LOG_IN_AGAIN = '<a href="" target="_top">Log in again</a>'
"""For dashboards: this very page, to which the way leads through the log-in page now."""


def problem(error: TrackkitError, again: str = LOG_IN_AGAIN) -> str:
    """An error as HTML: message, refused fields, advice; for an ended session the way to log in."""
    lines = [f"<strong>{'<br>'.join(map(shown, error.message.splitlines()))}</strong>"]
    lines += [f"{shown(one.field)}: {shown(one.message)}" for one in error.problems]
    if isinstance(error, NotLoggedIn) and not isinstance(error, WrongLogin):
        lines.append(again)
    elif error.advice:
        lines.append(shown(error.advice))
    return status("<br>".join(lines), "tk-bad", role="alert")


def status(html: str, tone: str, role: str = "status") -> str:
    """A status line that is announced; `html` is safe already, `tone` is a class of the style sheet."""
    return f'<div class="tk-status {tone}" role="{role}">{html}</div>'


class Trouble:
    """Where a page shows what went wrong, and with `again` how to log in after the session has ended.

    Parameters
    ----------
    again: makes the widget that logs in again; called each time it is needed.
    """

    def __init__(self, again: Callable[[], w.Widget] | None = None) -> None:
        self._again = again
        self.line = w.HTML()
        self.widget = w.VBox([self.line])
        self.widget.add_class("tk-trouble")

    def another(self) -> Trouble:
        """One more place on the same page, with the same way to log in."""
        return Trouble(self._again)

    def show(self, error: TrackkitError | None) -> None:
        """Show an error instead of the one before; none = nothing is wrong any more."""
        more: tuple[w.Widget, ...] = ()
        if error is None:
            self.line.value = ""
        elif self._again is not None and isinstance(error, NotLoggedIn) and not isinstance(error, WrongLogin):
            self.line.value = problem(error, "What you have typed is still here. Log in, then do it again.")
            more = (self._again(),)
        else:
            self.line.value = problem(error)
        self.widget.children = (self.line, *more)


Place: TypeAlias = w.HTML | Trouble


def show(place: Place, error: Exception | None) -> None:
    """Show an error in its place, a defect as one; none = clear it."""
    known = error if error is None or isinstance(error, TrackkitError) else _defect(error)
    if isinstance(place, Trouble):
        place.show(known)
    else:
        place.value = "" if known is None else problem(known)


def shows_problems(place: Place) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator for handlers: clears `place` before, and shows there what goes wrong."""

    def wrap(handler: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(handler)
        def visible(*arguments: Any) -> None:
            show(place, None)
            try:
                handler(*arguments)
            except Exception as error:  # noqa: BLE001 - the last resort of a page: shown, not swallowed
                show(place, error)

        return visible

    return wrap


def _defect(error: Exception) -> TrackkitError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return TrackkitError(
        "This page failed: a defect of trackkit.",
        f"Report it as {type(error).__name__} at {Path(place.filename).name}:{place.lineno}.",
    )
