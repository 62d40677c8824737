"""A server on SQLite with many connections sends from two processes; each of them is killed in the middle of its work.

Options and pauses reach both, nothing is lost, and what leaves twice is what the killed ones had under way.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from tests.conftest import Start
from tests.faults.arriving import all_arrived
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.delivery import new_status
from trackkit.domain.message import Envelope
from trackkit.domain.schedule import RetryPolicy
from trackkit.mail.settling import UNSETTLED
from trackkit.store import database, new_mail
from trackkit.store.new_mail import NewMessage

MAILS = 1500
CONNECTIONS = 20
RAW = b"Subject: %d\r\nMessage-ID: <%d@trackkit.test>\r\n\r\nbody\r\n"
BOTH = {"server": CONNECTIONS // 2, "server-2": CONNECTIONS // 2}

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two processors"
)


def enqueue(server: RunningServer) -> None:
    """Put the mails into the queue."""
    store = database.sqlite(server.data / "trackkit.db", create=False)
    now = datetime.now(UTC)
    status = new_status(now, RetryPolicy(timedelta(days=5)))
    new = [
        NewMessage(RAW % (n, n), Envelope("a@trackkit.test", (f"m{n}@sink.test",)), f"<{n}>", str(n), "test")
        for n in range(MAILS)
    ]
    store.write(lambda connection: new_mail.enqueue_all(connection, new, status, now))
    store.close()


def workers(server: RunningServer) -> dict[str, int]:
    return {w.name: w.connections for w in server.admin.mail.workers().workers if w.lost_at is None}


def holders(server: RunningServer) -> set[str]:
    connection = sqlite3.connect(server.data / "trackkit.db")
    rows = connection.execute("SELECT DISTINCT worker FROM recipients WHERE state = 'active'").fetchall()
    connection.close()
    return {str(holder).partition(":")[0] for (holder,) in rows}


def second(server: RunningServer) -> psutil.Process:
    [process] = psutil.Process(server.process.pid).children()
    return process


@pytest.mark.spec("5: A restart loses nothing; leftovers are reloaded and sent")
@pytest.mark.spec("7: sending: limits are for the whole server, all workers together")
def test_two_processes_send_and_a_kill_of_either_loses_nothing(start: Start, raw_sink: RawSink) -> None:
    relay = {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": raw_sink.port, "sending.smtp.encryption": "none"}
    server = start(options={**relay, "sending.timing.connections": 4, "sending.paused": True})
    assert workers(server) == {"server": 4}
    assert not psutil.Process(server.process.pid).children(), "a small server is one process"
    server.admin.options.set({"sending.timing.connections": CONNECTIONS})
    wait_until(lambda: workers(server) == BOTH, what="the division of the connections", seconds=30)
    enqueue(server)
    raw_sink.delay = 0.05
    server.admin.options.set({"sending.paused": False})
    wait_until(lambda: holders(server) == set(BOTH), what="both at work")
    wait_until(lambda: len(raw_sink.taken) >= 100, what="the first hundred")

    server.admin.options.set({"sending.paused": True})
    wait_until(lambda: not holders(server), what="both giving back what they held")
    at_pause = len(raw_sink.taken)
    assert at_pause < MAILS // 2, "too many had left before the pause; this run proves little"
    server.admin.options.set({"sending.paused": False})
    assert len(raw_sink.taken) <= at_pause + CONNECTIONS
    wait_until(lambda: holders(server) == set(BOTH), what="both at work again")
    second(server).send_signal(signal.SIGKILL)
    raw_sink.delay = 1.5  # so that something is left for the next one
    told = "second process that sends mail has ended"
    wait_until(lambda: server.admin.log.list(text=told, source="mail").entries, what="that it has ended")
    wait_until(lambda: workers(server) == BOTH, what="the next second process", seconds=30)
    wait_until(lambda: holders(server) == set(BOTH), what="both at work once more")
    orphan = second(server)
    server.kill()
    at_kill = len(raw_sink.taken)
    assert at_kill < MAILS, "all had left before the server was killed; this run proves little"
    assert orphan.wait(30) in (0, None), "it ends with its server"
    raw_sink.delay = 0
    server.restart()
    counts = all_arrived(server, raw_sink, MAILS)
    twice = [name for name, times in counts.items() if times > 1]
    print(f"{MAILS} mails, killed after {at_kill}; sent twice: {len(twice)}")
    assert max(counts.values()) <= 3
    assert sum(counts.values()) - MAILS <= 2 * (UNSETTLED + CONNECTIONS // 2), "more than what two had under way"
    history = Counter(line.recipient for line in server.admin.mail.each_sent())
    assert len(history) == MAILS
    assert set(history.values()) == {1}
    server.admin.options.set({"sending.timing.connections": 4})
    wait_until(lambda: workers(server) == {"server": 4}, what="one process again")
    wait_until(lambda: not psutil.Process(server.process.pid).children(), what="its end")
