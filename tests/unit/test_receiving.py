"""The SMTP listener when things go wrong on the server's side, or a client is slower than anybody has time for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.listening import Listening, listening
from tests.ports import wait_until
from tests.smtp_talk import Talk
from trackkit.domain.errors import Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.smtp_commands import Reply
from trackkit.mail.receiving import house as shared
from trackkit.mail.receiving import session
from trackkit.mail.receiving.intake import Intake
from trackkit.services import relaying
from trackkit.store import new_mail
from trackkit.store.new_mail import NewMessage

MOST_IN_BUFFERS = 32 * 1024 * 1024
"""Octets of a client that reads nothing which a listener may take in at the most, the system's own buffers included."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Listening]:
    with listening(tmp_path / "data") as running:
        yield running


def hand_over(here: Listening, number: int) -> str:
    with here.talk().begun() as talk:
        talk.send(b"Subject: %d\r\n\r\n.\r\n" % number)
        return talk.reply()


def unavailable() -> None:
    raise Unavailable("The disk is full; nothing was changed.", "Make room.")


def test_a_store_that_fails_is_451_and_one_entry_in_the_log(here: Listening) -> None:
    here.store.before_write = unavailable
    assert [hand_over(here, number)[:9] for number in range(5)] == ["451 4.3.0"] * 5
    (told,) = here.told(Severity.error)
    assert "The disk is full" in told
    here.store.before_write = lambda: None
    assert hand_over(here, 7).startswith("250 ")
    assert here.stored() == [b"Subject: 7\r\n\r\n"]


