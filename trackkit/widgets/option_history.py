"""The history of changed options on a page, and the revert of one change after a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.options import ChangedOption, ChangeSet, ChangeSets, OptionsState, Plan
from trackkit.domain.accounts import Role
from trackkit.domain.options import catalogue
from trackkit.widgets.confirm import confirm
from trackkit.widgets.option_plan import plan_html, question
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import shows_problems, status
from trackkit.widgets.session import trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import Cell, instant, table
from trackkit.widgets.work import in_background

MANY = 10
"""Changes on the page; all of them are in `server.options.history_frame()`."""


class OptionHistoryPanel:
    """The card. `widget` is what is shown; the rest is for tests, and does what a click does.

    Parameters
    ----------
    changed: gets the state of the server after a revert.
    """

    def __init__(self, server: Server, changed: Callable[[OptionsState], None]) -> None:
        self._server, self._changed = server, changed
        self.trouble = trouble_for(server)
        self.list, self.plan, self.said, self.asking = w.HTML(), w.HTML(), w.HTML(), w.VBox()
        self.chosen = w.Dropdown(description="Change", options=[])
        self.look = w.Button(description="Refresh")
        self.revert = w.Button(description="Revert this change", disabled=True)
        self.code = python_of("server.options.history_frame()", server)
        self.look.on_click(shows_problems(self.trouble)(lambda _: self.refresh()))
        self.revert.on_click(shows_problems(self.trouble)(lambda _: self.ask()))
        self.widget = panel(
            title("History", f"Who changed which options: the newest {MANY} changes."),
            self.list,
            row(self.chosen, self.revert, self.look),
            self.plan,
            self.trouble.widget,
            self.asking,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self, *, newest: bool = False) -> None:
        """Ask for the history again; `newest`: the newest change is chosen then, whatever was before."""

        def show(found: ChangeSets) -> None:
            self.list.value = changes_table(found.sets)
            wanted = found.sets[0].change_id if newest and found.sets else None
            offer(self.chosen, [(_words(one), one.change_id) for one in found.sets], wanted)
            self.revert.disabled = not found.sets or Role(self._server.role) is not Role.admin

        in_background(self.trouble, lambda: self._server.options.history(limit=MANY), show, busy=(self.look,))

    def ask(self) -> None:
        """Show what the revert of the chosen change would do, and ask about it."""
        change_id = int(self.chosen.value)
        self.said.value = self.plan.value = ""
        self.asking.children = ()

        def asked(plan: Plan) -> None:
            self.plan.value = plan_html(plan)
            if plan.changes:
                confirm(
                    self.asking,
                    question(plan, "Put back"),
                    "Revert this change",
                    lambda: self._do(change_id, plan),
                    self._forget,
                )

        in_background(self.trouble, lambda: self._server.options.plan_revert(change_id), asked, busy=(self.revert,))

    def _forget(self) -> None:
        self.plan.value = ""

    def _do(self, change_id: int, plan: Plan) -> None:
        def done(state: OptionsState) -> None:
            self._forget()
            self.said.value = status(f"Change {change_id} was reverted.", "tk-good")
            call = f"plan = server.options.plan_revert({change_id})\n"
            call += f"server.options.revert({change_id}, plan.revisions{', anyway=True' if plan.conflicts else ''})"
            self.code.code = whole(call, self._server)
            self._changed(state)

        anyway = bool(plan.conflicts)  # they were in the question
        in_background(
            self.trouble,
            lambda: self._server.options.revert(change_id, plan.revisions, anyway),
            done,
            busy=(self.revert,),
        )


def _words(one: ChangeSet) -> str:
    first = _title(one.changes[0])
    more = f" and {len(one.changes) - 1} more" if len(one.changes) > 1 else ""
    return f"{one.change_id}: {first}{more}, by {one.username}"


def _title(changed: ChangedOption) -> str:
    known = catalogue().get(changed.name)
    return known.title if known else changed.name


def changes_table(sets: Sequence[ChangeSet]) -> str:
    """The history: a row for each option of each change."""
    rows = [
        (
            Cell(str(one.change_id), "tk-number"),
            Cell(instant(one.at), "tk-fixed"),
            Cell(one.username, "tk-text", below=(_how(one),)),
            Cell(_title(changed), "tk-text", below=(changed.name,)),
            Cell(_value(changed, changed.before), "tk-text"),
            Cell(_value(changed, changed.after), "tk-text"),
        )
        for one in sets
        for changed in one.changes
    ]
    titles = ("Change", "When (UTC)", "By", "Option", "Before", "After")
    return table("History of options", titles, rows, "No option was changed yet.")


def _how(one: ChangeSet) -> str:
    if one.reverts:
        return f"reverted change {one.reverts}"
    return "from a file" if one.operation == "options.apply" else ""


def _value(changed: ChangedOption, value: object) -> str:
    if changed.secret:
        return str(value)
    known = catalogue().get(changed.name)
    return (known.text(value) if known else str(value)) or "(none)"
