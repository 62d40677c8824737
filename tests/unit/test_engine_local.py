"""The engine with ways that end on this machine: beside SMTP and instead of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.mapi import FakeMapi
from tests.fakes.smtp_server import ScriptedSmtp
from tests.ports import wait_until
from tests.unit.engine_running import ONE, RAW, all_in, options_for, run, running, until
from trackkit.domain.delivery import Event, State
from trackkit.domain.log import Severity
from trackkit.domain.message import BY_MAPI, MailType
from trackkit.domain.options import Options, changed, from_flat
from trackkit.domain.replies import Failure, Verdict
from trackkit.mail import engine as engine_module
from trackkit.mail.destinations import PICKUP, RELAY, WAITING_AT_RELAY
from trackkit.mail.local_ways import ByMapi, LocalPlaces, NoWay
from trackkit.mail.next_hop import SHARED_ALWAYS_SECONDS
from trackkit.mail.transports import mapi as mapi_module
from trackkit.mail.way import MapiLogin, Plan
from trackkit.services.machine import Machine

CANARY = "kAnArY-pa55"
MAPI = {"sending.mapi.enabled": True, "sending.mapi.profile": "Post", "sending.mapi.password": SecretStr(CANARY)}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> FakeMapi:
    return FakeMapi(tmp_path_factory.mktemp("mapi"))


@pytest.fixture
def fake(library: FakeMapi) -> FakeMapi:
    for name in ("record", "login_code", "send_code", "unknown", "hang"):
        library.forgets(name)
    return library


def both(port: int, **more: Any) -> Options:
    return changed(options_for(port, **more), MAPI)


@pytest.mark.spec("5: mail type Internet or MAPI for each recipient: each goes its own way")
def test_a_message_goes_to_each_recipient_by_its_own_way(fake: FakeMapi) -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(both(server.port))
            async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
                for _ in range(5):
                    queue.submit(RAW, ONE, by_mapi=["Bill Jones", "bill@b.test"])
                engine.wake()
                await until(all_in(queue, State.sent))
            assert {message.rcpt_tos for message in server.messages} == {(ONE,)}
            assert len(server.messages) == 5
        assert {tuple(name for _, name, _ in sent.recipients) for sent in fake.sent} == {("Bill Jones", "bill@b.test")}
        assert len(fake.sent) == 5
        assert len(fake.logins) == 1, "one session takes one mail after the other"
        assert CANARY not in "".join(attempt.conversation for attempt in queue.attempts)
        assert {attempt.host for attempt in queue.attempts} == {f"127.0.0.1:{server.port}", "MAPI, profile Post"}

    run(work())


def test_with_the_method_mapi_all_mail_goes_by_it(fake: FakeMapi) -> None:
    async def work() -> None:
        queue = MemoryQueue(from_flat({**MAPI, "sending.method": "mapi"}))
        async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
            queue.submit(RAW, ONE)
            queue.submit(RAW, by_mapi=["Bill Jones"])
            engine.wake()
            await until(all_in(queue, State.sent))
        assert [sent.recipients[0][2] for sent in fake.sent] == [f"SMTP:{ONE}", ""]

    run(work())


def test_mail_that_is_no_longer_for_mapi_never_goes_by_it(fake: FakeMapi) -> None:
    places = LocalPlaces(Machine(mapi_library=fake.library), lambda *_, **__: None)
    asked = Plan("smtp", None, 5, 5, False, mapi=MapiLogin(None, None, False))
    assert isinstance(places.way(BY_MAPI, asked), ByMapi)
    assert [places.way(name, asked) for name in (RELAY, PICKUP)] == [NoWay()] * 2


@pytest.mark.spec("7: MAPI: a call that hangs holds up neither other mail nor the server's stop")
def test_a_hung_mail_program_holds_up_nothing_else(fake: FakeMapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "STOP_SECONDS", 0.2)
    fake.says("hang")

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(both(server.port, sending__timing__connections=1))
            for _ in range(2 * WAITING_AT_RELAY):
                queue.submit(b"x" * 1000 + RAW, by_mapi=["Bill Jones"])
            async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
                await asyncio.sleep(0.2)
                for _ in range(300):
                    queue.submit(RAW, ONE)
                engine.wake()
                await until(lambda: queue.states().count(State.sent) == 300)
                held = queue.states().count(State.active)
                assert held < 1.1 * WAITING_AT_RELAY, "only a part of what cannot leave is held"
            assert len(server.messages) == 300
        states = queue.states()
        assert State.active not in states, "a stop leaves nothing behind"
        tried = [attempt for attempt in queue.attempts if attempt.outcomes and attempt.host.startswith("MAPI")]
        [outcome] = [outcome for attempt in tried for outcome in attempt.outcomes.values()]
        assert (outcome.verdict, outcome.failure) == (Verdict.unknown, Failure.interrupted)

    run(work())
    fake.forgets("hang")
    wait_until(lambda: fake.lines[-1][0] == "logoff")  # what was left alone ends, so that no other test meets it


@pytest.mark.spec("7: MAPI: a pause of its own")
def test_each_pause_holds_its_own_mail_and_nothing_spins(fake: FakeMapi) -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(both(server.port, sending__paused=True))
            async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
                for _ in range(40):
                    queue.submit(RAW, ONE, by_mapi=["Bill Jones"])
                engine.wake()
                await until(lambda: len(fake.sent) == 40)
                claims = queue.claims
                await asyncio.sleep(0.5)
                assert queue.claims - claims <= 3
                assert not server.messages
                queue.current = both(server.port, sending__mapi__paused=True)
                queue.submit(RAW, by_mapi=["Bill Jones"])
                engine.wake()
                await until(lambda: queue.states().count(State.sent) == 80)
            assert (len(server.messages), len(fake.sent)) == (40, 40)
            assert [row.status.state for row in queue.rows.values()][-1] is State.queued

    run(work())


def test_a_call_that_takes_too_long_is_reported_and_the_rest_waits(
    fake: FakeMapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapi_module, "SEND_SECONDS", 0.2)
    fake.says("hang")

    async def work() -> None:
        queue = MemoryQueue(from_flat(MAPI))
        async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
            for _ in range(3):
                queue.submit(RAW, by_mapi=["Bill Jones"])
            engine.wake()
            await until(all_in(queue, State.deferred))
        assert [words for _, words, _ in queue.reports] == [
            "A call to the mail program (MAPI) does not come back; it is left alone.",
            "MAPI, profile Post cannot be used; mail waits in the queue.",
        ]
        verdicts = sorted(row.last.verdict for row in queue.rows.values() if row.last)
        assert verdicts == [Verdict.temporary, Verdict.temporary, Verdict.unknown]
        assert CANARY not in str(queue.reports)

    run(work())
    fake.forgets("hang")
    wait_until(lambda: fake.lines[-1][0] == "logoff")


def test_what_mapi_does_not_take_is_not_handed_to_the_relay(fake: FakeMapi) -> None:
    fake.says("send_code", 2)

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(both(server.port, sending__method="direct-then-smtp"))
            async with running(queue, machine=Machine(mapi_library=fake.library)) as engine:
                queue.submit(RAW, by_mapi=["bill@b.test"])
                engine.wake()
                await until(all_in(queue, State.deferred))
            assert not server.messages
        [row] = queue.rows.values()
        assert row.last is not None
        assert row.last.failure is Failure.mapi_failed

    run(work())


@pytest.mark.spec("7: MAPI: elsewhere a clear 'needs Windows'")
def test_without_mapi_its_mail_is_deferred_with_the_reason_and_told_once() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(both(server.port))
            async with running(queue, machine=Machine(mapi_library="")) as engine:
                for _ in range(3):
                    queue.submit(RAW, ONE, by_mapi=["Bill Jones"])
                engine.wake()
                await until(all_in(queue, State.sent, State.deferred))
            assert len(server.messages) == 3
        assert {row.last.failure for row in queue.rows.values() if row.last and row.last.failure} == {Failure.no_mapi}
        told = [(severity, words) for severity, words, _ in queue.reports]
        assert told == [(Severity.warning, "MAPI, profile Post cannot be used; mail waits in the queue.")]

    run(work())


@pytest.mark.spec("7: pickup folder: vanished, full, without rights, a file, a link outside: a temporary outcome")
def test_a_folder_that_vanishes_defers_and_takes_mail_again_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "pickup"

    async def work() -> None:
        queue = MemoryQueue(from_flat({"sending.method": "pickup", "sending.pickup.folder": str(folder)}))
        async with running(queue, machine=Machine(pickup_roots=(str(tmp_path),))) as engine:
            for _ in range(20):
                queue.submit(RAW, ONE, "two@example.com")
            engine.wake()
            await until(all_in(queue, State.deferred))
            folder.mkdir()
            await asyncio.sleep(SHARED_ALWAYS_SECONDS)
            queue.apply(Event.reattempt)
            engine.wake()
            await until(all_in(queue, State.sent))
        assert len(list(folder.glob("*.eml"))) == 20, "one file a message"
        assert [words for _, words, _ in queue.reports] == [
            f"The pickup folder {folder} cannot be used; mail waits in the queue.",
            f"The pickup folder {folder} can be used again.",
        ]

    run(work())


def test_an_option_changed_while_mail_is_claimed_loses_nothing(fake: FakeMapi, tmp_path: Path) -> None:
    """What was claimed for a way that is none any more, or not yet, is given back untried."""

    class Changing(MemoryQueue):
        def claim(self, limit: int, besides: Any = ()) -> Any:
            found = super().claim(limit, besides)
            self.current = self.then
            return found

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = Changing(both(server.port))
            queue.then = from_flat({"sending.method": "pickup", "sending.pickup.folder": str(tmp_path)})
            queue.submit(RAW, ONE, by_mapi=["Bill Jones"])
            async with running(queue, machine=Machine(pickup_roots=(str(tmp_path.parent),), mapi_library=fake.library)):
                await until(lambda: State.sent in queue.states())
                assert [row.mail_type for row in queue.rows.values() if row.status.state is not State.sent] == [
                    MailType.mapi
                ]
            assert not server.messages
        assert not fake.sent
        assert len(list(tmp_path.glob("*.eml"))) == 1

    run(work())