def test_a_message_the_store_does_not_take_does_the_others_no_harm(
    here: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = new_mail.enqueue_all

    def picky(connection: object, news: list[NewMessage], *more: object) -> list[int]:
        if any(new.subject == "3" for new in news):
            raise ValueError("not this one")
        return real(connection, news, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(relaying.new_mail, "enqueue_all", picky)
    replies = at_once(here, 10)
    assert {number: reply[:3] for number, reply in replies.items()} == {
        n: "451" if n == 3 else "250" for n in range(10)
    }
    assert len(here.stored()) == 9
    (told,) = here.told(Severity.error)
    assert "ValueError: not this one" in told


def test_messages_at_the_same_time_share_a_transaction(here: Listening) -> None:
    before = here.store.writes
    replies = at_once(here, 40)
    assert all(reply.startswith("250 ") for reply in replies.values())
    words = "the first alone, then all that came meanwhile together, or what was enough first and the rest together"
    assert here.store.writes - before in (2, 3), words


def test_what_comes_while_the_one_before_is_just_answered_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_thread(work: Callable[[], list[Reply]]) -> list[Reply]:
        await asyncio.sleep(0)
        return work()

    async def work() -> None:
        intake = Intake(cast(Any, SimpleNamespace(in_thread=in_thread)))
        monkeypatch.setattr(intake, "_stored", lambda batch: [session.OK] * len(batch))
        async with asyncio.timeout(20):
            for _ in range(3):  # whoever is answered goes on before the task that has answered is done with
                assert await intake.store(cast(Any, SimpleNamespace(content=SimpleNamespace(held=1)))) == session.OK

    asyncio.run(work())


def at_once(here: Listening, number: int) -> dict[int, str]:
    """Hand over so many; the store writes the first only when all the others have come."""
    room, go, writing = {number: here.talk().begun() for number in range(number)}, threading.Event(), threading.Event()

    def wait() -> None:
        writing.set()
        assert go.wait(20)

    here.store.before_write = wait
    for key, talk in room.items():
        talk.send(b"Subject: %d\r\n\r\n.\r\nNOOP\r\n" % key)
        if key == 0:
            assert writing.wait(20)
    with here.talk() as last:  # its turn comes when everything that was sent before has been read
        assert last.say(b"VRFY a").startswith("252 ")  # unlike NOOP, which is obeyed out of turn
    go.set()
    here.store.before_write = lambda: None
    with ThreadPoolExecutor(8) as threads:
        replies = dict(zip(room, threads.map(Talk.reply, room.values()), strict=True))
    for talk in room.values():
        talk.socket.close()
    return replies


def test_250_is_not_said_before_the_store_has_written(here: Listening) -> None:
    go = threading.Event()

    def wait() -> None:
        assert go.wait(20)

    here.store.before_write = wait
    with here.talk().begun() as talk:
        talk.send(b"Subject: patience\r\n\r\n.\r\n")
        talk.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            talk.reply()
        assert here.stored() == []
        talk.socket.settimeout(20)
        go.set()
        assert talk.reply().startswith("250 ")
        assert here.stored() == [b"Subject: patience\r\n\r\n"]


def test_more_mail_than_there_is_memory_for_is_asked_to_come_again(
    here: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "ROOM", 0)  # leaves twice the greatest size: two such messages
    monkeypatch.setattr(shared.House, "most_octets", 1_000_000)
    big = b"x" * 98 + b"\r\n"
    with here.talk().begun() as one, here.talk().begun() as two, here.talk().begun() as three:
        for talk in (one, two):
            talk.send(big * 9_900)
            assert_read(here)
        three.send(big * 900 + b".\r\n")
        assert three.reply().startswith("452 4.3.1")
        one.send(b".\r\n")
        assert one.reply().startswith("250 ")
        three.begun().send(big * 900 + b".\r\n")
        assert three.reply().startswith("250 "), "there is room again"
        two.send(b".\r\n")
        assert two.reply().startswith("250 ")
    assert len(here.told(Severity.warning)) == 1


def assert_read(here: Listening) -> None:
    """Everything that was sent so far has been read: a client that came later is answered."""
    with here.talk() as later:
        assert later.say(b"NOOP").startswith("250 ")


def test_a_silent_client_and_one_that_takes_for_ever_are_shown_out(
    here: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE_SECONDS", 1.0)
    with here.talk() as silent, here.talk().begun() as within, here.talk() as dripping:
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.1):
                try:
                    dripping.send(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        for talk in (silent, within, dripping):
            assert talk.reply().startswith("421 4.4.2")
            assert talk.closed()
        stop.set()
        thread.join()
    assert here.stored() == []


def test_where_log_in_is_needed_strangers_have_little_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STRANGER_SECONDS", 3.0)
    with listening(tmp_path / "data", require_login=True) as here, Talk(here.port).greeted() as talk:
        assert talk.reply().startswith("421 4.4.2")


def test_a_client_that_never_reads_is_not_read_on(here: Listening) -> None:
    with here.talk() as deaf:
        deaf.socket.settimeout(2)  # for one piece: none of it was taken for so long

        def talk_on() -> None:
            taken, piece = 0, b"HELP\r\n" * 10_000
            while taken < MOST_IN_BUFFERS:
                taken += deaf.socket.send(piece)

        with pytest.raises(TimeoutError):
            talk_on()
        assert hand_over(here, 1).startswith("250 "), "the others are served"


def test_a_defect_ends_one_conversation_and_is_told(here: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    with here.talk() as unlucky, here.talk() as other:

        def broken(line: bytes) -> tuple[str, str]:
            raise KeyError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(session.smtp_commands, "command", broken)
            assert unlucky.say(b"NOOP").startswith("421 4.3.0")
            assert unlucky.closed()
        assert other.say(b"NOOP").startswith("250 ")
    wait_until(lambda: here.told(Severity.error), what="the entry")
    assert "KeyError" in here.told(Severity.error)[0]


def test_tls_and_what_comes_at_once_with_it(here: Listening) -> None:
    with here.talk().starttls() as talk:
        talk.begun().send(b"Subject: in TLS\r\n\r\n" + b"x" * 500_000 + b"\r\n.\r\nNOOP\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(3)] == ["250", "250", "221"]
        assert talk.closed()
    (stored,) = here.stored()
    assert len(stored) == 500_021
    with here.talk() as talk:
        assert talk.say(b"STARTTLS").startswith("220 ")
        talk.send(b"no handshake at all\r\n" * 100)
        while talk.socket.recv(1000):  # an alert, or nothing
            continue
    assert not here.told(Severity.error)
