"""The queue by cause: stuck mail grouped by diagnosis, destination and age, with the next step."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from trackkit.contract.mail import DiagnosisView
from trackkit.contract.operation import Operation, Request, Response
from trackkit.domain.accounts import Role
from trackkit.domain.ages import Age


class CountGroups(Request):
    """`cause`: only this diagnosis; none = all. `destinations`: how many of each cause, those with the most mail."""

    cause: str | None = Field(None, max_length=64)
    destinations: int = Field(20, ge=1, le=500)


class AgeGroup(Response):
    """The group itself: how much mail with one diagnosis, for one destination, has waited so long."""

    age: Age
    messages: int
    oldest_queued_at: datetime


class DestinationGroups(Response):
    """The mail of a cause that is for one destination, by age, the oldest first."""

    destination: str
    """The recipients' domain; the relay or pickup folder where it is in trouble itself, for all domains; MAPI."""
    next_hop: bool
    """It is what mail is handed to, and no domain."""
    messages: int
    oldest_queued_at: datetime
    ages: tuple[AgeGroup, ...]


class CauseGroups(Response):
    """The mail that waits for one cause. A message counts once here, and for each of its destinations there."""

    diagnosis: DiagnosisView
    messages: int
    recipients: int
    oldest_queued_at: datetime
    destinations: tuple[DestinationGroups, ...]
    """Those with the most messages first."""
    destinations_in_all: int


class QueueGroups(Response):
    """Unsent mail by cause, the most frequent first."""

    counted_at: datetime
    causes: tuple[CauseGroups, ...]


GROUPS = Operation(
    "mail.groups",
    "GET",
    "/mail/groups",
    CountGroups,
    QueueGroups,
    Role.viewer,
    "Stuck mail by diagnosis, destination and age, with the next step",
)

OPERATIONS = (GROUPS,)
