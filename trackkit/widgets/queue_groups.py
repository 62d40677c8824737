"""One cause in the queue's view: where its mail is for and since when, what helps, and doing it.

The rows are the groups: choosing one shows only its mail. A button does the next step: it shows what would change or
how much mail it touches, asks, does it, and says what happened. Who may not do it sees who can. What is deleted from
here can be brought back beside it for ten minutes, also when its cause is gone from the view.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.jobs import RunningJob
from trackkit.client.mail_groups import Group
from trackkit.client.next_step import NextStep, next_step, operation_of, verb_of, words_of
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.jobs import Job
from trackkit.contract.mail import DiagnosisView
from trackkit.domain.accounts import Role
from trackkit.domain.delivery import UNDO_WINDOW
from trackkit.domain.text import counted
from trackkit.widgets.confirm import confirm
from trackkit.widgets.grid import Column, Grid, Page, Row, Sort
from trackkit.widgets.job_progress import watch
from trackkit.widgets.live import once_more
from trackkit.widgets.page import panel, row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.queue_bulk import UNDO, VERBS, BulkVerbs, Verb
from trackkit.widgets.queue_rows import QueueFilter
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import Cell, age, shown
from trackkit.widgets.work import in_background

DESTINATIONS = 50
"""How many of a cause are shown."""

COLUMNS = (
    Column("destination", "Destination", "tk-text"),
    Column("age", "Waiting", "tk-fixed"),
    Column("messages", "Messages", "tk-number"),
    Column("oldest", "Oldest", "tk-number"),
)


class GroupRows:
    """The groups of a cause, the destinations with the most messages first; fits `trackkit.widgets.grid.Source`."""

    def __init__(self, server: Server) -> None:
        self._mail = server.mail
        self.groups: dict[str, Group] = {}
        """By the ids of their rows, as they were found last."""
        self.cause: Group | None = None
        """The cause itself; none when no mail waits for it any more."""

    def page(self, filter: str | None, sort: Sort, before: str | None, limit: int) -> Page:
        """All of them: a row for each destination, and for each age where there are several."""
        cause = next(iter(self._mail.groups(filter, DESTINATIONS)), None) if filter is not None else None
        found = [
            group
            for destination in (cause.parts if cause else ())
            for group in (destination, *(destination.parts if len(destination.parts) > 1 else ()))
        ]
        self.cause, self.groups = cause, {f"{group.age or 'any'} {group.destination}": group for group in found}
        now = datetime.now(UTC)
        return Page([_row(id, group, now) for id, group in self.groups.items()], None, len(found))

    def ids(self, filter: str | None, sort: Sort, first: str | None, last: str | None) -> list[str]:
        """One group is looked at at a time."""
        return [id for id in (first, last) if id is not None and first == last]

    def present(self, filter: str | None, ids: Collection[str]) -> set[str]:
        """Those that still have mail."""
        return set(ids) & set(self.groups)


def _row(id: str, group: Group, now: datetime) -> Row:
    ages = group.age or (group.parts[0].age if len(group.parts) == 1 else None)
    cells = (
        Cell(group.destination or "(none)"),
        Cell(ages.words if ages else "any time"),
        Cell(f"{group.messages:,}"),
        Cell(age(now - group.oldest_queued_at)),
    )
    return Row(id, cells, id)


class Deletion(NamedTuple):
    """What was deleted from here and can still be brought back."""

    undo: w.Button
    line: w.Widget


class CauseView:
    """What is shown of the cause that is chosen, and what remains to be undone.

    Parameters
    ----------
    trouble, lines: where errors of actions, and of the list, are shown.
    chosen: called when another group was chosen.
    changed: called when something may have changed.
    """

    def __init__(
        self, server: Server, trouble: Trouble, lines: Trouble, chosen: Callable[[], None], changed: Callable[[], None]
    ) -> None:
        self._server, self._trouble, self._changed = server, trouble, changed
        self._role = Role(server.role)
        self.rows = GroupRows(server)
        self.grid = Grid(
            "Destinations and ages",
            COLUMNS,
            self.rows,
            sort=Sort("messages", descending=True),
            empty="No mail waits for this any more.",
            multiple=False,
            trouble=lines,
        )
        self.head, self.hint = w.HTML(), w.HTML()
        self.step = w.Button(button_style="primary")
        self.step.on_click(self._ask_step)
        self.verbs = {verb.name: w.Button(description=verb.label) for verb in VERBS}
        for verb in VERBS:
            self.verbs[verb.name].on_click(partial(self._ask, verb))
        self.verbs["delete"].add_class("tk-danger")
        self._buttons = (self.step, *self.verbs.values())
        self.all = w.Button(description="All destinations and ages", disabled=True)
        self.all.on_click(lambda _: self.grid.clear())
        self.asking, self.result = w.VBox(), w.HTML()
        self.code = python_of("server.mail.groups_frame()", server)
        self._bulk = BulkVerbs(server, trouble, self.asking, self.result, self.code, self._buttons, self._over)
        self._asked_about = ""
        """The group whose mail a verb is for, in words; another one may be chosen, or it be gone, when that is done."""
        self.deletions: list[Deletion] = []
        self._who = w.HTML()
        buttons = self._buttons if self._role.covers(Role.operator) else ()
        self._card = panel(self.head, self.grid.widget, self.hint, self._who, row(*buttons, self.all), self.code)
        self._body, self._undo = w.VBox(), w.VBox()
        self.widget = w.VBox([self._body, self.asking, self.result, self._undo])
        self.grid.on_select(chosen)
        self.grid.on_select(self._look)
        self.grid.on_show(self._look)

    @property
    def filter(self) -> QueueFilter:
        """The mail of the group that is chosen; of the whole cause when none is."""
        group = self._group
        return QueueFilter() if group is None else QueueFilter.of(group.conditions)

    @property
    def _group(self) -> Group | None:
        chosen = next(iter(self.grid.selected_ids), None)
        # A group that has just gone must not become the whole cause.
        return self.rows.cause if chosen is None else self.rows.groups.get(chosen)

    def show(self, cause: str | None) -> None:
        """Another cause is looked at; none = no one, and what was done last stays to be read."""
        if cause is not None and not self.step.disabled:
            self.asking.children = ()
            self.result.value = ""
        self.grid.clear()
        self.grid.show(cause)

    def refresh(self) -> None:
        """Ask the server again."""
        if self.grid.filter is not None:
            self.grid.refresh()

    def _look(self) -> None:
        """Say what is known of the cause, and offer what makes sense."""
        cause = self.rows.cause
        self._body.children = () if cause is None else (self._card,)
        if cause is None:
            return
        group, why = self._group or cause, cause.diagnosis
        self.head.value = f"<h3>{shown(why.title)}</h3><p>{shown(why.words)}</p><p>{shown(why.next_step)}</p>"
        for_it = f"for {group.destination}" if group.destination else "for all destinations"
        since = f", waiting {group.age.words}" if group.age else ""
        number = counted(group.messages, "message")
        told, known = len(cause.parts), cause.destinations_in_all
        of_all = f"<br>{told:,} of {known:,} destinations, those with the most mail." if told < known else ""
        self.hint.value = f"<p class='tk-hint'>Chosen: {number} {shown(for_it + since)}{of_all}</p>"
        self.all.disabled = not self.grid.selected_ids
        self.step.description = words = words_of(why)
        self._who.value = status(shown(by), "tk-warn") if (by := by_whom(why, self._role)) else ""
        _show(self.step, bool(words) and not by)
        for name, button in self.verbs.items():
            _show(button, name != verb_of(why))
        self.code.code = whole(f"server.mail.groups_frame({why.cause!r})", self._server)

    def _ask(self, verb: Verb, _: object) -> None:
        group = self._group
        if group is None:  # the filter would be all mail
            return
        self._asked_about = ", ".join(
            filter(None, (group.diagnosis.title, group.destination, group.age and group.age.words))
        )
        self._bulk.ask(verb, QueueFilter.of(group.conditions))

    def _ask_step(self, _: object) -> None:
        """A verb is asked about as every verb is; what mends something says what it changes."""
        group = self._group
        if group is None:
            return
        named = verb_of(group.diagnosis)
        if named is not None:
            self._ask({verb.name: verb for verb in VERBS}[named], None)
            return
        self.result.value = ""
        self.code.code = whole(f"server.apply(server.mail.groups()[{group.cause!r}])", self._server)

        def ask(step: NextStep) -> None:
            confirm(self.asking, step.question, self.step.description, partial(self._do_step, step))

        look = partial(next_step, self._server, group.diagnosis, group.conditions)
        in_background(self._trouble, look, ask, busy=self._buttons)

    def _do_step(self, step: NextStep) -> None:
        def done(said: str, job: Job | None) -> None:
            lines = [*said.splitlines(), *([job.words] if job else [])]
            self.result.value = status("<br>".join(map(shown, lines)), "tk-good")
            self._changed()

        def mended(found: tuple[str, RunningJob | None]) -> None:
            said, running = found
            if running is None:
                done(said, None)
                return
            watch(self.asking, self._trouble, running, partial(done, said), busy=self._buttons, failed=self._failed)

        in_background(self._trouble, step.begin, mended, busy=self._buttons)

    def _failed(self, _: Exception) -> bool:
        self._changed()
        return False

    def _over(self, _: Verb, to_undo: QueueFilter | None) -> None:
        if to_undo is not None:
            self._offer_undo(to_undo)
        self._changed()

    def _offer_undo(self, deleted: QueueFilter) -> None:
        until = datetime.now(UTC) + UNDO_WINDOW
        words = f"Deleted: {self._asked_about}"
        undo = w.Button(description=f"Undo (until {until:%H:%M} UTC)")
        line = Deletion(undo, row(w.HTML(f"<p class='tk-hint'>{shown(words)}</p>"), undo))

        def forget() -> None:
            if line in self.deletions:
                self.deletions.remove(line)
                self._undo.children = tuple(one.line for one in self.deletions)

        def over(_: Verb, still: QueueFilter | None) -> None:
            if still is None:
                forget()
            self._changed()

        busy = (*self._buttons, undo)
        back = BulkVerbs(self._server, self._trouble, self.asking, self.result, self.code, busy, over)
        undo.on_click(lambda _: back.do(UNDO, deleted))
        self.deletions.append(line)
        self._undo.children = tuple(one.line for one in self.deletions)
        once_more(self._server, UNDO_WINDOW / timedelta(seconds=1), forget)


def _show(button: w.Button, wanted: bool) -> None:
    button.layout.display = None if wanted else "none"


def by_whom(why: DiagnosisView, role: Role) -> str:
    """Who can do the next step, if somebody with this role cannot; else ``""``."""
    operation = operation_of(why)
    needed = (OPERATIONS[operation].role if operation else None) or Role.viewer
    if role.covers(needed):
        return ""
    what = words_of(why) or (f"A change of the option {why.option}" if why.option else why.next_step.rstrip("."))
    return f"{what}: that takes the role {needed}."
