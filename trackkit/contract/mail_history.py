"""The history of mail: a line for each recipient that was sent to."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from trackkit.contract.operation import Operation, Request, Response, RowNumber
from trackkit.domain.accounts import Role

PAGE = 200
MAXIMUM_PAGE = 5000
COUNTED = 10_000
"""Lines that match are counted up to here."""


class SentMail(Response):
    """A line of history: one recipient that was sent to."""

    history_id: int
    queue_id: str
    message_id: str
    sender: str
    recipient: str
    subject: str
    queued_at: datetime
    sent_at: datetime
    host: str
    reply: str
    tries: int


class ListSent(Request):
    """Newest first; `before` is the `history_id` after which to go on. Each given condition must hold.

    `recipient`, `sender` and `message_id` are found anywhere in theirs; case does not matter for ASCII letters. It was
    sent at `since` or later, and before `until`.
    """

    recipient: str | None = Field(None, min_length=1, max_length=256)
    sender: str | None = Field(None, min_length=1, max_length=256)
    message_id: str | None = Field(None, min_length=1, max_length=998)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class SentPage(Response):
    """A page of history."""

    sent: tuple[SentMail, ...]
    next_before: int | None
    total: int = 0
    """How many lines match."""
    total_is_exact: bool = True
    """Else at least so many match."""


SENT = Operation("mail.history", "GET", "/mail/history", ListSent, SentPage, Role.viewer, "Mail that has left")

OPERATIONS = (SENT,)
