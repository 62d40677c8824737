"""The mail queue: submit, look, and the administrators' verbs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Base64Bytes, Field

from trackkit.contract.fixes import FixView
from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.ages import Age
from trackkit.domain.delivery import State
from trackkit.domain.message import MailType

PAGE = 200
MAXIMUM_PAGE = 5000
MAXIMUM_IDS = 10_000


class Submit(Request):
    """A message as bytes (base64 on the wire) with its envelope. `sender` empty = the null sender.

    `mapi_recipients`, besides `recipients`: names of MAPI's address book, or ``TYPE:address``.
    """

    message: Base64Bytes
    sender: str = Field(max_length=1000)
    recipients: tuple[str, ...] = Field((), max_length=100_000)
    mapi_recipients: tuple[str, ...] = Field((), max_length=1_000)


class Submitted(Response):
    """The message is on disk."""

    queue_id: str
    message_id: str
    size: int


class DiagnosisView(Response):
    """Why it has not left, and what to do."""

    cause: str
    title: str
    words: str
    next_step: str
    operation: str = ""
    option: str = ""
    fix: FixView | None = None
    """The next step with its arguments, where the evidence says them; see `Server.apply`."""


class QueuedMessage(Response):
    """One row of the queue."""

    queue_id: str
    queued_at: datetime
    attempts: int
    subject: str
    sender: str
    recipients: int
    """How many recipients are still in the queue."""
    domains: tuple[str, ...]
    state: State
    next_attempt_at: datetime | None
    """None unless queued or deferred."""
    size: int
    diagnosis: DiagnosisView


class QueueSort(StrEnum):
    """What the queue can be sorted by; equal ones are in the order in which they were queued."""

    queued_at = "queued_at"
    attempts = "attempts"
    subject = "subject"
    sender = "sender"
    size = "size"


def place(queue_id: str, sort: QueueSort, value: object) -> str:
    """Where a message stands in the order of `sort`: what to give as `before` to go on after it.

    Parameters
    ----------
    value: the message's value of that column; not looked at for ``queued_at``, whose order is that of the ids.
    """
    return queue_id if sort is QueueSort.queued_at else f"{queue_id} {value}"


class QueueFilter(Request):
    """Which messages; each given condition must hold. Case does not matter for ASCII letters.

    `state` none = all but the deleted, unless `deletion` asks for these. `cause` is a diagnosis, as in the summary.
    `text` is found in the subject, the sender or a recipient's address; `subject` and `sender` only there (``<>`` = the
    null sender). `domain` is the whole domain of a recipient that was not sent to; `destination` is one of the queue's
    groups: a domain, or what is in trouble before any recipient is named. Older = queued at least so long ago, younger
    = less. `deletion` is the number of the job that has deleted them.
    """

    state: State | None = None
    cause: str | None = Field(None, max_length=64)
    text: str | None = Field(None, min_length=1, max_length=256)
    subject: str | None = Field(None, min_length=1, max_length=256)
    sender: str | None = Field(None, min_length=1, max_length=256)
    domain: str | None = Field(None, min_length=1, max_length=256)
    destination: str | None = Field(None, min_length=1, max_length=1000)
    older_than_seconds: int | None = Field(None, ge=0, le=10**9)
    younger_than_seconds: int | None = Field(None, ge=0, le=10**9)
    deletion: RowNumber | None = None


class QueueConditions(QueueFilter):
    """Which messages, in which order."""

    sort: QueueSort = QueueSort.queued_at
    descending: bool = True


class ListQueue(QueueConditions):
    """Newest first unless sorted otherwise. `before` is the place after which to go on, see `place`."""

    before: str | None = Field(None, max_length=600)
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class QueuePage(Response):
    """`next_before` asks for the following page; none = this was the last. `total` counts all that match."""

    messages: tuple[QueuedMessage, ...]
    next_before: str | None
    total: int


class ListQueueIds(QueueConditions):
    """The ids alone, from the place `first` to the place `last`, both included; none = no bound. See `place`."""

    first: str | None = Field(None, max_length=600)
    last: str | None = Field(None, max_length=600)
    before: str | None = Field(None, max_length=600)
    limit: int = Field(MAXIMUM_IDS, ge=1, le=MAXIMUM_IDS)


class QueueIds(Response):
    """`next_before` asks for the following page; none = this was the last."""

    queue_ids: tuple[str, ...]
    next_before: str | None


class CauseCount(Response):
    """How many messages wait for one cause."""

    diagnosis: DiagnosisView
    messages: int
    oldest_queued_at: datetime


class QueueSummary(Response):
    """The queue as a whole: how many messages in each state, and why they wait."""

    states: dict[State, int]
    causes: tuple[CauseCount, ...]


class CountAges(Request):
    """`domains`: how many of the domains that mail waits for are counted, those with the most messages first."""

    domains: int = Field(20, ge=1, le=200)


class StateAge(Response):
    """How many messages of a state have waited so long."""

    state: State
    age: Age
    messages: int


class DomainAge(Response):
    """How many messages for a domain have waited so long. A message for two domains counts for both."""

    domain: str
    age: Age
    messages: int


class QueueAges(Response):
    """Unsent messages by age; what is not listed is none."""

    counted_at: datetime
    states: tuple[StateAge, ...]
    domains: tuple[DomainAge, ...]
    """Those that the most messages wait for come first."""
    domains_in_all: int
    """How many domains mail waits for, the uncounted ones included."""


class OneMessage(Request):
    """A message of the queue by its id."""

    queue_id: str = Field(max_length=40)


class RecipientView(Response):
    """A recipient and what became of it so far."""

    recipient_id: int
    name: str = ""
    address: str
    mail_type: MailType
    state: State
    tries: int
    next_attempt_at: datetime | None
    expires_at: datetime
    send_error: str
    smtp_code: int | None
    enhanced_code: str
    outcome_unknown: bool
    diagnosis: DiagnosisView


class AttemptView(Response):
    """One try for one recipient."""

    recipient: str
    started_at: datetime
    ended_at: datetime
    host: str
    stage: str
    verdict: str
    failure: str
    smtp_code: int | None
    enhanced_code: str
    text: str


class MessageDetail(Response):
    """Everything about a message except its raw source."""

    message: QueuedMessage
    message_id: str
    submitted_by: str
    warned_at: datetime | None = None
    """When the sender was told that it is late."""
    recipients: tuple[RecipientView, ...]
    attempts: tuple[AttemptView, ...]
    """Newest first."""
    conversation: str
    """The SMTP conversation of the last attempt, secrets masked."""
    headers: str
    preview: str


class RawMessage(Response):
    """The message's bytes exactly as they were submitted."""

    queue_id: str
    message: Base64Bytes


