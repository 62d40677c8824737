"""E-mail tracking as administrators see it: mailboxes, keys, probes, the set-up of projects (what came in: `inbox`)."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from trackkit.contract.mail_tests import MailTest
from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.databases import MAXIMUM_LOCATION

Value = bool | int | str | None


class OfProject(Request):
    """A project by the name of its database; none = the server's own mailbox (`POLL`: every one)."""

    database: str | None = Field(None, max_length=MAXIMUM_LOCATION)


class NamedProject(Request):
    """A project by the name of its database."""

    database: str = Field(min_length=1, max_length=MAXIMUM_LOCATION)


class MailboxView(Response):
    """How fetching from an account goes. `waiting_since`: since when the oldest message there has waited."""

    mailbox: str
    databases: tuple[str, ...]
    address: str
    polled_at: datetime | None
    succeeded_at: datetime | None
    failing_since: datetime | None
    failure: str
    words: str
    """Why it fails."""
    advice: str
    conversation: str
    waiting: int
    waiting_since: datetime | None


class RoundTripView(Response):
    """A probe mail that went out to a tracking address."""

    mailbox: str
    queue_id: str
    sent_at: datetime
    returned_at: datetime | None


class TrackingStatus(Response):
    """All of it at a glance. `counts`: mails in the inbox by their state."""

    enabled: bool
    mailboxes: tuple[MailboxView, ...]
    counts: dict[str, int]
    round_trips: tuple[RoundTripView, ...]
    key_id: int
    keys: int
    """How many keys are taken, the current one among them."""


class PolledMailbox(Response):
    """What one fetching brought."""

    mailbox: str
    fetched: int
    removed: int
    words: str
    """Why it failed; empty if it did not."""


class Polled(Response):
    """Every account that was fetched from."""

    mailboxes: tuple[PolledMailbox, ...]


class CheckStep(Response):
    """One of the eight steps of the set-up (SPEC §8)."""

    number: int
    title: str
    done: bool
    words: str
    advice: str
    option: str
    """The option or setting it is about."""


class Check(Response):
    """The eight steps for a project."""

    database: str
    steps: tuple[CheckStep, ...]
    ready: bool


class ProjectMailSettings(Response):
    """`values` by name (``mailbox.host``), none where inherited; `inherited`: what then counts."""

    database: str
    revision: int
    values: dict[str, Value]
    set_secrets: tuple[str, ...]
    inherited: dict[str, Value]


class SetProjectMail(NamedProject):
    """What is not given stays. `revision` is the one that was seen; none = no check."""

    values: dict[str, Value] = Field(max_length=100, repr=False)
    revision: RowNumber | None = None


class BeginMailboxTest(OfProject):
    """Test the stored settings of a mailbox step by step; nothing is fetched or deleted."""


class RotatedKey(Response):
    """The new key signs from now on; the former ones are still taken."""

    key_id: int
    keys: int


_PROJECT = (errors.NotFound, errors.Conflict, errors.DatabaseUnavailable)

STATUS = Operation(
    "tracking.status", "GET", "/tracking", Nothing, TrackingStatus, Role.viewer, "Mailboxes and what came in"
)
CHECK = Operation(
    "tracking.check",
    "GET",
    "/tracking/check",
    NamedProject,
    Check,
    Role.viewer,
    "What is missing for a project to track its e-mail",
    errors=_PROJECT,
)
SETTINGS = Operation(
    "tracking.settings",
    "GET",
    "/tracking/projects",
    NamedProject,
    ProjectMailSettings,
    Role.viewer,
    "The e-mail settings of a project",
    errors=_PROJECT,
)
SET = Operation(
    "tracking.set",
    "PUT",
    "/tracking/projects",
    SetProjectMail,
    ProjectMailSettings,
    Role.admin,
    "Change the e-mail settings of a project",
    errors=_PROJECT,
    audited=True,
)
TEST = Operation(
    "tracking.test",
    "POST",
    "/tracking/tests",
    BeginMailboxTest,
    MailTest,
    Role.operator,
    "Begin a test of a mailbox",
    errors=_PROJECT,
    audited=True,
)
POLL = Operation(
    "tracking.poll",
    "POST",
    "/tracking/poll",
    OfProject,
    Polled,
    Role.operator,
    "Fetch mail now",
    errors=_PROJECT,
)
ROTATE_KEY = Operation(
    "tracking.rotate_key",
    "POST",
    "/tracking/key",
    Nothing,
    RotatedKey,
    Role.admin,
    "Sign tracking cookies with a new key",
    audited=True,
)
ROUND_TRIP = Operation(
    "tracking.round_trip",
    "POST",
    "/tracking/round-trip",
    OfProject,
    RoundTripView,
    Role.operator,
    "Send a probe mail to the tracking address",
    errors=_PROJECT,
    audited=True,
)

OPERATIONS = (STATUS, CHECK, SETTINGS, SET, TEST, POLL, ROTATE_KEY, ROUND_TRIP)
