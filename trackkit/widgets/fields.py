"""Labelled fields made from declarations: one widget for all fields of a form.

What a field is comes from a `Field` (of an option: `field_of`); nothing is guessed. Every field has a label, its unit
and help, and a place for what is wrong with it, tied together for screen readers. Values are texts by name (``True``
and ``False`` for yes/no), read and refused by whoever owns the form: the widget decides nothing. A secret's value is
only what is being typed; empty means unchanged. It travels as a message and never as state of the widget, which
notebooks can save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import traitlets as t
from anywidget import AnyWidget

from trackkit.domain.declared import Declaration, FieldKind
from trackkit.domain.project.kind import RECORD_KINDS

Text = str | bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it is shown.

    Parameters
    ----------
    name: what the value is called.
    kind: that of a declared option; besides them ``instant``, a day with a time (``2026-01-31T14:00``).
    choices: of a choice, (value, words).
    autocomplete: what a browser may fill in (``username``, ``current-password``); empty = nothing.
    """

    name: str
    label: str
    kind: FieldKind | Literal["instant"] = "text"
    unit: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    autocomplete: str = ""


def field_of(info: Declaration) -> Field:
    """The field of an option, with its range and whether it needs a restart in its help."""
    notes = [info.help]
    if info.kind == "number" and info.minimum is not None and info.maximum is not None:
        notes.append(f"{info.minimum:,} to {info.maximum:,}.")
    if info.restart:
        notes.append("Takes effect at the server's next start.")
    if info.refers_to and info.refers_to != "record":
        key = "number" if info.refers_to in RECORD_KINDS else "name"
        notes.append(f"The {key} of a {info.refers_to.replace('_', ' ')}.")
    if info.kind == "list":
        notes.append("Several with commas between them.")
    choices = tuple((choice, choice.replace("_", " ")) for choice in info.choices)
    return Field(info.name, info.title, info.kind, info.unit, " ".join(notes), choices, info.required)


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under one heading; without a title just fields."""

    title: str
    fields: tuple[Field, ...]


class Fields(AnyWidget):
    """The fields of one form. Everything is kept by the name of the field."""

    _esm = Path(__file__).with_name("fields.js")

    sections: t.List[Any] = t.List().tag(sync=True)
    shown = t.Dict().tag(sync=True)
    """What the page shows: the values without the secrets."""
    values = t.Dict()
    """What is typed, secrets too."""
    messages = t.Dict().tag(sync=True)
    """What is wrong with a field, shown at it."""
    changed: t.List[Any] = t.List().tag(sync=True)
    """Names whose value is not saved yet."""
    proposals = t.Dict().tag(sync=True)
    """A value that fits better: name -> {"words": why, "value": it}; the person may take it."""
    is_set: t.List[Any] = t.List().tag(sync=True)
    """Names of the secrets that are set."""
    removed: t.List[Any] = t.List().tag(sync=True)
    """Names of the secrets that shall be removed."""
    hidden: t.List[Any] = t.List().tag(sync=True)
    """Names of the fields that do not matter now; a section of which none does is not there either."""
    beside = t.Dict().tag(sync=True)
    """Words of the button beside a field; see `put_beside`."""
    disabled = t.Bool(False).tag(sync=True)
    focused = t.Unicode().tag(sync=True)
    """The field that has the focus when the form appears."""

    def __init__(self, sections: Iterable[Section], values: Mapping[str, Text]) -> None:
        parts = tuple(sections)
        self._secret = frozenset(field.name for part in parts for field in part.fields if field.kind == "secret")
        super().__init__(
            sections=[{"title": s.title, "fields": [_spec(f) for f in s.fields]} for s in parts],
            values=dict(values),
            shown=self._without_secrets(values),
        )
        self.observe(self._to_page, names="values")
        self.observe(self._from_page, names="shown")
        self._entered: list[Callable[[], None]] = []
        self._pressed: dict[str, Callable[[], None]] = {}
        self._typing = False
        self.on_msg(self._told)

    def put(self, name: str, value: Text) -> None:
        """Set one value, as typing it would."""
        self.values = {**self.values, name: value}

    def focus_on(self, name: str) -> None:
        """Put the cursor into a field, now or as soon as the form is there."""
        self.focused = name
        self.send({"focus": name})

    def when_entered(self, handler: Callable[[], None]) -> None:
        """Call `handler` when the Enter key is pressed in a field."""
        self._entered.append(handler)

    def put_beside(self, name: str, words: str, pressed: Callable[[], None]) -> None:
        """Put a button beside a field, to something that belongs to it; a handler that can fail brings its own
        `shows_problems`."""
        self._pressed[name] = pressed
        self.beside = {**self.beside, name: words}

    @property
    def _plain(self) -> frozenset[str]:
        """The names of the fields that are no secrets."""
        return frozenset(field["name"] for part in self.sections for field in part["fields"]) - self._secret

    def _without_secrets(self, values: Mapping[str, Text]) -> dict[str, Text]:
        return {name: value for name, value in values.items() if name not in self._secret}

    def _to_page(self, change: Mapping[str, Any]) -> None:
        if self._typing:
            return  # the page knows what was typed there; telling it could undo what was typed since
        self.shown = self._without_secrets(self.values)
        for name in self._secret:
            if change["old"].get(name) and not self.values.get(name):
                self.send({"clear": name})

    def _from_page(self, _: object) -> None:
        """What was typed has come as a message (`_told`). The page's state comes later, and may be older than what has
        been put into the fields meanwhile: that must not be undone."""
        self.shown = self._without_secrets(self.values)

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        if not isinstance(content, dict):
            return
        if content.get("secret") in self._secret and isinstance(content.get("typed"), str):
            self.put(content["secret"], content["typed"])
        if content.get("plain") in self._plain and isinstance(content.get("typed"), str | bool):
            self._typing = True
            try:
                self.put(content["plain"], content["typed"])
            finally:
                self._typing = False
        if (pressed := self._pressed.get(str(content.get("pressed")))) is not None:
            pressed()
        if "enter" in content:
            for handler in self._entered:
                handler()


def typed_instant(text: str) -> datetime | None:
    """What a field of the kind ``instant`` holds, in UTC; none = it is empty. `ValueError` when it is no time."""
    if not text.strip():
        return None
    at = datetime.fromisoformat(text.strip())
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _spec(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "kind": field.kind,
        "unit": field.unit,
        "help": field.help,
        "choices": [list(choice) for choice in field.choices],
        "required": field.required,
        "autocomplete": field.autocomplete,
    }
