"""The mail engine as one of several workers: it sends nothing that may be another's, and nothing without a share."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.smtp_server import ScriptedSmtp
from tests.unit.engine_running import ONE, RAW, all_in, options_for, run, running, until
from trackkit.domain.delivery import State
from trackkit.domain.options import Options
from trackkit.mail import engine as engine_module
from trackkit.services.attempts import Claimed


class OneOfSeveral(MemoryQueue):
    """A queue that others work on, too."""

    holds = True
    fresh = True
    share: int | None = None
    looks = 0
    """How often it was asked whether the others have heard of it."""

    def still_holds(self, claimed: Claimed) -> bool:
        return self.holds

    def is_there(self) -> bool:
        self.looks += 1
        return self.fresh

    def options(self) -> Options:
        if self.share is None:
            return self.current
        timing = self.current.sending.timing.model_copy(update={"connections": self.share})
        sending = self.current.sending.model_copy(update={"timing": timing})
        return self.current.model_copy(update={"sending": sending})

    def may_send(self, claimed: Claimed | None = None) -> bool:
        return super().may_send(claimed) and self.share != 0


def test_what_may_be_somebody_elses_by_now_is_given_back_untried() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = OneOfSeveral(options_for(server.port))
            queue.holds = False
            for _ in range(5):
                queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(lambda: len(queue.attempts) >= 5)
                queue.fresh = False
                await until(all_in(queue, State.queued))
                claims = queue.claims
                assert server.connections == 0
                assert {len(attempt.outcomes) for attempt in queue.attempts} == {0}
                queue.holds = queue.fresh = True
                engine.wake()
                await until(all_in(queue, State.sent))
                assert queue.claims > claims
            assert len(server.messages) == 5

    run(work())


def test_a_worker_that_others_have_not_heard_of_claims_nothing() -> None:
    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = OneOfSeveral(options_for(server.port))
            queue.fresh = False
            queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(lambda: queue.looks > 0)
                looks = queue.looks
                engine.wake()
                await until(lambda: queue.looks > looks)
                assert queue.claims == 0
            assert queue.states() == [State.queued]

    run(work())


def test_without_a_share_of_the_connections_what_waits_is_given_back() -> None:
    async def work() -> None:
        release = threading.Event()
        with ScriptedSmtp({"dot": lambda line: release.wait(30) and None}) as server:  # type: ignore[func-returns-value]
            queue = OneOfSeveral(options_for(server.port, sending__timing__connections=1))
            for _ in range(10):
                queue.submit(RAW, ONE)
            async with running(queue) as engine:
                await until(lambda: server.said("DATA"))
                assert engine.open_connections == 1
                queue.share = 0
                engine.wake()
                await until(lambda: queue.states().count(State.queued) == 9)
                release.set()
                await until(lambda: queue.states().count(State.sent) == 1)
                await until(lambda: engine.open_connections == 0)
                assert len(server.messages) == 1
                queue.share = 1
                engine.wake()
                await until(all_in(queue, State.sent))

    run(work())


def test_one_that_yields_looks_later_for_what_comes_in_but_follows_the_options_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "YIELDING_SECONDS", 600)

    async def work() -> None:
        with ScriptedSmtp() as server:
            queue = OneOfSeveral(options_for(server.port))
            async with running(queue) as engine:
                await until(lambda: queue.looks > 0)
                engine.yields = True
                looks = queue.looks
                queue.submit(RAW, ONE)
                engine.wake()
                await asyncio.sleep(0.1)
                assert (queue.looks, queue.states()) == (looks, [State.queued])
                queue.current = options_for(server.port, sending__timing__connections=2)
                engine.wake()
                await until(all_in(queue, State.sent))

    run(work())
