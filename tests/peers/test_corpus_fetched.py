"""Every mail of the corpus through a real Dovecot into a record: what is kept is what came, nothing stops fetching."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import corpus
from tests.conftest import Start
from tests.peers import answering, post_office
from tests.peers import dovecot as dovecot_peer
from tests.peers.dovecot import Dovecot
from tests.running import RunningServer
from trackkit.contract.inbox import InboxMail
from trackkit.domain.tracking.inbox import InboxState

pytestmark = pytest.mark.peers

ACCOUNT, PASSWORD = "track", "correct horse battery"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if reason := dovecot_peer.missing():
        pytest.skip(reason)
    running = post_office.start_mailboxes([ACCOUNT])
    yield running
    running.stop()


def as_fetched(raw: bytes) -> bytes:
    """What Dovecot makes of a mail that lies in a Maildir: CRLF, the last line ended."""
    lines = re.sub(rb"(?<!\r)\n", b"\r\n", raw)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


@pytest.mark.spec(
    "8: the poller: whatever mail comes is filed or quarantined, its bytes kept, and the next one fetched"
)
def test_the_whole_corpus_is_filed_as_it_came(start: Start, dovecot: Dovecot) -> None:
    mails = list(corpus.everything().values())
    if not mails:
        pytest.skip(corpus.MISSING)
    options = {"sending.paused": True, "sending.smtp.host": "127.0.0.1", "tracking.remove_untracked": True}
    server = start(options=post_office.tracking_options(dovecot, ACCOUNT) | options, seats=2)
    server.admin.databases.create("pumps", administrator_password=PASSWORD)
    server.admin.tracking.set("pumps", {"tracking": True, "notification_address": "desk@trackkit.test"})
    with server.admin.project("pumps", "administrator", PASSWORD) as project:
        commands = project.show("group", "Administrators").values["commands"]
        more = [f"defect.{verb}" for verb in ("send_mail", "view_mail")]
        project.edit("group", "Administrators", {"commands": [*commands, *more]})  # type: ignore[misc]
        project.edit("user", "administrator", {"email": "ada@trackkit.test"})
    with server.admin.project("pumps", "administrator", PASSWORD) as project:
        project.add("defect", title="It stops")
        sent = project.mail.raw(project.mail.send("defect 1", ("carl@customer.test",), "The pump", "Hello.\n").number)
        to = answering.answered_to(answering.read(sent)).encode()
        came: Counter[str] = Counter()
        for raw in mails:
            raw = b"Delivered-To: " + to + b"\n" + raw
            dovecot.put(ACCOUNT, raw)
            came[hashlib.sha256(as_fetched(raw)).hexdigest()] += 1
        (polled,) = server.admin.tracking.poll().mailboxes
        assert (polled.words, polled.fetched) == ("", len(mails))
        assert dovecot.mails(ACCOUNT) == []
        inbox = list(server.admin.tracking.inbox(limit=2000).items)
        assert Counter(mail.sha256 for mail in inbox) == came
        states = Counter(mail.state for mail in inbox)
        print(states)
        assert not states[InboxState.fetched]
        assert states[InboxState.attached] + states[InboxState.duplicate] > len(mails) * 0.95
    kept = in_the_project(server.data / "databases" / "pumps" / "project.db")
    assert {mail.sha256 for mail in inbox if mail.state is not InboxState.duplicate} <= kept | in_the_inbox(
        server, inbox
    )
    assert {mail.sha256 for mail in inbox if mail.state is InboxState.attached} <= kept


def in_the_project(file: Path) -> set[str]:
    """What the bytes are that a project has kept: asking for each would take longer than all else."""
    with closing(sqlite3.connect(file)) as connection:
        return {hashlib.sha256(raw).hexdigest() for (raw,) in connection.execute("SELECT raw FROM email_sources")}


def in_the_inbox(server: RunningServer, inbox: Iterable[InboxMail]) -> set[str]:
    """What the bytes are of mails that were not filed."""
    others = [mail for mail in inbox if mail.state in (InboxState.untracked, InboxState.quarantined)]
    return {hashlib.sha256(server.admin.tracking.raw(mail.inbox_id)).hexdigest() for mail in others}
