"""The story of mail that is stuck, told twice: in Python and on the command line, against a real Postfix.

A wrong host; three mails, one to a bad recipient, stuck with attempts and diagnosis. The host is corrected, they are
reattempted: two leave, the third shows its 550. It is deleted, brought back, deleted. Log and audit tell it by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.command_line import CommandLine
from tests.conftest import Start
from tests.peers.postfix import Postfix
from tests.ports import free_port, wait_until
from trackkit.client import Server
from trackkit.contract.audit import AuditPage
from trackkit.contract.log import LogPage
from trackkit.contract.mail import MessageDetail, QueuePage, QueueSummary, Submitted, VerbResult, VerbResults
from trackkit.contract.mail_history import SentPage
from trackkit.domain.accounts import Role
from trackkit.domain.delivery import State

ANN, PASSWORD = "Ann", "correct horse battery"
MAIL = b"From: tracker@trackkit.test\r\nSubject: Defect %d\r\nMessage-ID: <%d@trackkit.test>\r\n\r\nHello.\r\n"


class Front(Protocol):
    """What the story needs of a way to work with a server."""

    def set(self, values: Mapping[str, str | int]) -> None: ...
    def submit(self, message: bytes, sender: str, recipient: str) -> str: ...
    def queue(self) -> QueuePage: ...
    def summary(self) -> QueueSummary: ...
    def show(self, queue_id: str) -> MessageDetail: ...
    def verb(self, name: str, queue_ids: list[str]) -> tuple[VerbResult, ...]: ...
    def history(self) -> SentPage: ...
    def log(self, text: str) -> LogPage: ...
    def audit(self) -> AuditPage: ...


class InPython:
    """`import trackkit`."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def set(self, values: Mapping[str, str | int]) -> None:
        self.server.options.set(values)

    def submit(self, message: bytes, sender: str, recipient: str) -> str:
        return self.server.mail.submit(message, sender=sender, recipients=[recipient]).queue_id

    def queue(self) -> QueuePage:
        return self.server.mail.list()

    def summary(self) -> QueueSummary:
        return self.server.mail.summary()

    def show(self, queue_id: str) -> MessageDetail:
        return self.server.mail.show(queue_id)

    def verb(self, name: str, queue_ids: list[str]) -> tuple[VerbResult, ...]:
        results: VerbResults = getattr(self.server.mail, name)(queue_ids)
        return results.results

    def history(self) -> SentPage:
        return self.server.mail.history()

    def log(self, text: str) -> LogPage:
        return self.server.log.list(text=text)

    def audit(self) -> AuditPage:
        return self.server.audit.list()


class OnTheCommandLine:
    """`trackkit ...`, with what it prints for programs."""

    def __init__(self, trackkit: CommandLine, folder: Path) -> None:
        self.trackkit, self.folder = trackkit, folder

    def set(self, values: Mapping[str, str | int]) -> None:
        self.trackkit("options", "set", *(f"{name}={value}" for name, value in values.items()))

    def submit(self, message: bytes, sender: str, recipient: str) -> str:
        file = self.folder / "mail.eml"
        file.write_bytes(message)
        words = ["mail", "submit", str(file), "--from", sender, "--to", recipient, "--json"]
        return Submitted.model_validate_json(self.trackkit(*words)).queue_id

    def queue(self) -> QueuePage:
        return QueuePage.model_validate_json(self.trackkit("mail", "list", "--json"))

    def summary(self) -> QueueSummary:
        return QueueSummary.model_validate_json(self.trackkit("mail", "summary", "--json"))

    def show(self, queue_id: str) -> MessageDetail:
        return MessageDetail.model_validate_json(self.trackkit("mail", "show", queue_id, "--json"))

    def verb(self, name: str, queue_ids: list[str]) -> tuple[VerbResult, ...]:
        done = self.trackkit.run("mail", name, *queue_ids, "--json", *(["--yes"] if name in ASKING else []))
        return VerbResults.model_validate_json(done.stdout).results

    def history(self) -> SentPage:
        return SentPage.model_validate_json(self.trackkit("mail", "history", "--json"))

    def log(self, text: str) -> LogPage:
        return LogPage.model_validate_json(self.trackkit("log", "list", "--text", text, "--json"))

    def audit(self) -> AuditPage:
        return AuditPage.model_validate_json(self.trackkit("audit", "list", "--json"))


ASKING = ("reattempt", "delete")


