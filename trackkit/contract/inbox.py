"""Mail that came in, as administrators see it: the inbox, the quarantine, replay, deciding anew."""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, Field

from trackkit.contract.operation import Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.databases import MAXIMUM_LOCATION
from trackkit.domain.tracking.inbox import InboxState

PAGE = 200
MAXIMUM_PAGE = 2000
MAXIMUM_IDS = 10_000


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


_PROJECT = (errors.NotFound, errors.Conflict, errors.DatabaseUnavailable)

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
    errors=(errors.NotFound, errors.Conflict),
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
OPERATIONS = (INBOX, SHOW, RAW, REPLAY, REPROCESS, DISCARD)
