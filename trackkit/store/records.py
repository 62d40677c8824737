"""Facts, options and the audit: small tables of the main database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from trackkit.store.tables import audit, facts, option_groups, option_values


def get_fact(connection: Connection, name: str) -> str | None:
    """A single fact about the server, if it is known."""
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()


def lock_facts(connection: Connection) -> None:
    """Let nobody else who asks for this go on until the transaction ends; on SQLite nobody else writes anyway."""
    connection.execute(select(facts.c.name).where(facts.c.name == "server_id").with_for_update())


def set_fact(connection: Connection, name: str, value: str | None) -> None:
    """Set a fact, or forget it with ``None``."""
    connection.execute(delete(facts).where(facts.c.name == name))
    if value is not None:
        connection.execute(insert(facts).values(name=name, value=value))


@dataclass(frozen=True, slots=True)
class StoredOption:
    """An option that differs from its default; `sealed` instead of `value` for a secret."""

    value: Any
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class GroupRevision:
    """How often a group of options was changed, and by whom last."""

    revision: int
    changed_at: datetime
    changed_by: str


def get_options(connection: Connection) -> dict[str, StoredOption]:
    """Every stored option by name."""
    return {row.name: StoredOption(row.value, row.sealed) for row in connection.execute(select(option_values))}


def set_option(connection: Connection, name: str, stored: StoredOption | None) -> None:
    """Store an option, or forget it (back to its default) with ``None``."""
    connection.execute(delete(option_values).where(option_values.c.name == name))
    if stored is not None:
        connection.execute(insert(option_values).values(name=name, value=stored.value, sealed=stored.sealed))


def group_revisions(connection: Connection, *, lock: bool = False) -> dict[str, GroupRevision]:
    """The revision of each group that was ever changed."""
    query = select(option_groups)
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row.name: GroupRevision(row.revision, row.changed_at, row.changed_by) for row in rows}


def raise_revision(connection: Connection, group: str, known: int, now: datetime, username: str) -> bool:
    """Count a change of `group` whose revision is `known`; False when somebody else was faster."""
    values = {"revision": known + 1, "changed_at": now, "changed_by": username}
    if known == 0 and not group_revisions(connection).get(group):
        connection.execute(insert(option_groups).values(name=group, **values))
        return True
    table = option_groups
    changed = connection.execute(update(table).where(table.c.name == group, table.c.revision == known).values(values))
    return changed.rowcount == 1


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One administrative act as stored."""

    id: int
    at: datetime
    operation: str
    username: str
    client_address: str
    subject: str
    before: dict[str, str]
    after: dict[str, str]


def add_audit(
    connection: Connection,
    *,
    at: datetime,
    operation: str,
    username: str,
    client_address: str,
    subject: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Record an act, in the transaction of the act itself."""
    connection.execute(
        insert(audit).values(
            at=at,
            operation=operation,
            username=username,
            client_address=client_address,
            subject=subject,
            before=dict(before),
            after=dict(after),
        )
    )


def page_audit(connection: Connection, before: int | None, limit: int) -> list[AuditRow]:
    """Records older than `before`, newest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    rows = connection.execute(query if before is None else query.where(audit.c.id < before))
    return [AuditRow(**row._mapping) for row in rows]
