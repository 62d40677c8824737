"""The form of server options: made from their declarations, checked while typing, applied all or none.

Apply and Revert are enabled only while something differs from the server. Fields that do not matter with what is chosen
are not shown; which those are is declared beside them. What the server (or, before it, the same rules here) refuses is
said at the field. Warnings are asked about. When another administrator was faster nothing is overwritten: the form
shows what that one changed and lets the person choose. What is typed stays whatever fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.options import OptionsState
from trackkit.domain.accounts import Role
from trackkit.domain.declared import matters
from trackkit.domain.errors import Conflict, HostNotAnswering, InvalidInput, NotATrackkitServer, TrackkitError
from trackkit.domain.options import catalogue, checked_name
from trackkit.widgets import draft
from trackkit.widgets.confirm import confirm
from trackkit.widgets.declared_form import shown_value
from trackkit.widgets.draft import Check, Draft
from trackkit.widgets.fields import Fields, Section, Text, field_of
from trackkit.widgets.page import row
from trackkit.widgets.problems import status
from trackkit.widgets.session import trouble_for
from trackkit.widgets.show_python import python_of, set_options_call, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background


def option_form(
    server: Server,
    names: Sequence[str] | Mapping[str, Sequence[str]],
    applied: Callable[[OptionsState], None] = lambda _: None,
) -> Form:
    """The form for these options, filled with the server's values.

    Parameters
    ----------
    names: option names, or titles of sections with the names in each. One form for all options of a group that
        belong together: the options of a group are versioned together.
    applied: gets the state of the server after changes were applied.

    Raises what the server raises to being asked.
    """
    sections = names if isinstance(names, Mapping) else {"": names}
    return Form(server, sections, applied)


class Form:
    """The form. `widget` is what is shown; the rest is for panels and tests."""

    def __init__(
        self,
        server: Server,
        sections: Mapping[str, Sequence[str]],
        applied: Callable[[OptionsState], None] = lambda _: None,
    ) -> None:
        infos = {title: [checked_name(name) for name in names] for title, names in sections.items()}
        self._server, self.seen, self._when_applied = server, server.options.get(), applied
        known = {option.name for option in self.seen.options}
        infos = {title: [info for info in part if info.name in known] for title, part in infos.items()}
        self.names = tuple(info.name for part in infos.values() for info in part)
        self._last: Mapping[str, Any] = {}
        self._said, self._asking = "", False
        self._when_dirty: Callable[[bool], None] = lambda dirty: None
        self.fields = Fields(
            [Section(title, tuple(map(field_of, part))) for title, part in infos.items()], self._texts()
        )
        self.apply_button = w.Button(description="Apply", button_style="primary", disabled=True)
        self.revert_button = w.Button(description="Revert", disabled=True)
        self.line, self.asking = w.HTML(), w.VBox()
        self.code = python_of("server.options.get()", server)
        self.trouble = trouble_for(server)
        actions = row(self.line, self.revert_button, self.apply_button, kind="tk-actions")
        self.widget = w.VBox([self.fields, self.trouble.widget, self.asking, actions, self.code])
        self.widget.add_class("tk-option-form")
        self._may = server.session().role is Role.admin
        self.fields.disabled = not self._may
        self.apply_button.on_click(lambda _: self.apply())
        self.revert_button.on_click(lambda _: self.revert())
        self.fields.when_entered(self.apply)
        self.fields.observe(lambda _: self._look(), names=["values", "removed"])
        self._look()

    def when_dirty(self, handler: Callable[[bool], None]) -> None:
        """Call `handler` now, and whenever something was typed or applied, with whether anything is not applied."""
        self._when_dirty = handler
        self._look()

    def check(self) -> Check:
        """What is typed, looked at by the rules of the options."""
        return Draft(self.seen, self.fields.values, self.fields.removed).check()

    def apply(self) -> None:
        """Save what is typed; asks about warnings, and does nothing while a field is refused or nothing differs."""
        check = self.check()
        if self.apply_button.disabled or (not check.changes and not check.refused):
            return
        refused = [name for name in self.names if name in check.refused]
        if refused:
            self._say(f"Nothing was applied: {catalogue()[refused[0]].title} {check.refused[refused[0]]}.", "tk-bad")
            self.fields.focus_on(refused[0])
        elif check.warnings:
            lines = [*check.warnings, f"Apply {_count(check.changes)} all the same?"]
            confirm(self.asking, "\n".join(lines), "Apply all the same", lambda: self._send(check.changes))
        else:
            self._send(check.changes)

    def fill(self, changes: Mapping[str, Any], focus: str = "") -> None:
        """Put values in as if they were typed; a secret without a value is marked to be removed.

        Parameters
        ----------
        focus: the option that gets the cursor.
        """
        mine = {name: value for name, value in changes.items() if name in self.names}
        secrets = [name for name in mine if catalogue()[name].secret]
        typed = {name: shown_value(catalogue()[name], value) for name, value in mine.items() if name not in secrets}
        self._show(self.seen, {**self.fields.values, **typed}, [*self.fields.removed, *secrets])
        if focus in self.names:
            self.fields.focus_on(focus)

    def revert(self) -> None:
        """Forget what is typed and show the values of the server as they were read."""
        self.asking.children = ()
        self.trouble.show(None)
        self._said = ""
        self._show(self.seen, {})

    def _send(self, changes: Mapping[str, Any]) -> None:
        typed = dict(self.fields.values)
        revisions = Draft(self.seen, {}).revisions(changes)

        def applied(state: OptionsState) -> None:
            self._applied(changes, typed, state)

        def refused(error: Exception) -> bool:
            return self._refused(error, changes, typed)

        self._ask(lambda: self._server.options.set(changes, revisions), applied, refused)

    def _ask(
        self,
        work: Callable[[], OptionsState],
        then: Callable[[OptionsState], None],
        failed: Callable[[Exception], bool] = lambda _: False,
    ) -> None:
        """Ask the server; nothing else can be asked until it has answered, but typing can go on."""

        def answered(state: OptionsState) -> None:
            self._busy(False)
            then(state)

        def not_answered(error: Exception) -> bool:
            self._busy(False)
            return failed(error)

        self._busy(True)
        in_background(self.trouble, work, answered, failed=not_answered)

    def _busy(self, asking: bool) -> None:
        self._asking = self.apply_button.disabled = self.revert_button.disabled = asking

    def _applied(self, changes: Mapping[str, Any], typed: Mapping[str, Text], state: OptionsState) -> None:
        self.asking.children = ()
        self._last = changes
        self._said = f"Applied: {', '.join(catalogue()[name].title for name in changes)}."
        edited = {n: v for n, v in self.fields.values.items() if typed[n] != v}
        self._show(state, edited, [name for name in self.fields.removed if name not in changes])
        self._when_applied(state)

    def update(self, state: OptionsState) -> None:
        """Show a newer state of the server; what is typed stays."""
        typed = {name: value for name, value in self.fields.values.items() if self._is_typed(name)}
        self._said = ""
        self._show(state, typed, self.fields.removed)

    def _refused(self, error: Exception, changes: Mapping[str, Any], typed: Mapping[str, Text]) -> bool:
        if isinstance(error, Conflict):
            self._ask(self._server.options.get, lambda state: self._ask_whose(error, changes, typed, state))
            return True
        at_fields = {p.field: p.message for p in error.problems} if isinstance(error, InvalidInput) else {}
        self.fields.messages = {name: words for name, words in at_fields.items() if name in self.names}
        unknown = isinstance(error, HostNotAnswering | NotATrackkitServer)  # the answer is missing, not the request
        self._say("Not known whether it was applied: apply again." if unknown else "Nothing was applied.", "tk-bad")
        return bool(at_fields) and set(at_fields) <= set(self.names) and not _has_advice(error)

    def _ask_whose(
        self, error: TrackkitError, changes: Mapping[str, Any], typed: Mapping[str, Text], state: OptionsState
    ) -> None:
        """Show what the other one changed. If it is the very same, an earlier try of ours got through after all."""
        if not draft.still_differs(changes, state):
            self._applied(changes, typed, state)
            return
        theirs = draft.differences(self.seen, state, changes)
        both = [one.name for one in theirs if one.mine]
        lines = [shown(one.words()) for one in theirs] or ["Nothing that can be seen here; a password is never shown."]
        words = f"<strong>{shown(error.message)}</strong><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"
        take = w.Button(description="Take theirs" if both else "Go on editing")
        keep = w.Button(description="Keep mine and apply again" if both else "Apply mine too", button_style="primary")
        self.asking.children = (w.HTML(status(words, "tk-warn", "alert")), row(take, keep, kind="tk-actions"))

        def taken() -> None:
            self.asking.children = ()
            mine = {n: v for n, v in self.fields.values.items() if n not in both and self._is_typed(n)}
            self._show(state, mine, [name for name in self.fields.removed if name not in both])

        def kept() -> None:
            self.asking.children = ()
            self._show(state, {n: v for n, v in self.fields.values.items() if self._is_typed(n)}, self.fields.removed)
            self.apply()

        take.on_click(lambda _: taken())
        keep.on_click(lambda _: kept())
        self._said = ""
        self._look()

    def _is_typed(self, name: str) -> bool:
        return bool(self.fields.values[name] != draft.text_of(name, self.seen))

    def _texts(self) -> dict[str, Text]:
        return {name: draft.text_of(name, self.seen) for name in self.names}

    def _show(self, state: OptionsState, typed: Mapping[str, Text], removed: Sequence[str] = ()) -> None:
        """A state of the server, and over it what is typed."""
        self.seen = state
        with self.fields.hold_trait_notifications():
            self.fields.removed = list(removed)
            self.fields.values = {**self._texts(), **typed}
        self._look()

    def _look(self) -> None:
        """Bring messages, marks, buttons and code up to date with what is typed."""
        check = self.check()
        self.fields.is_set = [o.name for o in self.seen.options if o.is_set and o.name in self.names]
        self.fields.messages = {name: words for name, words in check.refused.items() if name in self.names}
        self.fields.changed = [name for name in self.names if name in check.changes or name in check.refused]
        self.fields.hidden = self._of_no_consequence()
        self.fields.proposals = {
            name: {"words": p.words, "value": str(p.value)}
            for name, p in check.proposals.items()
            if name in self.names and self._may
        }
        dirty = bool(check.changes or check.refused)
        self._when_dirty(dirty)
        self.revert_button.disabled = self._asking or not (dirty and self._may)
        self.apply_button.disabled = self.revert_button.disabled
        self.code.code = whole(set_options_call(check.changes or self._last), self._server)
        self._say(f"{_count(self.fields.changed)} not applied yet." if dirty else self._said)

    def _of_no_consequence(self) -> list[str]:
        """What does not matter with what is typed; but never what is typed itself, refused, or a secret that is set."""
        values = {option.name: option.value for option in self.seen.options} | self.fields.values
        kept = {*self.fields.changed, *self.fields.messages}
        kept |= {name for name in self.fields.is_set if catalogue()[name].secret}
        return [name for name in self.names if name not in kept and not matters(name, catalogue(), values)]

    def _say(self, words: str, tone: str = "") -> None:
        if not self._may:
            words = "Only an admin can change these options."
        lines = [words] if words else []
        lines += draft.notes(self.seen, self.names)
        self.line.value = f'<div class="tk-said {tone}" role="status">{"<br>".join(map(shown, lines))}</div>'


def _has_advice(error: Exception) -> bool:
    """Whether the error says more than fields can show."""
    return isinstance(error, TrackkitError) and bool(error.advice)


def _count(changes: Mapping[str, Any] | Sequence[str]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"
