"""Whether the sender is told, and what a notification says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trackkit.domain import notices
from trackkit.domain.notices import Notice, Undelivered, may_be_told
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEVER = Outcome(Verdict.permanent, Stage.recipient, Failure.replied, 550, "5.1.1", "5.1.1 No such user")
LATER = Outcome(Verdict.temporary, Stage.connect, Failure.timed_out, text="timed out")
LIMIT = NOW + timedelta(days=4)


def _one(outcome: Outcome, retry_until: datetime | None = None, host: str = "mail.example.org:25") -> Undelivered:
    return Undelivered("b@example.org", outcome, host, NOW, 3, retry_until)


def _words(*recipients: Undelivered) -> str:
    return notices.words(Notice("Q7", "Hello", NOW, recipients), "here.test", Options(), UTC)


@pytest.mark.spec("5: the sender is told of a failure, never the null sender or an automatic one")
@pytest.mark.parametrize(
    ("sender", "header", "told"),
    [
        ("ada@example.org", b"", True),
        ("ada@example.org", b"Auto-Submitted: no\r\n", True),
        ("ada@example.org", b"Precedence: first-class\r\n", True),
        ("ada@example.org", b"auto-submitted:\r\n no (by hand)\r\n", True),
        ("preowner-x@example.org", b"", True),
        ("", b"", False),
        ("ada@example.org", b"Auto-Submitted: auto-generated\r\n", False),
        ("ada@example.org", b"Auto-Submitted: auto-replied; owner-email=x\r\n", False),
        ("ada@example.org", b"Auto-Submitted: no\r\nAuto-Submitted: auto-notified\r\n", False),
        ("ada@example.org", b"Precedence: Bulk\r\n", False),
        ("ada@example.org", b"Precedence: junk\r\n", False),
        ("ada@example.org", b"Precedence: list\r\n", False),
        ("ada@example.org", b'Content-Type: Multipart/Report; boundary="x"\r\n', False),
        ("MAILER-DAEMON@example.org", b"", False),
        ("postmaster@example.org", b"", False),
        ("noreply@example.org", b"", False),
        ("No-Reply+x@example.org", b"", False),
        ("do-not-reply@example.org", b"", False),
        ("people-request@example.org", b"", False),
        ("people-bounces+ada@example.org", b"", False),
        ("owner-people@example.org", b"", False),
    ],
)
def test_who_is_told(sender: str, header: bytes, told: bool) -> None:
    assert may_be_told(sender, header + b"Subject: x\r\n\r\nAuto-Submitted: auto-generated\r\n") is told


def test_the_words_name_each_recipient_what_the_host_said_and_what_can_be_done() -> None:
    text = _words(_one(NEVER), _one(LATER))
    assert "“Hello” of 2026-03-01 12:00 (UTC+0000)\ncould not be delivered to:" in text
    assert "The host rejects the address (3 tries).\n    mail.example.org said: 550 5.1.1 No such user" in text
    assert "Check the address for mistakes" in text
    assert "Last trouble: timed out\n    Send it again later" in text
    assert "Q7" in text
    late = _words(_one(LATER, LIMIT))
    assert "has not been delivered yet to:" in late
    assert "Delivery is tried until 2026-03-05 12:00 (UTC+0000)." in late
    assert "need not send it again" in late


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (_one(NEVER), "5.1.1"),
        (_one(Outcome(Verdict.permanent, Stage.data, Failure.replied, 554, "", "no")), "5.0.0"),
        (_one(LATER), "5.4.7"),
        (_one(Outcome(Verdict.temporary, Stage.recipient, Failure.replied, 451, "4.7.1", "4.7.1 later")), "5.4.7"),
        (_one(Outcome(Verdict.temporary, Stage.recipient, Failure.replied, 451, "4.7.1", "4.7.1 l"), LIMIT), "4.7.1"),
        (_one(LATER, LIMIT), "4.4.1"),
        (_one(Outcome(Verdict.temporary, Stage.ehlo, Failure.garbled, text="?"), LIMIT), "4.0.0"),
    ],
)
def test_the_status_is_the_hosts_where_it_decided_and_ours_where_time_did(one: Undelivered, status: str) -> None:
    assert notices.status(one) == status


def test_a_reply_of_many_lines_is_one_bounded_line_in_every_field() -> None:
    evil = Outcome(Verdict.permanent, Stage.data, Failure.replied, 554, "", "a\r\nBcc: x@y.test\n\n\x00b" + "c" * 2000)
    fields = notices.recipient_fields(_one(evil, host="[2001:db8::1]:25"))
    assert all(value.isprintable() and len(value) < 600 for _, value in fields)
    assert dict(fields)["Remote-MTA"] == "dns; 2001:db8::1"
    assert dict(fields)["Diagnostic-Code"].startswith("smtp; 554 a | Bcc: x@y.test")
    assert "\nBcc" not in _words(_one(evil))
