"""The filters of the log as a form: level, time, words; what is wrong with one is said at it.

While something is wrong the view stays as it was. Times are typed in UTC; a quick choice ("last 24 hours") goes with
the clock and takes the place of a stretch, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import ipywidgets as w

from trackkit.domain.log import Match, Severity
from trackkit.domain.log_filters import last_words
from trackkit.widgets.fields import Field, Fields, Section, typed_instant
from trackkit.widgets.log_view import LogView, problems_of
from trackkit.widgets.page import offer, row

_MATCHES = (
    (Match.more, "that level and more severe"),
    (Match.only, "that level only"),
    (Match.less, "that level and less severe"),
)
_LEVELS = (("", "any level"), *((severity.name, severity.title) for severity in Severity))
_QUICK = (60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60)
_ANY, _BETWEEN = "any", "between"
_TEXTS = ("text", "source", "database", "username", "client_address")

_FIELDS = (
    Field("level", "Level", "choice", choices=_LEVELS),
    Field("match", "Show", "choice", choices=tuple((match.value, words) for match, words in _MATCHES)),
    Field("since", "From (UTC)", "instant"),
    Field("until", "Before (UTC)", "instant"),
    Field("text", "Text in message or details"),
    Field("source", "Source"),
    Field("database", "Database"),
    Field("username", "User"),
    Field("client_address", "Client address"),
)


class LogFilterForm:
    """The form. `view` is what it says, as long as nothing is wrong.

    Parameters
    ----------
    changed: gets the view when it is another one.
    """

    def __init__(self, changed: Callable[[LogView], None], *beside: w.Widget) -> None:
        self._changed, self._quiet = changed, False
        self.view = LogView()
        self.time = w.Dropdown(description="Time")
        self.fields = Fields([Section("", _FIELDS)], _values(self.view))
        self.fields.add_class("tk-filters")
        self.widget = w.VBox([row(self.time, *beside), self.fields])
        self.widget.add_class("tk-filter-box")
        self._offer(None)
        self.time.observe(lambda _: self._time_chosen(), names="value")
        self.fields.observe(self._typed, names="values")

    def put(self, view: LogView) -> None:
        """Show these conditions; nobody is told."""
        with self._silently():
            self._offer(view.last_minutes)
            self.time.value = _time_of(view)
            self.fields.values = _values(view)
            self.fields.messages = {}
        self.view = view

    @contextmanager
    def _silently(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _offer(self, minutes: int | None) -> None:
        """The quick choices, and the one of a saved filter that is none of them."""
        quick = sorted({*_QUICK, *([minutes] if minutes else [])})
        choices: list[tuple[str, str | int]] = [("any time", _ANY)]
        choices += [(last_words(one), one) for one in quick]
        offer(self.time, [*choices, ("from … before …", _BETWEEN)])

    def _time_chosen(self) -> None:
        if self._quiet:
            return
        if self.time.value != _BETWEEN:
            with self._silently():
                self.fields.values = {**self.fields.values, "since": "", "until": ""}
        self._read()

    def _typed(self, change: Mapping[str, Any]) -> None:
        if self._quiet:
            return
        if any(change["old"].get(name) != change["new"].get(name) for name in ("since", "until")):
            with self._silently():
                self.time.value = _BETWEEN if change["new"]["since"] or change["new"]["until"] else _ANY
        self._read()

    def _read(self) -> None:
        problems: dict[str, str] = {}
        given: dict[str, Any] = {name: str(self.fields.values[name]).strip() or None for name in _TEXTS}
        given["level"] = self.fields.values["level"] or None
        given["match"] = Match(str(self.fields.values["match"])) if given["level"] else Match.more
        for name in ("since", "until"):
            try:
                given[name] = typed_instant(str(self.fields.values[name]))
            except (ValueError, OverflowError):
                problems[name] = "is no time; write 2026-01-31T14:00"
        minutes = self.time.value if isinstance(self.time.value, int) else None
        problems = problems or problems_of({**given, "last_minutes": minutes})
        self.fields.messages = {name: _in_words(name, said) for name, said in problems.items()}
        if problems:
            return
        view = LogView(**given, last_minutes=minutes)
        if view != self.view:
            self.view = view
            self._changed(view)


def _in_words(name: str, said: str) -> str:
    return "is not after From, so that no entry can match" if name == "until" and "since" in said else said


def _time_of(view: LogView) -> str | int:
    return view.last_minutes or (_BETWEEN if view.since or view.until else _ANY)


def _values(view: LogView) -> dict[str, str | bool]:
    texts = {name: getattr(view, name) or "" for name in (*_TEXTS, "level")}
    return {**texts, "match": view.match.value, "since": _typed_as(view.since), "until": _typed_as(view.until)}


def _typed_as(at: datetime | None) -> str:
    """As a browser writes it; seconds only where there are any."""
    if at is None:
        return ""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    return naive.isoformat(timespec="seconds" if naive.second else "minutes")
