"""The server and two mail workers on one PostgreSQL database; one of them is killed in the middle of its work.

3,000 mails; ``TRACKKIT_TEST_MAILS=20000`` in the environment for more.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp
from tests.mail_workers import IMPATIENT, RunningWorker, key_of
from tests.peers.postgres import Cluster
from tests.ports import wait_until
from tests.running import RunningServer
from tests.unit.cli_runs import run as command
from trackkit.domain.delivery import new_status
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from trackkit.domain.message import Envelope
from trackkit.domain.schedule import RetryPolicy
from trackkit.mail.settling import UNSETTLED
from trackkit.server import worker
from trackkit.store import database, new_mail
from trackkit.store.migrate import newest, upgrade
from trackkit.store.new_mail import NewMessage

pytestmark = pytest.mark.postgres

MAILS = int(os.environ.get("TRACKKIT_TEST_MAILS", "3000"))
CONNECTIONS = 6
RAW = b"Subject: %d\r\nMessage-ID: <%d@trackkit.test>\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def url(postgres: Cluster) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(scope="module")
def running(url: str, start_for_module: Start) -> RunningServer:
    """A server that is paused, and finds a worker lost after ten seconds."""
    timing = {"sending.timing.connections": CONNECTIONS, "sending.paused": True}
    return start_for_module(options=timing, database_url=url, prefix=IMPATIENT)


@pytest.fixture(scope="module")
def workers(
    running: RunningServer, url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningWorker]]:
    """Two of them, ready; what a test does to one is done."""
    home = tmp_path_factory.mktemp("workers")
    with ExitStack() as afterwards:
        found = {}
        for name in ("anna", "bert"):
            found[name] = RunningWorker(url, key_of(running.data, home), name, home)
            afterwards.callback(found[name].stop)
        for one in found.values():
            one.wait_until_ready()
        yield found


def enqueue(url: str, mails: int) -> None:
    """Put mails into the queue, many in one transaction."""
    store = database.postgresql(url)
    now = datetime.now(UTC)
    status = new_status(now, RetryPolicy(timedelta(days=5)))
    try:
        for first in range(0, mails, 1000):
            new = [
                NewMessage(RAW % (n, n), Envelope("a@trackkit.test", (f"m{n}@sink.test",)), f"<{n}>", str(n), "test")
                for n in range(first, min(first + 1000, mails))
            ]
            store.write(lambda connection, new=new: [new_mail.enqueue(connection, one, status, now) for one in new])  # type: ignore[misc]
    finally:
        store.close()


def shares(server: RunningServer) -> dict[str, int]:
    return {w.name: w.connections for w in server.admin.mail.workers().workers if w.lost_at is None}


def holders(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT DISTINCT worker FROM recipients WHERE state = 'active'").fetchall()
    return {str(holder).partition(":")[0] for (holder,) in rows}


def sent(sink: ScriptedSmtp) -> Counter[str]:
    return Counter(address.partition("@")[0] for message in list(sink.messages) for address in message.rcpt_tos)


def test_a_change_of_the_options_reaches_every_worker(
    running: RunningServer, workers: dict[str, RunningWorker]
) -> None:
    divided = {"server": 2, "anna": 2, "bert": 2}
    wait_until(lambda: shares(running) == divided, what="the division of the connections")
    running.admin.options.set({"sending.timing.connections": 2})
    few = {"server": 1, "anna": 1, "bert": 0}, {"server": 1, "anna": 0, "bert": 1}  # whoever came first
    wait_until(lambda: shares(running) in few, what="fewer connections than workers")
    running.admin.options.set({"sending.timing.connections": CONNECTIONS})
    wait_until(lambda: shares(running) == divided, what="the division as it was")


@pytest.mark.spec("12: trackkit worker: more mail workers on PostgreSQL")
@pytest.mark.spec("7: sending: limits are for the whole server, all workers together")
def test_three_workers_one_killed_midway_lose_nothing(
    running: RunningServer, workers: dict[str, RunningWorker], url: str
) -> None:
    admin = running.admin
    enqueue(url, MAILS)
    wait_until(lambda: shares(running) == {"server": 2, "anna": 2, "bert": 2}, what="the division of the connections")
    slowness = [0.02]
    with ScriptedSmtp({"dot": lambda line: time.sleep(slowness[0])}) as sink:  # type: ignore[func-returns-value]
        admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": sink.port, "sending.paused": False})
        seen: set[str] = set()
        wait_until(lambda: seen.update(holders(url)) or len(seen) == 3, what="all three at work")
        wait_until(lambda: len(sink.messages) >= MAILS // 6, what="a sixth of the mails", seconds=120)
        wait_until(lambda: "anna" in holders(url), what="anna at work")
        workers["anna"].kill()
        at_kill = len(sink.messages)
        assert at_kill < MAILS // 2, "too many had left before the kill; this run proves little"
        slowness[0] = 0.002

        expected = {f"m{number}" for number in range(MAILS)}
        wait_until(lambda: set(sent(sink)) == expected, seconds=60 + MAILS / 100, what="every mail arriving")
        wait_until(lambda: not admin.mail.list(limit=1).messages, seconds=30, what="an empty queue")
        counts = sent(sink)
        twice = [name for name, times in counts.items() if times > 1]
        print(f"{MAILS} mails, killed after {at_kill}; sent twice: {len(twice)}; connections: {sink.most_open}")
        assert max(counts.values()) <= 2
        assert len(twice) <= UNSETTLED + CONNECTIONS // 3, "more than what the killed one had under way"
        assert sink.most_open <= CONNECTIONS
    history = Counter(line.recipient for line in admin.mail.each_sent())
    assert set(history.values()) == {1}
    assert len(history) == MAILS
    wait_until(lambda: shares(running) == {"server": 3, "bert": 3}, what="the division between those that are left")
    assert [f.subject for f in admin.health().findings if f.operation == "mail.workers"] == ["mail worker anna"]
    assert admin.log.list(text="worker anna is lost", source="mail").entries
    assert admin.log.list(text="when their worker stopped", source="mail").entries


def test_a_worker_leaves_in_order(running: RunningServer, workers: dict[str, RunningWorker]) -> None:
    assert workers["bert"].stop() == 0
    assert "bert" not in shares(running)
    wait_until(lambda: sum(shares(running).values()) == CONNECTIONS, what="all connections for those that are left")
    told = {entry.message for entry in running.admin.log.list(text="mail worker bert", source="mail").entries}
    assert any("started on" in words for words in told)
    assert "The mail worker bert stopped." in told


def test_a_worker_that_does_not_fit_is_refused(
    running: RunningServer,
    url: str,
    postgres: Cluster,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = key_of(running.data, tmp_path)
    before = running.admin.mail.workers().workers
    for not_it in ("sqlite:///trackkit.db", "mysql://host/db"):
        with pytest.raises(InvalidInput, match="database-url"):
            worker.run(not_it, key)
    with pytest.raises(InvalidInput, match="name"):
        worker.run(url, key, "server")
    with pytest.raises(Unavailable, match="cannot be read"):
        worker.run(url, tmp_path / "missing")
    with pytest.raises(NotFound, match="no trackkit server"):
        worker.run(postgres_url, key)
    with pytest.raises(Unavailable, match="cannot be used"):
        worker.run(postgres.url("nowhere"), key)
    other = tmp_path / "other.key"
    for content in (b"rubbish", b"A" * 43 + b"="):
        other.write_bytes(content)
        other.chmod(0o600)
        with pytest.raises(Unavailable, match="not the server's"):
            worker.run(url, other)
    key.chmod(0o640)
    with pytest.raises(Unavailable, match="Other accounts"):
        worker.run(url, key)
    key.chmod(0o600)
    store = database.postgresql(postgres_url)
    upgrade(store, "main")
    upgrade(store, "log")
    store.close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO facts (name, value) VALUES ('server_id', 'x')")
    for revision, words in (("main_0004", "of an older trackkit"), ("main_9999", "of a newer trackkit")):
        with psycopg.connect(postgres_url) as connection:
            connection.execute("UPDATE main_schema SET version_num = %s", (revision,))
        with pytest.raises(Conflict, match=words):
            worker.run(postgres_url, key)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE main_schema SET version_num = %s", (newest("main"),))
    monkeypatch.setattr(worker, "now", lambda: datetime.now(UTC) + timedelta(minutes=1))
    with pytest.raises(Conflict, match="clocks"):
        worker.run(postgres_url, key)
    assert [w.name for w in running.admin.mail.workers().workers] == [w.name for w in before]


def test_a_worker_stops_when_the_server_is_upgraded_under_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_UPGRADED_EVERY_SECONDS", 0.02)
    store = database.postgresql(postgres_url)
    upgrade(store, "main")
    upgrade(store, "log")

    async def work() -> None:
        watching = asyncio.create_task(worker._until_upgraded(store))
        await asyncio.sleep(0.3)
        assert not watching.done()
        with psycopg.connect(postgres_url) as connection:
            connection.execute("UPDATE main_schema SET version_num = 'main_9999'")
        await asyncio.wait_for(watching, 10)

    asyncio.run(work())
    store.close()


def test_a_password_in_the_arguments_is_refused_and_not_repeated(tmp_path: Path) -> None:
    ran = command("worker", "--database-url", "postgresql://u:hidden-word@h/d", "--key-file", str(tmp_path / "key"))
    assert ran.code != 0
    assert "written into the arguments" in ran.err
    assert "hidden-word" not in ran.out + ran.err
    assert command("worker", "--key-file", "k").code == 2


def test_a_pickup_root_that_is_none_is_refused(tmp_path: Path) -> None:
    for root in ("relative", "/"):
        where = ("--database-url", "postgresql://h/d", "--key-file", str(tmp_path / "key"), "--pickup-root", root)
        ran = command("worker", *where)
        assert (ran.code, "pickup-root" in ran.err) == (2, True)
