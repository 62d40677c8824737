"""Importing rows into a project: all of them or none, each faulty cell named.

Rows are texts below columns, as CSV has them. They are read by the declared fields, checked as single items are, and
written in one transaction; `ImportRefused` names ``row.column`` for each faulty cell, rows counted from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trackkit.contract import project as contract
from trackkit.contract.jobs import Job, NamedJob
from trackkit.domain.declared import Group
from trackkit.domain.errors import Conflict, ImportRefused, InvalidInput, NotAllowed, NotFound, Problem
from trackkit.domain.jobs import JobKind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.domain.project.rules import Change
from trackkit.services.environment import Call
from trackkit.services.jobs import Outcome, Progress
from trackkit.services.notifications import Teller
from trackkit.services.project_items import (
    checked_item,
    existing,
    keep_a_keeper,
    project_of,
    refuse_giving,
    refuse_tracking_address,
)
from trackkit.services.project_login import identity_of
from trackkit.services.project_mail_settings import own_addresses
from trackkit.store import project_items
from trackkit.store.database import Connection
from trackkit.store.project_items import ItemRow

KEY: Final = "key"
"""The column that names the item a row changes."""

_PROBLEMS: Final = 1000
"""So many are told; the rest is counted."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that was read: its number, the key it names, its values."""

    number: int
    key: str
    values: dict[str, Any]


