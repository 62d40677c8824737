"""What a mail that comes in is judged by: the server's keys, its projects, and the accounts they track mail with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trackkit.domain.tracking.decision import Place, Where
from trackkit.domain.tracking_options import Mailbox, MailSettings, mailbox_of
from trackkit.services import tracking_keys
from trackkit.services.environment import Environment
from trackkit.services.project_mail_settings import tracked_projects
from trackkit.store import databases, inbox_decisions
from trackkit.store.databases import DatabaseRow

_REMEMBERED: Final = 1_000
"""Addresses that are known to be tracking addresses or not: mails that come together have the same ones."""


@dataclass(frozen=True, slots=True)
class TrackedProject:
    """A project that tracks e-mail."""

    row: DatabaseRow
    settings: MailSettings
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Present:
    """How things stand now for a mail that came to some account."""

    where: Where
    projects: Mapping[str, TrackedProject]
    """Those that track e-mail, by their identities."""

    @property
    def away(self) -> list[str]:
        """The identities of projects that mail has to wait for."""
        return [identity for identity, place in self.where.projects.items() if place.away or not place.active]


def present(environment: Environment, mailbox_key: str | None) -> Present:
    """How things stand for a mail in that account; none = the server's own account."""
    tracked = {one[0].database_id: TrackedProject(*one) for one in tracked_projects(environment)}
    server = mailbox_of(environment.options.current.tracking)
    rows = environment.store.read(databases.all_databases)
    boxes = [*([server] if server else []), *(one.mailbox for one in tracked.values())]
    places = {
        row.database_id: Place(
            row.name,
            row.settings.active,
            tracked[row.database_id].mailbox.key if row.database_id in tracked else None,
            environment.projects.availability(row),
        )
        for row in rows
    }
    where = Where(
        mailbox=mailbox_key if mailbox_key is not None else server.key if server else "",
        is_own=lru_cache(_REMEMBERED)(lambda address: any(box.is_own(address) for box in boxes)),
        projects=places,
        keys=tracking_keys.current(environment),
        server=environment.server_id,
        probes=environment.store.read(inbox_decisions.open_probes),
    )
    return Present(where, tracked)
