"""A tracked e-mail there and back, by a real Postfix and a real Dovecot: sent, answered, fetched, filed, forwarded.

Who answers is scripted, in the styles of known mail programs (`answering`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import pytest
import trustme

from tests.conftest import Start
from tests.peers import answering, post_office, tracked_project
from tests.peers.answering import read
from tests.peers.post_office import FULL, GONE, PostOffice, address
from tests.peers.tracked_project import CUSTOMER, DESK, USER, TrackedProject
from tests.ports import wait_until
from trackkit.contract.project_mail import EmailDetail, EmailView
from trackkit.domain.tracking.inbox import InboxState

pytestmark = pytest.mark.peers

ACCOUNT = "track"
TEXT = "The pump stops after an hour.\n\nDoes it stop at night, too?\n"
CARL = f"Carl Gauss <{address('carl')}>"


@pytest.fixture(scope="module")
def site(start_for_module: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackedProject]:
    """A server that fetches from a real Dovecot over TLS."""
    if reason := post_office.missing():
        pytest.skip(reason)
    authority = trustme.CA()
    trusted: Path = tmp_path_factory.mktemp("trusted") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    office = post_office.start([ACCOUNT, USER, "carl", "dora", DESK], post_office.certificate(authority))
    try:
        server = start_for_module(
            options=office.options(ACCOUNT, "tls"), environment={"SSL_CERT_FILE": str(trusted)}, seats=5
        )
        yield tracked_project.set_up(server, office, ACCOUNT, "pumps")
    finally:
        office.stop()


@pytest.fixture
def office(site: TrackedProject) -> PostOffice:
    """The post office with empty mailboxes."""
    for name in (ACCOUNT, USER, "carl", "dora", DESK):
        site.office.empty(name)
    return site.office


def sent(site: TrackedProject, title: str, *to: str) -> tuple[EmailView, bytes]:
    """A tracked e-mail of a new record, and as Carl finds it in his mailbox."""
    record = site.add_defect(title)
    with site.as_ada() as project:
        email = project.mail.send(record, to or (CUSTOMER,), "The pump", TEXT)
    site.all_left()
    return email, (site.office.mails("carl") or [b""])[-1]


def answered(site: TrackedProject, answer: bytes, author: str = CARL) -> None:
    """Somebody sends an answer, and the mailbox is fetched from."""
    mail = read(answer)
    site.office.post(answer, parseaddr(author)[1], [parseaddr(str(mail["To"]))[1]])
    site.poll()


def the_reply(site: TrackedProject, record: str) -> EmailDetail:
    """The only e-mail of a record that came in."""
    (reply,) = [email for email in site.emails(record) if email.direction == "received"]
    with site.as_ada() as project:
        return project.mail.show(reply.number)


def octets(raw: bytes) -> bytes:
    """What a mailbox keeps with its own line ends."""
    return raw.replace(b"\r\n", b"\n")


INTERLEAVED = "> The pump stops after an hour.\n\nRather two hours.\n\n> Does it stop at night, too?\n\nYes."
"""What an answer is worth nothing without stays with it."""

STYLES: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "top": (lambda raw: answering.top(raw, CARL, "Yes, at night.\nAnd on Sundays."), "Yes, at night.\nAnd on Sundays."),
    "inline": (lambda raw: answering.inline(raw, CARL, ["Rather two hours.", "Yes."]), INTERLEAVED),
    "outlook": (lambda raw: answering.outlook(raw, CARL, "Yes, every night."), "Yes, every night."),
}


@pytest.mark.spec("8: a tracked e-mail there and back: sent, answered, fetched, filed with its record, forwarded")
@pytest.mark.parametrize("style", STYLES)
def test_an_answer_finds_its_record(site: TrackedProject, office: PostOffice, style: str) -> None:
    answer, text = STYLES[style]
    email, raw = sent(site, f"Answered {style}")
    mail = read(raw)
    assert parseaddr(str(mail["From"]))[1] == address(USER)
    for field in ("Reply-To", "Return-Path"):
        assert parseaddr(str(mail[field]))[1].startswith(f"{ACCOUNT}+tk1")
    answered(site, answer(raw))

    reply = the_reply(site, email.record)
    assert (reply.email.answers, reply.email.origin, reply.email.standing) == (email.number, "person", "known")
    assert reply.text.strip() == text
    assert style == "inline" or "stops after an hour" in reply.cut
    assert "<script" not in reply.html
    assert "tracker.test" not in reply.html
    with site.as_ada() as project:
        assert project.mail.show(email.number).replies == (reply.email.number,)
        kept = project.mail.raw(reply.email.number)
    assert hashlib.sha256(kept).hexdigest() == reply.sha256
    assert office.mails(ACCOUNT) == []
    forwarded_to(site, USER, kept)


def forwarded_to(site: TrackedProject, name: str, original: bytes) -> None:
    """The original, whole, from the tracking account; nobody's program answers it."""
    (raw,) = site.office.mails(name)
    forward = read(raw)
    assert parseaddr(str(forward["From"]))[1] == address(ACCOUNT)
    assert str(forward["Return-Path"]) in ("<>", "")
    assert str(forward["Auto-Submitted"]).startswith("auto-")
    (attached,) = [part for part in forward.walk() if part.get_content_type() == "message/rfc822"]
    inner = attached.get_payload(0)
    assert isinstance(inner, EmailMessage)
    assert inner["Message-ID"] == read(original)["Message-ID"]
    assert octets(original).strip() in octets(raw), "not the bytes that came"


