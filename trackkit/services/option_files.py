"""Options as a file: export, what applying one would change, and applying it.

A file that is refused, or a reference that came without its secret, is `InvalidInput` and changes nothing; a group
that somebody changed since the plan is `Conflict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from trackkit.contract import options as contract
from trackkit.domain import option_file
from trackkit.domain import options as declared
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.option_advice import new_warnings
from trackkit.domain.option_file import OptionFile
from trackkit.domain.options import Options
from trackkit.services.environment import Call
from trackkit.services.options import change, notes, refuse_unfit, revisions_of, shown
from trackkit.store import records
from trackkit.store.database import Connection

_PLACEHOLDER = SecretStr("set")
"""Stands for a secret that is only referred to, while a plan is checked."""


def export_options(call: Call, request: contract.ExportOptions) -> contract.OptionsFile:
    """The options as a file."""
    options = call.environment.options.current
    known, values = declared.catalogue(), declared.flat(options)
    secrets = tuple(name for name, info in known.items() if info.secret and values[name] is not None)
    return contract.OptionsFile(text=option_file.written(options, everything=request.everything), secrets=secrets)


def plan_options(call: Call, request: contract.PlanOptions) -> contract.Plan:
    """What the file would change."""
    file = option_file.read(request.text)
    wanted = {**file.values, **dict.fromkeys(file.references, _PLACEHOLDER)}
    return planned(call, wanted, file.references)


def apply_options(call: Call, request: contract.ApplyOptions) -> contract.OptionsState:
    """Change the options to what the file says, all or none."""
    file = option_file.read(request.text)
    _refuse_unresolved(file, request.secrets)
    wanted = {**file.values, **{name: request.secrets[name] for name in file.references}}
    return change(call, contract.APPLY.name, lambda connection, old: wanted, request.revisions)


def _refuse_unresolved(file: OptionFile, secrets: Mapping[str, SecretStr]) -> None:
    problems = [
        Problem(name, f"is a reference ({reference}) that came without its secret; who applies the file resolves it")
        for name, reference in file.references.items()
        if name not in secrets or not secrets[name].get_secret_value()
    ]
    problems += [
        Problem(f"secrets.{name[:200]}", "is for an option that the file has no reference for")
        for name in secrets
        if name not in file.references
    ]
    if problems:
        raise InvalidInput("The options file was refused; nothing was changed.", problems=problems)


def planned(
    call: Call,
    wanted: Mapping[str, Any],
    references: Mapping[str, str],
    *,
    conflicts: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
) -> contract.Plan:
    """What changing the present options to the `wanted` values means; `InvalidInput` when it would be refused."""
    environment = call.environment

    def read(connection: Connection) -> tuple[Options, dict[str, int]]:
        return environment.options.load(connection), revisions_of(records.group_revisions(connection))

    now, revisions = environment.store.read(read)
    then = declared.changed(now, wanted)
    refuse_unfit(environment, now, then)
    before, after = declared.flat(now), declared.flat(then)
    known = declared.catalogue()
    changes = tuple(
        contract.PlannedChange(
            name=name,
            before=shown(name, before[name]) if info.secret else info.text(before[name]),
            after=_after(name, after[name], references),
            restart=info.restart,
            secret=info.secret,
        )
        for name, info in known.items()
        if before[name] != after[name]
    )
    touched = {known[change.name].group for change in changes}
    present = notes(environment, now)
    return contract.Plan(
        changes=changes,
        warnings=tuple(new_warnings(now, then)),
        notes={name: words for name, words in notes(environment, then).items() if present.get(name) != words},
        conflicts=conflicts,
        left_out=left_out,
        revisions={group: number for group, number in revisions.items() if group in touched},
    )


def _after(name: str, value: object, references: Mapping[str, str]) -> str:
    if declared.checked_name(name).secret:
        return "none" if value is None else f"from {references[name]}"
    return declared.checked_name(name).text(value)
