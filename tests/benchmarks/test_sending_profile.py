"""Where the processor's time goes while a durable queue is drained: 4 KB messages into `smtp-sink`, 20 connections.

Printed for the draining alone, without a profiler: messages a second, and the processor's time a message in the event
loop, in each of the store's steps, and in the rest of the threads. A second run under a profiler, which makes all of
it slower, names the functions of the event loop's thread that cost most by themselves. It is one engine in one process:
a server with so many connections has a second one beside it, which spends the same again (`server/second.py`).

Run by `make bench`; `TRACKKIT_BENCH_MESSAGES` says how many (5,000), `TRACKKIT_BENCH_ROUNDS` how many rounds (3).
"""

from __future__ import annotations

import asyncio
import cProfile
import os
import pstats
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop
from sqlalchemy import select

from tests.ports import accepts, free_port, wait_until
from trackkit.contract.options import SetOptions
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.delivery import new_status
from trackkit.domain.message import checked_envelope
from trackkit.mail.engine import Engine
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings
from trackkit.services import options
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Call, Environment
from trackkit.services.mail import policy
from trackkit.store import new_mail, queue_claim, queue_sent
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage
from trackkit.store.tables import messages

MESSAGES = int(os.environ.get("TRACKKIT_BENCH_MESSAGES", "5000"))
ROUNDS = int(os.environ.get("TRACKKIT_BENCH_ROUNDS", "3"))
CONNECTIONS = 20
ADMIN = Actor("admin", Role.admin, "127.0.0.1", local=True)
SIZE = 4096
SHOWN = 18
STEPS = {"due": queue_claim, "lease": queue_claim, "contents": queue_claim, "leave_at_once": queue_sent}


@contextmanager
def sink() -> Iterator[int]:
    """`smtp-sink` on a free port."""
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    if not os.path.exists(program):
        pytest.skip("smtp-sink is missing; it comes with Postfix")
    port = free_port()
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *as_nobody, f"127.0.0.1:{port}", "200"])
    try:
        wait_until(lambda: accepts(port), what="smtp-sink")
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def environment_for(folder: Path, port: int) -> Iterator[Environment]:
    """A server's environment with a full queue on SQLite, durable as always."""
    with compose.environment(prepare(folder), MachineSettings(), None, lambda: datetime.now(UTC)) as made:
        call = Call(made, ADMIN, made.clock())
        values = {
            "sending.smtp.host": "127.0.0.1",
            "sending.smtp.port": port,
            "sending.smtp.encryption": "none",
            "sending.timing.connections": CONNECTIONS,
        }
        options.set_options(call, SetOptions(values=values))
        fill(made)
        yield made


def fill(environment: Environment) -> None:
    """The messages, each with one recipient."""
    now = environment.clock()
    status = new_status(now, policy(environment.options.current))
    chosen = random.Random(4096)
    body = b"".join(chosen.randbytes(35).hex().encode() + b"\r\n" for _ in range(SIZE // 72))

    def work(connection: Connection) -> None:
        for number in range(MESSAGES):
            raw = b"Message-ID: <%d@bench.test>\r\nSubject: message %d\r\n\r\n" % (number, number) + body
            envelope = checked_envelope("sender@bench.test", [f"r{number}@bench.test"])
            new_mail.enqueue(connection, NewMessage(raw, envelope, f"<{number}@bench.test>", "x", "admin"), status, now)

    environment.store.write(work)


def timed(name: str, function: Callable[..., Any], spent: Counter[str]) -> Callable[..., Any]:
    """The function, the processor's time of its thread added up."""

    def wrapper(*args: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return function(*args)
        finally:
            spent[name] += time.thread_time_ns() - began

    return wrapper


def drain(environment: Environment, profiler: cProfile.Profile | None = None) -> tuple[float, float]:
    """Send everything; the seconds it took, and the processor's time of the event loop's thread."""

    async def work() -> tuple[float, float]:
        engine = Engine(DeliveryQueue(environment, "bench"), environment.clock)
        began, busy = time.perf_counter(), time.thread_time()
        if profiler is not None:
            profiler.enable()
        task = asyncio.create_task(engine.run())
        while await asyncio.to_thread(waiting, environment):
            await asyncio.sleep(0.1)
        if profiler is not None:
            profiler.disable()
        took = time.perf_counter() - began, time.thread_time() - busy
        await engine.stop()
        await task
        return took

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def waiting(environment: Environment) -> bool:
    """Whether a message is left; asked for so that it costs next to nothing."""
    return environment.store.read(lambda connection: connection.scalar(_ONE)) is not None


_ONE = select(messages.c.id).limit(1)


def test_where_the_time_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent: Counter[str] = Counter()
    for name, module in STEPS.items():
        monkeypatch.setattr(module, name, timed(name, getattr(module, name), spent))
    with sink() as port:
        print(f"\n{MESSAGES:,} messages of {SIZE:,} bytes, {CONNECTIONS} connections, microseconds a message:")
        for number in range(ROUNDS):
            with environment_for(tmp_path / str(number), port) as made:
                spent.clear()
                began = time.process_time()
                seconds, loop = drain(made)
                rest = time.process_time() - began - loop - spent.total() / 1e9
            parts = {"event loop": loop * 1e9, **{name: spent[name] for name in STEPS}, "other threads": rest * 1e9}
            shown = " · ".join(f"{name} {value / 1e3 / MESSAGES:.0f}" for name, value in parts.items())
            print(f"{MESSAGES / seconds:,.0f} messages/s · {shown}")
        profiler = cProfile.Profile(time.thread_time)
        with environment_for(tmp_path / "profiled", port) as made:
            drain(made, profiler)
    print("The event loop's thread under the profiler, by the time in each function itself:")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(SHOWN)
