"""The certificates of mail hosts, those that did not verify and those that are trusted, as text: what each says is read
by who uses it.

One that did not verify is there once for each host, port and who asked for proof. Their number is bounded: the ones
that were not seen for the longest time give way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from trackkit.domain.certificates import first_of, pem_of
from trackkit.domain.trust import AskedBy, Reason, Seen, Trusted, normal_host
from trackkit.store.columns import Enumerated, Instant, RowId
from trackkit.store.tables import main

MOST_UNTRUSTED: Final = 500
MOST_OF_A_HOST: Final = 10
"""Certificates that did not verify, all of them and of one host and port."""

certificates = Table(
    "certificates",
    main,
    Column("id", RowId, primary_key=True),
    Column("host", String(256), nullable=False),  # empty = every host
    Column("port", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the certificate
    Column("asked_by", Enumerated(AskedBy), nullable=False),
    Column("pem", Text, nullable=False),  # the certificate, then what else the host has shown
    Column("is_authority", Boolean, nullable=False),
    Column("reason", Enumerated(Reason)),  # none = it was uploaded
    Column("details", Text, nullable=False),
    Column("first_seen_at", Instant),
    Column("last_seen_at", Instant),
    Column("times", Integer, nullable=False),
    Column("trusted_at", Instant),  # none = it is not
    Column("trusted_by", String(64), nullable=False),
    UniqueConstraint("host", "port", "digest", "asked_by"),
    sqlite_autoincrement=True,
)

_COLUMNS: Final = certificates.c


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate of the list."""

    id: int
    host: str
    port: int
    digest: bytes
    asked_by: AskedBy
    pem: str
    is_authority: bool
    reason: Reason | None
    details: str
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    times: int
    trusted_at: datetime | None
    trusted_by: str

    @property
    def der(self) -> bytes:
        """The certificate itself."""
        return first_of(self.pem)


def note(connection: Connection, seen: Seen, digest: bytes) -> None:
    """Keep that a certificate did not verify; one that is trusted by now stays as it is.

    It counts once however often it is told: the same sight of it can have failed many messages.
    """
    host = normal_host(seen.host)
    mine = (
        _COLUMNS.host == host,
        _COLUMNS.port == seen.port,
        _COLUMNS.digest == digest,
        _COLUMNS.asked_by == seen.asked_by,
    )
    newer = update(certificates).where(*mine, _COLUMNS.trusted_at.is_(None), _COLUMNS.last_seen_at < seen.seen_at)
    shown = {"reason": seen.reason, "details": seen.details, "last_seen_at": seen.seen_at}
    if connection.execute(newer.values(times=_COLUMNS.times + 1, **shown)).rowcount:
        return
    if connection.execute(select(_COLUMNS.id).where(*mine)).first() is not None:
        return
    try:
        with connection.begin_nested():
            connection.execute(
                insert(certificates).values(
                    host=host,
                    port=seen.port,
                    digest=digest,
                    asked_by=seen.asked_by,
                    pem=pem_of(seen.chain),
                    is_authority=False,
                    first_seen_at=seen.seen_at,
                    times=1,
                    trusted_by="",
                    **shown,
                )
            )
    except IntegrityError:
        return  # another worker has just seen it, too
    _make_room(connection, host, seen.port)


def _make_room(connection: Connection, host: str, port: int) -> None:
    newest_first = (
        select(_COLUMNS.id)
        .where(_COLUMNS.trusted_at.is_(None))
        .order_by(_COLUMNS.last_seen_at.desc(), _COLUMNS.id.desc())
    )
    for kept, query in (
        (MOST_OF_A_HOST, newest_first.where(_COLUMNS.host == host, _COLUMNS.port == port)),
        (MOST_UNTRUSTED, newest_first),
    ):
        too_old = list(connection.execute(query.offset(kept).limit(MOST_UNTRUSTED)).scalars())
        if too_old:
            connection.execute(delete(certificates).where(_COLUMNS.id.in_(too_old)))


def everything(connection: Connection) -> list[CertificateRow]:
    """All of them: those seen last first, then those that were uploaded, newest first."""
    order = (_COLUMNS.last_seen_at.is_(None), _COLUMNS.last_seen_at.desc(), _COLUMNS.id.desc())
    return [CertificateRow(*row) for row in connection.execute(select(certificates).order_by(*order))]


def one(connection: Connection, certificate_id: int) -> CertificateRow | None:
    """The one of that number, kept as it is until the transaction ends; none when there is none."""
    row = connection.execute(select(certificates).where(_COLUMNS.id == certificate_id).with_for_update()).first()
    return None if row is None else CertificateRow(*row)


def trusted_rows(connection: Connection) -> list[CertificateRow]:
    """Those that are trusted."""
    query = select(certificates).where(_COLUMNS.trusted_at.is_not(None)).order_by(_COLUMNS.id)
    return [CertificateRow(*row) for row in connection.execute(query)]


def trusted_ids(connection: Connection) -> frozenset[int]:
    """Their numbers; a number stands for one certificate for ever."""
    return frozenset(connection.execute(select(_COLUMNS.id).where(_COLUMNS.trusted_at.is_not(None))).scalars())


def set_trusted(connection: Connection, certificate_id: int, username: str, now: datetime) -> None:
    """Trust one that did not verify."""
    values = {"trusted_at": now, "trusted_by": username}
    connection.execute(update(certificates).where(_COLUMNS.id == certificate_id).values(values))


def add_trusted(connection: Connection, one: Trusted, username: str, now: datetime) -> int | None:
    """Trust an uploaded certificate, its number; none when it is trusted there already.

    One that did not verify there before is none of those any more.
    """
    mine = (
        _COLUMNS.host == one.host,
        _COLUMNS.port == one.port,
        _COLUMNS.digest == one.digest,
        _COLUMNS.asked_by == AskedBy.server,
    )
    connection.execute(delete(certificates).where(*mine, _COLUMNS.trusted_at.is_(None)))
    values = {
        "host": one.host,
        "port": one.port,
        "digest": one.digest,
        "asked_by": AskedBy.server,
        "pem": pem_of((one.der,)),
        "is_authority": one.is_authority,
        "details": "",
        "times": 0,
        "trusted_at": now,
        "trusted_by": username,
    }
    try:
        with connection.begin_nested():
            return int(connection.execute(insert(certificates).values(values).returning(_COLUMNS.id)).scalar_one())
    except IntegrityError:
        return None


def remove(connection: Connection, certificate_id: int) -> None:
    """Take one out."""
    connection.execute(delete(certificates).where(_COLUMNS.id == certificate_id))


def as_trusted(rows: Iterable[CertificateRow]) -> tuple[Trusted, ...]:
    """The rows as decisions take them."""
    return tuple(Trusted(row.host, row.port, row.der, row.digest, row.is_authority) for row in rows)
