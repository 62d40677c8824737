"""SIGKILL at the worst moment: nothing that was accepted is lost, and nothing that was reported sent goes out again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Start
from tests.faults.arriving import all_arrived
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.mail.settling import UNSETTLED

COUNT = 500
CONNECTIONS = 4


def submit(server: RunningServer, number: int) -> None:
    raw = b"Subject: %d\r\nMessage-ID: <%d@trackkit.test>\r\n\r\nbody %d\r\n" % (number, number, number)
    server.admin.mail.submit(raw, sender="a@trackkit.test", recipients=[f"m{number}@sink.test"])


@pytest.mark.spec("5: A restart loses nothing; leftovers are reloaded and sent")
def test_none_is_lost_when_the_server_is_killed_while_500_mails_go_out(
    database_url: str | None, start: Start, raw_sink: RawSink
) -> None:
    relay = {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": raw_sink.port, "sending.smtp.encryption": "none"}
    server = start(
        options={**relay, "sending.paused": True, "sending.timing.connections": CONNECTIONS}, database_url=database_url
    )
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: submit(server, number), range(COUNT)))
    raw_sink.delay = 0.01
    server.admin.options.set({"sending.paused": False})
    wait_until(lambda: len(raw_sink.taken) >= 100, what="the first hundred")
    server.kill()
    at_kill = len(raw_sink.taken)
    assert at_kill < COUNT, "all had left before the server was killed; this run proves nothing"

    raw_sink.delay = 0
    server.restart()
    counts = all_arrived(server, raw_sink, COUNT)
    twice = [name for name, times in counts.items() if times > 1]
    print(f"killed after {at_kill} of {COUNT}; sent twice: {len(twice)}")
    assert max(counts.values()) <= 2
    assert len(twice) <= UNSETTLED + CONNECTIONS, "more than what was under way and not yet written down"
    assert len(list(server.admin.mail.each_sent())) == COUNT
    in_doubt = server.admin.log.list(text="worker stopped").entries
    assert not twice or in_doubt, "mails went out twice and the log says nothing"


@pytest.mark.spec("5: Accepted = on disk")
def test_what_was_accepted_is_there_after_a_kill(start: Start) -> None:
    server = start(options={"sending.paused": True})
    for number in range(20):
        submit(server, number)
    server.kill()
    server.restart()
    subjects = [message.subject for message in server.admin.mail.each()]
    assert subjects == [str(number) for number in reversed(range(20))]


def test_a_stop_in_order_ends_with_exit_code_0_and_sends_nothing_twice(start: Start, raw_sink: RawSink) -> None:
    relay = {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": raw_sink.port, "sending.smtp.encryption": "none"}
    server = start(options={**relay, "sending.paused": True})
    for number in range(100):
        submit(server, number)
    raw_sink.delay = 0.01
    server.admin.options.set({"sending.paused": False})
    wait_until(lambda: len(raw_sink.taken) >= 20, what="the first twenty")
    assert server.stop() == 0
    server.restart()
    wait_until(lambda: not server.admin.mail.list(limit=1).messages, seconds=60, what="an empty queue")
    assert set(raw_sink.arrived().values()) == {1}
    assert len(raw_sink.arrived()) == 100
