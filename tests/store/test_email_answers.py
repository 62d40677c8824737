"""When e-mails were answered, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trackkit.domain.project.kind import Kind
from trackkit.store import email_answers, project_emails
from trackkit.store.database import Store
from trackkit.store.project_emails import NewEmail
from trackkit.store.project_tables import email_recipients

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def put(project: Store, hours: float, *, sent: bool, answers: int | None = None, **more: Any) -> int:
    """File an e-mail so many hours after the start; its number."""

    def work(connection: Any) -> int:
        number = project_emails.take_email_numbers(connection)
        new: dict[str, Any] = {"tracked": True, "mailed_on": None, "raw": b"x", "text": "", "subject": "s", **more}
        email = NewEmail(
            number=number,
            kind=Kind.defect,
            record=12,
            sent=sent,
            answers=answers,
            user="ana" if sent else "",
            sender="a@x.test",
            recipients=["b@x.test"],
            message_id=f"<{number}@x.test>",
            import_key=None if sent else str(number),
            **new,
        )
        project_emails.add_all(connection, [email], START + timedelta(hours=hours), "ana")
        return number

    return project.write(work)


@pytest.mark.spec("11: tracking (reply times, unanswered)")
def test_the_first_answer_of_a_person_from_the_other_side_counts(project: Store) -> None:
    asked = put(project, 0, sent=True)
    put(project, 1, sent=False, answers=asked, origin="automatic")
    put(project, 2, sent=True, answers=asked)
    reply = put(project, 3, sent=False, answers=asked)
    put(project, 4, sent=False, answers=asked)
    thanks = put(project, 5, sent=True, answers=reply)
    put(project, 6, sent=True, tracked=False)
    put(project, 7, sent=True, origin="notification")
    bounced = put(project, 8, sent=True)
    project.write(
        lambda connection: connection.execute(
            email_recipients.update().where(email_recipients.c.email == bounced).values(outcome="bounce")
        )
    )
    rows = project.read(lambda connection: email_answers.page(connection, None, None, 100))
    by_number = {row.number: row for row in rows}
    assert by_number[asked].answered_at == START + timedelta(hours=3)
    assert (by_number[asked].direction, by_number[asked].user, by_number[asked].record) == ("sent", "ana", "defect 12")
    assert by_number[reply].answered_at == START + timedelta(hours=5)
    assert by_number[thanks].answered_at is None
    assert [row.number for row in rows if row.bounced] == [bounced]
    assert len(rows) == 6, "what a program wrote, or is not tracked, is not among them"
    later = project.read(lambda connection: email_answers.page(connection, START + timedelta(hours=4), thanks, 1))
    assert [row.number for row in later] == [bounced]
