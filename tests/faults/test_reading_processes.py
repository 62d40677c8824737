"""The processes that read mail for a server end with it, however it ends, and get no secret but by their pipe."""

from __future__ import annotations

import psutil
import pytest

from tests.conftest import Start
from tests.fakes.pop3_mailbox import PASSWORD, Box, MailboxHost
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.services import reader
from trackkit.services.machine import processors
from trackkit.services.reading import FEWEST

pytestmark = pytest.mark.skipif(processors() < 2, reason="needs two processors")


def fetch(server: RunningServer, box: Box, lot: int) -> list[psutil.Process]:
    """Fetch enough mails for it to be worth while; the processes that have read them."""
    server.admin.tracking.poll()  # the server's first session is its own
    box.messages += [b"Subject: %d %d\r\n\r\nHello\r\n" % (lot, number) for number in range(FEWEST)]
    (polled,) = server.admin.tracking.poll().mailboxes
    assert (polled.fetched, polled.words) == (FEWEST, "")
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if reader.__name__ in child.cmdline()]


@pytest.mark.spec(
    "8: the poller: whatever mail comes is filed or quarantined, its bytes kept, and the next one fetched"
)
def test_they_end_when_the_server_stops_and_when_it_is_killed(start: Start) -> None:
    with MailboxHost() as host:
        box = host.boxes["track"] = Box()
        options = {"enabled": True, "host": "127.0.0.1", "port": host.port, "encryption": "none", "username": "track"}
        options |= {"password": PASSWORD, "address": "track@here.test", "poll_interval": 86_400}
        server = start(
            options={f"tracking.{name}": value for name, value in options.items()},
            environment={"DATABASE_PASSWORD": PASSWORD},
        )
        for lot, end in enumerate((server.stop, server.kill)):
            if lot:
                server.restart()
            readers = fetch(server, box, lot)
            assert len(readers) == 2
            for one in readers:
                assert PASSWORD not in " ".join((*one.cmdline(), *one.environ().values()))
                assert "DATABASE_PASSWORD" not in one.environ()
            end()
            wait_until(lambda gone=readers: not any(one.is_running() for one in gone), what="their end")  # type: ignore[misc]
