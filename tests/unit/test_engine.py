"""The mail engine over a queue in memory and real sockets: what leaves, when, over how many connections."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.fakes.delivery_queue import MemoryQueue, utc_now
from tests.fakes.smtp_server import ScriptedSmtp, drop, first, say, stall, when
from tests.unit.engine_running import ONE, RAW, all_in, options_for, run, running, until
from trackkit.domain.delivery import Event, State
from trackkit.domain.log import Severity
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Verdict
from trackkit.mail import engine as engine_module
from trackkit.mail.engine import Engine
from trackkit.mail.transports import smtp
from trackkit.mail.transports.content import Content


@pytest.mark.spec("5: With a healthy host a message leaves within seconds")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_healthy_message_leaves_at_once(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            async with running(queue) as engine:
                queue.submit(RAW, ONE, "two@example.com")
                threading.Thread(target=engine.wake).start()
                await until(all_in(queue, State.sent), 1)
            assert [m.rcpt_tos for m in server.messages] == [(ONE, "two@example.com")]
            assert queue.attempts[0].host == f"127.0.0.1:{server.port}"
            assert "> MAIL FROM:<a@example.com>" in queue.attempts[0].conversation
            assert server.said("QUIT")
            assert queue.reports == []

    run(work(), loop)


def test_a_thousand_messages_each_once_over_few_connections_settled_in_batches() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            for number in range(1000):
                queue.submit(RAW, f"r{number}@example.com")
            async with running(queue):
                await until(all_in(queue, State.sent), 60)
            sent = [m.rcpt_tos[0] for m in server.messages]
            assert sorted(sent) == sorted(f"r{n}@example.com" for n in range(1000))
            assert server.connections <= 8
            assert server.most_open <= 4
            assert len(queue.batches) < 300
            assert max(queue.batches) <= 100

    run(work())


@pytest.mark.parametrize("ends", ["stopped", "paused"])
def test_a_long_line_with_what_comes_next_announced_ends_anywhere_without_loss(ends: str) -> None:
    """What was announced to the host and not sent is given back untried."""

    async def work() -> None:
        slow = {"dot": lambda line: time.sleep(0.005)}
        with ScriptedSmtp(slow, extensions=("PIPELINING",)) as server:  # type: ignore[arg-type]
            options = options_for(server.port, sending__timing__connections=2)
            queue = MemoryQueue(options)
            for number in range(300):
                queue.submit(RAW, f"r{number}@example.com")
            async with running(queue) as engine:
                await until(lambda: queue.states().count(State.sent) > 40)
                assert server.said("RSET"), "what comes next is announced"
                if ends == "paused":
                    queue.current = options_for(server.port, sending__paused=True)
                    engine.wake()
                    await until(lambda: queue.states().count(State.active) == 0)
            sent = [address for m in server.messages for address in m.rcpt_tos]
            assert sorted(sent) == sorted(set(sent))
            assert queue.states().count(State.sent) == len(sent) < 300
            assert set(queue.states()) == {State.sent, State.queued}

    run(work())


def test_one_message_per_connection() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port, sending__smtp__one_message_per_connection=True))
            for _ in range(6):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(all_in(queue, State.sent))
            assert sorted(m.connection for m in server.messages) == [1, 2, 3, 4, 5, 6]

    run(work())


def test_connections_are_bounded_also_when_the_bound_is_lowered() -> None:
    async def work() -> None:
        with ScriptedSmtp({"dot": lambda line: time.sleep(0.02)}) as server:  # type: ignore[func-returns-value]
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=1))
            for _ in range(30):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(all_in(queue, State.sent))
            assert server.most_open == 1

    run(work())


def test_a_kept_connection_the_host_has_closed_costs_no_retry() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            async with running(queue) as engine:
                for _ in range(3):
                    queue.submit(RAW, ONE)
                    engine.wake()
                    await until(all_in(queue, State.sent))
                    server.hang_up()
                    await asyncio.sleep(0.05)
            assert len(server.messages) == 3
            assert [o.verdict for a in queue.attempts for o in a.outcomes.values()] == [Verdict.accepted] * 3

    run(work())


def test_a_host_that_closes_after_each_message_without_saying_so() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            count = iter(range(1000))
            server.script = {"mail": lambda line: drop("421 4.7.0 one is enough") if next(count) % 2 else None}
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=1))
            for _ in range(5):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(all_in(queue, State.sent))
            assert len(server.messages) == 5

    run(work())


def test_refused_recipients_fail_or_wait_and_the_rest_goes() -> None:
    async def work() -> None:
        script = {
            "rcpt": lambda line: say("550 5.1.1 no") if "bad@" in line else when("busy@", say("450 4.2.1 x"))(line)
        }
        with ScriptedSmtp(script) as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, "bad@example.com", ONE, "busy@example.com")
            async with running(queue):
                await until(lambda: State.active not in queue.states() and State.queued not in queue.states())
            assert queue.states() == [State.failed, State.sent, State.deferred]

    run(work())


@pytest.mark.spec("5: an attempt whose outcome is unknown (connection lost after the final dot) is tried again")
def test_lost_after_the_final_dot_is_flagged_and_tried_again() -> None:
    async def work() -> None:
        with ScriptedSmtp({"dot": first(1, drop())}) as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(all_in(queue, State.deferred))
                assert queue.rows[1].status.outcome_unknown
                queue.apply(Event.reattempt)
                engine.wake()
                await until(all_in(queue, State.sent))
            assert queue.rows[1].status.tries == 2

    run(work())


def test_paused_sends_nothing_and_gives_back_what_waits() -> None:
    async def work() -> None:
        release = threading.Event()
        with ScriptedSmtp({"dot": lambda line: release.wait(5) and None}) as server:  # type: ignore[func-returns-value]
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=1))
            for _ in range(20):
                queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(lambda: server.said("DATA"))
                queue.current = options_for(server.port, sending__paused=True, sending__timing__connections=1)
                engine.wake()
                await until(lambda: queue.states().count(State.queued) == 19)
                release.set()
                await until(lambda: queue.states().count(State.sent) == 1)
                claims = queue.claims
                await asyncio.sleep(0.3)
                assert queue.claims <= claims + 1, "a paused engine spins"
                queue.current = options_for(server.port)
                engine.wake()
                await until(all_in(queue, State.sent))
            assert len(server.messages) == 20

    run(work())


def test_no_host_means_no_claims_and_no_spinning() -> None:
    async def work() -> None:
        queue = MemoryQueue(Options())
        queue.submit(RAW, ONE)
        async with running(queue):
            await asyncio.sleep(0.3)
            assert queue.claims <= 2
        assert queue.states() == [State.queued]

    run(work())


def test_a_mail_that_is_due_later_leaves_then() -> None:
    async def work() -> None:
        with ScriptedSmtp({"rcpt": first(1, say("450 4.2.0 later"))}) as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(all_in(queue, State.deferred))
                queue.make_due()
                engine.wake()
                await until(all_in(queue, State.sent), 3)
            assert len(server.messages) == 1

    run(work())


def test_stop_settles_what_is_known_and_gives_back_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "STOP_SECONDS", 0.3)

    async def work() -> None:
        script = {
            "rcpt": when("stuck@", stall()),
            "dot": lambda line: stall() if server.said("RCPT TO:<DOT@") else None,
        }
        server = ScriptedSmtp(script)
        with server:
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=2))
            queue.submit(RAW, "stuck@example.com")
            queue.submit(RAW, "dot@example.com")
            for _ in range(30):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(lambda: server.said("DATA") and server.said("RCPT TO:<STUCK@"))
                assert queue.states().count(State.active) == 32
        stuck, dot, *rest = queue.rows.values()
        assert stuck.status.state is State.queued
        assert (dot.status.state, dot.status.outcome_unknown) == (State.deferred, True)
        assert dot.last is not None
        assert dot.last.failure is Failure.interrupted
        assert {row.status.state for row in rest} == {State.queued}
        assert {row.status.tries for row in rest} == {0}

    run(work())


def test_stop_lets_a_sending_under_way_end() -> None:
    async def work() -> None:
        with ScriptedSmtp({"dot": lambda line: time.sleep(0.5)}) as server:  # type: ignore[func-returns-value]
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, ONE)
            async with running(queue):
                await until(lambda: server.said("DATA"))
            assert queue.states() == [State.sent]

    run(work())


def test_stop_before_start_and_wake_after_stop() -> None:
    async def work() -> None:
        queue = MemoryQueue(Options())
        engine = Engine(queue, utc_now)  # type: ignore[arg-type]
        engine.wake()
        task = asyncio.create_task(engine.run())
        await engine.stop()
        await asyncio.wait_for(task, 5)
        engine.wake()
        assert queue.claims == 0

    run(work())


def test_a_defect_defers_its_message_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    real = smtp.prepared

    def broken(raw: bytes, extensions: Mapping[str, str]) -> Content | Outcome:
        if b"poison" in raw:
            raise ZeroDivisionError("no such thing")
        return real(raw, extensions)

    monkeypatch.setattr(smtp, "prepared", broken)

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(b"poison\r\n", ONE)
            for _ in range(10):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(all_in(queue, State.sent, State.deferred))
            assert queue.states() == [State.deferred] + [State.sent] * 10
            ((severity, message, details),) = queue.reports
            assert severity is Severity.error
            assert "Q1" in message
            assert "ZeroDivisionError" in details

    run(work())


def test_an_address_that_would_end_the_line_is_never_sent() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, "x@example.com>\r\nRCPT TO:<y@example.com")
            async with running(queue):
                await until(all_in(queue, State.deferred))
            assert not server.said("RCPT")

    run(work())
