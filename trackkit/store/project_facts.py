"""What stands in a project database beside its items: its identity, counts, and what every new project starts with."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from trackkit.domain.project.commands import ADMINISTRATORS, COMMANDS, MAIL_COMMANDS, MEMBERS, MEMBERS_MAY
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS, MailTemplate, ProjectUser, SecurityGroup
from trackkit.store import project_items
from trackkit.store.project_tables import TABLES, facts

_IDENTITY: Final = "database_id"
_SERVER: Final = "trackkit"


def identity(connection: Connection) -> str | None:
    """The id of the project, which tells it from every other; none = it never became one."""
    return connection.execute(select(facts.c.value).where(facts.c.name == _IDENTITY)).scalar()


def set_identity(connection: Connection, database_id: str) -> None:
    """Make this a project of its own."""
    if identity(connection) is None:
        connection.execute(insert(facts).values(name=_IDENTITY, value=database_id))
    else:
        connection.execute(update(facts).where(facts.c.name == _IDENTITY).values(value=database_id))


def record_counts(connection: Connection) -> dict[str, int]:
    """How many records of each type."""
    return {kind.value: _count(connection, kind) for kind in RECORD_KINDS}


def user_count(connection: Connection) -> int:
    """How many project users."""
    return _count(connection, Kind.user)


def _count(connection: Connection, kind: Kind) -> int:
    return connection.execute(select(func.count()).select_from(TABLES[kind])).scalar_one()


def found_project(
    connection: Connection, database_id: str, now: datetime, administrator: str, password_hash: str | None
) -> None:
    """Fill an empty database with what every new project has: identity, two groups, its administrator, a template.

    Everything about tracked e-mail starts disabled, for administrators too (SPEC §8).
    """
    set_identity(connection, database_id)
    enabled = tuple(name for name in COMMANDS if name not in MAIL_COMMANDS)
    groups = (
        SecurityGroup(name=ADMINISTRATORS, description="May everything that is enabled.", commands=enabled),
        SecurityGroup(name=MEMBERS, description="Works with records.", commands=MEMBERS_MAY),
    )
    for group in groups:
        project_items.add(connection, KINDS[Kind.group], group, {}, now, _SERVER)
    user = ProjectUser(name=administrator, full_name="Project administrator", groups=(ADMINISTRATORS,))
    project_items.add(connection, KINDS[Kind.user], user, {"password": password_hash}, now, _SERVER)
    template = MailTemplate(
        name="Standard",
        subject="{{ record.kind }} {{ record.number }}: {{ record.title }}",
        body="{{ record.title }}\n\n{{ record.description }}\n",
    )
    project_items.add(connection, KINDS[Kind.template], template, {}, now, _SERVER)
