"""Items of a project, as far as the user's security groups allow: list, show, add, change, delete.

Nobody can give commands that they do not have themselves, and the last user who can give commands stays able to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from pydantic import SecretStr

from trackkit.contract import project as contract
from trackkit.contract.operation import Done
from trackkit.domain.declared import Group, checked
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.project.commands import MailVerb, Verb, command
from trackkit.domain.project.conditions import Condition, parse_all
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, Customer, KindInfo, ProjectUser, SavedFilter
from trackkit.domain.project.rules import Change
from trackkit.domain.project.templates import refuse_faulty
from trackkit.domain.tracking.sending import OWN, Own
from trackkit.services.environment import Call
from trackkit.services.notifications import Teller
from trackkit.services.project_login import identity_of
from trackkit.services.project_mail_settings import own_addresses
from trackkit.services.project_stores import OpenProject
from trackkit.store import project_items, project_sessions
from trackkit.store.database import Connection
from trackkit.store.project_items import ItemRow

SOURCE: Final = "project"
_TOLD: Final = (Kind.user, Kind.customer, Kind.defect)
"""Whose deletion the server log tells (SPEC §4)."""

_KEEPERS: Final = frozenset({command(Kind.user, "edit"), command(Kind.group, "edit")})
"""Who has both can give every command; somebody always must."""


def project_of(call: Call, kind: Kind, verb: Verb | MailVerb) -> OpenProject:
    """The caller's project; `NotAllowed` without the command for that verb."""
    if not KINDS[kind].generic:
        raise InvalidInput.of("kind", f"is {kind}; e-mails have operations of their own", "Use `project.mail`.")
    if not allowed(call, kind, verb):
        raise NotAllowed(
            f"Your security groups do not give you the command {command(kind, verb)}.",
            "Ask an administrator of the project.",
        )
    return call.environment.projects.open(identity_of(call).database)


def allowed(call: Call, kind: Kind, verb: Verb | MailVerb) -> bool:
    """Whether the caller has the command for that verb."""
    return command(kind, verb) in identity_of(call).commands


def list_items(call: Call, request: contract.ListItems) -> contract.Items:
    """Items that fulfil all conditions, a page at a time."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "view")
    given = parse_all(info, request.where)

    def work(connection: Connection) -> tuple[list[ItemRow], int]:
        wanted = (*given, *_saved(connection, info, request.filter))
        found = project_items.page(
            connection,
            info,
            wanted,
            request.text,
            request.sort,
            request.descending,
            request.after,
            request.limit + 1,
        )
        return found, project_items.count(connection, info, wanted, request.text)

    found, total = project.read(work)
    shown = found[: request.limit]
    more = len(found) > request.limit
    return contract.Items(items=tuple(map(view, shown)), next_after=shown[-1].number if more else None, total=total)


def _saved(connection: Connection, info: KindInfo, name: str | None) -> tuple[Condition, ...]:
    if name is None:
        return ()
    row = project_items.find(connection, KINDS[Kind.filter], name)
    if row is None:
        raise NotFound(f"There is no filter {name!r} in this project.")
    if row.values["record_kind"] != info.kind:
        raise InvalidInput.of("filter", f"is for {KINDS[Kind(row.values['record_kind'])].titles.lower()}")
    return parse_all(info, row.values["conditions"])


def show_item(call: Call, request: contract.NamedItem) -> contract.Item:
    """One item."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "view")
    return view(project.read(lambda connection: existing(connection, info, request.key)))


def add_item(call: Call, request: contract.AddItem) -> contract.Item:
    """Add an item."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "add")
    model = checked_item(info, request.values)
    refuse_tracking_address(model, own_addresses(call.environment))
    hashes = _hashes(call, info, request.values, model)

    teller = Teller(call.environment, project.row)

    def work(connection: Connection) -> ItemRow:
        refuse_giving(call, connection, info, model, None)
        row = project_items.add(connection, info, model, hashes, call.now, call.actor.username)
        teller.tell(connection, info, [Change(row.number, None, row.values)], call.actor.username, call.now)
        return row

    row = project.write(work)
    teller.finish()
    return view(row)


def edit_item(call: Call, request: contract.EditItem) -> contract.Item:
    """Change an item: the given values over the present ones, checked whole."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "edit")
    secret = {name: value for name, value in request.values.items() if name in info.fields and info.fields[name].secret}
    hashes = _hashes(call, info, secret, checked(info.model, {**_placeholder(info), **secret}, _refused(info)))
    own, teller = own_addresses(call.environment), Teller(call.environment, project.row)

    def work(connection: Connection) -> ItemRow:
        present = existing(connection, info, request.key, lock=True)
        model = checked_item(info, {**present.values, **request.values})
        refuse_tracking_address(model, own)
        refuse_giving(call, connection, info, model, present)
        changed = project_items.edit(
            connection, info, present.number, model, hashes, request.revision, call.now, call.actor.username
        )
        keep_a_keeper(connection)
        change = Change(changed.number, present.values, changed.values)
        teller.tell(connection, info, [change], call.actor.username, call.now)
        return changed

    row = project.write(work)
    teller.finish()
    if request.kind is Kind.user and (hashes or row.values["active"] is False):
        _end_sessions(call, row.number)
    return view(row)


