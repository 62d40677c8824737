"""Fetching mail from mailboxes: once, whatever breaks, and nothing is deleted at the host before it is durable here."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import pytest

from tests.fakes.pop3_mailbox import PASSWORD, Box, MailboxHost
from tests.ports import wait_until
from tests.store.conftest import AsUser, Clock
from tests.store.polling import fetch_from, poll, polling
from tests.store.shop import NAME, Shop
from trackkit.contract.inbox import InboxIds, ListInbox
from trackkit.contract.operation import Nothing
from trackkit.contract.options import SetOptions
from trackkit.contract.tracking import OfProject
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.log import LogFilter, Severity
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.trust import NOTHING
from trackkit.mail import mailbox
from trackkit.mail.conversation import Conversation
from trackkit.mail.mailbox import Session, fetch, opened
from trackkit.services import options, tracking_status
from trackkit.services.environment import Call, Environment
from trackkit.services.fetching import Basket, Batch, Came, accounts
from trackkit.services.inbox import discard, list_inbox
from trackkit.services.tracking_health import InboxWatch, findings
from trackkit.store import log, mailboxes
from trackkit.store.tracking_tables import inbox, project_mail

MAILS = [
    b"Subject: short\r\n\r\nHello\r\n",
    b"",
    b".\r\n..\r\nSubject: dots\r\n\r\n.\r\n.\r\n..hidden\r\n",
    b"Subject: long line\r\n\r\n" + b"x" * 3000 + b"\r\n",
    b"Subject: bytes\r\n\r\n" + bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") + b"\n.\nno end\r\r\n",
    b"no header at all\r\n",
    b"Subject: in pieces\r\n\r\n" + b"".join(b".%d\r\n.\r\n" % number for number in range(20_000)),
]


@pytest.fixture
def host() -> Iterator[MailboxHost]:
    with MailboxHost() as host:
        yield host
    assert not host.faults


def raws(environment: Environment, key: str) -> list[bytes | None]:
    """The bytes of each mail in the inbox."""
    query = inbox.select().where(inbox.c.mailbox == key).order_by(inbox.c.id)
    return [row.raw for row in environment.store.read(lambda connection: connection.execute(query).all())]


def is_durable(environment: Environment, raw: bytes) -> None:
    """Called by the host for what it is about to delete."""
    query = inbox.select().where(inbox.c.sha256 == sha256(raw).hexdigest(), inbox.c.state != InboxState.fetched)
    found = environment.store.read(lambda connection: connection.execute(query).all())
    assert raw in [row.raw for row in found]


HABITS = {
    "pipelining": {},
    "one by one": {"pipelining": False},
    "no unique-ids": {"uidl": None},
    "the same unique-id for all": {"uidl": lambda raw: "same"},
    "LF alone": {
        "line_end": b"\n",
        "messages": [m.replace(b"\r\n", b"\n") for m in MAILS if b"\r\r" not in m and b"\n.\n" not in m],
    },
}


@pytest.mark.parametrize("habit", HABITS)
def test_whatever_bytes_there_are_come_through_once(environment: Environment, host: MailboxHost, habit: str) -> None:
    host.boxes["ann"] = box = Box(**{"messages": list(MAILS), **HABITS[habit]})
    there = list(box.messages)
    with polling(environment):
        key = fetch_from(environment, host.port, "ann", remove_untracked=False)
        found = poll(environment, key)
        assert (found.words, box.messages) == ("", there)  # untracked mail stays
        assert raws(environment, key) == [None] * len(there)
        fetch_from(environment, host.port, "ann", remove_untracked=True)
        poll(environment, key)
    assert Counter(raws(environment, key)) == Counter(there)
    assert box.messages == []


MAIL_SIZES = (60, 3000, 60)


def lot(number: int) -> list[bytes]:
    """Mails that no other lot has."""
    return [b"Subject: %d of %d\r\n\r\n" % (n, number) + b"y" * size + b"\r\n" for n, size in enumerate(MAIL_SIZES)]


@pytest.mark.parametrize("habit", ["pipelining", "one by one", "no unique-ids"])
def test_a_session_that_breaks_anywhere_loses_nothing_and_doubles_nothing(
    environment: Environment, host: MailboxHost, habit: str
) -> None:
    """At each command, carried out or not, and at every 1,000 bytes: the next session brings what is missing."""
    host.boxes["ann"] = box = Box(lot(0), deleted=lambda raw: is_durable(environment, raw), **HABITS[habit])
    with polling(environment):
        key = fetch_from(environment, host.port, "ann", remove_untracked=True)
        poll(environment, key)
        cuts: list[dict[str, object]] = [{"cut_after_bytes": at} for at in (1, 1000, 2000, 3000)]
        for number in range(1, box.commands.index("QUIT") + 2):
            cuts += [{"cut_after_commands": number, "loses_answer": lost} for lost in (False, True)]
        for number, cut in enumerate(cuts, 1):
            box.messages, sessions = lot(number), box.sessions
            vars(box).update(cut)
            poll(environment, key)
            assert (box.cut_after_bytes, box.cut_after_commands) == (None, None), cut  # it did break
            while box.messages and box.sessions < sessions + 3:
                poll(environment, key)
            assert box.messages == [], cut
    assert Counter(raws(environment, key)) == Counter(raw for number in range(len(cuts) + 1) for raw in lot(number))


def entries(environment: Environment) -> list[str]:
    """What the log says about fetching."""
    environment.log.flush()
    rows = environment.log_store.read(lambda connection: log.page(connection, LogFilter(source="tracking"), None, 100))
    return [f"{entry.severity.name}: {entry.message}" for _, entry in reversed(rows)]


def test_a_mailbox_that_fails_is_told_once_and_so_is_its_end(
    environment: Environment, host: MailboxHost, clock: Clock
) -> None:
    words = "[IN-USE] somebody reads it"
    host.boxes["ann"] = box = Box([b"a\r\n"], refuses={"PASS": f"-ERR {words}"})
    with polling(environment):
        key = fetch_from(environment, host.port, "ann")
        for _ in range(3):
            assert words in poll(environment, key).words
        row = environment.store.read(mailboxes.every)[key]
        assert (row.failure, row.failing_since) == ("in_use", clock.now)
        clock.forward(hours=1)
        (finding,) = [one for one in findings(environment) if one.subject == f"mailbox {key}"]
        assert finding.severity is Severity.error
        box.refuses = {}
        assert poll(environment, key).words == ""
        assert list(findings(environment)) == []
    assert entries(environment) == [
        f"warning: No mail can be fetched from the mailbox {key}: Somebody else has the mailbox open: {words}",
        f"information: Mail is fetched from the mailbox {key} again.",
    ]


def test_mail_that_cannot_be_fetched_holds_up_no_other_and_is_told_before_it_hurts(
    environment: Environment, host: MailboxHost, clock: Clock
) -> None:
    host.boxes["ann"] = box = Box()
    watch = InboxWatch(environment)
    with polling(environment):
        key = fetch_from(environment, host.port, "ann", remove_untracked=True)
        poll(environment, key)
        box.messages = lot(1)
        for _ in range(2):  # whatever is sent of the large one, the session breaks
            box.cut_after_bytes = 1500
            poll(environment, key)
        assert box.messages == lot(1)
        box.refuses = {"RETR": "-ERR the disk is broken"}
        box.messages.append(b"one more\r\n")
        assert poll(environment, key).words == ""
        watch.look()
        clock.forward(hours=2)
        for _ in range(2):
            watch.look()
        assert [line for line in entries(environment) if "could not be fetched" in line] == [
            f"warning: 2 messages in {key} could not be fetched, the oldest for 2 h."
        ]
        box.refuses = {}
        poll(environment, key)
    assert Counter(raws(environment, key)) == Counter([*lot(1), b"one more\r\n"])
    assert box.messages == []


def session(environment: Environment) -> Session:
    """One session with the server's mailbox, without a poller."""
    (account,) = accounts(environment)
    basket, found = Basket(environment, account.mailbox), Session()

    async def one() -> None:
        maildrop = await opened(account.mailbox, NOTHING, ssl.create_default_context, Conversation())
        await fetch(maildrop, basket, asyncio.to_thread, found)

    basket.begin()
    asyncio.run(one())
    return found


