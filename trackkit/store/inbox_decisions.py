"""Fetched mail that waits for a decision, and what was decided: bytes leave a row only as that says why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, update

from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking.inbox import InboxState
from trackkit.store.prepared import Prepared
from trackkit.store.tracking_tables import inbox, round_trips


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail to decide about. `raw` is none where its bytes are not here."""

    id: int
    mailbox: str
    sha256: str
    raw: bytes | None = field(repr=False)
    fetched_at: datetime
    state: InboxState
    tries: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a mail. `keeps_raw`: its bytes stay in the inbox."""

    id: int
    state: InboxState
    rule: str
    reason: str
    kind: str
    author: str
    subject: str
    tries: int
    keeps_raw: bool
    database_id: str | None = None
    record_kind: Kind | None = None
    record: int | None = None
    email: int | None = None


_COLUMNS: Final = tuple(inbox.c[name] for name in ("id", "mailbox", "sha256", "raw", "fetched_at", "state", "tries"))


def fetched(
    connection: Connection, mailbox: str, after: int, away: Collection[str], most: int, octets: int
) -> list[Fetched]:
    """The next mails of an account that nobody has decided about: `most` of them, and no more than so many octets
    unless it is one. Those that wait for projects that are `away` are passed over."""
    sizes = select(inbox.c.id, inbox.c.size).where(
        inbox.c.state == InboxState.fetched, inbox.c.id > after, inbox.c.mailbox == mailbox
    )
    if away:
        sizes = sizes.where(or_(inbox.c.database_id.is_(None), inbox.c.database_id.not_in(sorted(away))))
    wanted: list[int] = []
    total = 0
    for key, size in connection.execute(sizes.order_by(inbox.c.id).limit(most)):
        total += size
        if wanted and total > octets:
            break
        wanted.append(key)
    if not wanted:
        return []
    query = select(*_COLUMNS).where(inbox.c.id.in_(wanted)).order_by(inbox.c.id)
    return [Fetched(*row) for row in connection.execute(query)]


def find(connection: Connection, key: int) -> Fetched | None:
    """One mail, whatever its state."""
    row = connection.execute(select(*_COLUMNS).where(inbox.c.id == key)).first()
    return Fetched(*row) if row else None


_SET: Final[dict[str, Any]] = {
    name: bindparam(f"b_{name}", type_=inbox.c[name].type)
    for name in (
        *("state", "rule", "reason", "kind", "author", "subject", "tries"),
        *("database_id", "record_kind", "record", "email", "decided_at"),
    )
}
_THIS: Final = (inbox.c.id == bindparam("b_id"), inbox.c.state == bindparam("b_from", type_=inbox.c.state.type))
_KEEP: Final = Prepared(update(inbox).where(*_THIS).values(_SET))
_DROP: Final = Prepared(update(inbox).where(*_THIS).values({**_SET, "raw": None}))


def decide(connection: Connection, decided: Sequence[Decided], now: datetime, was: InboxState) -> None:
    """Put down what became of mails that are in the state `was`; of others nothing is changed."""
    for statement, rows in (
        (_KEEP, [one for one in decided if one.keeps_raw]),
        (_DROP, [one for one in decided if not one.keeps_raw]),
    ):
        if rows:
            statement.many(connection, [_values(one, now, was) for one in rows])


def _values(one: Decided, now: datetime, was: InboxState) -> dict[str, Any]:
    return {
        "b_id": one.id,
        "b_from": was,
        "b_state": one.state,
        "b_rule": one.rule,
        "b_reason": one.reason,
        "b_kind": one.kind,
        "b_author": one.author,
        "b_subject": one.subject,
        "b_tries": one.tries,
        "b_database_id": one.database_id,
        "b_record_kind": one.record_kind,
        "b_record": one.record,
        "b_email": one.email,
        "b_decided_at": None if one.state is InboxState.fetched else now,
    }


def attached(connection: Connection, sha256s: Collection[str]) -> set[str]:
    """Which of these bytes some mail of the inbox is filed with."""
    here = (inbox.c.sha256.in_(sorted(sha256s)), inbox.c.state == InboxState.attached)
    return set(connection.execute(select(inbox.c.sha256).where(*here)).scalars())


_PROBES: Final = Prepared(select(round_trips.c.token).where(round_trips.c.returned_at.is_(None)))


def open_probes(connection: Connection) -> frozenset[str]:
    """The tokens of probe mails that have not come back."""
    return frozenset(token for (token,) in _PROBES.rows(connection, {}))


def returned(connection: Connection, tokens: Iterable[str], now: datetime) -> None:
    """These probe mails have come back."""
    for token in tokens:
        here = (round_trips.c.token == token, round_trips.c.returned_at.is_(None))
        connection.execute(update(round_trips).where(*here).values(returned_at=now))