def delete_item(call: Call, request: contract.NamedItem) -> Done:
    """Delete an item; the server log tells it of users, customers and defects."""
    info = KINDS[request.kind]
    project = project_of(call, request.kind, "delete")

    def work(connection: Connection) -> ItemRow:
        present = existing(connection, info, request.key, lock=True)
        project_items.delete(connection, info, present.number)
        keep_a_keeper(connection)
        return present

    row = project.write(work)
    if request.kind is Kind.user:
        _end_sessions(call, row.number)
    if request.kind in _TOLD:
        call.log(
            Severity.information,
            SOURCE,
            f"{info.title} {row.key} ({row.values[info.subject]}) was deleted.",
            database=identity_of(call).database,
        )
    return Done()


def existing(connection: Connection, info: KindInfo, key: str, *, lock: bool = False) -> ItemRow:
    """The item with that key, or `NotFound`."""
    row = project_items.find(connection, info, key, lock=lock)
    if row is None:
        raise NotFound(f"There is no {info.title.lower()} {key!r} in this project.")
    return row


def checked_item(info: KindInfo, values: Mapping[str, Any]) -> Group:
    """A whole item made of values by name; `InvalidInput` names each bad one."""
    model = checked(info.model, values, _refused(info))
    refuse_faulty(model)
    if isinstance(model, SavedFilter):
        try:
            parse_all(KINDS[Kind(model.record_kind)], model.conditions)
        except InvalidInput as error:
            raise InvalidInput.of("conditions", error.problems[0].message, error.advice) from None
    return model


def refuse_tracking_address(model: Group, own: Own) -> None:
    """`InvalidInput` when a user or customer would have an address that tracked mail comes back to."""
    if isinstance(model, ProjectUser | Customer) and own(model.email):
        raise InvalidInput.of("email", OWN, "Give an address that somebody reads.")


def _refused(info: KindInfo) -> str:
    return f"The {info.title.lower()} was refused; nothing was changed."


def _placeholder(info: KindInfo) -> dict[str, Any]:
    """Values for the fields that have to be there, where only the secrets of an item are to be checked."""
    return {name: "x" for name, field in info.fields.items() if field.required}


def _hashes(call: Call, info: KindInfo, values: Mapping[str, Any], model: Group) -> dict[str, str | None]:
    """What is kept of the given secrets; hashing takes time, so it is done before the transaction."""
    found: dict[str, str | None] = {}
    for name, field in info.fields.items():
        if field.secret and name in values:
            secret: SecretStr | None = getattr(model, name)
            found[name] = call.environment.passwords.hash(secret.get_secret_value()) if secret else None
    return found


def refuse_giving(call: Call, connection: Connection, info: KindInfo, model: Group, present: ItemRow | None) -> None:
    """`NotAllowed` when a user or group would get commands that the caller does not have."""
    mine = identity_of(call).commands
    if mine >= _KEEPERS:
        return  # somebody has to be able to enable what nobody has yet
    if info.kind is Kind.group:
        before = set(present.values["commands"]) if present else set()
        given = set(model.commands) - before  # type: ignore[attr-defined]
    elif info.kind is Kind.user:
        names = set(model.groups) - set(present.values["groups"] if present else ())  # type: ignore[attr-defined]
        groups = [project_items.find(connection, KINDS[Kind.group], name) for name in names]
        given = {name for group in groups if group is not None for name in group.values["commands"]}
    else:
        return
    if missing := sorted(given - mine):
        raise NotAllowed(
            f"You cannot give commands that you do not have yourself: {', '.join(missing)}.",
            "Ask somebody who has them.",
        )


def keep_a_keeper(connection: Connection) -> None:
    """`Conflict` when nobody would be left who can edit users and groups: the project could never be mended again."""
    groups = {g.key: frozenset(g.values["commands"]) for g in project_items.all_items(connection, Kind.group)}
    for user in project_items.all_items(connection, Kind.user):
        given: frozenset[str] = frozenset().union(*(groups.get(name, frozenset()) for name in user.values["groups"]))
        if user.values["active"] and given >= _KEEPERS and user.set_secrets:
            return
    raise Conflict(
        "Nobody would be left who can edit users and security groups; nothing was changed.",
        "Give those commands to another active user with a password first.",
    )


def _end_sessions(call: Call, user_number: int) -> None:
    row, own = identity_of(call).database_row, call.actor.session_id
    call.environment.store.write(
        lambda connection: project_sessions.end_of_user(connection, row, user_number, call.now, keep=own)
    )


def view(row: ItemRow) -> contract.Item:
    """An item as it travels."""
    return contract.Item(
        kind=row.kind,
        key=row.key,
        number=row.number,
        values={name: _plain(value) for name, value in row.values.items()},
        set_secrets=row.set_secrets,
        files=row.files,
        revision=row.revision,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def _plain(value: Any) -> contract.Value:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [str(part) for part in value]
    plain: contract.Value = value
    return plain
