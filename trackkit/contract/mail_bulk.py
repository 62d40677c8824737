"""The administrators' verbs for all mail that a filter finds: counted first, then done as long work."""

from __future__ import annotations

from enum import StrEnum

from trackkit.contract.jobs import Job
from trackkit.contract.mail import QueueFilter
from trackkit.contract.operation import Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.delivery import State


class QueueVerb(StrEnum):
    """What can be done to mail in the queue."""

    reattempt = "reattempt"
    hold = "hold"
    release = "release"
    delete = "delete"
    undelete = "undelete"


class CountMatching(QueueFilter):
    """What `verb` would do to the mail that matches.

    With `domain`, `destination`, `cause` or `deletion` only the recipients it is said of are touched, not the others of
    their messages. Of undelete the filter says how the mail was before it was deleted; with the state deleted it says
    how it is now. Just what one act has deleted comes back by `deletion`.
    """

    verb: QueueVerb


class MatchingState(Response):
    """The messages of one state."""

    state: State
    messages: int
    applies: int
    """To how many of them the verb applies."""


class Matching(Response):
    """How many messages match, and to how many of them, and of their recipients, the verb applies."""

    messages: int
    applies: int
    recipients: int
    states: tuple[MatchingState, ...]
    """The least finished first; a state without any message is left out."""


class BulkVerb(Request):
    """Do `verb` to the mail that matches `where`; see `CountMatching`. What is submitted meanwhile is left alone."""

    verb: QueueVerb
    where: QueueFilter


COUNT = Operation(
    "mail.count",
    "GET",
    "/mail/count",
    CountMatching,
    Matching,
    Role.viewer,
    "How much mail matches a filter, and to how much of it a verb applies",
)
BULK = Operation(
    "mail.bulk",
    "POST",
    "/mail/bulk",
    BulkVerb,
    Job,
    Role.operator,
    "Begin to reattempt, hold, release, delete or bring back all mail that matches a filter",
    errors=(errors.Conflict,),
    audited=True,
)

OPERATIONS = (COUNT, BULK)