class EditRecipient(OneMessage):
    """Another address for one recipient of a message: `address` is the wrong one."""

    address: str = Field(max_length=1000)
    new_address: str = Field(max_length=1000)


class EditedRecipient(Response):
    """The recipient as it is now."""

    queue_id: str
    address: str
    state: State
    next_attempt_at: datetime | None
    """None while it is held."""


class Verb(Request):
    """Which messages a verb is for."""

    queue_ids: tuple[str, ...] = Field(min_length=1, max_length=MAXIMUM_IDS)


class VerbResult(Response):
    """What a verb did to one message: `done`, or why it does not apply (then nothing changed there)."""

    queue_id: str
    done: bool
    recipients: int
    """How many recipients it changed."""
    reason: str = ""
    state: State | None
    """The message's state now; none when there is no such message."""


class VerbResults(Response):
    """One result a message, in the order asked."""

    results: tuple[VerbResult, ...]


SUBMIT = Operation(
    "mail.submit",
    "POST",
    "/mail",
    Submit,
    Submitted,
    Role.operator,
    "Hand a message to the queue; answered when it is on disk",
    errors=(errors.MessageTooLarge,),
    audited=True,
)
LIST = Operation("mail.list", "GET", "/mail", ListQueue, QueuePage, Role.viewer, "The mail queue, newest first")
IDS = Operation(
    "mail.ids", "GET", "/mail/ids", ListQueueIds, QueueIds, Role.viewer, "The ids of mail in the queue, in order"
)
SUMMARY = Operation(
    "mail.summary", "GET", "/mail/summary", Nothing, QueueSummary, Role.viewer, "The queue by state and by cause"
)
AGES = Operation(
    "mail.ages", "GET", "/mail/ages", CountAges, QueueAges, Role.viewer, "Unsent mail by age, state and domain"
)
SHOW = Operation(
    "mail.show",
    "GET",
    "/mail/{queue_id}",
    OneMessage,
    MessageDetail,
    Role.operator,
    "A message with its recipients, attempts and last conversation",
    errors=(errors.NotFound,),
)
RAW = Operation(
    "mail.raw",
    "GET",
    "/mail/{queue_id}/raw",
    OneMessage,
    RawMessage,
    Role.operator,
    "A message's raw source",
    errors=(errors.NotFound,),
)
EDIT_RECIPIENT = Operation(
    "mail.edit_recipient",
    "POST",
    "/mail/{queue_id}/edit-recipient",
    EditRecipient,
    EditedRecipient,
    Role.operator,
    "Give a recipient another address; its tries begin anew, and a failed one is due now",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)


def _verb(name: str, summary: str) -> Operation[Verb, VerbResults]:
    return Operation(f"mail.{name}", "POST", f"/mail/{name}", Verb, VerbResults, Role.operator, summary, audited=True)


REATTEMPT = _verb("reattempt", "Make deferred and failed recipients due now")
HOLD = _verb("hold", "Hold queued and deferred mail until it is released")
RELEASE = _verb("release", "Release held mail")
DELETE = _verb("delete", "Delete mail from the queue; can be undone for ten minutes")
UNDELETE = _verb("undelete", "Bring deleted mail back")

OPERATIONS = (
    SUBMIT,
    LIST,
    IDS,
    SUMMARY,
    AGES,
    SHOW,
    RAW,
    EDIT_RECIPIENT,
    REATTEMPT,
    HOLD,
    RELEASE,
    DELETE,
    UNDELETE,
)
