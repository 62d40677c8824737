"""Templates of a project: finding them, and the mail that one makes of a record.

`InvalidInput` says which template, which field and which line is at fault; `NotFound` that there is no such template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trackkit.domain.databases import called
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.project.templates import (
    STANDARD,
    About,
    Person,
    Standard,
    TemplateRefused,
    Written,
    write,
)
from trackkit.services.notices import server_name
from trackkit.store import project_items
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import key_of_name

_STANDARD: Final[Mapping[str, Standard]] = {key_of_name(name): one for name, one in STANDARD.items()}


def rendered(connection: Connection, row: DatabaseRow, template: str, kind: Kind, number: int, user: Person) -> Written:
    """The mail that a template of the project, or a standard one, makes of a record, in the name of `user`."""
    found, record = template_of(connection, template, kind), project_items.by_number(connection, KINDS[kind], number)
    if record is None:
        raise NotFound(f"There is no {KINDS[kind].title.lower()} {number} in this project.")
    return written(found, about(row, record, user))


def written(template: Standard, what: About) -> Written:
    """The mail that a template makes; `InvalidInput` names the template and its lines."""
    try:
        return write(template.subject, template.body, what)
    except TemplateRefused as error:
        problems = [one.problem for one in error.faults]
        raise InvalidInput(
            f"The template {template.name!r} cannot be used.", "Correct it and look at its preview.", problems=problems
        ) from None


def template_of(connection: Connection, name: str, kind: Kind) -> Standard:
    """The template of that name for that kind of record: the project's own, else the standard one."""
    own = project_items.find(connection, KINDS[Kind.template], name)
    if own is not None and own.values["record_kind"] == kind:
        return Standard(own.key, own.values["subject"], own.values["body"])
    if (standard := _STANDARD.get(key_of_name(name))) is not None:
        return standard
    if own is None:
        raise NotFound(f"There is no template {name!r} in this project.", f"There are {', '.join(STANDARD)}.")
    raise InvalidInput.of("template", f"is for {KINDS[Kind(own.values['record_kind'])].titles.lower()}")


def about(row: DatabaseRow, record: ItemRow, user: Person) -> About:
    """What a mail about a record is made of."""
    made = {
        "number": record.number,
        "created_at": record.created_at,
        "created_by": record.created_by,
        "changed_at": record.changed_at,
        "changed_by": record.changed_by,
    }
    values = {**record.values, **made}
    return About(record.kind, values, called(row.name), row.settings.description, user, server_name())


def person_of(connection: Connection, username: str) -> Person:
    """A project user as templates know them; of somebody who is none, the name."""
    user = project_items.find(connection, KINDS[Kind.user], username)
    return Person(user.key, user.values["full_name"], user.values["email"]) if user else Person(username)
