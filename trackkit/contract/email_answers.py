"""When the e-mails of a project were answered: for reports, without addresses and text."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from trackkit.contract.inbox import MAXIMUM_PAGE, PAGE
from trackkit.contract.operation import Operation, Response, RowNumber
from trackkit.contract.tracking import NamedProject
from trackkit.domain import errors
from trackkit.domain.accounts import Role


class ListAnswers(NamedProject):
    """Tracked e-mails that people wrote, oldest first. Without `since` all of them; `after`: the number after which to
    go on."""

    since: AwareDatetime | None = None
    after: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class AnsweredEmail(Response):
    """One e-mail, without what it says, and when it was first answered by a person; none = not yet.

    direction: ``received`` = somebody outside waits for the answer; ``sent`` = a user does.
    answers: the number of the e-mail that it answers itself.
    bounced: it did not get to at least one recipient.
    """

    number: int
    record: str
    direction: str
    user: str
    answers: int | None
    at: datetime
    answered_at: datetime | None
    bounced: bool


class Answers(Response):
    """`next_after` none = this was the last page."""

    items: tuple[AnsweredEmail, ...]
    next_after: int | None


ANSWERS = Operation(
    "tracking.answers",
    "GET",
    "/tracking/answers",
    ListAnswers,
    Answers,
    Role.viewer,
    "When the e-mails of a project were answered",
    errors=(errors.NotFound, errors.Conflict, errors.DatabaseUnavailable),
)

OPERATIONS = (ANSWERS,)
