"""Sending beside Postfix: the same sink, the same disk, 4 KB messages, 20 connections, in the same run.

    python -m pytest -s tests/benchmarks/test_mail.py

Both sides store each message with fsync before they answer for it, and take it out of the queue when the sink has it. A
time ends when the sink has the last message. A ratio above 1 means that trackkit is quicker.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.benchmarks.mail_peers import CONNECTIONS, SIZE, RelayingPostfix, Sink, pour
from tests.conftest import Start
from tests.ports import free_port, wait_until
from tests.running import RunningServer
from trackkit.domain.delivery import new_status
from trackkit.domain.message import Envelope
from trackkit.domain.schedule import RetryPolicy
from trackkit.server import compose, settings
from trackkit.server.folder import prepare
from trackkit.store import new_mail

MESSAGES = int(os.environ.get("TRACKKIT_BENCH_MESSAGES", "5000"))
ROUNDS = int(os.environ.get("TRACKKIT_BENCH_ROUNDS", "3"))
BODY = b"".join([b"From: from@example.test\r\nSubject: measured\r\n\r\n", (b"x" * 78 + b"\r\n") * 51])[:SIZE]

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(shutil.which("smtp-source", path="/usr/sbin:/usr/bin") is None, reason="needs Postfix"),
]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def postfix(sink: Sink) -> Iterator[RelayingPostfix]:
    with RelayingPostfix(sink) as running:
        yield running


@pytest.fixture
def listener() -> int:
    return free_port()


@pytest.fixture
def server(start: Start, sink: Sink, listener: int) -> RunningServer:
    options = {
        "sending.smtp.host": "127.0.0.1",
        "sending.smtp.port": sink.port,
        "sending.timing.connections": CONNECTIONS,
        "sending.listener.port": listener,
        "sending.listener.enabled": True,
    }
    return start(options=options)


def took(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_queue(server: RunningServer) -> int:
    return server.admin.mail.list(limit=1).total


def table(name: str, ours: list[float], theirs: list[float]) -> None:
    """Messages a second of each round, medians, ratio of the medians."""
    print(f"\n{name}: messages/s, {len(ours)} rounds of {MESSAGES:,}")
    for who, seconds in (("trackkit", ours), ("Postfix", theirs)):
        rates = sorted(MESSAGES / one for one in seconds)
        print(f"  {who:9} {statistics.median(rates):8,.0f}   ({rates[0]:,.0f} to {rates[-1]:,.0f})")
    print(f"  ratio     {statistics.median(theirs) / statistics.median(ours):8.2f}x")


def processes(server: RunningServer) -> list[psutil.Process]:
    """The server's two, once both send."""
    wait_until(lambda: len([w for w in server.admin.mail.workers().workers if w.connections]) == 2, what="both sending")
    server_itself = psutil.Process(server.process.pid)
    return [server_itself, *server_itself.children()]


def used(by: list[psutil.Process]) -> float:
    """Seconds of the processors' time."""
    return sum(times.user + times.system for times in (one.cpu_times() for one in by))


def test_draining_a_queue(server: RunningServer, listener: int, postfix: RelayingPostfix, sink: Sink) -> None:
    ours, theirs, cpu = [], [], []
    both = processes(server)
    for _ in range(ROUNDS):
        server.admin.options.set({"sending.paused": True})
        pour(listener, MESSAGES)
        goal = sink.messages + MESSAGES
        before = used(both)

        def drain(goal: int = goal) -> None:
            server.admin.options.set({"sending.paused": False})
            sink.wait_for(goal)

        ours.append(took(drain))
        wait_until(lambda: in_queue(server) == 0, seconds=60, what="the end of the queue")
        cpu.append((used(both) - before) / MESSAGES * 1e6)

        postfix.hold_back()
        pour(postfix.port, MESSAGES)
        postfix.wait_until_stored(MESSAGES)
        goal = sink.messages + MESSAGES

        def flush(goal: int = goal) -> None:
            postfix.let_go()
            sink.wait_for(goal)

        theirs.append(took(flush))
        postfix.wait_until_empty()
    table("draining a durable queue", ours, theirs)
    print(f"  trackkit used {statistics.median(cpu):,.0f} µs of CPU a message")


@pytest.mark.parametrize("kept", [True, False], ids=["kept connections", "a connection each"])
def test_in_and_out(server: RunningServer, listener: int, postfix: RelayingPostfix, sink: Sink, kept: bool) -> None:
    ours, theirs = [], []
    processes(server)
    for _ in range(ROUNDS):
        for port, seconds in ((listener, ours), (postfix.port, theirs)):
            goal = sink.messages + MESSAGES

            def through(port: int = port, goal: int = goal) -> None:
                pour(port, MESSAGES, kept=kept)
                sink.wait_for(goal)

            seconds.append(took(through))
            wait_until(lambda: in_queue(server) == 0, seconds=60, what="the end of the queue")
            postfix.wait_until_empty()
    table(f"SMTP in, disk, SMTP out, {'kept connections' if kept else 'a connection each'}", ours, theirs)


def filled(data: Path, messages: int) -> None:
    """A stopped server's queue with so many messages."""
    folder = prepare(data)
    with compose.environment(folder, settings.load(folder.path), None) as environment:
        now = environment.clock()
        status = new_status(now, RetryPolicy(timedelta(days=5)))
        for begun in range(0, messages, 1000):
            new = [
                new_mail.NewMessage(
                    BODY, Envelope("", ("to@example.test",)), f"<{number}@example.test>", "measured", "admin"
                )
                for number in range(begun, min(begun + 1000, messages))
            ]
            environment.store.write(
                lambda connection, new=new: [new_mail.enqueue(connection, one, status, now) for one in new]
            )


def test_a_long_queue_costs_no_more(start: Start, sink: Sink, tmp_path: Path) -> None:
    """CPU and memory of 1,000 messages out of 1,000, and out of 200,000."""
    costs, sizes = {}, {}
    for waiting in (1_000, 200_000):
        server = start(options={"sending.paused": True, "sending.timing.connections": CONNECTIONS})
        server.admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": sink.port})
        server.stop()
        filled(server.data, waiting)
        server.restart()
        both = processes(server)
        server.admin.mail.list(limit=1)
        before, begun, goal = used(both), time.perf_counter(), sink.messages + 1000
        server.admin.options.set({"sending.paused": False})
        sink.wait_for(goal)
        seconds, after = time.perf_counter() - begun, used(both)
        costs[waiting] = (after - before) * 1000
        sizes[waiting] = sum(one.memory_info().rss for one in both) / 2**20
        print(
            f"\nthe first 1,000 of {waiting:,} queued: {costs[waiting]:,.0f} µs of CPU and "
            f"{seconds * 1000:,.0f} µs each, {sizes[waiting]:,.0f} MB"
        )
        server.stop()
    print(f"  200,000 / 1,000: CPU {costs[200_000] / costs[1_000]:.2f}, memory {sizes[200_000] / sizes[1_000]:.2f}")
