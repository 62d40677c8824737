"""Who changed which options, and putting back what a change replaced.

A revert is a new change with the old values. Secrets cannot be reverted, because old ones are not kept: a change of
nothing else is `InvalidInput`. An option that was changed since is a `Conflict`, unless the caller says that it shall
be put back anyway.
"""

from __future__ import annotations

from typing import Any

from trackkit.contract import options as contract
from trackkit.domain import options as declared
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.options import Options
from trackkit.services.environment import Call
from trackkit.services.option_files import planned
from trackkit.services.options import change
from trackkit.store import option_changes
from trackkit.store.database import Connection
from trackkit.store.option_changes import ChangeRow


def list_changes(call: Call, request: contract.OptionHistory) -> contract.ChangeSets:
    """A page of the history, newest first."""
    found = call.environment.store.read(
        lambda connection: option_changes.page_changes(connection, request.before, request.limit + 1)
    )
    shown = found[: request.limit]
    return contract.ChangeSets(
        sets=tuple(_change_set(row) for row in shown),
        next_before=shown[-1].id if len(found) > request.limit else None,
    )


def _change_set(row: ChangeRow) -> contract.ChangeSet:
    return contract.ChangeSet(
        change_id=row.id,
        at=row.at,
        username=row.username,
        client_address=row.client_address,
        operation=row.operation,
        reverts=row.reverts,
        changes=tuple(
            contract.ChangedOption(name=name, before=row.before[name], after=after, secret=_is_secret(name))
            for name, after in row.after.items()
        ),
    )


def plan_revert(call: Call, request: contract.RevertPlan) -> contract.Plan:
    """What a revert would change, what it leaves out, and what somebody changed since."""

    def read(connection: Connection) -> tuple[ChangeRow, tuple[str, ...]]:
        row = _found(connection, request.change_id)
        return row, _changed_since(connection, row, call.environment.options.load(connection))

    row, conflicts = call.environment.store.read(read)
    return planned(call, _old_values(row), {}, conflicts=conflicts, left_out=_left_out(row))


def revert_options(call: Call, request: contract.RevertOptions) -> contract.OptionsState:
    """Put back what a change replaced, as a new change."""

    def wanted(connection: Connection, now: Options) -> dict[str, Any]:
        row = _found(connection, request.change_id)
        conflicts = _changed_since(connection, row, now)
        if conflicts and not request.anyway:
            raise Conflict(
                f"Change {row.id} was not reverted, because its options were changed since; nothing was changed.\n"
                + "\n".join(conflicts),
                "Look at the present values; then revert it anyway, or leave it.",
            )
        return _old_values(row)

    return change(call, contract.REVERT.name, wanted, request.revisions, reverts=request.change_id)


def _found(connection: Connection, change_id: int) -> ChangeRow:
    row = option_changes.find_change(connection, change_id)
    if row is None:
        raise NotFound(f"There is no change {change_id} of options.", "The history lists them.")
    return row


def _is_secret(name: str) -> bool:
    known = declared.catalogue()
    return name in known and known[name].secret


def _left_out(row: ChangeRow) -> tuple[str, ...]:
    """What of a change cannot be put back: secrets, and what is no option of this version."""
    return tuple(name for name in row.after if name not in declared.catalogue() or _is_secret(name))


def _old_values(row: ChangeRow) -> dict[str, Any]:
    values = {name: value for name, value in row.before.items() if name not in _left_out(row)}
    if not values:
        raise InvalidInput(
            f"Change {row.id} cannot be reverted: it changed only {', '.join(_left_out(row))}, "
            "and old secrets are not kept.",
            "Enter the secret again.",
        )
    return values


def _changed_since(connection: Connection, row: ChangeRow, now: Options) -> tuple[str, ...]:
    """In words: the options of a change that are neither what it made them nor what they were before it."""
    present = declared.flat(now)
    moved = [n for n, old in _old_values(row).items() if present[n] not in (row.after[n], old)]
    if not moved:
        return ()
    later = option_changes.changes_since(connection, row.id)
    words = []
    for name in moved:
        info = declared.checked_name(name)
        last = next((change for change in later if name in change.after), None)
        who = f" by {last.username} at {last.at:%Y-%m-%d %H:%M:%S} UTC" if last else ""
        words.append(f"{name} was changed to {info.text(present[name]) or '(none)'}{who}.")
    return tuple(words)
