"""Postfix's own load generator hands mail over: everything is taken, and goes out again."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.conftest import Start
from tests.peers.raw_sink import RawSink
from tests.ports import accepts, free_port, wait_until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SOURCE = shutil.which("smtp-source", path=PATH)
MAILS = 500


@pytest.mark.peers
@pytest.mark.skipif(SOURCE is None, reason="needs smtp-source (Debian: apt-get install postfix)")
@pytest.mark.spec("5: other programs' mail through the SMTP listener: 250 = on disk, then sent like the server's own")
def test_all_that_many_connections_hand_over_arrives_at_the_next_host(start: Start, raw_sink: RawSink) -> None:
    port = free_port()
    relay = {"host": "127.0.0.1", "port": raw_sink.port, "encryption": "none"}
    listener = {"enabled": True, "port": port}
    server = start(
        options={f"sending.smtp.{name}": value for name, value in relay.items()}
        | {f"sending.listener.{name}": value for name, value in listener.items()}
    )
    wait_until(lambda: accepts(port), what="the listener")
    for kept in ([], ["-d"]):
        command = [
            str(SOURCE),
            *kept,
            "-s",
            "20",
            "-m",
            str(MAILS),
            "-l",
            "4096",
            "-N",
            "-f",
            "a@b.test",
            "-t",
            "c@d.test",
        ]
        done = subprocess.run([*command, f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: len(raw_sink.taken) == 2 * MAILS, seconds=60, what="all of it at the next host")
    wait_until(lambda: not server.admin.mail.list(limit=1).messages, what="an empty queue")
    for taken in raw_sink.taken:
        assert taken.mail_from == "a@b.test"
        assert taken.content.startswith(b"Received: from ")
    assert not raw_sink.stray_lines