CARRIERS: Mapping[str, Callable[[EmailMessage], list[Callable[[EmailMessage], None]]]] = {
    "references": lambda mail: [answering.with_subject("Re: The pump"), answering.to(address(ACCOUNT))],
    "subject": lambda mail: [answering.without_references, answering.to(address(ACCOUNT))],
    "address": lambda mail: [answering.without_references, answering.with_subject("Re: The pump")],
}


@pytest.mark.spec("8: each of the three carriers of a cookie is enough")
@pytest.mark.parametrize("carrier", CARRIERS)
def test_one_carrier_is_enough(site: TrackedProject, office: PostOffice, carrier: str) -> None:
    email, raw = sent(site, f"By {carrier}")
    answer = answering.top(raw, CARL, "Yes.")
    answered(site, answering.changed(answer, *CARRIERS[carrier](read(raw))))
    reply = the_reply(site, email.record)
    assert (reply.email.answers, reply.text.strip()) == (email.number, "Yes.")
    assert len(office.mails(USER)) == 1


@pytest.mark.spec("8: mail without a cookie is untracked; it stays in the mailbox and is fetched once")
def test_without_any_it_is_untracked(site: TrackedProject, office: PostOffice) -> None:
    email, raw = sent(site, "Stripped")
    strip = (answering.without_references, answering.with_subject("The pump"), answering.to(address(ACCOUNT)))
    answered(site, answering.changed(answering.top(raw, CARL, "Yes."), *strip))
    assert [one.direction for one in site.emails(email.record)] == ["sent"]
    (untracked,) = site.server.admin.tracking.inbox([InboxState.untracked]).items
    assert untracked.author.endswith(address("carl")) or address("carl") in untracked.author
    assert len(office.mails(ACCOUNT)) == 1
    assert office.mails(USER) == []
    assert site.poll().fetched == 0
    assert len(office.mails(ACCOUNT)) == 1


def test_a_conversation_goes_on(site: TrackedProject, office: PostOffice) -> None:
    email, raw = sent(site, "Goes on")
    answered(site, answering.top(raw, CARL, "At night, too."))
    first = the_reply(site, email.record)
    with site.as_ada() as project:
        second = project.mail.reply(first.email.number, "Then we come on Monday.")
    site.all_left()
    answer = office.mails("carl")[-1]
    assert second.answers == first.email.number
    assert str(read(answer)["In-Reply-To"]) == first.message_id
    # Carl asks Dora, whom nobody knows here, and she answers.
    answered(site, answering.top(answer, f"Dora <{address('dora')}>", "Monday is fine."), address("dora"))
    (last,) = [one for one in site.emails(email.record) if one.answers == second.number]
    assert (last.standing, last.origin, last.sender) == ("unknown", "person", address("dora"))
    assert [one.direction for one in site.emails(email.record)] == ["sent", "received", "sent", "received"]
    assert len(office.mails(USER)) == 2


@pytest.mark.spec("8: a bounce marks its recipient, hard or soft, with the status; nobody gets it as an answer")
def test_a_bounce_marks_the_recipient(site: TrackedProject, office: PostOffice) -> None:
    gone, full, refused = f"x@{GONE}", f"y@{FULL}", address("nobody-there")
    email, _ = sent(site, "Bounces", gone, full, refused, address("carl"))

    def marked() -> dict[str, tuple[str, str, bool | None]]:
        site.poll()
        with site.as_ada() as project:
            recipients = project.mail.show(email.number).email.recipients
        return {one.address: (one.outcome, one.status_code, one.hard) for one in recipients}

    wait_until(lambda: marked()[refused][0], what="the report about the one that was refused at once")
    marks = marked()
    assert marks[gone] == ("bounce", "5.1.1", True)
    assert marks[full] == ("bounce", "5.2.2", False)
    assert marks[refused] == ("bounce", "5.1.1", True)
    assert marks[address("carl")] == ("", "", None)
    received = [one for one in site.emails(email.record) if one.direction == "received"]
    assert {one.origin for one in received} == {"bounce"}
    assert office.mails(USER) == []
    assert office.mails(ACCOUNT) == []


@pytest.mark.spec("8: an automatic answer is recorded as such, not forwarded, not answered")
def test_a_vacation_reply_is_recorded_and_nobody_answers_it(site: TrackedProject, office: PostOffice) -> None:
    email, raw = sent(site, "Away")
    before = len(office.mails("carl"))
    vacation = answering.vacation(raw, CARL)
    office.post(vacation, "", [parseaddr(str(read(vacation)["To"]))[1]])
    site.poll()
    reply = the_reply(site, email.record)
    assert (reply.email.origin, reply.text.strip()) == ("automatic", "I am away until Monday.")
    with site.as_ada() as project:
        (recipient,) = project.mail.show(email.number).email.recipients
    assert recipient.outcome == "automatic"
    assert office.mails(USER) == []
    assert len(office.mails("carl")) == before


@pytest.mark.spec("13: dead-man's switch: a probe mail goes out and comes back")
def test_the_round_trip(site: TrackedProject, office: PostOffice) -> None:
    probe = site.server.admin.tracking.round_trip()
    assert probe.returned_at is None
    site.all_left()
    assert len(office.mails(ACCOUNT)) == 1
    site.poll()
    (back,) = [one for one in site.server.admin.tracking.status().round_trips if one.queue_id == probe.queue_id]
    assert back.returned_at is not None
    assert office.mails(ACCOUNT) == []
