"""Unsent mail counted by age: by state, and by the domains it is for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from trackkit.domain.ages import LIMITS, Age
from trackkit.domain.delivery import State
from trackkit.store.tables import messages, recipients

_STATES = list(State)
_AGES = list(Age)
_UNSENT = [state for state in State if state not in (State.deleted, State.sent)]


def by_state(connection: Connection, now: datetime) -> list[tuple[State, Age, int]]:
    """Messages that are neither sent nor deleted, by state (the least finished of their recipients') and age."""
    rank = func.min(case({state: n for n, state in enumerate(_STATES)}, value=recipients.c.state))
    counted = (
        select(rank.label("state"), age_step(now).label("age"))
        .join_from(recipients, messages)
        .where(recipients.c.state.in_(_UNSENT))
        .group_by(messages.c.id, messages.c.queued_at)
        .subquery()
    )
    keys = (counted.c.state, counted.c.age)
    rows = connection.execute(select(*keys, func.count()).group_by(*keys).order_by(*keys))
    return [(_STATES[state], _AGES[age], number) for state, age, number in rows]


def domains(connection: Connection, limit: int) -> tuple[list[str], int]:
    """The domains that the most messages wait for, at most `limit` of them, and how many domains there are."""
    waiting = (
        select(domain(recipients.c.address).label("domain"), recipients.c.message_id)
        .where(recipients.c.state.in_(_UNSENT))
        .subquery()
    )
    number = func.count(waiting.c.message_id.distinct())
    # Among equals the one that has waited longest; both databases agree on that, but not on the order of letters.
    top = select(waiting.c.domain).group_by(waiting.c.domain).order_by(number.desc(), func.min(waiting.c.message_id))
    found = list(connection.execute(top.limit(limit)).scalars())
    return found, connection.execute(select(func.count(waiting.c.domain.distinct()))).scalar_one()


def by_domain(connection: Connection, wanted: list[str], now: datetime) -> list[tuple[str, Age, int]]:
    """For each of these domains, the messages that wait to be sent there, by age. A message may wait for several."""
    waiting = (
        select(domain(recipients.c.address).label("domain"), age_step(now).label("age"), recipients.c.message_id)
        .join_from(recipients, messages)
        .where(recipients.c.state.in_(_UNSENT))
        .subquery()
    )
    keys = (waiting.c.domain, waiting.c.age)
    rows = connection.execute(
        select(*keys, func.count(waiting.c.message_id.distinct())).where(waiting.c.domain.in_(wanted)).group_by(*keys)
    )
    place = {name: n for n, name in enumerate(wanted)}
    return sorted(
        ((name, _AGES[age], number) for name, age, number in rows),
        key=lambda row: (place[row[0]], _AGES.index(row[1])),
    )


def domain(address: ColumnElement[str]) -> ColumnElement[str]:
    """The part after the last @, in lower case, as `trackkit.domain.message.domain_of` does it.

    Neither database finds a character from the end, but both can strip from it: everything that is no @.
    """
    up_to_the_at = func.rtrim(address, func.replace(address, "@", ""))
    found: ColumnElement[Any] = func.lower(func.substr(address, func.length(up_to_the_at) + 1))
    return found


def age_step(now: datetime) -> ColumnElement[int]:
    """The place of a message's age among the steps."""
    steps = [(messages.c.queued_at > now - limit, n) for n, limit in enumerate(LIMITS.values())]
    return case(*steps, else_=len(steps))
