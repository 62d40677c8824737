"""Licenses and their seats: what is entered, who holds a seat now, the history, and that history played again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, SecretStr

from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.licenses import MOST_SEATS, LicenseKind
from trackkit.domain.seats import Ending, Pool

MAXIMUM_SERIAL = 1_000
"""Characters, dashes and blanks included."""
PAGE = 200
MAXIMUM_PAGE = 5_000
MOST_MINUTES = 7 * 24 * 60


class License(Response):
    """A license on the server. The serial itself is never shown again.

    number: tells licenses apart; empty for the evaluation license.
    seats: by kind; of the evaluation license several.
    problem: why it gives no seats here; empty = it does.
    """

    license_id: int
    number: str
    evaluation: bool
    seats: dict[LicenseKind, int]
    issued_on: date | None
    maintenance_until: date | None
    problem: str
    added_at: datetime
    added_by: str


class PoolUse(Response):
    """Seats of a pool, and how many of them are taken.

    idle_minutes: after so long without use a seat comes back (in the web pool that of the web client).
    """

    pool: Pool
    seats: int
    in_use: int
    idle_minutes: int


class Licenses(Response):
    """In the order they were entered."""

    licenses: tuple[License, ...]
    pools: tuple[PoolUse, ...]
    solosubmit: bool
    """Whether defects without an account are licensed."""
    server_id: str
    """What a serial for this server has to name."""
    accepted_keys: tuple[str, ...]
    """Public keys whose serials this server takes; set on its machine only."""


class AddLicense(Request):
    """`preview`: say what the serial is, change nothing."""

    serial: SecretStr = Field(max_length=MAXIMUM_SERIAL)
    preview: bool = False


class EditLicense(Request):
    """Another serial in the place of one: more seats, a renewed maintenance."""

    license_id: RowNumber
    serial: SecretStr = Field(max_length=MAXIMUM_SERIAL)
    preview: bool = False


class DeleteLicense(Request):
    """`preview`: say what would go, change nothing."""

    license_id: RowNumber
    preview: bool = False


class Deleted(Response):
    """What goes, and who holds one of its pools' seats: they keep it until they log out."""

    license: License
    in_use: int


class SeatHolder(Response):
    """Whose a seat is or was. `license_number` is that of a dedicated license; else empty."""

    pool: Pool
    license_number: str
    database: str
    username: str
    client: str
    client_address: str
    taken_at: datetime
    used_at: datetime


class Seat(SeatHolder):
    """A seat somebody holds now."""

    session_id: str
    seen_at: datetime
    ends_at: datetime
    """When it comes back by itself, should nothing more be heard."""


class Seats(Response):
    """Held now, longest first."""

    seats: tuple[Seat, ...]
    pools: tuple[PoolUse, ...]


class ListUses(Request):
    """A page of the history. `before` is the `use_id` from which to go on."""

    pool: Pool | None = None
    refused_only: bool = False
    before: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class SeatUse(SeatHolder):
    """A use that has ended, or a refusal."""

    use_id: int
    ended_at: datetime
    ending: Ending


class SeatUses(Response):
    """Those that ended last first; `next_before` none = this was the last page."""

    uses: tuple[SeatUse, ...]
    next_before: int | None


class AskUsage(Request):
    """Seats in use over time. Without `since` the last 30 days, and to now."""

    pool: Pool | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    by: Literal["hour", "day"] = "hour"


class UsagePoint(Response):
    """An hour or a day of a pool."""

    starts_at: datetime
    hours: int
    pool: Pool
    capacity: int
    peak: int
    mean: float | None
    """Seats in use on the average; none = nobody looked."""
    refusals: int


class Usage(Response):
    """Oldest first; hours nobody looked at (the server was down) are missing."""

    points: tuple[UsagePoint, ...]


class AskReplay(Request):
    """The history of a pool played again with another number of seats and another time-out.

    Without `seats` or `timeout_minutes` those of now; without `since` the last 365 days, and to now.
    """

    pool: Pool
    seats: int | None = Field(None, ge=0, le=MOST_SEATS)
    timeout_minutes: int | None = Field(None, ge=1, le=MOST_MINUTES)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Refusal(Response):
    """Who would have been refused, and when."""

    at: datetime
    holder: str


class HolderRefusals(Response):
    """How often one would have been refused."""

    holder: str
    refusals: int


class ReplayAnswer(Response):
    """What came of it.

    wanted: how often a seat was wanted.
    refusals: how often none would have been free; `refused` names the first ones.
    really_refused: refusals that happened in that time.
    enough: seats with which nobody would have been refused; so many were wanted at once at `busiest_at`.
    """

    pool: Pool
    seats: int
    timeout_minutes: int
    since: datetime
    until: datetime
    wanted: int
    refusals: int
    really_refused: int
    refused: tuple[Refusal, ...]
    by_holder: tuple[HolderRefusals, ...]
    enough: int
    busiest_at: datetime | None


LIST = Operation("license.list", "GET", "/licenses", Nothing, Licenses, Role.viewer, "Licenses and their seats")
ADD = Operation(
    "license.add",
    "POST",
    "/licenses",
    AddLicense,
    License,
    Role.admin,
    "Enter the serial of a license",
    errors=(errors.Conflict,),
    audited=True,
)
EDIT = Operation(
    "license.edit",
    "PUT",
    "/licenses/{license_id}",
    EditLicense,
    License,
    Role.admin,
    "Replace the serial of a license",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
DELETE = Operation(
    "license.delete",
    "DELETE",
    "/licenses/{license_id}",
    DeleteLicense,
    Deleted,
    Role.admin,
    "Delete a license; who holds a seat keeps it until the log-out",
    errors=(errors.NotFound,),
    audited=True,
)
SEATS = Operation("license.seats", "GET", "/seats", Nothing, Seats, Role.viewer, "Who holds a license seat now")
HISTORY = Operation(
    "license.history", "GET", "/seats/history", ListUses, SeatUses, Role.viewer, "Who held seats, and who was refused"
)
USAGE = Operation("license.usage", "GET", "/seats/usage", AskUsage, Usage, Role.viewer, "Seats in use over time")
REPLAY = Operation(
    "license.replay",
    "GET",
    "/seats/replay",
    AskReplay,
    ReplayAnswer,
    Role.viewer,
    "Play the history of seats again: who would have been refused, how many are enough",
)

OPERATIONS = (LIST, ADD, EDIT, DELETE, SEATS, HISTORY, USAGE, REPLAY)
