"""Reading and changing options: one transaction with its audit record and its line of history, and a refusal when
somebody else was faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from trackkit.contract import options as contract
from trackkit.contract.operation import Nothing
from trackkit.domain import option_advice
from trackkit.domain import options as declared
from trackkit.domain.declared import value_of
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.log import Severity
from trackkit.domain.options import Options
from trackkit.services import machine, mapi_profiles
from trackkit.services.environment import Call, Environment
from trackkit.store import option_changes, records
from trackkit.store.database import Connection
from trackkit.store.records import GroupRevision

SOURCE = "options"

Changes = Mapping[str, tuple[Any, Any]]
"""(before, after) by option name."""


def get_options(call: Call, request: Nothing) -> contract.OptionsState:
    """Every option; secrets only as set or not."""
    environment = call.environment
    revisions = environment.store.read(records.group_revisions)
    return _state(environment, environment.options.current, revisions)


def set_options(call: Call, request: contract.SetOptions) -> contract.OptionsState:
    """Change options, all or none."""
    values = {name: _typed(name, value) for name, value in request.values.items()}
    return change(call, contract.SET.name, lambda connection, old: values, request.revisions)


def change(
    call: Call,
    operation: str,
    wanted: Callable[[Connection, Options], Mapping[str, Any]],
    seen: Mapping[str, int],
    *,
    reverts: int | None = None,
) -> contract.OptionsState:
    """Change options to the values that `wanted` gives for the present ones, all or none.

    Parameters
    ----------
    operation: what is done, for audit and history.
    seen: the revision of each group as the caller saw it; `Conflict` when one is another by now.
    reverts: the number of the change that is put back.
    """
    environment = call.environment

    def ahead(connection: Connection) -> tuple[Options, Options]:
        _refuse_stale(seen, records.group_revisions(connection))
        old = environment.options.load(connection)
        return old, declared.changed(old, wanted(connection, old))

    # Not inside the transaction: folders may take long to answer.
    refuse_unfit(environment, *environment.store.read(ahead))

    def work(connection: Connection) -> tuple[Options, Changes, dict[str, GroupRevision]]:
        revisions = records.group_revisions(connection, lock=True)
        _refuse_stale(seen, revisions)
        old = environment.options.load(connection)
        new = declared.changed(old, wanted(connection, old))
        _refuse_open_door(environment, new)
        changes = environment.options.save(connection, old, new)
        for group in {name.partition(".")[0] for name in changes}:
            known = revisions[group].revision if group in revisions else 0
            if not records.raise_revision(connection, group, known, call.now, call.actor.username):
                raise _conflict(group)
        if changes:
            _remember(call, connection, operation, changes, reverts)
        return new, changes, records.group_revisions(connection)

    new, changes, revisions = environment.store.write(work)
    environment.options.reload()
    _tell(call, changes, new)
    environment.mail_changed()
    return _state(environment, new, revisions)


def _remember(call: Call, connection: Connection, operation: str, changes: Changes, reverts: int | None) -> None:
    before = {name: shown(name, old) for name, (old, _) in changes.items()}
    after = {name: shown(name, new, changed=True) for name, (_, new) in changes.items()}
    call.audit(connection, operation, ", ".join(changes), before, after)
    secret = {name for name in changes if declared.checked_name(name).secret}
    option_changes.add_change(
        connection,
        at=call.now,
        username=call.actor.username,
        client_address=call.actor.where,
        operation=operation,
        reverts=reverts,
        before={name: before[name] if name in secret else old for name, (old, _) in changes.items()},
        after={name: after[name] if name in secret else new for name, (_, new) in changes.items()},
    )


def _tell(call: Call, changes: Changes, new: Options) -> None:
    """What the log says about them."""
    for name, (before, after) in changes.items():
        call.log(
            Severity.information,
            SOURCE,
            f"Option {name} was changed.",
            f"before: {shown(name, before)}\nafter: {shown(name, after, changed=True)}",
        )
    if changes.keys() & {"sending.smtp.host", "sending.method"} and not new.sending.is_set_up:
        what = "The SMTP host was removed" if "sending.smtp.host" in changes else "No SMTP host is set"
        call.log(Severity.warning, SOURCE, f"{what}: no mail can leave.")


def shown(name: str, value: object, *, changed: bool = False) -> str:
    """A value for log and audit; of a secret only that it was set, changed or removed."""
    if declared.checked_name(name).secret:
        return "none" if value is None else "changed" if changed else "set"
    return "none" if value is None else str(value)


def _typed(name: str, value: object) -> object:
    secret = declared.checked_name(name).secret
    return SecretStr(value) if secret and isinstance(value, str) else value


def _refuse_stale(seen: Mapping[str, int], revisions: Mapping[str, GroupRevision]) -> None:
    for group, revision in seen.items():
        known = revisions.get(group)
        if (known.revision if known else 0) != revision:
            raise _conflict(group, known.changed_by if known else "")


def _conflict(group: str, who: str = "somebody else") -> Conflict:
    return Conflict(
        f"The options of group {group!r} were changed by {who} meanwhile; nothing of yours was changed.",
        "Look at the present values, then change them again.",
        details={"group": group},
    )


def refuse_unfit(environment: Environment, old: Options, new: Options) -> None:
    """`InvalidInput` when the machine does not allow or have what would be asked for. May block."""
    _refuse_open_door(environment, new)
    machine.refuse_unable(environment.machine, old.sending, new.sending)


def _refuse_open_door(environment: Environment, new: Options) -> None:
    """`InvalidInput` when encryption would be off although other machines reach the server."""
    if not new.server.encrypt and not environment.plain_allowed:
        raise InvalidInput.of(
            "server.encrypt",
            "cannot be switched off while the server is reachable from other machines",
            "On the server machine: `trackkit server set allow-plain yes`, then restart.",
        )


def revisions_of(revisions: Mapping[str, GroupRevision]) -> dict[str, int]:
    """The revision of every group there is."""
    return {group: revisions[group].revision if group in revisions else 0 for group in Options.model_fields}


def notes(environment: Environment, then: Options) -> dict[str, str]:
    """What a person should know about these options, by name."""
    found = option_advice.notes(environment.options.at_start, then, environment.given_port)
    if profiles := mapi_profiles.names():
        found["sending.mapi.profile"] = f"Profiles on the server machine: {', '.join(profiles)}."
    return found


def _state(environment: Environment, options: Options, revisions: Mapping[str, GroupRevision]) -> contract.OptionsState:
    defaults, used = declared.flat(Options()), environment.options.at_start
    values = []
    for name, value in declared.flat(options).items():
        info = declared.checked_name(name)
        values.append(
            contract.OptionValue(
                name=name,
                value=None if info.secret else value,
                is_set=value != defaults[name],
                restart_needed=info.restart and value != value_of(used, name),
            )
        )
    last = max(revisions.values(), key=lambda r: r.changed_at, default=None)
    return contract.OptionsState(
        options=tuple(values),
        revisions=revisions_of(revisions),
        warnings=tuple(declared.warnings(options)),
        notes=notes(environment, options),
        changed_at=last.changed_at if last else None,
        changed_by=last.changed_by if last else "",
    )
