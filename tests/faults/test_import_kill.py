"""SIGKILL at every commit of fetching and filing mail: each is filed once, and none is deleted before it is durable.

Each round lays mails into the mailbox of a real Dovecot, kills the server around another commit of the fetching and
lets it go on. ``TRACKKIT_TEST_MAILS=…`` in the environment: killed before and after each of them, not of some.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import set_up
from tests.conftest import Start
from tests.fakes.power_cut import How, PowerCut
from tests.peers import answering, post_office
from tests.peers import dovecot as dovecot_peer
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Cluster
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.client.project import Project
from trackkit.domain.errors import TrackkitError
from trackkit.domain.project.commands import COMMANDS
from trackkit.domain.tracking.inbox import InboxState

ACCOUNT, PASSWORD = "track", "correct horse battery"
CARL = "carl@customer.test"
THOROUGH = "TRACKKIT_TEST_MAILS" in os.environ
KILLS = 3
NEVER = 2**30


@dataclass
class Site:
    """A server that dies when it is told to, and its mailbox."""

    server: RunningServer
    dovecot: Dovecot
    cut: PowerCut
    database: str
    commits: int = 0
    """Of the last fetching that lived through them."""

    def project(self) -> Project:
        return self.server.admin.project(self.database, "administrator", PASSWORD)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if reason := dovecot_peer.missing():
        pytest.skip(reason)
    running = post_office.start_mailboxes([ACCOUNT])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> PowerCut:
    return PowerCut(tmp_path_factory.mktemp("cut"))


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, dovecot: Dovecot, cut: PowerCut, start: Start, tmp_path: Path) -> Site:
    """Server and project in one kind of database; what is sent stays in the queue, where it can be counted."""
    name, url, data = "pumps", None, tmp_path / "data"
    if request.param == "PostgreSQL":
        cluster: Cluster = request.getfixturevalue("postgres")
        url, name = (cluster.create(f"t{uuid.uuid4().hex[:12]}") for _ in range(2))
        set_up(data, allow_full_paths=f"postgresql://127.0.0.1:{cluster.port}")
    options = {"sending.paused": True, "sending.smtp.host": "127.0.0.1", "tracking.remove_untracked": True}
    options |= post_office.tracking_options(dovecot, ACCOUNT)
    server = start(data, options, url, environment=cut.environment, seats=5)
    server.admin.databases.create(name, administrator_password=PASSWORD)
    server.admin.tracking.set(name, {"tracking": True, "notification_address": "desk@trackkit.test"})
    site = Site(server, dovecot, cut, name)
    with site.project() as project:
        project.add("group", name="Correspondents", commands=list(COMMANDS))
        groups = ["Administrators", "Correspondents"]
        project.edit("user", "administrator", {"email": "ada@trackkit.test", "groups": groups})
    return site


SPAM = b"From: eve@spam.test\nSubject: nothing %(round)d\nMessage-ID: <n%(round)d@spam.test>\n\nBuy!\n"
BOUNCE = b"""\
From: MAILER-DAEMON@relay.test
To: %(to)s
Subject: Undelivered %(round)d
Message-ID: <bounce-%(round)d@relay.test>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test

Final-Recipient: rfc822; %(carl)s
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 nobody \0 here

--b
Content-Type: text/rfc822-headers

Message-ID: %(id)s
--b--
"""


def mails(sent: bytes, number: int) -> dict[str, bytes]:
    """What comes in a round: an answer, a bounce, something untracked, something forged; by what becomes of each."""
    mail = answering.read(sent)
    to, message_id = answering.answered_to(mail), str(mail["Message-ID"])
    # Another author each time: of one, only so many answers an hour are passed on.
    answer = answering.top(sent, f"carl.{number}@customer.test", f"The answer of round {number}.")
    answer = answering.changed(answer, answering.with_subject(f"answer {number}"))
    values = {b"to": to.encode(), b"round": number, b"id": message_id.encode(), b"carl": CARL.encode()}
    return {
        f"answer {number}": answer,
        f"Undelivered {number}": BOUNCE % values,
        f"forged {number}": re.sub(rb"tk1[0-9a-z]+", forged, answer).replace(b"answer", b"forged"),
        f"nothing {number}": SPAM % values,
    }


def forged(cookie: re.Match[bytes]) -> bytes:
    """A cookie whose signature is another's."""
    return cookie[0][:-6] + bytes(reversed(cookie[0][-6:-1])) + cookie[0][-1:]