def test_what_is_in_memory_is_bounded_whatever_sizes_a_host_lists(
    environment: Environment, host: MailboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And while one batch is decided about, two more have come and are read."""
    mails = [b"%d%s\r\n" % (number, b"x" * 1000) for number in range(13)]
    host.boxes["ann"] = Box(mails, sizes=lambda raw: 0)
    key = fetch_from(environment, host.port, "ann")
    down: list[Batch] = []
    taken: list[Batch] = []
    there: list[int] = []
    real_put, real_take = Basket.put_down, Basket.take

    def put_down(self: Basket, came: Sequence[Came]) -> Batch:
        down.append(real_put(self, came))
        there.append(len(down) - len(taken))
        return down[-1]

    def take(self: Basket, batch: Batch) -> Callable[[], dict[int, int]]:
        wait_until(lambda: len(down) >= min(len(taken) + 3, 5), what="what comes meanwhile")
        assert batch is down[len(taken)]
        done = real_take(self, batch)
        taken.append(batch)
        return done

    monkeypatch.setattr(Basket, "put_down", put_down)
    monkeypatch.setattr(Basket, "take", take)
    monkeypatch.setattr(mailbox, "BATCH_BYTES", 2500)
    assert session(environment).fetched == 13
    assert [len(batch.numbers) for batch in taken] == [3, 3, 3, 3, 1]
    assert max(there) == 3
    assert Counter(raws(environment, key)) == Counter({None: 13})  # untracked: they stay at the host


def test_a_host_that_refuses_everything_is_not_asked_again_at_once(
    environment: Environment, host: MailboxHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "SESSION_MESSAGES", 2)
    host.boxes["ann"] = box = Box(lot(1), refuses={"RETR": "-ERR the disk is broken"})
    fetch_from(environment, host.port, "ann")
    assert not session(environment).more
    box.uidl = None
    assert session(environment).suspects == set()  # without names the others would be taken for it
    box.uidl, box.refuses = Box().uidl, {}
    assert session(environment).more


def test_settings_that_change_during_a_session_count_after_it(environment: Environment, host: MailboxHost) -> None:
    def changed(raw: bytes) -> int:
        if box.sessions == 1 and environment.fetching.poll_now is not None:
            fetch_from(environment, host.port, "ann", remove_untracked=True)
            environment.fetching.poll_now([], 1)  # the poller has looked
        return len(raw)

    host.boxes["ann"] = box = Box([b"a\r\n"], sizes=changed)
    with polling(environment):
        fetch_from(environment, host.port, "ann")
        for _ in range(1000):
            if not box.messages:
                break
            threading.Event().wait(0.01)
    assert box.messages == []


def test_what_is_too_large_stays_at_the_host_until_it_may_come(environment: Environment, host: MailboxHost) -> None:
    large, lie = b"x" * 2_000_000 + b"\r\n", b"y" * 1_500_000 + b"\r\n"
    host.boxes["ann"] = box = Box([large, b"small\r\n", lie], sizes=lambda raw: min(len(raw), 2_000_002 * (raw != lie)))
    admin = Call(environment, Actor("admin", Role.admin, "127.0.0.1"), environment.clock())
    options.set_options(admin, SetOptions(values={"sending.timing.maximum_message_mb": 1}))
    with polling(environment):
        key = fetch_from(environment, host.port, "ann", remove_untracked=True)
        for _ in range(2):
            assert poll(environment, key).words == ""
        assert (raws(environment, key), box.messages) == ([None, b"small\r\n", None], [large, lie])
        assert len([line for line in box.commands if line.startswith("RETR")]) == 2  # what turned out too large, once
        page = list_inbox(admin, ListInbox(states=[InboxState.quarantined]))
        assert [(one.rule, one.size, one.kept) for one in page.items] == [
            ("size", len(lie), False),
            ("size", len(large), False),
        ]
        discard(admin, InboxIds(inbox_ids=(page.items[0].inbox_id,)))
        options.set_options(admin, SetOptions(values={"sending.timing.maximum_message_mb": 2}))
        poll(environment, key)
    assert raws(environment, key) == [large, b"small\r\n", None]
    assert box.messages == [lie]  # thrown away here, unread: who wants it has it there


def test_time_takes_what_was_decided_about_and_nothing_else(
    environment: Environment, host: MailboxHost, clock: Clock
) -> None:
    host.boxes["ann"] = Box(lot(1))
    watch = InboxWatch(environment)
    with polling(environment):
        key = fetch_from(environment, host.port, "ann", remove_untracked=True)
        poll(environment, key)
    states = (InboxState.quarantined, InboxState.fetched, InboxState.untracked)
    for number, state in enumerate(states, 1):
        change = inbox.update().where(inbox.c.id == number).values(state=state)
        environment.store.write(lambda connection, change=change: connection.execute(change))
    clock.forward(days=31)
    watch.tidy()
    assert raws(environment, key) == [*lot(1)[:2], None]
    assert key in environment.store.read(mailboxes.every)
    fetch_from(environment, host.port, "bob")
    clock.forward(days=60)
    watch.tidy()
    assert raws(environment, key) == lot(1)[:2]
    assert key not in environment.store.read(mailboxes.every)


def test_each_account_is_fetched_from_once_and_loses_only_what_all_that_share_it_let_go(
    environment: Environment, host: MailboxHost, clock: Clock, admin: AsUser
) -> None:
    host.boxes |= {"track": Box(lot(1)), "shop": Box(lot(2))}
    shop = Shop(environment, clock, admin)
    shop.set_mail(**{"mailbox.remove_untracked": False})
    shared = fetch_from(environment, host.port, "track", remove_untracked=True)
    with polling(environment):
        found = {one.mailbox.key: one for one in accounts(environment)}
        assert [(one.databases, one.mailbox.remove_untracked) for one in found.values()] == [((NAME,), False)]
        poll(environment, shared)
        assert host.boxes["track"].messages == lot(1)

        own = {"remove_untracked": True, "username": "shop", "password": PASSWORD}
        shop.set_mail(**{f"mailbox.{name}": value for name, value in own.items()})
        (one,) = tracking_status.poll(admin(), OfProject(database=NAME)).mailboxes
        assert (one.mailbox, one.fetched, one.removed) == (f"shop@127.0.0.1:{host.port}", 3, 3)
        tracking_status.poll(admin(), OfProject())
        assert (host.boxes["track"].messages, host.boxes["shop"].messages) == ([], [])
        assert len(tracking_status.status(admin(), Nothing()).mailboxes) == 2
        assert host.boxes["shop"].sessions == 2

        assert list(findings(environment)) == []
        spoilt = project_mail.update().values(sealed_password=b"of another key")
        environment.store.write(lambda connection: connection.execute(spoilt))
        (finding,) = findings(environment)
        assert finding.severity is Severity.error
        assert "secret.key does not fit" in finding.words
