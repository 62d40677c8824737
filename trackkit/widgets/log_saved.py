"""Saved filters in the view of the log: choose one, save what is shown now, delete one.

Saving over one, and deleting, ask first. Everybody saves their own; operators share.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log_filters import SavedFilter, SavedFilters
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.log_filters import checked_filter_name, filter_key
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.log_view import LogView
from trackkit.widgets.page import offer, row
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.said import Said
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

_NAME = Field("name", "Name of the filter", required=True)
_SHARED = Field("shared", "For everybody", "yes/no", help="Else it is yours alone.")
_NONE = ("none", "")


class SavedLogFilters:
    """`choice` and `buttons` go beside the other filters, `widget` (the form, the question, what was done) below.

    Parameters
    ----------
    shown: what the view shows now.
    use: gets the conditions of a filter that was chosen.
    """

    def __init__(
        self, server: Server, trouble: Trouble, shown: Callable[[], LogView], use: Callable[[LogView], None]
    ) -> None:
        self._server, self._trouble, self._shown, self._use = server, trouble, shown, use
        self._saved: dict[str, SavedFilter] = {}
        self._quiet = False
        self.choice = w.Dropdown(description="Saved filter", options=[_NONE])
        self.save = w.Button(description="Save filter …", tooltip="Keep these conditions under a name")
        self.delete = w.Button(description="Delete filter", disabled=True)
        may_share = server.session().role.covers(Role.operator)
        fields = (_NAME, *([_SHARED] if may_share else []))
        self.fields = Fields([Section("", fields)], {"name": "", "shared": False} if may_share else {"name": ""})
        self.keep = w.Button(description="Save", button_style="primary")
        self.cancel = w.Button(description="Cancel")
        self._form = w.VBox([self.fields, row(self.cancel, self.keep, kind="tk-actions")])
        self._form.add_class("tk-again")
        self._form.layout.margin = "0.5rem 0 0"
        self.asking, self.result = w.VBox(), Said()
        self._open = w.VBox()
        self.widget = w.VBox([self._open, self.asking, self.result])
        guarded = shows_problems(trouble)
        self.choice.observe(lambda _: self._chosen(), names="value")
        self.save.on_click(lambda _: self._begin())
        self.cancel.on_click(lambda _: self._close())
        self.keep.on_click(guarded(lambda *_: self._keep(replace=False)))
        self.fields.when_entered(guarded(lambda *_: self._keep(replace=False)))
        self.delete.on_click(lambda _: self._ask_deletion())
        self.refresh()

    def refresh(self, choose: str = "") -> None:
        """Ask the server which there are."""
        in_background(self._trouble, self._server.log.filters.list, partial(self._offer, choose))

    def changed(self, view: LogView) -> None:
        """The view shows something else now: the one that was chosen is chosen no more, unless it says the same."""
        chosen = self._saved.get(self.choice.value or "")
        if chosen is not None and LogView.of(chosen.conditions) != view:
            self._choose("")

    def _offer(self, choose: str, found: SavedFilters) -> None:
        self._saved = {_key(one.name, one.shared): one for one in found.filters}
        choices = [(f"{one.name} (shared)" if one.shared else one.name, key) for key, one in self._saved.items()]
        self._quiet = True
        try:
            offer(self.choice, [_NONE, *choices], choose or None)
        finally:
            self._quiet = False
        self.delete.disabled = not self.choice.value

    def _choose(self, key: str) -> None:
        self._quiet = True
        try:
            self.choice.value = key
        finally:
            self._quiet = False
        self.delete.disabled = not key

    def _chosen(self) -> None:
        self.delete.disabled = not self.choice.value
        chosen = self._saved.get(self.choice.value or "")
        if chosen is not None and not self._quiet:
            self.result.value = ""
            self._use(LogView.of(chosen.conditions))

    def _begin(self) -> None:
        self.result.value = ""
        chosen = self._saved.get(self.choice.value or "")
        if chosen is not None:
            self.fields.put("name", chosen.name)
            if "shared" in self.fields.values:
                self.fields.put("shared", chosen.shared)
        self._open.children = (self._form,)
        self.fields.focus_on("name")

    def _close(self) -> None:
        self._open.children = self.asking.children = ()
        self.fields.messages = {}

    def _keep(self, *, replace: bool) -> None:
        self.fields.messages = {}
        view, shared = self._shown(), bool(self.fields.values.get("shared"))
        try:
            name = checked_filter_name(str(self.fields.values["name"]))
        except InvalidInput as error:
            self._refused(error)
            return

        def save() -> SavedFilter:
            return self._server.log.filters.save(name, shared=shared, replace=replace, **view.saved)

        def failed(error: Exception) -> bool:
            if isinstance(error, Conflict) and not replace:
                self._ask_replacement(name, shared, error)
                return True
            return self._refused(error)

        in_background(self._trouble, save, self._kept, busy=[self.keep], failed=failed)

    def _refused(self, error: Exception) -> bool:
        if not isinstance(error, InvalidInput) or not any(one.field == "name" for one in error.problems):
            return False
        self.fields.messages = {one.field: one.message for one in error.problems}
        return True

    def _kept(self, saved: SavedFilter) -> None:
        self._close()
        self.result.value = status(shown(f"The filter {saved.name} is saved: {saved.conditions.words}."), "tk-good")
        self.refresh(_key(saved.name, saved.shared))

    def _ask_replacement(self, name: str, shared: bool, error: Conflict) -> None:
        there = self._saved.get(_key(name, shared))
        before = f"\nIt is: {there.conditions.words}, saved by {there.saved_by}." if there else ""
        whose = "for everybody" if shared else "of your own"
        question = f"There is a filter {name} {whose} already. Replace it by what is shown now?{before}"
        replace = shows_problems(self._trouble)(lambda: self._keep(replace=True))
        confirm(self.asking, question, "Replace it", replace)

    def _ask_deletion(self) -> None:
        chosen = self._saved.get(self.choice.value or "")
        if chosen is None:
            return
        whose = "Everybody loses it" if chosen.shared else "Only you have it"
        question = (
            f"Delete the filter {chosen.name} ({chosen.conditions.words})? {whose}; there is no undo. The log stays."
        )
        confirm(self.asking, question, "Delete the filter", partial(self._delete, chosen))

    def _delete(self, chosen: SavedFilter) -> None:
        def done(_: object) -> None:
            self.result.value = status(shown(f"The filter {chosen.name} is deleted."), "tk-good")
            self._choose("")
            self.refresh()

        delete = partial(self._server.log.filters.delete, chosen.name, shared=chosen.shared)
        in_background(self._trouble, delete, done, busy=[self.delete])


def _key(name: str, shared: bool) -> str:
    return f"{'shared' if shared else 'own'} {filter_key(name)}"
