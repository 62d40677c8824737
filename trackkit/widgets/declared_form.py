"""One form for everything that is made of declared fields: settings of databases, tasks, items of a project.

Values are texts in the form; they are read by their declarations when the button is pressed. What cannot be read, and
what the server refuses, is said at its field, and what is typed stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import ipywidgets as w

from trackkit.domain.declared import Declaration
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section, Text, field_of
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, show
from trackkit.widgets.work import in_background

Values = dict[str, Any]


class DeclaredForm:
    """A form. `widget` is what is shown; `fields` and the buttons are for tests, and do what typing and clicks do.

    Parameters
    ----------
    heading: what is done here.
    declared: the declared fields, shown in their order behind `before`.
    values: what they hold at first, as the server has them; defaults for the rest.
    save: the words on the button.
    send: gets the values; runs beside the kernel's main thread.
    done: gets its result.
    before: further fields, plain texts, shown first; their values are among those `send` gets.
    only_changes: `send` gets only what differs from `values`.
    warnings: what a person should know before this is sent, from the texts; it is asked about.
    failed: gets what `send` failed with, unless fields could say it all; true = it has dealt with it.
    told: an error that is shown with the form, which is there because of it.
    guide, below: what helps to fill it in, or belongs to it; shown above and below the fields.
    """

    def __init__(
        self,
        heading: str,
        declared: Mapping[str, Declaration],
        values: Mapping[str, Any],
        save: str,
        trouble: Trouble,
        send: Callable[[Values], Any],
        done: Callable[[Any], None],
        cancel: Callable[[], None],
        *,
        before: Sequence[Field] = (),
        only_changes: bool = False,
        warnings: Callable[[Mapping[str, Text]], Sequence[str]] = lambda texts: (),
        failed: Callable[[Exception], bool] = lambda _: False,
        told: Exception | None = None,
        guide: w.Widget | None = None,
        below: w.Widget | None = None,
    ) -> None:
        self._declared, self._send, self._done = declared, send, done
        self.trouble = trouble.another()  # beside the button: the page's may be far out of sight
        self._failed, self._only_changes, self._warnings = failed, only_changes, warnings
        self._first = {name: shown_value(field, values.get(name, _start(field))) for name, field in declared.items()}
        plain: dict[str, Text] = {field.name: str(values.get(field.name, "")) for field in before}
        sections = [Section("", (*before, *map(field_of, declared.values())))]
        self.fields = Fields(sections, {**plain, **self._first})
        self._plain = tuple(plain)
        self.save = w.Button(description=save, button_style="primary")
        self.cancel = w.Button(description="Cancel")
        self.save.on_click(lambda _: self.press())
        self.cancel.on_click(lambda _: cancel())
        self.fields.when_entered(self.press)
        self.asking = w.VBox()
        actions = row(self.cancel, self.save, kind="tk-actions")
        above = [title(heading, level=3), *([guide] if guide else [])]
        beneath = [below] if below else []
        self.widget = w.VBox([*above, self.fields, *beneath, self.asking, self.trouble.widget, actions])
        show(self.trouble, told)

    def read(self) -> Values:
        """What is typed, as values; `InvalidInput` names every field that cannot be read."""
        found: Values = {name: self.fields.values[name] for name in self._plain}
        problems: list[Problem] = []
        for name, field in self._declared.items():
            text = self.fields.values[name]
            if (self._only_changes or field.secret) and text == self._first[name]:
                continue
            try:
                found[name] = text if isinstance(text, bool) else travelling(field.parse(text))
            except InvalidInput as error:
                problems += error.problems
        if problems:
            raise InvalidInput("Nothing was sent: some fields cannot be read.", problems=problems)
        return found

    def press(self) -> None:
        """Send what is typed; asks about warnings first."""
        self.fields.messages = {}
        show(self.trouble, None)
        try:
            values = self.read()
        except InvalidInput as error:
            self._refused(error)
            return
        lines = self._warnings(self.fields.values)
        if lines:
            question = "\n".join([*lines, "Go on all the same?"])
            confirm(self.asking, question, self.save.description, lambda: self._go(values))
        else:
            self._go(values)

    def _go(self, values: Values) -> None:
        in_background(
            self.trouble,
            lambda: self._send(values),
            self._done,
            busy=(self.save,),
            failed=lambda error: self._refused(error) or self._failed(error),
        )

    def _refused(self, error: Exception) -> bool:
        """Say at its field what is wrong; whether everything could be said there."""
        if not isinstance(error, InvalidInput):
            return False
        known = set(self._declared) | set(self._plain)
        self.fields.messages = {p.field: p.message for p in error.problems if p.field in known}
        if self.fields.messages:
            self.fields.focus_on(next(iter(self.fields.messages)))
        return bool(error.problems) and all(p.field in known for p in error.problems) and not error.advice


def shown_value(field: Declaration, value: Any) -> Text:
    """A value as the form holds it: a switch as it is, everything else as text."""
    if field.kind == "yes/no":
        return bool(value)
    return field.text(value)


def _start(field: Declaration) -> object:
    """What a new thing has there: a choice that must be made begins with the first, as a list shows it."""
    return field.choices[0] if field.required and field.choices else field.default


def travelling(value: object) -> Any:
    """A value as JSON has it."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