BECOMES = {
    "answer": InboxState.attached,
    "Undelivered": InboxState.attached,
    "forged": InboxState.quarantined,
    "nothing": InboxState.untracked,
}


def dies(site: Site, how: How, commit: int) -> bool:
    """Fetch, with the power cut at that commit; whether it came to it."""
    site.cut.at(how, commit)
    try:
        site.server.admin.tracking.poll()
        site.commits = site.cut.never()
        site.server.admin.health()  # the commit may have been another's, after the answer
    except TrackkitError:
        assert site.server.process.wait(20) == -signal.SIGKILL, "it failed and lives"
        site.cut.never()
        site.server.kill()  # what is left to be tidied up
        site.server.restart()
        return True
    assert site.commits > 0, "no commit was seen; this proves nothing"
    return False


def places(commits: int) -> list[tuple[How, int]]:
    """Where to kill, all along a fetching with so many commits."""
    if THOROUGH:
        return [(how, commit) for commit in range(1, commits + 1) for how in ("before", "after")]  # type: ignore[misc]
    spread = [1 + number * commits // KILLS for number in range(KILLS)]
    return [("after" if number % 2 else "before", commit) for number, commit in enumerate(spread)]


def is_filed_once(site: Site, expected: list[str]) -> None:
    """All that came: one mail of the inbox, one of the record where it belongs to one, one in the queue."""
    (polled,) = site.server.admin.tracking.poll().mailboxes
    assert not polled.words
    inbox = site.server.admin.tracking.inbox(limit=2000).items
    assert Counter(mail.subject for mail in inbox) == Counter(expected)
    assert {mail.subject: mail.state for mail in inbox} == {name: BECOMES[name.split()[0]] for name in expected}
    assert site.dovecot.mails(ACCOUNT) == []
    filed = [name for name in expected if BECOMES[name.split()[0]] is InboxState.attached]
    with site.project() as project:
        emails = project.mail.list("defect 1", limit=2000).items
    assert Counter(one.subject for one in emails if one.direction == "received") == Counter(filed)


def is_forwarded_once(site: Site, expected: list[str]) -> bool:
    """Every answer is in the queue, to the user who wrote first; what a crash left is taken up after a while."""
    queued = Counter(message.subject for message in site.server.admin.mail.each() if not message.sender)
    answers = Counter(f"Fwd: {name}" for name in expected if name.startswith("answer"))
    assert queued <= answers, "twice, or what is nobody's answer"
    return queued == answers


@pytest.mark.spec("8: killed at any commit: each mail is filed once, none is deleted before it is durable")
def test_killed_at_every_commit_each_mail_is_filed_once(site: Site) -> None:
    with site.project() as project:
        record = project.add("defect", title="It stops")
        email = project.mail.send(f"defect {record.key}", (CARL,), "The pump", "Does it stop at night?\n")
        sent = project.mail.raw(email.number)
    expected: list[str] = []

    def come() -> None:
        coming = mails(sent, len(expected) // 4)
        for raw in coming.values():
            site.dovecot.put(ACCOUNT, raw)
        expected.extend(coming)

    come()
    assert not dies(site, "after", NEVER)
    commits, deaths = site.commits, 0
    for how, commit in places(commits):
        come()
        deaths += dies(site, how, commit)
        is_filed_once(site, expected)
    wait_until(lambda: is_forwarded_once(site, expected), what="every answer in the queue")
    print(f"killed {deaths} times; a fetching of four mails has {commits} commits")
    assert deaths >= KILLS // 2, "it hardly ever came to it"
