"""What every way of sending promises, asked of each: over SMTP, into a folder, by MAPI."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.mapi import FakeMapi
from tests.fakes.smtp_server import Action, ScriptedSmtp, say, stall
from tests.ports import free_port
from tests.unit.engine_running import options_for
from tests.unit.smtp_sending import route_to, run
from trackkit.domain.message import BY_MAPI, Envelope
from trackkit.domain.options import SendingMethod
from trackkit.domain.replies import Outcome, Verdict
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.conversation import Conversation
from trackkit.mail.destinations import PICKUP
from trackkit.mail.local_ways import LocalPlaces
from trackkit.mail.transports import pickup
from trackkit.mail.way import Connection, MapiLogin, Plan, Relay, Surroundings, Way
from trackkit.services.machine import Machine

RAW = b"Message-ID: <1@example.com>\r\nTo: one@example.com\r\nSubject: hi\r\n\r\nhello\r\n.\r\n..dots\r\n"
TO = ("one@example.com", "two@example.com")


def silent(*_: object, **__: object) -> None:
    """No report is of interest here."""


class Place(Protocol):
    """Where mail goes by one of the ways."""

    way: Way
    nowhere: Way
    """The same way to where nothing is."""

    def arrived(self) -> list[bytes]:
        """The bodies of the messages there."""

    def behaves(self, how: str) -> None:
        """From now on: ``well``, ``fails`` for each message, or ``hangs`` in it."""


class AtRelay:
    def __init__(self, closing: ExitStack) -> None:
        self._how: Action | None = None
        self._server = closing.enter_context(ScriptedSmtp({"dot": lambda _: self._how}))
        tls = ssl.create_default_context
        tokens = AccessTokens(MemoryQueue(options_for(1)).token_account, tls, silent)
        shared = Surroundings(lambda: datetime.now(UTC), silent, tls, "client.example.com", tokens)
        self.way: Way = Relay(route_to(self._server.port, conversation_timeout=60), shared)
        self.nowhere: Way = Relay(route_to(free_port()), shared)

    def arrived(self) -> list[bytes]:
        return [message.data.partition(b"\r\n\r\n")[2] for message in self._server.messages]

    def behaves(self, how: str) -> None:
        self._how = {"well": None, "fails": say("451 4.3.0 later"), "hangs": stall()}[how]


class InFolder:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, closing: ExitStack) -> None:
        self._folder, self._how, self._real = root / "pickup", "well", os.fsync
        self._folder.mkdir()
        self._goes_on = threading.Event()
        closing.callback(self._goes_on.set)
        monkeypatch.setattr(pickup.os, "fsync", self._fsync)
        places = LocalPlaces(Machine(pickup_roots=(str(root),)), silent)
        self.way, self.nowhere = (
            places.way(PICKUP, plan("pickup", folder=str(root / name))) for name in ("pickup", "gone")
        )

    def _fsync(self, file: int) -> None:
        if self._how == "fails":
            raise OSError(errno.ENOSPC, "No space left on device")
        if self._how == "hangs":
            self._goes_on.wait(60)
        self._real(file)

    def arrived(self) -> list[bytes]:
        return [file.read_bytes().partition(b"\r\n\r\n")[2] for file in self._folder.glob("*.eml")]

    def behaves(self, how: str) -> None:
        self._how = how


class ByMapi:
    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._fake = FakeMapi(folder)
        closing.callback(self._fake.forgets, "hang")
        places, none = (LocalPlaces(Machine(mapi_library=path), silent) for path in (self._fake.library, ""))
        asked = plan("mapi", mapi=MapiLogin(None, None, False))
        self.way, self.nowhere = places.way(BY_MAPI, asked), none.way(BY_MAPI, asked)

    def arrived(self) -> list[bytes]:
        return [sent.text.encode() for sent in self._fake.sent]

    def behaves(self, how: str) -> None:
        for name in ("send_code", "hang"):
            self._fake.forgets(name)
        if how != "well":
            self._fake.says("send_code" if how == "fails" else "hang", 2)


def plan(method: SendingMethod, folder: str | None = None, mapi: MapiLogin | None = None) -> Plan:
    return Plan(method, None, 5, 5, False, folder=folder, mapi=mapi)


@pytest.fixture(params=["smtp", "pickup", "mapi"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as closing:
        if request.param == "smtp":
            yield AtRelay(closing)
        elif request.param == "pickup":
            yield InFolder(tmp_path, monkeypatch, closing)
        else:
            yield ByMapi(tmp_path, closing)


async def opened(way: Way, conversation: Conversation | None = None) -> Connection:
    connection = await way.open(conversation or Conversation())
    assert connection is not None
    assert not isinstance(connection, Outcome), connection
    return connection


async def send(connection: Connection, to: tuple[str, ...] = TO) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    assert await connection.deliver(Envelope("a@example.com", to, queue_id="Q7"), RAW, outcomes)
    assert set(outcomes) == set(to), "every recipient has an outcome"
    return outcomes


def test_a_message_arrives_and_each_recipient_has_a_2xx(place: Place) -> None:
    async def work() -> None:
        conversation = Conversation()
        connection = await opened(place.way, conversation)
        outcomes = await send(connection)
        assert [(o.verdict, o.smtp_code, o.failure) for o in outcomes.values()] == [(Verdict.accepted, 250, None)] * 2
        assert connection.label
        assert connection.conversation is conversation, "that of the first message tells how it was opened"
        assert connection.conversation.text
        await connection.close()

    run(work())
    [body] = place.arrived()
    assert body.replace(b"\r\n", b"\n") == b"hello\n.\n..dots\n"


def test_a_connection_takes_one_message_after_the_other(place: Place) -> None:
    async def work() -> None:
        connection = await opened(place.way)
        for _ in range(3):
            assert connection.usable
            await send(connection)
        assert not connection.over
        first = connection.conversation
        await send(connection)
        assert connection.conversation is not first, "each message has its own conversation"
        await connection.close()
        assert connection.over

    run(work())
    assert len(place.arrived()) == 4


def test_what_cannot_be_opened_is_an_outcome_with_the_reason(place: Place) -> None:
    async def work() -> None:
        conversation = Conversation()
        outcome = await place.nowhere.open(conversation)
        assert isinstance(outcome, Outcome)
        assert outcome.verdict is Verdict.temporary, "an administrator can mend it"
        assert outcome.failure
        assert outcome.text in conversation.text
        assert place.nowhere.label

    run(work())


def test_a_place_that_fails_defers_and_goes_on_when_it_is_well(place: Place) -> None:
    async def work() -> None:
        connection = await opened(place.way)
        place.behaves("fails")
        outcomes = await send(connection)
        assert {o.verdict for o in outcomes.values()} == {Verdict.temporary}
        assert all(o.failure and o.text for o in outcomes.values())
        assert place.arrived() == []
        place.behaves("well")
        connection = connection if connection.usable else await opened(place.way)
        assert {o.verdict for o in (await send(connection)).values()} == {Verdict.accepted}
        await connection.close()

    run(work())
    assert len(place.arrived()) == 1


def test_who_is_cancelled_in_the_middle_leaves_what_may_have_arrived_as_unknown(place: Place) -> None:
    async def work() -> None:
        connection = await opened(place.way)
        place.behaves("hangs")
        outcomes: dict[str, Outcome] = {}
        sending = asyncio.create_task(connection.deliver(Envelope("a@example.com", TO), RAW, outcomes))
        await asyncio.sleep(0.3)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert {address: o.verdict for address, o in outcomes.items()} == dict.fromkeys(TO, Verdict.unknown)
        assert connection.over
        connection.abort()

    run(work())


def test_where_there_is_one_host_there_is_no_other(place: Place) -> None:
    async def work() -> None:
        connection = await opened(place.way)
        assert await place.way.open(Conversation(), {connection.host}) is None
        connection.abort()
        assert connection.over

    run(work())