def import_items(call: Call, request: contract.ImportItems) -> Job:
    """Begin an import; columns are looked at before it begins."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "add")
    if request.change:
        project_of(call, request.kind, "edit")
    _refuse_columns(info, request)
    identity, teller = identity_of(call), Teller(call.environment, project.row)

    def work(progress: Progress) -> Outcome:
        total = len(request.rows)
        rows, problems = _read(info, request, progress)

        def write(connection: Connection) -> tuple[int, int]:
            if problems:
                values = [(row.number, row.values) for row in rows]
                raise _all_refused(info, [*problems, *project_items.reference_problems(connection, info, values)])
            writing = _Writing(call, connection, info, progress, total)
            counts = writing.write(rows, change=request.change)
            if request.preview:
                raise _Previewed(*counts)
            teller.tell(connection, info, writing.changes, call.actor.username, call.now)
            progress.no_way_back()
            return counts

        try:
            added, changed = project.write(write)
        except _Previewed as previewed:
            words = f"{total:,} rows can be imported; nothing was changed."
            return Outcome(words, {"rows": total, "added": previewed.added, "changed": previewed.changed, "preview": 1})
        teller.finish()
        return Outcome(f"Imported {total:,} rows.", {"rows": total, "added": added, "changed": changed})

    return call.environment.jobs.start(
        kind=JobKind.import_,
        database=identity.database,
        username=call.actor.username,
        work=work,
        project_session=call.actor.session_id or "",
    )


class _Previewed(Exception):
    def __init__(self, added: int, changed: int) -> None:
        super().__init__()
        self.added, self.changed = added, changed


def _refuse_columns(info: KindInfo, request: contract.ImportItems) -> None:
    known = {name for name, field in info.fields.items() if not field.secret} | {KEY}
    problems = []
    for name in request.columns:
        if name in info.fields and info.fields[name].secret:
            problems.append(Problem("columns", f"{name} cannot be imported; set it item by item"))
        elif name not in known:
            problems.append(Problem("columns", f"{name!r} is no field; there are {', '.join(sorted(known))}"))
        elif request.columns.count(name) > 1:
            problems.append(Problem("columns", f"{name} stands there twice"))
    missing = [name for name, field in info.fields.items() if field.required and name not in request.columns]
    if missing and KEY not in request.columns:
        problems += [Problem("columns", f"{name} is missing") for name in missing]
    for number, row in enumerate(request.rows, 1):
        if len(row) != len(request.columns):
            problems.append(Problem(str(number), f"has {len(row)} cells instead of {len(request.columns)}"))
            break
    if problems:
        raise InvalidInput("The import was refused; nothing was imported.", problems=problems)


def _read(info: KindInfo, request: contract.ImportItems, progress: Progress) -> tuple[list[_Row], list[Problem]]:
    """The rows as values, and what is wrong with those of new items without looking into the project."""
    found: list[_Row] = []
    problems: list[Problem] = []
    for number, row in enumerate(request.rows, 1):
        cells = dict(zip(request.columns, row, strict=True))
        key, values, unread = cells.pop(KEY, "").strip(), {}, set()
        for name, text in cells.items():
            try:
                value = _value(info, name, text)
            except InvalidInput as error:
                problems.append(Problem(f"{number}.{name}", error.problems[0].message))
                unread.add(name)
                continue
            if value is not _DEFAULT:
                values[name] = value
        read = _Row(number, key, values)
        found.append(read)
        if not request.change:
            problems += [problem for problem in _problems(info, read) if problem.field.partition(".")[2] not in unread]
        if number % 1000 == 0:
            progress(0, len(request.rows), "rows", "Reading")
    return found, problems


def _all_refused(info: KindInfo, problems: Sequence[Problem]) -> ImportRefused:
    return _refused(sorted(problems, key=lambda problem: _place(info, problem)))


def _place(info: KindInfo, problem: Problem) -> tuple[int, int]:
    number, _, name = problem.field.partition(".")
    return int(number), list(info.fields).index(name) if name in info.fields else -1


_DEFAULT: Final = object()
"""An empty cell of a field that cannot be empty: it gets its default."""


def _value(info: KindInfo, name: str, text: str) -> Any:
    field = info.fields[name]
    if not text.strip() and not field.optional and field.kind in ("choice", "number", "yes/no", "date"):
        return _DEFAULT
    return field.parse(text)


def _problems(info: KindInfo, row: _Row) -> list[Problem]:
    try:
        checked_item(info, row.values)
    except InvalidInput as error:
        return [Problem(f"{row.number}.{problem.field}", problem.message) for problem in error.problems]
    return []


def _refused(problems: Sequence[Problem]) -> ImportRefused:
    more = f" The first {_PROBLEMS:,} are told." if len(problems) > _PROBLEMS else ""
    cells = "1 cell is" if len(problems) == 1 else f"{len(problems):,} cells are"
    return ImportRefused(f"{cells} faulty; nothing was imported.{more}", problems=problems[:_PROBLEMS])


class _Writing:
    """One import in its transaction."""

    def __init__(self, call: Call, connection: Connection, info: KindInfo, progress: Progress, total: int) -> None:
        self._call, self._connection, self._info = call, connection, info
        self._progress, self._total = progress, total
        self.changes: list[Change] = []
        """What was done, in the order of the rows."""
        self._own = own_addresses(call.environment)

    def write(self, rows: Sequence[_Row], *, change: bool) -> tuple[int, int]:
        """How many were added and changed."""
        changes = self._changes(rows) if change else {}
        if not change and (keyed := [row for row in rows if row.key and not self._info.named]):
            raise _refused(
                [Problem(f"{row.number}.{KEY}", "names an item, but changing was not asked for") for row in keyed]
            )
        new = [row for row in rows if row.number not in changes]
        self._add(new)
        problems: list[Problem] = []
        for done, row in enumerate((row for row in rows if row.number in changes), 1):
            problems += self._change(row, changes[row.number])
            self._progress(len(new) + done, self._total, "rows", "Writing")
        if problems:
            raise _refused(problems)
        keep_a_keeper(self._connection)
        return len(new), len(changes)

    def _changes(self, rows: Sequence[_Row]) -> dict[int, ItemRow]:
        """The item each row changes; a named kind is found by its name, too."""
        found: dict[int, ItemRow] = {}
        problems = []
        for row in rows:
            key = row.key or (str(row.values.get("name", "")) if self._info.named else "")
            if not key:
                continue
            try:
                found[row.number] = existing(self._connection, self._info, key, lock=True)
            except NotFound as error:
                if row.key:
                    problems.append(Problem(f"{row.number}.{KEY}", error.message))
        if problems:
            raise _refused(problems)
        return found

    def _add(self, rows: Sequence[_Row]) -> None:
        models: list[tuple[Group, Mapping[str, str | None]]] = []
        for row in rows:
            model = self._checked(row, row.values)
            models.append((model, {name: None for name, field in self._info.fields.items() if field.secret}))
        if not models:
            return

        def told(done: int) -> None:
            self._progress(done, self._total, "rows", "Writing")

        try:
            numbers = project_items.add_many(
                self._connection, self._info, models, self._call.now, self._call.actor.username, told
            )
        except (Conflict, InvalidInput) as error:
            raise _refused(
                [self._at_row(rows, problem) for problem in error.problems] or [Problem("", error.message)]
            ) from None
        values = (dict(model) for model, _ in models)
        self.changes += [Change(number, None, one) for number, one in zip(numbers, values, strict=True)]

    def _at_row(self, rows: Sequence[_Row], problem: Problem) -> Problem:
        """The problem of the n-th new item as that of its row; of a single one only the field is named."""
        at, dot, name = problem.field.partition(".")
        row = rows[int(at) - 1] if dot else rows[0]
        return Problem(f"{row.number}.{name if dot else at}", problem.message)

    def _change(self, row: _Row, present: ItemRow) -> list[Problem]:
        try:
            model = self._checked(row, {**present.values, **row.values}, present)
            changed = project_items.edit(
                self._connection, self._info, present.number, model, {}, None, self._call.now, self._call.actor.username
            )
            self.changes.append(Change(present.number, present.values, changed.values))
        except ImportRefused as error:
            return list(error.problems)
        except InvalidInput as error:
            return [Problem(f"{row.number}.{problem.field}", problem.message) for problem in error.problems]
        return []

    def _checked(self, row: _Row, values: Mapping[str, Any], present: ItemRow | None = None) -> Group:
        try:
            model = checked_item(self._info, values)
            refuse_giving(self._call, self._connection, self._info, model, present)
            refuse_tracking_address(model, self._own)
        except NotAllowed as error:
            raise _refused([Problem(f"{row.number}.groups", error.message)]) from None
        except InvalidInput as error:
            raise _refused([Problem(f"{row.number}.{p.field}", p.message) for p in error.problems]) from None
        return model


def show_import(call: Call, request: NamedJob) -> Job:
    """How far an import of one's own is."""
    return call.environment.jobs.show(request.job_id, _session(call))


def cancel_import(call: Call, request: NamedJob) -> Job:
    """Cancel an import of one's own."""
    return call.environment.jobs.cancel(request.job_id, _session(call))


def _session(call: Call) -> str:
    identity_of(call)
    return call.actor.session_id or ""