@pytest.fixture(params=["Python", "command line"])
def front(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Iterator[Front]:
    """A way to work with a fresh server as its administrator Ann, over the network."""
    server = start()
    server.admin.users.add(ANN, Role.admin, PASSWORD)
    if request.param == "Python":
        with server.connect(ANN, PASSWORD) as connected:
            yield InPython(connected)
        return
    environment = {
        "TRACKKIT_SERVER": server.url,
        "TRACKKIT_FINGERPRINT": server.fingerprint,
        "TRACKKIT_USERNAME": ANN,
        "TRACKKIT_PASSWORD": PASSWORD,
    }
    yield OnTheCommandLine(CommandLine(tmp_path, environment), tmp_path)


@pytest.mark.peers
@pytest.mark.spec("5: Each message and the queue as a whole carry a diagnosis in plain words with the fix")
def test_the_story(front: Front, postfix: Postfix) -> None:
    wrong_port = free_port()
    front.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": wrong_port, "sending.smtp.encryption": "none"})
    names = ["bob", "carol", "nobody-here"]
    sender = postfix.address("bob")
    ids = [front.submit(MAIL % (n, n), sender, postfix.address(name)) for n, name in enumerate(names)]
    stuck(front, ids, f"127.0.0.1:{wrong_port}")

    front.set({"sending.smtp.port": postfix.port})
    assert [(result.done, result.recipients) for result in front.verb("reattempt", ids)] == [(True, 1)] * 3
    two_left(front, ids, postfix)
    bad = ids[2]
    the_third_shows_its_550(front, bad, postfix)

    assert front.verb("delete", [bad])[0].state is State.deleted
    assert not front.verb("reattempt", [bad])[0].done
    assert front.verb("undelete", [bad])[0].state is State.failed
    assert front.verb("delete", [bad])[0].done
    assert front.show(bad).recipients[0].state is State.deleted
    told_by_name(front, ids, postfix)


def stuck(front: Front, ids: list[str], host: str) -> None:
    """All three wait, with attempts that say why, and a diagnosis that says what to do."""
    wait_until(lambda: all(message.attempts for message in front.queue().messages), what="a first attempt of each")
    page = front.queue()
    assert [message.queue_id for message in page.messages] == ids[::-1]
    for queue_id in ids:
        detail = front.show(queue_id)
        assert detail.message.state is State.deferred
        assert detail.submitted_by == ANN
        (attempt,) = detail.attempts[-1:]
        assert (attempt.host, attempt.failure, attempt.verdict) == (host, "refused", "temporary")
        assert attempt.started_at <= attempt.ended_at
        (recipient,) = detail.recipients
        assert recipient.next_attempt_at is not None
        assert recipient.next_attempt_at > attempt.ended_at
        assert recipient.diagnosis.cause == "host_unreachable"
        assert host in recipient.diagnosis.words
        assert (recipient.diagnosis.operation, recipient.diagnosis.option) == ("options.set", "sending.smtp.host")
    (cause,) = front.summary().causes
    assert (cause.diagnosis.cause, cause.messages) == ("host_unreachable", 3)


def two_left(front: Front, ids: list[str], postfix: Postfix) -> None:
    wait_until(lambda: [m.queue_id for m in front.queue().messages] == ids[2:], what="all others leaving")
    wait_until(lambda: sum(map(len, postfix.delivered().values())) == 3, what="two mails and a notification")
    arrived = postfix.delivered()
    assert {name: len(mails) for name, mails in arrived.items()} == {"bob": 2, "carol": 1}
    (notification,) = [mail for mail in arrived["bob"] if b"Message-ID: <0@trackkit.test>" not in mail]
    assert b"multipart/report" in notification
    assert f"Final-Recipient: rfc822; {postfix.address('nobody-here')}".encode() in notification
    sent = {line.recipient: line for line in front.history().sent}  # newest first, so that his own mail is bob's line
    assert sorted(sent) == [postfix.address("bob"), postfix.address("carol")]
    for line in sent.values():
        assert line.tries >= 2
        assert line.host == f"127.0.0.1:{postfix.port}"
        assert "2.0.0 Ok: queued as" in line.reply
        assert line.message_id.endswith("@trackkit.test>")


def the_third_shows_its_550(front: Front, bad: str, postfix: Postfix) -> None:
    wait_until(lambda: front.show(bad).message.state is State.failed, what="the failure")
    detail = front.show(bad)
    (recipient,) = detail.recipients
    assert (recipient.smtp_code, recipient.enhanced_code, recipient.next_attempt_at) == (550, "5.1.1", None)
    assert "User unknown" in recipient.send_error
    assert recipient.diagnosis.cause == "address_rejected"
    assert postfix.address("nobody-here") in recipient.diagnosis.words
    assert "550 5.1.1" in detail.conversation
    assert detail.attempts[0].stage == "recipient"


def told_by_name(front: Front, ids: list[str], postfix: Postfix) -> None:
    entries = front.log(ids[2]).entries
    failure = next(entry for entry in entries if entry.level == "error")
    assert postfix.address("nobody-here") in failure.message
    assert "550" in failure.details
    assert any(entry.username == ANN for entry in front.log("sending.smtp.port").entries)
    records = [record for record in front.audit().records if record.username == ANN][::-1]
    told = [record.operation for record in records if record.operation != "mail.submit"]
    assert told == ["options.set", "options.set", "mail.reattempt", "mail.delete", "mail.undelete", "mail.delete"]
    corrected = [record for record in records if record.operation == "options.set"][1]
    assert corrected.after["sending.smtp.port"] == str(postfix.port)
    assert corrected.before["sending.smtp.port"] != corrected.after["sending.smtp.port"]
    assert all(record.client_address == "127.0.0.1" for record in records)
