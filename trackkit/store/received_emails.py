"""What a project knows of mails that have come in for it, asked for many at once; and what they change in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Integer, bindparam, func, select, update

from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import EmailOrigin
from trackkit.domain.tracking.outcomes import Mark, Sent
from trackkit.store.prepared import LONGEST, Prepared, listed
from trackkit.store.project_tables import TABLES, email_recipients, email_sources, key_of_name

_MOST_OF_A_THREAD: Final = 100
_emails: Final = TABLES[Kind.tracked_email]
_users: Final = TABLES[Kind.user]
_customers: Final = TABLES[Kind.customer]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """An e-mail that something answers. `answers`: the number of the one that it answers itself."""

    number: int
    record: str
    origin: EmailOrigin
    user: str
    answers: int | None
    subject: str


_ANSWERED: Final = Prepared(
    select(*(_emails.c[name] for name in ("id", "record", "origin", "user", "answers", "subject"))).where(
        _emails.c.id.in_(listed("b_ids"))
    )
)
_KEPT: Final = Prepared(
    select(*(_emails.c[name] for name in ("id", "record", "origin", "user", "answers", "subject")))
    .where(_emails.c.id.in_(listed("b_ids")))
    .with_for_update(read=True, key_share=True)
)
_RECIPIENTS: Final = Prepared(
    select(
        email_recipients.c.email, email_recipients.c.number, email_recipients.c.address, email_recipients.c.outcome
    ).where(email_recipients.c.email.in_(listed("b_ids")))
)
_USERS: Final = Prepared(
    select(_users.c.name_key, _users.c.full_name, _users.c.name, _users.c.email).where(
        _users.c.name_key.in_(listed("b_keys"))
    )
)
_FILED: Final = Prepared(
    select(email_sources.c.import_key, email_sources.c.email, email_sources.c.sha256).where(
        email_sources.c.import_key.in_(listed("b_keys"))
    )
)

_SENDERS: Final = Prepared(
    select(func.lower(_emails.c.sender))
    .where(
        _emails.c.record == bindparam("b_record"),
        _emails.c.direction == "received",
        _emails.c.origin == "person",
        _emails.c.created_at >= bindparam("b_since", type_=_emails.c.created_at.type),
    )
    .limit(bindparam("b_most", type_=Integer))
)


def answered(connection: Connection, numbers: Collection[int]) -> dict[int, AnsweredRow]:
    """These e-mails, which stay there until the transaction ends."""
    return {row[0]: AnsweredRow(*row) for part in _parts(numbers) for row in _KEPT.rows(connection, {}, b_ids=part)}


def first_of_threads(connection: Connection, rows: Mapping[int, AnsweredRow]) -> dict[int, AnsweredRow]:
    """For each of these the first e-mail of its thread, as far as it is there."""
    found, known = dict(rows), dict(rows)
    for _ in range(_MOST_OF_A_THREAD):
        wanted = {one.answers for one in found.values() if one.answers is not None} - known.keys()
        for part in _parts(wanted):
            known |= {row[0]: AnsweredRow(*row) for row in _ANSWERED.rows(connection, {}, b_ids=part)}
        above = {key: known[one.answers] for key, one in found.items() if one.answers in known}
        if not above:
            break
        found |= above
    return found


def sent_to(connection: Connection, numbers: Collection[int]) -> dict[int, dict[int, Sent]]:
    """Whom e-mails went to, by their numbers there."""
    found: dict[int, dict[int, Sent]] = {}
    for part in _parts(numbers):
        for email, number, address, outcome in _RECIPIENTS.rows(connection, {}, b_ids=part):
            found.setdefault(email, {})[number] = Sent(address, outcome)
    return found


def filed_as(connection: Connection, keys: Collection[str]) -> dict[str, tuple[int, str]]:
    """As which e-mails the same mails were filed before, and the SHA-256 of their bytes, by their import keys."""
    return {row[0]: (row[1], row[2]) for part in _parts(keys) for row in _FILED.rows(connection, {}, b_keys=part)}


def known_addresses(connection: Connection, addresses: Collection[str]) -> set[str]:
    """Those of the addresses, in small letters, that users or customers have."""
    found: set[str] = set()
    for part in _parts(addresses):
        for table in (_users, _customers):
            lower = func.lower(table.c.email)
            found |= set(connection.execute(select(lower).where(lower.in_(part))).scalars())
    return found


def addresses_of(connection: Connection, names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Full name and address of users, by their names as they are given here."""
    keys = {key_of_name(name): name for name in names if name}
    found = {}
    for part in _parts(keys):
        for key, full_name, name, email in _USERS.rows(connection, {}, b_keys=part):
            found[keys[key]] = (full_name or name, email)
    return found


def titles(connection: Connection, records: Collection[str]) -> dict[str, str]:
    """The titles of those of these records (``defect 12``) that are there; they stay until the transaction ends."""
    by_kind: dict[Kind, list[int]] = {}
    for record in records:
        kind, _, number = record.partition(" ")
        by_kind.setdefault(Kind(kind), []).append(int(number))
    found = {}
    for kind, numbers in by_kind.items():
        table = TABLES[kind]
        for part in _parts(numbers):
            query = select(table.c.id, table.c.title).where(table.c.id.in_(part))
            for number, title in connection.execute(query.with_for_update(read=True, key_share=True)):
                found[f"{kind} {number}"] = title
    return found


def received_since(
    connection: Connection, records: Collection[str], since: datetime, most: int
) -> dict[tuple[str, str], int]:
    """How many mails of people have come in for records, by record and sender (in small letters); of all senders
    under an empty one. Of each record `most` are counted, no more."""
    found: dict[tuple[str, str], int] = {}
    for record in records:
        senders = _SENDERS.rows(connection, {"b_record": record, "b_since": since, "b_most": most})
        found[record, ""] = len(senders)
        for (sender,) in senders:
            found[record, sender] = found.get((record, sender), 0) + 1
    return found


def got_letters(connection: Connection, addresses: Collection[str], since: datetime) -> set[str]:
    """Those of the addresses, in small letters, that automatic letters went to."""
    to = email_recipients
    found: set[str] = set()
    for part in _parts(addresses):
        query = select(to.c.address).join(_emails, _emails.c.id == to.c.email)
        query = query.where(to.c.address.in_(part), _emails.c.origin == "letter", _emails.c.created_at >= since)
        found |= set(connection.execute(query).scalars())
    return found


_MARK: Final = Prepared(
    update(email_recipients)
    .where(email_recipients.c.email == bindparam("b_email"), email_recipients.c.number == bindparam("b_number"))
    .values(
        {
            name: bindparam(f"b_{name}", type_=email_recipients.c[name].type)
            for name in ("outcome", "status_code", "hard", "text", "at")
        }
    )
)


def mark(connection: Connection, marks: Mapping[tuple[int, int], Mark], now: datetime) -> None:
    """Note what came back from recipients, by e-mail and number there."""
    if marks:
        rows = [
            {
                "b_email": email,
                "b_number": number,
                "b_outcome": one.outcome,
                "b_status_code": one.status_code,
                "b_hard": one.hard,
                "b_text": one.text,
                "b_at": now,
            }
            for (email, number), one in marks.items()
        ]
        _MARK.many(connection, rows)


def _parts(values: Collection[T]) -> Iterator[list[Any]]:
    ordered = list(values)
    return (ordered[at : at + LONGEST] for at in range(0, len(ordered), LONGEST))
