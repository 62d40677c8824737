"""Saving, listing and deleting filters of the log: everybody their own, operators the shared ones besides."""

from __future__ import annotations

from trackkit.contract import log_filters as contract
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.log_filters import MOST, check_times, checked_filter_name
from trackkit.services.environment import Call
from trackkit.store import accounts, log_filters
from trackkit.store.database import Connection
from trackkit.store.log_filters import FilterRow

_SOURCE = "log"


def list_filters(call: Call, request: Nothing) -> contract.SavedFilters:
    """What the caller can choose from."""
    found = call.environment.store.read(
        lambda connection: log_filters.filters_for(connection, _own_id(call, connection))
    )
    return contract.SavedFilters(filters=tuple(_view(row) for row in found))


def save_filter(call: Call, request: contract.SaveFilter) -> contract.SavedFilter:
    """Save a filter; `Conflict` when there is one of that name and it shall not be replaced."""
    name, given = checked_filter_name(request.name), request.conditions
    check_times(given.since, given.until, given.last_minutes)
    conditions = given.model_dump(mode="json", exclude_none=True)

    def work(connection: Connection) -> FilterRow:
        owner = _owner(call, connection, request)
        before = log_filters.find_filter(connection, owner, name)
        if before is not None and not request.replace:
            raise Conflict(
                f"There is a {_kind(request)} {before.name!r} already; nothing was changed.",
                "Choose another name, or replace it.",
            )
        if before is None and log_filters.count_filters(connection, owner) >= MOST:
            raise InvalidInput.of("name", f"would be one too many: at most {MOST} are kept", "Delete one first.")
        log_filters.put_filter(connection, before, owner, name, conditions, call.actor.username, call.now)
        call.audit(
            connection,
            contract.SAVE.name,
            f"{_kind(request)} {name}",
            _facts(before.conditions) if before else None,
            _facts(conditions),
        )
        return _existing(connection, owner, request)

    row = call.environment.store.write(work)
    if request.shared:
        call.log(Severity.information, _SOURCE, f"The shared filter {row.name} was saved.")
    return _view(row)


def delete_filter(call: Call, request: contract.NamedFilter) -> Done:
    """Delete one of the caller's own filters, or a shared one."""

    def work(connection: Connection) -> str:
        row = _existing(connection, _owner(call, connection, request), request)
        log_filters.delete_filter(connection, row.id)
        call.audit(connection, contract.DELETE.name, f"{_kind(request)} {row.name}", before=_facts(row.conditions))
        return row.name

    name = call.environment.store.write(work)
    if request.shared:
        call.log(Severity.information, _SOURCE, f"The shared filter {name} was deleted.")
    return Done()


def _own_id(call: Call, connection: Connection) -> int:
    user = accounts.find_user(connection, call.actor.username)
    if user is None:
        raise NotFound(f"There is no user {call.actor.username!r} any more.")
    return user.id


def _owner(call: Call, connection: Connection, request: contract.NamedFilter) -> int | None:
    """Whose filter it is about; none = everybody's."""
    if not request.shared:
        return _own_id(call, connection)
    if not call.actor.role.covers(Role.operator):
        raise NotAllowed(
            f"Shared filters are everybody's: changing them takes an operator, and your role is {call.actor.role}.",
            "Save it as one of your own.",
        )
    return None


def _existing(connection: Connection, owner: int | None, request: contract.NamedFilter) -> FilterRow:
    row = log_filters.find_filter(connection, owner, request.name)
    if row is None:
        raise NotFound(f"There is no {_kind(request)} {request.name!r}.")
    return row


def _kind(request: contract.NamedFilter) -> str:
    return "shared filter" if request.shared else "filter of your own"


def _facts(conditions: object) -> dict[str, str]:
    return {name: str(value) for name, value in dict(conditions).items()}  # type: ignore[call-overload]


def _view(row: FilterRow) -> contract.SavedFilter:
    return contract.SavedFilter(
        name=row.name,
        shared=row.owner_id is None,
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        conditions=contract.FilterConditions.model_validate(row.conditions),
    )
