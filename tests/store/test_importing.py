"""Mail that was fetched: decided about once, filed once, passed on within limits, whatever is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.store.conftest import AsUser, Clock
from trackkit.contract import databases as databases_contract
from trackkit.contract import tracking as contract
from trackkit.contract.inbox import Reprocess
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, Customer, Defect, ProjectUser
from trackkit.domain.tracking import cookie
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.mailbox import Listed
from trackkit.services import databases, filing, importing, inbox_replay, project_mail_settings, tracking_keys
from trackkit.services.environment import Environment
from trackkit.services.fetching import Basket, Batch, Came, accounts
from trackkit.services.machine import processors
from trackkit.services.project_stores import OpenProject
from trackkit.services.reading import FEWEST
from trackkit.services.tracking_health import InboxWatch
from trackkit.store import inbox as inbox_store
from trackkit.store import project_emails, project_items
from trackkit.store.database import Connection
from trackkit.store.inbox import Arrived
from trackkit.store.log_tables import entries
from trackkit.store.project_emails import NewEmail
from trackkit.store.project_tables import email_recipients, email_sources, files
from trackkit.store.tables import bodies, messages, recipients
from trackkit.store.tables import databases as databases_table
from trackkit.store.tracking_tables import inbox, round_trips

TRACKING = "track@example.org"
ACCOUNT = "track@127.0.0.1:110"
ANN, BOB, CARL = "ann@example.org", "bob@example.net", "carl@example.net"


@dataclass
class Desk:
    """A project that tracks e-mail: Ann wrote e-mail 1 about defect 1 to Bob and Carl."""

    admin: AsUser
    project: OpenProject
    keys: Keys

    @property
    def environment(self) -> Environment:
        return self.admin.environment

    def cookie(self, email: int = 1, record: int = 1, recipient: int = 0, project: str | None = None) -> str:
        tracked = Tracked(project or self.project.row.database_id, Kind.defect, record, email, recipient)
        return cookie.make(tracked, self.keys, self.environment.server_id)

    def arrive(self, *mails: bytes) -> list[int]:
        """Put mails down as the poller does."""
        arrived = [
            Arrived(hashlib.sha256(raw).hexdigest()[:40], hashlib.sha256(raw).hexdigest(), len(raw), raw)
            for raw in mails
        ]
        arrived = [
            Arrived(f"{one.uidl}-{at}", one.sha256, one.size, one.raw) for at, one in enumerate(arrived, self.count())
        ]
        now = self.environment.clock()
        return self.environment.store.write(lambda c: inbox_store.store(c, ACCOUNT, arrived, now))

    def count(self) -> int:
        return len(self.environment.store.read(lambda c: c.execute(select(inbox.c.id)).all()))

    def imported(self, *mails: bytes) -> list[Any]:
        """The rows of the inbox after these have come in."""
        keys = self.arrive(*mails)
        importing.import_fetched(self.environment, ACCOUNT)
        return self.rows(keys)

    def rows(self, keys: Iterable[int]) -> list[Any]:
        query = select(inbox).where(inbox.c.id.in_(list(keys))).order_by(inbox.c.id)
        return list(self.environment.store.read(lambda c: c.execute(query).all()))

    def emails(self, **where: object) -> list[Any]:
        table = project_emails.emails
        query = select(table).where(*(table.c[name] == value for name, value in where.items())).order_by(table.c.id)
        return list(self.project.read(lambda c: c.execute(query).all()))

    def queued(self) -> list[tuple[str, str, str]]:
        """Envelope sender, recipient, subject of what is in the queue."""
        query = select(messages.c.mail_from, recipients.c.address, messages.c.subject).join(recipients)
        return [
            tuple(row) for row in self.environment.store.read(lambda c: c.execute(query.order_by(messages.c.id)).all())
        ]

    def recipient(self, number: int) -> Any:
        query = select(email_recipients).where(email_recipients.c.email == 1, email_recipients.c.number == number)
        return self.project.read(lambda c: c.execute(query).one())

    def log(self, severity: Severity) -> list[str]:
        self.environment.log.flush()
        query = select(entries.c.message).where(entries.c.severity == severity)
        return list(self.environment.log_store.read(lambda c: c.execute(query).scalars().all()))


@pytest.fixture
def desk(environment: Environment, admin: AsUser, clock: Clock) -> Desk:
    admin.set(
        {
            "sending.smtp.host": "127.0.0.1",
            "tracking.enabled": True,
            "tracking.host": "127.0.0.1",
            "tracking.username": "track",
            "tracking.password": "pass word",
            "tracking.address": TRACKING,
        }
    )
    databases.create_database(admin(), databases_contract.CreateDatabase(name="pumps"))
    settings(admin, tracking=True, notification_address="desk@example.org")
    project = environment.projects.open("pumps")

    def work(connection: Connection) -> None:
        def add(kind: Kind, model: Any) -> None:
            project_items.add(connection, KINDS[kind], model, {}, clock(), "test")

        add(Kind.user, ProjectUser(name="ann", full_name="Ann Lee", email=ANN))
        add(Kind.customer, Customer(name="Dora", email="Dora@Example.com"))
        add(Kind.defect, Defect(title="It crashes"))
        add(Kind.defect, Defect(title="It is slow"))
        sent(connection, user="ann")

    def sent(connection: Connection, user: str = "", origin: Any = "person") -> None:
        number = project_emails.take_email_numbers(connection)
        new = NewEmail(
            number=number,
            kind=Kind.defect,
            record=1,
            sent=True,
            origin=origin,
            tracked=True,
            user=user,
            sender=ANN,
            recipients=[BOB, CARL],
            subject="Does it crash?",
            text="Does it?",
            message_id="<x@y>",
            mailed_on=date(2026, 3, 2),
            raw=b"Subject: Does it crash?\r\n\r\nDoes it?\r\n",
        )
        project_emails.add_all(connection, [new], clock(), "ann")

    project.write(work)
    return Desk(admin, project, tracking_keys.current(environment))


def settings(admin: AsUser, **values: Any) -> None:
    project_mail_settings.change_settings(admin(), contract.SetProjectMail(database="pumps", values=values))


def reply(cookie: str, text: str = "Yes.", *more: str, author: str = f"Bob Ray <{BOB}>", number: object = 1) -> bytes:
    lines = [
        f"From: {author}",
        f"To: {TRACKING}",
        "Subject: Re: Does it crash?",
        f"Message-ID: <reply-{number}@example.net>",
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        f"In-Reply-To: <{cookie}@example.org>",
        *more,
        "",
        text,
        "",
    ]
    return "\r\n".join(lines).encode()


QUOTED = "Yes, it does.\r\n\r\nOn Mon, 2 Mar 2026, Ann wrote:\r\n> Does it?"


@pytest.mark.spec("8: a tracked e-mail there and back: sent, answered, fetched, filed with its record, forwarded")
def test_a_reply_is_filed_forwarded_and_marks_its_recipient(desk: Desk) -> None:
    raw = reply(desk.cookie(), QUOTED)
    (row,) = desk.imported(raw)
    assert (row.state, row.rule, row.raw, row.email) == (InboxState.attached, "filed", None, 2)
    assert (row.record_kind, row.record, row.kind, row.author) == (Kind.defect, 1, "human", BOB)
    (email,) = desk.emails(direction="received")
    assert (email.answers, email.text, email.standing, email.origin) == (1, "Yes, it does.", "known", "person")
    assert "> Does it?" in email.cut
    stored = desk.project.read(lambda c: project_emails.raw(c, 2))
    assert stored == raw
    assert (desk.recipient(1).outcome, desk.recipient(2).outcome) == ("human", "")
    assert desk.queued() == [("", ANN, "Fwd: Re: Does it crash?")]
    body = desk.environment.store.read(lambda c: c.execute(select(bodies.c.raw)).scalar_one())
    mail = message_from_bytes(body, policy=policy.SMTP)
    assert mail["From"] == f"Bob Ray via pumps <{TRACKING}>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert raw in body
    assert "Yes, it does." in mail.get_body().get_content()  # type: ignore[attr-defined]


@pytest.mark.spec("8: a mail that comes again is filed once, and nobody hears of it again")
def test_the_same_mail_is_filed_once(desk: Desk) -> None:
    raw = reply(desk.cookie())
    again = b"Received: from elsewhere\r\n" + raw
    rows = desk.imported(raw, raw, again)
    assert [row.state for row in rows] == ["attached", "duplicate", "duplicate"]
    (later,) = desk.imported(raw)
    assert later.state is InboxState.duplicate
    assert "as e-mail 2" in later.reason
    assert len(desk.emails(direction="received")) == 1
    assert len(desk.queued()) == 1


def test_stopped_after_filing_it_is_no_duplicate_of_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was filed when the server stopped is put down as filed at the next start, and forwarded once."""

    class Stopped(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    (key,) = desk.arrive(reply(desk.cookie()))
    with monkeypatch.context() as patch:
        patch.setattr(importing.inbox_decisions, "decide", stop)
        with pytest.raises(Stopped):
            importing.import_fetched(desk.environment, ACCOUNT)
    importing.import_fetched(desk.environment, ACCOUNT)
    (row,) = desk.rows([key])
    assert (row.state, row.email) == (InboxState.attached, 2)
    assert len(desk.emails(direction="received")) == 1
    assert len(desk.queued()) == 1


def test_what_is_put_down_is_decided_about_by_what_holds_then_also_after_a_stop(desk: Desk, clock: Clock) -> None:
    """Mails are read ahead; one of a probe that is sent meanwhile is known all the same."""
    environment, token = desk.environment, "0123456789abcdef"
    (account,) = accounts(environment)

    def put_down(lot: int) -> tuple[Basket, Batch]:
        raws = [reply(desk.cookie(), number=lot + number) for number in range(1, FEWEST)]
        raws.append(f"From: a@b.test\r\nMessage-ID: <tkprobe.{token}@example.org>\r\n\r\n{lot}\r\n".encode())
        basket = Basket(environment, account.mailbox)
        basket.begin()
        came = [Came(Listed(lot + at, len(raw), f"{lot + at}"), len(raw), raw) for at, raw in enumerate(raws)]
        return basket, basket.put_down(came)

    basket, batch = put_down(0)
    assert batch.begun is not None or processors() < 2
    assert {row.state for row in desk.rows(batch.rows)} == {InboxState.fetched}
    probe = {"token": token, "mailbox": ACCOUNT, "queue_id": "Q1", "sent_at": clock(), "returned_at": None}
    environment.store.write(lambda c: c.execute(round_trips.insert().values(**probe)))
    deleted = basket.take(batch)()
    assert sorted(deleted.values()) == batch.rows
    expected = [InboxState.attached] * (FEWEST - 1)
    assert [row.state for row in desk.rows(batch.rows)] == [*expected, InboxState.discarded]
    _, left = put_down(100)  # and then the server stops
    put_down(200)
    assert [row.state for row in desk.rows(left.rows)] == [*expected, InboxState.untracked]
    assert len(desk.emails(direction="received")) == 2 * len(expected)


@pytest.mark.spec("8: a forged cookie: quarantined, Unusual Activity; another server's: left alone")
def test_what_becomes_of_others(desk: Desk, clock: Clock) -> None:
    other = cookie.make(Tracked("p", Kind.defect, 1, 1, 1), Keys(0, {0: b"z" * 32}), "another server")
    mine = desk.cookie()
    forged = mine[:-4] + ("aaaa" if not mine.endswith("aaaa") else "bbbb")
    token = "0123456789abcdef"
    probe = {"token": token, "mailbox": ACCOUNT, "queue_id": "Q1", "sent_at": clock(), "returned_at": None}
    desk.environment.store.write(lambda c: c.execute(round_trips.insert().values(**probe)))
    found = {
        "none": b"From: a@b.test\r\nSubject: Offer\r\n\r\nBuy\r\n",
        "foreign": reply(other, number=2),
        "forged": reply(forged, number=3),
        "conflicting": reply(mine, "x", f"References: <{desk.cookie(record=2)}@example.org>", number=4),
        "deleted": reply(desk.cookie(email=77), number=5),
        "of another record": reply(desk.cookie(record=2), number=6),
        "of no project": reply(desk.cookie(project="gone"), number=7),
        "own": b"From: %s\r\nMessage-ID: <%s@example.org>\r\n\r\nx\r\n" % (ANN.encode(), mine.encode()),
        "from the tracking address": reply(mine, author=f"<{TRACKING}>", number=8),
        "probe": f"From: a@b.test\r\nMessage-ID: <tkprobe.{token}@example.org>\r\n\r\nprobe\r\n".encode(),
        "no header": b"\r\n\r\n\x00\xff",
        "empty": b"",
    }
    rows = dict(zip(found, desk.imported(*found.values()), strict=True))
    assert {name: (row.state.value, row.rule) for name, row in rows.items()} == {
        "none": ("untracked", "cookie"),
        "foreign": ("untracked", "cookie"),
        "forged": ("quarantined", "cookie"),
        "conflicting": ("quarantined", "cookie"),
        "deleted": ("quarantined", "record"),
        "of another record": ("quarantined", "record"),
        "of no project": ("untracked", "cookie"),
        "own": ("duplicate", "loop"),
        "from the tracking address": ("quarantined", "loop"),
        "probe": ("discarded", "probe"),
        "no header": ("untracked", "cookie"),
        "empty": ("untracked", "cookie"),
    }
    assert all(row.raw is not None for row in rows.values() if row.state in ("untracked", "quarantined"))
    assert desk.emails(direction="received") == []
    assert desk.queued() == []
    back = desk.environment.store.read(lambda c: c.execute(select(round_trips.c.returned_at)).scalar_one())
    assert back == clock()
    assert len(desk.log(Severity.unusual_activity)) == 1, "one entry for a batch, not one for each"


BOUNCE = """From: MAILER-DAEMON@mx.example.net
To: {to}
Subject: Undelivered
Message-ID: <b1@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {bob}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: <{cookie}@example.org>
--b--
"""


@pytest.mark.spec("8: a bounce marks its recipient, hard or soft, with the status; nobody gets it as an answer")
@pytest.mark.spec("8: an automatic answer is recorded as such, not forwarded, not answered")
def test_programs_are_recorded_and_never_answered(desk: Desk) -> None:
    settings(desk.admin, letter=True)
    bounce = BOUNCE.format(to=TRACKING, bob=BOB, cookie=desk.cookie()).replace("\n", "\r\n").encode()
    vacation = reply(desk.cookie(), "Away.", "Auto-Submitted: auto-replied", author=CARL)
    rows = desk.imported(bounce, vacation)
    assert [(row.state, row.kind) for row in rows] == [("attached", "bounce"), ("attached", "automatic")]
    bob, carl = desk.recipient(1), desk.recipient(2)
    assert (bob.outcome, bob.status_code, bob.hard) == ("bounce", "5.1.1", True)
    assert "no such user" in bob.text
    assert (carl.outcome, carl.hard) == ("automatic", None)
    assert desk.queued() == []


@pytest.mark.spec("8: automatic letter for a mail that came, one a sender and window, never to a program")
def test_a_letter_a_sender_and_window(desk: Desk, clock: Clock) -> None:
    settings(desk.admin, letter=True, letter_hours=24)
    desk.imported(reply(desk.cookie(), number=1), reply(desk.cookie(), number=2))
    desk.imported(reply(desk.cookie(), number=3, author="BOB@example.net"))
    letters = [one for one in desk.queued() if one[1] == BOB]
    assert len(letters) == 1
    assert letters[0][0] == "", "the null envelope sender: nothing may answer it"
    (letter,) = desk.emails(origin="letter")
    assert (letter.answers, letter.recipients, letter.tracked) == (2, [BOB], True)
    clock.forward(hours=25)
    desk.imported(reply(desk.cookie(), number=4))
    assert len([one for one in desk.queued() if one[1] == BOB]) == 2
    # Nobody who may be somebody else, and no program.
    failed = "Authentication-Results: mx.example.org; dmarc=fail header.from=example.net"
    desk.imported(
        reply(desk.cookie(), "x", failed, author=CARL, number=5),
        reply(desk.cookie(), "x", author="noreply@example.net", number=6),
        reply(desk.cookie(), "x", "Precedence: list", author="dora@example.com", number=7),
    )
    assert {one[1] for one in desk.queued()} == {BOB, ANN}
    assert [one.standing for one in desk.emails(direction="received")[-3:]] == ["unauthenticated", "unknown", "known"]


def test_an_answer_to_a_letter_goes_to_the_notification_account(desk: Desk) -> None:
    settings(desk.admin, letter=True)
    desk.imported(reply(desk.cookie(), number=1))
    desk.imported(reply(desk.cookie(email=desk.emails(origin="letter")[0].id), number=2))
    assert desk.emails(direction="received")[-1].answers == 3
    # The thread began with Ann's e-mail, so she gets it.
    assert [one[1] for one in desk.queued() if one[2].startswith("Fwd:")] == [ANN, ANN]


@pytest.mark.spec("8: trackers, vacation programs and bounces answer each other: it comes to rest")
def test_a_storm_is_filed_and_not_passed_on(desk: Desk, clock: Clock) -> None:
    """A program that says of itself in no way that it is one answers everything at once."""
    settings(desk.admin, letter=True)
    for start in range(0, 100, 25):
        desk.imported(*(reply(desk.cookie(), number=number) for number in range(start, start + 25)))
    assert len(desk.emails(direction="received")) == 100
    assert len([one for one in desk.queued() if one[1] == ANN]) == 30
    assert len([one for one in desk.queued() if one[1] == BOB]) == 1
    assert len(desk.log(Severity.warning)) == 3
    clock.forward(hours=2)
    desk.imported(reply(desk.cookie(), number="later"))
    assert len([one for one in desk.queued() if one[1] == ANN]) == 31


def test_mail_of_a_project_that_is_away_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, row = desk.environment, desk.project.row
    with monkeypatch.context() as patch:
        patch.setitem(environment.projects._away, row.id, "its drive is gone")
        (waiting,) = desk.imported(reply(desk.cookie()))
        assert (waiting.state, waiting.rule, waiting.tries) == (InboxState.fetched, "project", 0)
        assert "its drive is gone" in waiting.reason
        assert waiting.database_id == row.database_id
        with monkeypatch.context() as idle:  # it is not read again each time
            idle.setattr(importing, "settle", None)
            importing.import_fetched(environment, ACCOUNT)
        (other,) = desk.imported(b"Subject: Offer\r\n\r\nBuy\r\n")
        assert other.state is InboxState.untracked, "others go on"
    importing.import_fetched(environment, ACCOUNT)
    (filed,) = desk.rows([waiting.id])
    assert filed.state is InboxState.attached


def test_mail_of_a_mailbox_that_is_not_fetched_from_any_more_is_decided_about(desk: Desk) -> None:
    (key,) = desk.arrive(reply(desk.cookie()))
    desk.admin.set({"tracking.username": "another"})
    InboxWatch(desk.environment).tidy()
    (row,) = desk.rows([key])
    assert (row.state, row.rule) == (InboxState.quarantined, "mailbox")
    by_hand = Reprocess(inbox_id=key, database="pumps", record="defect 1")
    assert inbox_replay.reprocess(desk.admin(), by_hand).state is InboxState.attached


def test_a_record_that_no_number_names_is_refused(desk: Desk) -> None:
    (row,) = desk.imported(b"Subject: Offer\r\n\r\nBuy\r\n")
    for record in ("defect", "defect x", "walrus 1", f"defect {2**31}", "defect " + "0" * 12 + "9" * 30):
        with pytest.raises(InvalidInput):
            inbox_replay.reprocess(desk.admin(), Reprocess(inbox_id=row.id, database="pumps", record=record))


def test_a_mail_that_cannot_be_filed_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = filing._new_email

    def failing(case: filing.Case, *rest: Any) -> NewEmail:
        if "poison" in case.content.text:
            raise RuntimeError("something nobody thought of")
        return real(case, *rest)

    monkeypatch.setattr(filing, "_new_email", failing)
    good, poison = desk.imported(reply(desk.cookie()), reply(desk.cookie(), "poison", number=2))
    assert (good.state, poison.state, poison.tries) == (InboxState.attached, InboxState.fetched, 1)
    for _ in range(2):
        importing.import_fetched(desk.environment, ACCOUNT)
    (poison,) = desk.rows([poison.id])
    assert (poison.state, poison.rule) == (InboxState.quarantined, "readable")
    assert "RuntimeError" in poison.reason
    assert poison.raw is not None


@pytest.mark.spec("8: HTML is made safe")
def test_files_html_and_a_hostile_name(desk: Desk) -> None:
    body = (
        "--b\r\nContent-Type: text/html\r\n\r\n"
        '<p onclick="x()">Yes <img src="cid:i1"><img src="https://spy.test/x.gif"><script>1</script></p>\r\n'
        "--b\r\nContent-Type: image/png\r\nContent-ID: <i1>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
        '--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="../../x.txt"\r\n\r\nfile\r\n'
        "--b--"
    )
    (row,) = desk.imported(
        reply(desk.cookie(), body, "MIME-Version: 1.0", "Content-Type: multipart/related; boundary=b")
    )
    assert row.state is InboxState.attached
    html = desk.project.read(
        lambda c: c.execute(select(email_sources.c.html).where(email_sources.c.email == 2)).scalar_one()
    )
    assert html == '<p>Yes <img src="data:image/png;base64,AAAA"><img></p>'
    attached = desk.project.read(lambda c: c.execute(select(files.c.name, files.c.content).order_by(files.c.id)).all())
    assert [tuple(one) for one in attached] == [("attachment-1.png", b"\0\0\0"), ("x.txt", b"file")]


def test_words_of_hosts_and_headers_are_stored_whatever_they_hold(desk: Desk) -> None:
    subject = reply(desk.cookie(), "Yes.").replace(b"Re: Does it crash?", b"=?utf-8?q?Yes=0D=0ABcc:_eve=40x.test=00?=")
    report = (
        f"From: MAILER-DAEMON@example.net\r\nTo: {TRACKING}\r\nSubject: Undelivered\r\nMessage-ID: <b@example.net>\r\n"
        f"In-Reply-To: <{desk.cookie()}@example.org>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.net\r\n\r\n"
        f"Final-Recipient: rfc822; {BOB}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 no \0 here\r\n\r\n--b--\r\n"
    )
    rows = desk.imported(subject, report.encode())
    assert [row.subject for row in rows] == ["Yes Bcc: eve@x.test", "Undelivered"]
    assert [row.subject for row in desk.emails(direction="received")] == [row.subject for row in rows]
    assert "\0" not in desk.recipient(1).text
    assert desk.recipient(1).status_code == "5.1.1"


def test_tracking_switched_off_and_an_inactive_project(desk: Desk) -> None:
    settings(desk.admin, tracking=False)
    (row,) = desk.imported(reply(desk.cookie()))
    assert (row.state, row.rule) == (InboxState.quarantined, "project")
    settings(desk.admin, tracking=True)
    desk.environment.store.write(lambda c: c.execute(update(databases_table).values(active=False)))
    (row,) = desk.imported(reply(desk.cookie(), number=2))
    assert row.state is InboxState.fetched
