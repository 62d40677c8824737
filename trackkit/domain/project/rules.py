"""Notification rules: what happened to a record, which rules that sets off, and whom they tell. Pure.

Nobody is told of what they did themselves, nor twice of one change: of several rules the one whose event says most has
them (`EVENTS` in their order). Who has no valid address is named instead, and who is not active is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

from trackkit.domain.project.kind import Kind

Event = Literal["created", "changed", "assigned", "status", "overdue"]
EVENTS: Final[tuple[Event, ...]] = ("overdue", "assigned", "status", "created", "changed")

DONE: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {
        Kind.defect: frozenset({"fixed", "verified", "closed", "rejected"}),
        Kind.requirement: frozenset({"implemented", "verified", "rejected"}),
        Kind.requirement_document: frozenset({"approved", "retired"}),
        Kind.test_case: frozenset({"ready", "retired"}),
        Kind.test_run: frozenset({"passed", "failed"}),
    }
)
"""Statuses in which nothing of a record is late any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record before (none = it is new) and after something was done to it: its values by name."""

    number: int
    before: Mapping[str, object] | None
    after: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rule:
    """A notification rule that is active."""

    name: str
    event: Event
    recipients: tuple[str, ...]
    template: str | None
    tracked: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the project who could be told; `name` and `groups` as they are compared."""

    name: str
    shown: str
    address: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Telling:
    """A rule that was set off, and whom it tells; `unreachable` have no address that mail could go to."""

    rule: Rule
    members: tuple[Member, ...]
    unreachable: tuple[Member, ...]


def events_of(change: Change) -> frozenset[Event]:
    """What happened to a record."""
    before, after = change.before, change.after
    if before is None:
        return frozenset({"created", "assigned"} if after.get("owner") else {"created"})
    if before == after:
        return frozenset()
    found: set[Event] = {"changed"}
    if after.get("owner") and after["owner"] != before.get("owner"):
        found.add("assigned")
    if after.get("status") != before.get("status"):
        found.add("status")
    return frozenset(found)


def is_overdue(kind: Kind, values: Mapping[str, object], today: date) -> bool:
    """Whether a record should have been done by now and is not."""
    due = values.get("due_on")
    return isinstance(due, date) and due < today and values.get("status") not in DONE[kind]


def tellings(
    rules: Sequence[Rule],
    events: frozenset[Event],
    values: Mapping[str, object],
    members: Sequence[Member],
    actor: str,
    key: Callable[[str], str],
    unreachable: Callable[[str], bool],
) -> list[Telling]:
    """The rules that are set off, those that tell nobody left out.

    Parameters
    ----------
    values: the record as it is now.
    actor: who did it, as names are compared.
    key: the form in which names are compared.
    unreachable: whether mail to an address would reach nobody.
    """
    found, seen = [], {actor}
    for rule in sorted((rule for rule in rules if rule.event in events), key=lambda rule: EVENTS.index(rule.event)):
        wanted = [member for member in _meant(rule.recipients, values, members, key) if member.name not in seen]
        seen |= {member.name for member in wanted}
        lost = tuple(member for member in wanted if unreachable(member.address))
        told = tuple(member for member in wanted if member not in lost)
        if wanted:
            found.append(Telling(rule, told, lost))
    return found


def _meant(
    recipients: Iterable[str], values: Mapping[str, object], members: Sequence[Member], key: Callable[[str], str]
) -> list[Member]:
    """The users that a rule names, each once: the record's owner and reporter, users, members of groups."""
    names = set()
    for recipient in recipients:
        person = values.get(recipient) if recipient in ("owner", "reporter") else recipient
        if isinstance(person, str):
            names.add(key(person))
    users = {member.name for member in members}
    return [member for member in members if member.name in names or (names - users) & member.groups]
