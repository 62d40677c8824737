"""The mail queue as a listing: which messages, in which order, page by key.

A place in an order is (value of the column, id of the message); pages go on from a place, so they cost the same
however far down they are, and a message that has left meanwhile does not move the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, false, func, literal, or_, select, true

from trackkit.domain.delivery import State
from trackkit.domain.message import MailType
from trackkit.domain.replies import Outcome
from trackkit.domain.reply_codes import is_about_senders_domain
from trackkit.store.queue_ages import domain
from trackkit.store.queue_view import MessageRow, about_senders_domain, before_deletion, with_recipients
from trackkit.store.tables import messages, recipients
from trackkit.store.text import folded, holds, text_value

_RANK: Final = {state: rank for rank, state in enumerate(State)}


class Group(NamedTuple):
    """Recipients that share a state, what a diagnosis takes from their last outcome, and the type of their address."""

    state: State
    last: Outcome | None
    mail_type: MailType
    due: tuple[datetime, bool] | None = None
    """At that instant they are due, or are not; none = either."""


Place = tuple[str | int, int]
"""Value of the column, id of the message. Where the id is what is sorted by, both are the id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages; every condition must hold.

    `state` is the message's, none = all but the deleted, unless `deletion` asks for these; `text` is in the subject,
    the sender or an address of a recipient. One recipient is in `domain` and in `destination`, belongs to one of
    `groups`, was deleted by `deletion` and is in one of the states of `applies`.
    """

    state: State | None = None
    text: str | None = None
    groups: Sequence[Group] | None = None
    subject: str | None = None
    sender: str | None = None
    """Exactly this when it is empty, else found in it."""
    domain: str | None = None
    destination: str | None = None
    """One more domain, which is that of what the mail is for."""
    queued_until: datetime | None = None
    queued_since: datetime | None = None
    """Later than this."""
    deletion: int | None = None
    """The number of an act that deletes."""
    undeleted: bool = False
    """The states are those before a deletion, where there was one."""
    applies: Applies | None = None


@dataclass(frozen=True, slots=True)
class Applies:
    """The recipients a verb applies to: in one of these states, and not deleted longer ago than that."""

    states: Sequence[State]
    deleted_since: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """By a column of the messages; equal ones by their ids, in the same direction."""

    column: str
    descending: bool


def page(connection: Connection, wanted: Wanted, order: Order, before: Place | None, limit: int) -> list[MessageRow]:
    """Messages that match and come after the place `before`."""
    return with_recipients(connection, _after(_ordered(select(messages), wanted, order), order, before).limit(limit))


def ids(
    connection: Connection,
    wanted: Wanted,
    order: Order,
    first: Place | None,
    last: Place | None,
    before: Place | None,
    limit: int,
) -> list[tuple[int, Any]]:
    """(id, value of the column) of the messages that match from `first` to `last`, after `before`."""
    query = _after(_ordered(select(messages.c.id, messages.c[order.column]), wanted, order), order, before)
    if first is not None:
        query = query.where(or_(_beyond(order, first), _at(order, first)))
    if last is not None:
        query = query.where(or_(_beyond(Order(order.column, not order.descending), last), _at(order, last)))
    return [(key, value) for key, value in connection.execute(query.limit(limit))]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many messages match."""
    return connection.execute(select(func.count()).select_from(messages).where(_condition(wanted))).scalar_one()


def count_by_state(connection: Connection, wanted: Wanted, applies: Applies) -> list[tuple[State, int, int, int]]:
    """Of the messages that match: state, how many, and to how many messages and recipients the verb applies."""
    rank = func.min(case(_RANK, value=recipients.c.state))
    touched = func.sum(case((and_(_touched(wanted), _applies(applies)), 1), else_=0))
    matching = select(messages.c.id).where(_condition(wanted)).subquery()
    found = (
        select(rank.label("rank"), touched.label("touched"))
        .join_from(matching, recipients, recipients.c.message_id == matching.c.id)
        .group_by(matching.c.id)
        .subquery()
    )
    numbers = (func.count(), func.count(func.nullif(found.c.touched, 0)), func.sum(found.c.touched))
    rows = connection.execute(select(found.c.rank, *numbers).group_by(found.c.rank).order_by(found.c.rank))
    members = list(State)
    return [(members[rank], *map(int, counted)) for rank, *counted in rows]


def touched(connection: Connection, wanted: Wanted, keys: Sequence[int]) -> set[int]:
    """The recipients of these messages (by id) that a verb for `wanted` is meant for."""
    query = select(recipients.c.id).where(recipients.c.message_id.in_(keys), _touched(wanted))
    return set(connection.execute(query).scalars())


def newest(connection: Connection) -> int:
    """The highest id there is; 0 without any message."""
    found: int | None = connection.execute(select(func.max(messages.c.id))).scalar_one()
    return found or 0


