"""Fetching mail from mailboxes: once, whatever breaks, and nothing is deleted at the host before it is durable here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.fakes.pop3_mailbox import Box, MailboxHost
from tests.store.polling import fetch_from, poll, polling
from trackkit.domain.tracking.inbox import InboxState
from trackkit.services.environment import Environment
from trackkit.store.tracking_tables import inbox

MAILS = [
    b"Subject: short\r\n\r\nHello\r\n",
    b"",
    b".\r\n..\r\nSubject: dots\r\n\r\n.\r\n.\r\n..hidden\r\n",
    b"Subject: long line\r\n\r\n" + b"x" * 3000 + b"\r\n",
    b"Subject: bytes\r\n\r\n" + bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") + b"\n.\nno end\r\r\n",
    b"no header at all\r\n",
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
