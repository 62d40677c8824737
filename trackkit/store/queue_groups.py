"""Unsent mail counted by what it waits for, by where it is for, and by age.

What recipients wait for is in no column: who asks says which groups of them (`queue_listing.Group`) share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, case, func, literal, null, select

from trackkit.domain.ages import Age
from trackkit.domain.delivery import State
from trackkit.store.queue_ages import age_step, domain
from trackkit.store.queue_listing import Group, belongs
from trackkit.store.tables import messages, recipients

_AGES = list(Age)


@dataclass(frozen=True, slots=True)
class Kind:
    """Recipients that share a reason; `by_domain`: their domains are told apart."""

    groups: Sequence[Group]
    by_domain: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How many messages of a kind, for a domain (``""`` where they are not told apart), are so old."""

    kind: int
    domain: str
    age: Age
    messages: int
    oldest_queued_at: datetime


def by_destination(connection: Connection, kinds: Sequence[Kind], now: datetime) -> list[Counted]:
    """The kinds (by their place in `kinds`) by domain and age. A message counts for each of its domains."""
    if not kinds:
        return []
    told_apart = [number for number, kind in enumerate(kinds) if kind.by_domain]
    found = _found(kinds, age_step(now).label("age"), recipients.c.address)
    where = case((found.c.kind.in_(told_apart), domain(found.c.address)), else_=literal(""))
    rows = connection.execute(
        select(found.c.kind, where.label("domain"), found.c.age, *_numbers(found))
        .where(found.c.kind.is_not(None))
        .group_by(found.c.kind, "domain", found.c.age)
    )
    return [Counted(kind, name, _AGES[age], number, oldest) for kind, name, age, number, oldest in rows]


def in_all(connection: Connection, kinds: Sequence[Kind]) -> list[tuple[int, int]]:
    """Of each kind: how many messages, how many recipients. A message counts once."""
    found = _found(kinds)
    rows = connection.execute(
        select(found.c.kind, func.count(found.c.message_id.distinct()), func.count())
        .where(found.c.kind.is_not(None))
        .group_by(found.c.kind)
    )
    counted = {kind: (number, people) for kind, number, people in rows}
    return [counted.get(number, (0, 0)) for number in range(len(kinds))]


def _numbers(found: Any) -> tuple[ColumnElement[Any], ...]:
    return func.count(found.c.message_id.distinct()), func.min(found.c.queued_at)


def _found(kinds: Sequence[Kind], *more: ColumnElement[Any]) -> Any:
    """The unsent recipients, each with the place of its kind; none where it belongs to no kind."""
    places = [(belongs(group), number) for number, kind in enumerate(kinds) for group in kind.groups]
    kind: ColumnElement[int | None] = case(*places, else_=null().cast(Integer)) if places else null().cast(Integer)
    query: Select[Any] = select(kind.label("kind"), recipients.c.message_id, messages.c.queued_at, *more)
    unsent = recipients.c.state.not_in([State.sent, State.deleted])
    return query.join_from(recipients, messages).where(unsent).subquery()
