"""What can be done with mail: reattempt, hold, release, delete, and undo; with the selected, or with all that match.

Each asks first and says what will happen to how many; undo, which only brings back, does not ask. Where a verb did
not apply to a message it says so for that message. Large selections go in steps with progress; a cancel leaves the
rest as it was. What is done to all that match: `queue_bulk`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail import VerbResult
from trackkit.domain.delivery import State
from trackkit.domain.text import counted
from trackkit.widgets.confirm import confirm
from trackkit.widgets.grid import Grid
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.queue_bulk import UNDO, VERBS, BulkVerbs, Verb
from trackkit.widgets.queue_rows import QueueFilter
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import Progress, long_work

STEP = 500
"""Messages in one call, so that progress moves."""

LISTED = 10
"""Messages that are named one by one when a verb did not apply to them."""


class QueueActions:
    """The buttons, the question, and what came of it.

    Parameters
    ----------
    grid: whose selection, or filter, the verbs are for.
    changed: called when something may have changed.
    """

    def __init__(self, server: Server, grid: Grid, trouble: Trouble, changed: Callable[[], None]) -> None:
        self._server, self._grid, self._trouble, self._changed = server, grid, trouble, changed
        self._deleted: tuple[str, ...] | QueueFilter = ()
        self.buttons = {verb.name: w.Button(description=verb.label) for verb in (*VERBS, UNDO)}
        for verb in VERBS:
            self.buttons[verb.name].on_click(partial(self._ask, verb))
        self.buttons["delete"].add_class("tk-danger")
        self.buttons[UNDO.name].on_click(self._undo)
        self.all = w.Checkbox(description="All that match", indent=False)
        self._controls = (*self.buttons.values(), self.all)
        """They are disabled while something is under way."""
        self.asking, self.result = w.VBox(), w.HTML()
        self.code = python_of("server.mail.frame()", server)
        self._bulk = BulkVerbs(server, trouble, self.asking, self.result, self.code, self._controls, self._after)
        self.widget = w.VBox([row(*self._controls), self.asking, self.result, self.code])
        grid.on_select(self._look)
        grid.on_show(self._look)
        self.all.observe(lambda _: self._look(), names="value")
        self._look()

    @property
    def _filter(self) -> QueueFilter:
        return self._grid.filter or QueueFilter()

    def _look(self) -> None:
        """Enable what makes sense now."""
        total = self._grid.total
        words = f"All {total:,} that match" if total else "All that match"
        if self.all.description != words:
            self.all.description = words
        if self.all.disabled:
            return  # something is under way
        for verb in VERBS:
            self.buttons[verb.name].disabled = not (total if self.all.value else self._grid.selected_ids)
        self.buttons[UNDO.name].disabled = not self._to_undo()
        self.code.code = whole(self._filter.as_python("frame"), self._server)

    def _to_undo(self) -> tuple[str, ...] | QueueFilter:
        """What is chosen where the deleted are shown, else what was deleted last from here."""
        if self._filter.state is State.deleted:
            if self.all.value and self._grid.total:
                return self._filter
            if self._grid.selected_ids:
                return self._grid.selected_ids
        return self._deleted

    def _ask(self, verb: Verb, _: object) -> None:
        self.result.value = ""
        if self.all.value:
            self._bulk.ask(verb, self._filter)
            return
        ids = self._grid.selected_ids
        self.code.code = whole(call_of(verb.name, ids), self._server)
        label = f"{verb.label} {counted(len(ids), 'message')}"
        confirm(self.asking, f"{counted(len(ids), 'message')} {verb.will}", label, partial(self._do, verb, ids))

    def _undo(self, _: object) -> None:
        deleted = self._to_undo()
        self.result.value = ""
        if isinstance(deleted, QueueFilter):
            self._bulk.do(UNDO, deleted)
            return
        self.code.code = whole(call_of(UNDO.name, deleted), self._server)
        self._do(UNDO, deleted)

    def _do(self, verb: Verb, ids: Sequence[str]) -> None:
        call = getattr(self._server.mail, verb.name)
        results: list[VerbResult] = []

        def work(progress: Progress) -> None:
            for start in range(0, len(ids), STEP):
                progress.report(start, len(ids))
                results.extend(call(ids[start : start + STEP]).results)

        def then(_: object = None) -> None:
            self._done(verb, results, len(ids))

        title = f"{verb.label}: {counted(len(ids), 'message')}"
        long_work(self.asking, title, self._trouble, work, then, busy=self._controls, cancelled=then)

    def _done(self, verb: Verb, results: Sequence[VerbResult], asked: int) -> None:
        done = tuple(result.queue_id for result in results if result.done)
        self.result.value = told(verb, results, asked)
        self._after(verb, done)

    def _after(self, verb: Verb, deleted: tuple[str, ...] | QueueFilter | None) -> None:
        if verb.name == "delete":
            self._deleted = deleted or self._deleted
            self.all.value = False
            self._grid.clear()
        elif verb is UNDO:
            self._deleted = deleted or ()
        self._changed()
        self._look()


def call_of(verb: str, ids: Sequence[str]) -> str:
    """The call that does the same."""
    return f"server.mail.{verb}({', '.join(map(repr, ids))})" if len(ids) == 1 else f"server.mail.{verb}({list(ids)!r})"


def told(verb: Verb, results: Sequence[VerbResult], asked: int) -> str:
    """What came of it as HTML: how many it was done to, and for the others why not."""
    done = sum(result.done for result in results)
    refused = [result for result in results if not result.done]
    lines = [f"<strong>{done:,} of {counted(asked, 'message')} {verb.done}.</strong>"]
    lines += [f"{shown(one.queue_id)} {shown(one.reason)}" for one in refused[:LISTED]]
    if len(refused) > LISTED:
        lines.append(f"… and {len(refused) - LISTED:,} more it did not apply to.")
    if len(results) < asked:
        lines.append(f"Cancelled: {asked - len(results):,} were not touched.")
    return status("<br>".join(lines), "tk-good" if done == asked else "tk-warn")
