"""What came of a server's mails in the end, whatever happened to it."""

from __future__ import annotations

from collections import Counter

from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from tests.running import RunningServer


def all_arrived(server: RunningServer, sink: RawSink, mails: int) -> Counter[str]:
    """Wait until the mails to m0, m1, … are there, no other, and the queue is empty; how often each came."""
    expected = {f"m{number}" for number in range(mails)}
    wait_until(lambda: set(sink.arrived()) >= expected, seconds=90, what="every mail arriving")
    wait_until(lambda: not server.admin.mail.list(limit=1).messages, seconds=60, what="an empty queue")
    counts = sink.arrived()
    assert set(counts) == expected
    return counts
