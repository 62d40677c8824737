"""The mail engine while the mail host or the store is away."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence

import pytest

from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.smtp_server import ScriptedSmtp, drop
from tests.ports import free_port
from tests.unit.engine_running import ONE, RAW, all_in, options_for, run, running, until
from trackkit.domain.delivery import Event, State
from trackkit.domain.log import Severity
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail import engine as engine_module
from trackkit.mail.destinations import WAITING_AT_RELAY
from trackkit.mail.next_hop import CROWDED_SECONDS, SHARED_ALWAYS_SECONDS, SHARED_SECONDS, NextHop
from trackkit.mail.settling import UNSETTLED
from trackkit.services.attempts import Attempted


def test_a_thousand_mails_behind_a_dead_host_take_one_time_out_not_a_thousand() -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
            queue = MemoryQueue(options_for(silent.getsockname()[1], sending__smtp__connect_timeout=1))
            for _ in range(1000):
                queue.submit(RAW, ONE)
            begun = time.monotonic()
            async with running(queue):
                await until(all_in(queue, State.deferred), 10)
                assert time.monotonic() - begun < 4
            outcomes = {o for a in queue.attempts for o in a.outcomes.values()}
            assert {(o.verdict, o.failure, o.stage) for o in outcomes} == {
                (Verdict.temporary, Failure.timed_out, Stage.greeting)
            }
            assert sum("it was not tried again for this one" in a.conversation for a in queue.attempts) >= 990
            assert [(s, m.endswith("mail waits in the queue.")) for s, m, _ in queue.reports] == [
                (Severity.warning, True)
            ]

    run(work())


def test_a_host_that_comes_back_is_told_once_and_a_new_try_is_a_real_one() -> None:
    async def work() -> None:
        server = ScriptedSmtp({"greeting": lambda line: drop("421 4.3.2 down") if down.is_set() else None})
        down = threading.Event()
        down.set()
        with server:
            queue = MemoryQueue(options_for(server.port))
            async with running(queue) as engine:
                for _ in range(5):
                    queue.submit(RAW, ONE)
                engine.wake()
                await until(all_in(queue, State.deferred))
                down.clear()
                await asyncio.sleep(SHARED_ALWAYS_SECONDS)
                queue.apply(Event.reattempt)
                engine.wake()
                await until(all_in(queue, State.sent), 3)
            assert [severity for severity, _, _ in queue.reports] == [Severity.warning, Severity.information]
            assert queue.reports[1][1] == f"The mail host 127.0.0.1:{server.port} can be used again."

    run(work())


def test_a_corrected_host_is_used_at_once() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(free_port()))
            queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(all_in(queue, State.deferred))
                queue.current = options_for(server.port)
                queue.apply(Event.reattempt)
                engine.wake()
                await until(all_in(queue, State.sent), 2)
            assert [a.outcomes[1].failure for a in queue.attempts] == [Failure.refused, None]

    run(work())


def test_a_host_that_takes_two_connections_only_is_crowded_not_dead() -> None:
    async def work() -> None:
        server = ScriptedSmtp({"dot": lambda line: time.sleep(0.01)})  # type: ignore[func-returns-value]
        server.script = {
            **server.script,
            "greeting": lambda line: drop("421 4.7.0 too many connections") if server.open > 2 else None,
        }
        with server:
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=10))
            for _ in range(200):
                queue.submit(RAW, ONE)
            async with running(queue):
                await until(lambda: State.active not in queue.states() and State.queued not in queue.states(), 20)
            assert queue.states().count(State.sent) == 200
            assert queue.reports == []
            assert server.connections < 60

    run(work())


def test_what_a_failed_connection_means_for_others() -> None:
    reports: list[Severity] = []
    hop = NextHop("h:25", lambda severity, *_, **__: reports.append(severity))
    bad = Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="nobody listens")
    assert hop.shared_failure(0, 0) is None
    assert hop.failed(bad, "said", 9, 10)
    assert hop.failed(bad, "said", 9, 10)
    assert reports == [Severity.warning]
    for claimed_at in (9.0, 11.0):
        shared = hop.shared_failure(claimed_at, 10 + SHARED_SECONDS - 0.1)
        assert shared is not None
        assert shared.outcome == bad
        assert hop.shared_failure(claimed_at, 10 + SHARED_SECONDS) is None
    hop.asked_again(11)
    assert hop.shared_failure(9, 12) is not None
    assert hop.shared_failure(11, 12) is None
    hop.opened(15)
    assert hop.shared_failure(9, 12) is None
    assert not hop.failed(bad, "said", 19, 20)
    hop.closed()
    assert not hop.failed(bad, "said", 14, 20), "one was opened meanwhile"
    assert hop.connections(10, 20 + CROWDED_SECONDS - 1) == 1
    assert hop.connections(10, 20 + CROWDED_SECONDS) == 10
    assert reports == [Severity.warning, Severity.information]


@pytest.mark.parametrize("mailed", [True, False])
def test_a_host_that_a_mail_about_the_log_found_away_makes_no_further_mail(mailed: bool) -> None:
    reports: list[tuple[Severity, object]] = []
    hop = NextHop("h:25", lambda severity, *_, **more: reports.append((severity, more["mailed"])))
    hop.failed(Outcome(Verdict.temporary, Stage.connect, Failure.refused), "said", 9, 10, mailed=mailed)
    hop.failed(Outcome(Verdict.temporary, Stage.connect, Failure.refused), "said", 19, 20, mailed=not mailed)
    hop.opened(30)
    assert reports == [(Severity.warning, mailed), (Severity.information, mailed)], "as the one that found it away"


@pytest.mark.spec("5: A recipient with a recorded 2xx is never sent to again")
def test_outcomes_survive_an_outage_of_the_store_and_nothing_goes_twice() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            for number in range(150):
                queue.submit(RAW, f"r{number}@example.com")
            away = threading.Event()
            away.set()
            queue.fails_on = lambda call, attempts: away.is_set() and call == "settle"
            async with running(queue) as engine:
                await until(lambda: server.messages)
                await asyncio.sleep(1.0)
                sent_meanwhile = len(server.messages)
                await asyncio.sleep(0.3)
                assert len(server.messages) <= 150
                assert State.sent not in queue.states()
                away.clear()
                engine.wake()
                await until(all_in(queue, State.sent), 15)
            assert sent_meanwhile <= 150
            assert sorted(m.rcpt_tos[0] for m in server.messages) == sorted(f"r{n}@example.com" for n in range(150))
            assert queue.reports[0][0] is Severity.error
            assert queue.reports[-1][0] is Severity.information

    run(work())


def test_a_store_that_is_away_altogether_is_asked_with_growing_waits_and_reported_once() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, ONE)
            calls: list[str] = []
            away = threading.Event()
            away.set()

            def fails(call: str, attempts: Sequence[Attempted]) -> bool:
                calls.append(call)
                return away.is_set()

            queue.fails_on = fails
            async with running(queue) as engine:
                await asyncio.sleep(0.5)
                assert calls.count("claim") <= 2
                assert [severity for severity, _, _ in queue.reports] == [Severity.error]
                away.clear()
                engine.wake()
                await until(all_in(queue, State.sent), 5)
            assert [severity for severity, _, _ in queue.reports] == [Severity.error, Severity.information]

    run(work())


def test_an_outcome_the_store_refuses_holds_up_no_other() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            queue.fails_on = lambda call, attempts: any(a.claimed.queue_id == "Q1" for a in attempts)
            for number in range(30):
                queue.submit(RAW, f"r{number}@example.com")
            async with running(queue) as engine:
                await until(lambda: queue.states().count(State.sent) == 29)
                queue.submit(RAW, "late@example.com")
                engine.wake()
                await until(lambda: queue.states().count(State.sent) == 30)
                await until(lambda: any("cannot be stored" in message for _, message, _ in queue.reports))
                queue.fails_on = lambda call, attempts: False
            assert queue.states().count(State.sent) == 31, "it is settled at the stop at the latest"
            assert len(server.messages) == 31

    run(work())


def test_a_refused_outcome_that_is_tried_again_right_at_a_stop_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "HOUSEKEEPING_SECONDS", 0.1)

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port))
            queue.submit(RAW, ONE)
            tried_again = threading.Event()

            def fails(call: str, attempts: Sequence[Attempted]) -> bool:
                if call != "settle" or not any("cannot be stored" in message for _, message, _ in queue.reports):
                    return call == "settle"
                if tried_again.is_set():
                    return False
                tried_again.set()
                time.sleep(0.3)
                return True

            queue.fails_on = fails
            async with running(queue):
                await until(tried_again.is_set)
            assert queue.states() == [State.sent]
            assert len(server.messages) == 1

    run(work())


@pytest.mark.spec("5: A recipient with a recorded 2xx is never sent to again")
def test_sending_waits_while_many_outcomes_are_not_written_yet() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = MemoryQueue(options_for(server.port, sending__timing__connections=5))
            for _ in range(100):
                queue.submit(RAW, ONE)
            goes_on = threading.Event()
            queue.fails_on = lambda call, attempts: call == "settle" and not goes_on.wait(20)
            async with running(queue):
                await until(lambda: len(server.messages) >= UNSETTLED)
                await asyncio.sleep(0.3)
                assert len(server.messages) <= UNSETTLED + 5, "what was under way then, too"
                goes_on.set()
                await until(all_in(queue, State.sent))
            assert len(server.messages) == 100
            assert max(queue.batches) <= UNSETTLED // 2

    run(work())


def test_memory_is_bounded_by_number_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "HELD_BYTES", 1000)

    async def work() -> None:
        release = threading.Event()
        with ScriptedSmtp({"mail": lambda line: release.wait(5) and None}) as server:  # type: ignore[func-returns-value]
            queue = MemoryQueue(options_for(server.port))
            for _ in range(400):
                queue.submit(b"x" * 500, ONE)
            async with running(queue):
                await asyncio.sleep(0.5)
                assert queue.states().count(State.active) == WAITING_AT_RELAY
                release.set()
                await until(all_in(queue, State.sent), 20)
            assert len(server.messages) == 400

    run(work())


def test_leases_of_what_is_held_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "HOUSEKEEPING_SECONDS", 0.1)

    async def work() -> None:
        with ScriptedSmtp({"dot": lambda line: time.sleep(0.5)}) as server:  # type: ignore[func-returns-value]
            queue = MemoryQueue(options_for(server.port))
            key = queue.submit(RAW, ONE)
            async with running(queue):
                await until(all_in(queue, State.sent))
            assert key in queue.renewed

    run(work())
