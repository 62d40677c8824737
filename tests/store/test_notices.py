"""The sender is told: one notification a message and fate, in the transaction that settles it, on both databases."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, LATER
from trackkit.contract import mail as contract
from trackkit.domain.delivery import State
from trackkit.domain.errors import Unavailable
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services import mail, mail_listing, notices
from trackkit.services.attempts import Attempted, Claimed
from trackkit.services.delivery import DeliveryQueue
from trackkit.store import queue as store

NEVER = Outcome(Verdict.permanent, Stage.recipient, Failure.replied, 550, "5.1.1", "5.1.1 No such üser")
HEADER = f"Subject: Grüße\r\nMessage-ID: <one@example.org>\r\nX-Long: {'x' * 20_000}\r\n"
RAW = f"{HEADER}\r\nsecret body\r\n".encode()


def _submit(admin: AsUser, *to: str, sender: str = "ada@example.org", raw: bytes = RAW) -> str:
    request = contract.Submit.model_construct(message=raw, sender=sender, recipients=to or ("a@example.org",))
    return mail.submit(admin(), request).queue_id


def _attempted(clock: Clock, claimed: Claimed, *outcomes: Outcome) -> Attempted:
    found = {r.recipient_id: outcome for r, outcome in zip(claimed.recipients, outcomes, strict=True)}
    return Attempted(claimed, clock(), clock(), "mail.example.org:25", found, "")


def _settle(queue: DeliveryQueue, clock: Clock, *outcomes: Outcome) -> None:
    [claimed] = queue.claim(1)
    queue.settle([_attempted(clock, claimed, *outcomes)])


def _notices(admin: AsUser) -> list[contract.MessageDetail]:
    page = mail_listing.list_queue(admin(), contract.ListQueue(descending=False))
    found = [mail.show(admin(), contract.OneMessage(queue_id=message.queue_id)) for message in page.messages]
    return [detail for detail in found if detail.submitted_by == notices.NOTICES]


def _parsed(admin: AsUser, notice: contract.MessageDetail) -> EmailMessage:
    raw = mail.raw(admin(), contract.OneMessage(queue_id=notice.message.queue_id)).message
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.spec("5: the sender is told of a failure, never the null sender or an automatic one")
def test_one_notification_tells_of_all_that_failed_then(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "a@example.org", "b@example.org", "c@example.org", "d@example.org")
    _settle(queue, clock, NEVER, ACCEPTED, LATER, NEVER)
    [notice] = _notices(admin)
    assert notice.message.sender == ""
    assert [(r.address, r.state) for r in notice.recipients] == [("ada@example.org", State.queued)]
    message = _parsed(admin, notice)
    assert message.defects == []
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<one@example.org>"
    assert message["Message-ID"] == notice.message_id
    assert message["To"] == "ada@example.org"
    assert message["From"] == f"Mail Delivery System <MAILER-DAEMON@{notices.server_name()}>"
    assert (message.get_content_type(), message.get_param("report-type")) == ("multipart/report", "delivery-status")
    words, report, header = message.iter_parts()
    text = words.get_content()
    assert "“Grüße”" in text
    assert text.count("mail.example.org said: 550 5.1.1 No such üser") == 2
    assert queue_id in text
    about, first, second = report.get_payload()
    assert about["Reporting-MTA"] == f"dns; {notices.server_name()}"
    assert about["Arrival-Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert [one["Final-Recipient"] for one in (first, second)] == ["rfc822; a@example.org", "rfc822; d@example.org"]
    assert (first["Action"], first["Status"], first["Remote-MTA"]) == ("failed", "5.1.1", "dns; mail.example.org")
    assert first["Diagnostic-Code"] == "smtp; 550 5.1.1 No such ?ser"
    assert header.get_content_type() == "text/rfc822-headers"
    assert header.get_content().splitlines()[:2] == ["Subject: Grüße", "Message-ID: <one@example.org>"]
    assert "secret body" not in message.as_string()
    assert len(header.get_content()) < 17_000


def test_the_days_limit_is_told_too_and_a_notification_that_fails_causes_none(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    _submit(admin)
    clock.forward(days=6)
    _settle(queue, clock, LATER)
    [notice] = _notices(admin)
    report = list(_parsed(admin, notice).iter_parts())[1]
    fields = report.get_payload()[1]
    assert (fields["Status"], fields["Diagnostic-Code"]) == ("5.4.7", "x-trackkit; connection refused")
    assert fields["Remote-MTA"] is None
    _settle(queue, clock, NEVER)
    assert [n.message.state for n in _notices(admin)] == [State.failed], "nobody is told of what is told"


def test_null_and_automatic_senders_are_told_nothing(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    for sender, raw in (("", RAW), ("noreply@x.test", RAW), ("ada@x.test", b"Auto-Submitted: auto-generated\r\n\r\n")):
        _submit(admin, sender=sender, raw=raw)
        _settle(queue, clock, NEVER)
    assert _notices(admin) == []


def test_what_was_deleted_meanwhile_is_not_told(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin)
    [claimed] = queue.claim(1)
    mail.delete(admin(), contract.Verb(queue_ids=(queue_id,)))
    queue.settle([_attempted(clock, claimed, NEVER)])
    assert _notices(admin) == []


def test_settling_and_telling_are_one_transaction(
    queue: DeliveryQueue, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id = _submit(admin)
    [claimed] = queue.claim(1)

    def full(*_: object) -> None:
        raise Unavailable("The disk is full; nothing was changed.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "set_statuses", full)
        with pytest.raises(Unavailable):
            queue.settle([_attempted(clock, claimed, NEVER)])
    assert _notices(admin) == []
    for _ in range(2):  # a settling that comes again finds nothing left to settle
        queue.settle([_attempted(clock, claimed, NEVER)])
    assert len(_notices(admin)) == 1
    assert mail.show(admin(), contract.OneMessage(queue_id=queue_id)).message.state is State.failed


def test_nothing_of_a_message_can_add_a_header_or_break_a_notification(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    raw = b"Subject: =?utf-8?q?a=0D=0ABcc=3A_x=40y.test?=\r\nMessage-ID: <a@b>\x0bBcc: x@y.test\r\nX: \xff\xfe\x00"
    reply = Outcome(Verdict.permanent, Stage.data, Failure.replied, 554, "", "no\r\n\r\n--=\r\nBcc: x@y.test\x1b[2J")
    _submit(admin, sender='"a <b>, c"@example.org', raw=raw)
    _settle(queue, clock, reply)
    [notice] = _notices(admin)
    message = _parsed(admin, notice)
    assert message["Bcc"] is None
    assert message["References"] is None, "what is no Message-ID is not repeated"
    assert len(list(message.iter_parts())) == 3
    assert [r.address for r in notice.recipients] == ['"a <b>, c"@example.org']


@pytest.mark.spec("5: an optional warning tells the sender once of a delay")
def test_a_delay_is_told_once_and_only_if_wanted(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin)

    def fails_again(hours: float) -> int:
        clock.forward(hours=hours)
        queue.settle([_attempted(clock, claimed, LATER) for claimed in queue.claim(10) if claimed.mail_from])
        return len(_notices(admin))

    assert fails_again(6) == 0, "nobody asked for it"
    admin.set({"sending.timing.delay_warning_hours": 8})
    assert fails_again(1) == 0
    assert fails_again(2) == 1
    assert fails_again(9) == 1
    [notice] = _notices(admin)
    fields = list(_parsed(admin, notice).iter_parts())[1].get_payload()[1]
    assert (fields["Action"], fields["Status"]) == ("delayed", "4.4.1")
    assert fields["Will-Retry-Until"] == "Fri, 06 Mar 2026 12:00:00 +0000"
    assert mail.show(admin(), contract.OneMessage(queue_id=queue_id)).warned_at is not None
    assert notice.warned_at is None
