"""E-mail tracking as administrators see it: mailboxes, the inbox, the quarantine, replay, the set-up of projects."""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, Field

from trackkit.contract.mail_tests import MailTest
from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.databases import MAXIMUM_LOCATION
from trackkit.domain.tracking.inbox import InboxState

PAGE = 200
MAXIMUM_PAGE = 2000
MAXIMUM_IDS = 10_000

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


class ListInbox(Request):
    """Mails that were fetched, newest first. `after`: the id after which to go on."""

    states: list[InboxState] = Field([], max_length=10)
    database: str | None = Field(None, max_length=MAXIMUM_LOCATION)
    text: str | None = Field(None, min_length=1, max_length=256)
    after: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class InboxMail(Response):
    """One fetched mail. `rule` is the rule that decided, `reason` its words."""

    inbox_id: int
    mailbox: str
    fetched_at: datetime
    state: InboxState
    rule: str
    reason: str
    kind: str
    author: str
    subject: str
    size: int
    sha256: str
    database: str
    record: str
    """Where it was filed: ``defect 12``."""
    email: int | None
    kept: bool
    """Its bytes are here, so that it can be replayed."""


class Inbox(Response):
    """`total` counts all that match."""

    items: tuple[InboxMail, ...]
    next_after: int | None
    total: int


class NamedInboxMail(Request):
    """One fetched mail."""

    inbox_id: RowNumber


class RawInboxMail(Response):
    """The bytes as they were fetched."""

    inbox_id: int
    message: Base64Bytes


class ReplayMail(Request):
    """What would become of a mail: one of the inbox, or bytes (an ``.eml``). Nothing is changed, nothing is sent."""

    inbox_id: RowNumber | None = None
    message: Base64Bytes | None = None
    database: str | None = Field(None, max_length=MAXIMUM_LOCATION)
    """As if it had come through that project's mailbox; none = the server's."""


class RuleVerdict(Response):
    """What one rule says of a mail. `decides`: it is the one that settled what becomes of it."""

    rule: str
    title: str
    verdict: str
    words: str
    decides: bool


class ReplayPiece(Response):
    """Some of the text, kept or cut."""

    text: str
    kept: bool


class Replay(Response):
    """Every rule's verdict, in their order, and what would come of it."""

    state: InboxState
    rule: str
    reason: str
    rules: tuple[RuleVerdict, ...]
    database: str
    record: str
    email: int | None
    kind: str
    author: str
    standing: str
    authentication: str
    """What the receiving host says of its authentication (RFC 8601)."""
    subject: str
    sent_at: datetime | None
    pieces: tuple[ReplayPiece, ...]
    files: tuple[str, ...]
    problems: tuple[str, ...]
    advice: str
    """What to do about one that would be quarantined."""


class Reprocess(NamedInboxMail):
    """Decide anew about a quarantined, untracked or discarded mail, by the present settings; with `database` and
    `record` it is filed there whatever it carries."""

    database: str | None = Field(None, max_length=MAXIMUM_LOCATION)
    record: str | None = Field(None, max_length=60)


class InboxIds(Request):
    """Some fetched mails."""

    inbox_ids: tuple[RowNumber, ...] = Field(max_length=MAXIMUM_IDS)


class Discarded(Response):
    """How many were discarded; the others were not in quarantine."""

    discarded: int


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
INBOX = Operation(
    "tracking.inbox", "GET", "/tracking/inbox", ListInbox, Inbox, Role.operator, "Mails that came in", errors=_PROJECT
)
SHOW = Operation(
    "tracking.show",
    "GET",
    "/tracking/inbox/{inbox_id}",
    NamedInboxMail,
    InboxMail,
    Role.operator,
    "One mail that came in",
    errors=(errors.NotFound,),
)
RAW = Operation(
    "tracking.raw",
    "GET",
    "/tracking/inbox/{inbox_id}/raw",
    NamedInboxMail,
    RawInboxMail,
    Role.operator,
    "Its bytes",
    errors=(errors.NotFound,),
)
REPLAY = Operation(
    "tracking.replay",
    "POST",
    "/tracking/replay",
    ReplayMail,
    Replay,
    Role.operator,
    "What would become of a mail, rule by rule",
    errors=_PROJECT,
)
REPROCESS = Operation(
    "tracking.reprocess",
    "POST",
    "/tracking/inbox/{inbox_id}/reprocess",
    Reprocess,
    InboxMail,
    Role.operator,
    "Decide anew about a mail",
    errors=_PROJECT,
    audited=True,
)
DISCARD = Operation(
    "tracking.discard",
    "POST",
    "/tracking/inbox/discard",
    InboxIds,
    Discarded,
    Role.operator,
    "Discard quarantined mails",
    audited=True,
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

OPERATIONS = (
    STATUS,
    CHECK,
    SETTINGS,
    SET,
    TEST,
    POLL,
    INBOX,
    SHOW,
    RAW,
    REPLAY,
    REPROCESS,
    DISCARD,
    ROTATE_KEY,
    ROUND_TRIP,
)
