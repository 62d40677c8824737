"""The form of a project's e-mail settings: what an administrator decides about them, and its own mailbox.

What is left empty of the mailbox is the server's, and the form says what that is. The password is never shown; empty
means unchanged. Nothing is sent but what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.tracking import ProjectMailSettings
from trackkit.domain.declared import Declaration, fields_of
from trackkit.domain.errors import Conflict, InvalidInput, Problem
from trackkit.domain.tracking_options import MailSettings
from trackkit.widgets.fields import Field, Fields, Section, Text, field_of
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, show
from trackkit.widgets.show_python import written
from trackkit.widgets.work import in_background

OWN: Final = "mailbox."
SETTINGS: Final[Mapping[str, Declaration]] = fields_of(MailSettings)


class ProjectMailForm:
    """The form. `widget` is what is shown; `fields` and the buttons are for tests, and do what typing and clicks do.

    Parameters
    ----------
    seen: the settings as the server has them.
    shows: gets the same as Python.
    again: called with what somebody else's change was refused for, to show the form anew.
    told: such a refusal, shown with the form.
    """

    def __init__(
        self,
        server: Server,
        seen: ProjectMailSettings,
        trouble: Trouble,
        shows: Callable[[str], None],
        done: Callable[[ProjectMailSettings], None],
        cancel: Callable[[], None],
        again: Callable[[Exception], None],
        told: Exception | None = None,
    ) -> None:
        self._server, self._seen, self._shows, self._done, self._again = server, seen, shows, done, again
        self.trouble = trouble.another()
        self._first = {name: _text(info, seen.values.get(name)) for name, info in SETTINGS.items()}
        own = tuple(_own(info, seen.inherited.get(name)) for name, info in SETTINGS.items() if name.startswith(OWN))
        common = tuple(field_of(info) for name, info in SETTINGS.items() if not name.startswith(OWN))
        self.fields = Fields([Section("", common), Section("A mailbox of its own", own)], self._first)
        self.fields.is_set = list(seen.set_secrets)
        self.save = w.Button(description="Apply", button_style="primary")
        self.cancel = w.Button(description="Cancel")
        self.save.on_click(lambda _: self.press())
        self.cancel.on_click(lambda _: cancel())
        self.fields.when_entered(self.press)
        heading = title(f"E-mail settings of {seen.database}", level=3)
        actions = row(self.cancel, self.save, kind="tk-actions")
        self.widget = w.VBox([heading, self.fields, self.trouble.widget, actions])
        show(self.trouble, told)

    def changes(self) -> dict[str, Any]:
        """What differs from the server, by name; `InvalidInput` names every field that cannot be read."""
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, text in self.fields.values.items():
            if text == self._first[name]:
                continue
            try:
                found[name] = text if isinstance(text, bool) else SETTINGS[name].parse(text)
            except InvalidInput as error:
                problems += error.problems
        if problems:
            raise InvalidInput("Nothing was sent: some fields cannot be read.", problems=problems)
        return {**dict.fromkeys(name for name in self.fields.removed if name not in found), **found}

    def press(self) -> None:
        """Send what differs."""
        self.fields.messages = {}
        show(self.trouble, None)
        try:
            changes = self.changes()
        except InvalidInput as error:
            self._refused(error)
            return
        database, revision = self._seen.database, self._seen.revision
        self._shows(f"server.tracking.set({database!r}, {written(changes, SETTINGS)})")
        in_background(
            self.trouble,
            lambda: self._server.tracking.set(database, changes, revision),
            self._done,
            busy=(self.save,),
            failed=self._refused,
        )

    def _refused(self, error: Exception) -> bool:
        if isinstance(error, Conflict):
            self._again(error)
            return True
        if not isinstance(error, InvalidInput):
            return False
        self.fields.messages = {one.field: one.message for one in error.problems if one.field in SETTINGS}
        if self.fields.messages:
            self.fields.focus_on(next(iter(self.fields.messages)))
        return bool(error.problems) and all(one.field in SETTINGS for one in error.problems) and not error.advice


def _three_ways(info: Declaration) -> bool:
    """It can be set one way, the other, or not at all."""
    return info.name.startswith(OWN) and info.kind in ("yes/no", "choice")


def _text(info: Declaration, value: object) -> Text:
    if info.kind == "yes/no" and not _three_ways(info):
        return bool(value)
    return info.text(value)


def _own(info: Declaration, inherited: object) -> Field:
    """A field of the project's own mailbox, with what counts while it is empty."""
    field = field_of(info)
    known = info.text(inherited)
    if _three_ways(info):
        ways = info.choices or ("yes", "no")
        words = f"as the server has it{f': {known}' if known else ''}"
        return replace(field, kind="choice", choices=(("", words), *((way, way.replace("_", " ")) for way in ways)))
    if info.secret:
        return field
    rest = f"Empty: {known}, as the server has it." if known else "Empty: as the server has it, which has none."
    return replace(field, help=f"{field.help} {rest}")