def _ordered(query: Select[Any], wanted: Wanted, order: Order) -> Select[Any]:
    keys = [messages.c.id] if order.column == "id" else [_sorted_by(order), messages.c.id]
    return query.where(_condition(wanted)).order_by(*(key.desc() if order.descending else key.asc() for key in keys))


def _after(query: Select[Any], order: Order, before: Place | None) -> Select[Any]:
    return query if before is None else query.where(_beyond(order, before))


def _sorted_by(order: Order) -> ColumnElement[Any]:
    column = messages.c[order.column]
    return folded(column) if column.type.python_type is str else column


def _value(order: Order, place: Place) -> ColumnElement[Any]:
    return folded(text_value(place[0])) if isinstance(place[0], str) else literal(place[0])


def _beyond(order: Order, place: Place) -> ColumnElement[bool]:
    """Behind the place in that order."""
    by, value, key = _sorted_by(order), _value(order, place), messages.c.id
    same = by == value
    if order.descending:
        return or_(by < value, and_(same, key < place[1]))
    return or_(by > value, and_(same, key > place[1]))


def _at(order: Order, place: Place) -> ColumnElement[bool]:
    return and_(_sorted_by(order) == _value(order, place), messages.c.id == place[1])


def _condition(wanted: Wanted) -> ColumnElement[bool]:
    conditions = [_in_state(wanted)]
    if wanted.text is not None:
        part = text_value(wanted.text)
        conditions.append(
            or_(
                holds(messages.c.subject, part),
                holds(messages.c.mail_from, part),
                _recipient(holds(recipients.c.address, part)),
            )
        )
    if wanted.subject is not None:
        conditions.append(holds(messages.c.subject, text_value(wanted.subject)))
    if wanted.sender is not None:
        is_in = holds(messages.c.mail_from, text_value(wanted.sender)) if wanted.sender else messages.c.mail_from == ""
        conditions.append(is_in)
    if wanted.queued_until is not None:
        conditions.append(messages.c.queued_at <= wanted.queued_until)
    if wanted.queued_since is not None:
        conditions.append(messages.c.queued_at > wanted.queued_since)
    if wanted.applies is not None:
        conditions.append(_recipient(and_(_touched(wanted), _applies(wanted.applies))))
    elif any(one is not None for one in (wanted.groups, wanted.domain, wanted.destination, wanted.deletion)):
        conditions.append(_recipient(_touched(wanted)))
    return and_(*conditions)


def _touched(wanted: Wanted) -> ColumnElement[bool]:
    """The conditions that are about single recipients."""
    conditions: list[ColumnElement[bool]] = [recipients.c.state != State.sent]
    if wanted.groups is not None:
        state = _state(wanted)
        conditions.append(or_(false(), *(belongs(group, state) for group in wanted.groups)))
    for name in (wanted.domain, wanted.destination):
        if name is not None:
            conditions.append(domain(recipients.c.address) == func.lower(text_value(name)))
    if wanted.deletion is not None:
        conditions.append(recipients.c.deletion == wanted.deletion)
    return and_(*conditions)


def _applies(applies: Applies) -> ColumnElement[bool]:
    deleted_at = recipients.c.deleted_at
    return and_(recipients.c.state.in_(applies.states), or_(deleted_at.is_(None), deleted_at > applies.deleted_since))


def _recipient(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(recipients.c.message_id == messages.c.id, condition)


def _in_state(wanted: Wanted) -> ColumnElement[bool]:
    """Messages whose state (the least finished of their recipients') is wanted."""
    state, known = wanted.state, _state(wanted)
    if state is None and wanted.deletion is not None:
        return true()
    earlier = known.in_([s for s in State if _RANK[s] < _RANK[state or State.deleted]])
    if state is None:
        return _recipient(earlier)
    return and_(_recipient(known == state), ~_recipient(earlier))


def _state(wanted: Wanted) -> ColumnElement[State]:
    return before_deletion() if wanted.undeleted else recipients.c.state


def belongs(group: Group, in_state: ColumnElement[State] = recipients.c.state) -> ColumnElement[bool]:
    """Whether a recipient is of the group, its state being `in_state`."""
    last = group.last
    shared = [in_state == group.state, recipients.c.mail_type == group.mail_type]
    if group.due is not None:
        at, is_due = group.due
        next_at = recipients.c.next_attempt_at
        shared.append(next_at <= at if is_due else next_at > at)
    if last is None:
        return and_(*shared, recipients.c.verdict.is_(None))
    return and_(
        *shared,
        about_senders_domain() == is_about_senders_domain(last.enhanced_code),
        *(
            recipients.c[name].is_not_distinct_from(getattr(last, name))
            for name in ("verdict", "stage", "failure", "smtp_code", "reason")
        ),
    )
