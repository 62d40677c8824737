"""Reply times and what is unanswered, as the report says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trackkit.contract.email_answers import AnsweredEmail
from trackkit.frames.emails import answers_frame
from trackkit.reports.reply_times import summary, unanswered

NOW = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


def email(number: int, direction: str, hours_ago: float, answered_after: float | None = None, **more: Any) -> Any:
    at = NOW - timedelta(hours=hours_ago)
    answered_at = None if answered_after is None else at + timedelta(hours=answered_after)
    given = {"answers": None, "user": "ana" if direction == "sent" else "", "bounced": False, **more}
    return AnsweredEmail(number=number, record="defect 1", direction=direction, at=at, answered_at=answered_at, **given)


@pytest.mark.spec("11: tracking (reply times, unanswered)")
def test_both_sides_are_told_how_long_they_wait() -> None:
    frame = answers_frame(
        [
            email(1, "sent", 100, 1),
            email(2, "received", 99, 2),
            email(3, "received", 98, 50),
            email(4, "sent", 97, answers=2),
            email(5, "received", 30),
            email(6, "sent", 20, bounced=True),
        ]
    )
    told = summary(frame).set_index("Who waits").to_dict("index")
    outside, here = told.values()
    assert outside["Half within"] == "2 d"
    assert (outside["E-mails"], outside["Answered"], outside["Not answered"]) == (3, 2, 1)
    assert (here["Half within"], here["Nine in ten within"], here["Not answered"]) == ("1 h", "1 h", 1)
    waits = unanswered(frame, "sent", NOW)
    assert waits["E-mail"].tolist() == [6], "a last word waits for nothing"
    assert waits.iloc[0][["Waits", "User", "Bounced"]].tolist() == ["20 h", "ana", "yes"]
    assert unanswered(frame, "received", NOW)["Waits"].tolist() == ["1 d"]


def test_nothing_is_told_as_nothing() -> None:
    empty = answers_frame([])
    assert summary(empty)["Half within"].tolist() == ["–", "–"]
    assert len(unanswered(empty, "sent", NOW)) == 0
