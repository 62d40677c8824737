"""When the e-mails of a project were answered: by whom they answer, not by what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, select

from trackkit.store.project_emails import emails
from trackkit.store.project_tables import email_recipients

_PERSON = "person"


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """An e-mail that a person wrote, and when it was first answered by one."""

    number: int
    record: str
    direction: str
    user: str
    answers: int | None
    at: datetime
    answered_at: datetime | None
    bounced: bool


def page(connection: Connection, since: datetime | None, after: int | None, limit: int) -> list[AnsweredRow]:
    """Tracked e-mails in the order they were filed. Only what came from the other side is an answer."""
    answer, at = emails.alias(), emails.c.created_at
    answered = select(func.min(answer.c.created_at)).where(
        and_(answer.c.answers == emails.c.id, answer.c.origin == _PERSON, answer.c.direction != emails.c.direction)
    )
    to = email_recipients.c
    bounced = exists().where(to.email == emails.c.id, to.outcome == "bounce")
    query = (
        select(
            emails.c.id,
            emails.c.record,
            emails.c.direction,
            emails.c.user,
            emails.c.answers,
            at,
            answered.scalar_subquery(),
            bounced,
        )
        .where(emails.c.tracked, emails.c.origin == _PERSON)
        .order_by(emails.c.id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(at >= since)
    if after is not None:
        query = query.where(emails.c.id > after)
    return [AnsweredRow(*row) for row in connection.execute(query)]
