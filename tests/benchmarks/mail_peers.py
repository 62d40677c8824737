"""What sending is measured with: Postfix' own load programs, and a Postfix that relays as trackkit does.

`Sink` takes mail and throws it away (smtp-sink(1)); `pour` sends it (smtp-source(1)); `RelayingPostfix` takes mail,
stores it and hands it to a sink over at most 20 connections, which it keeps for further mail as it always does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.ports import accepts, free_port, wait_until

CONNECTIONS = 20
SIZE = 4096
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
biff = no
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
relayhost = [127.0.0.1]:{sink}
disable_dns_lookups = yes
default_destination_concurrency_limit = {connections}
initial_destination_concurrency = {connections}
defer_transports =
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - {connections} smtpd
cleanup unix n - n - 0 cleanup
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - {connections} smtp
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


class Sink:
    """A mail host that counts."""

    def __enter__(self) -> Self:
        self.port = free_port()
        self._out = tempfile.TemporaryFile()
        command = ["smtp-sink", "-c", "-u", "postfix", f"127.0.0.1:{self.port}", "200"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT, env={"PATH": PATH}
        )
        wait_until(lambda: accepts(self.port), what="smtp-sink")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._out.close()

    @property
    def messages(self) -> int:
        """How many it has taken so far."""
        size = os.fstat(self._out.fileno()).st_size
        end = os.pread(self._out.fileno(), 200, max(size - 200, 0))
        found = re.findall(rb"mesg=(\d+)", end)
        return int(found[-1]) if found else 0

    def wait_for(self, messages: int, seconds: float = 600) -> None:
        """Until so many have come."""
        deadline = time.monotonic() + seconds
        while self.messages < messages:
            assert time.monotonic() < deadline, f"{self.messages} of {messages} messages"
            time.sleep(0.01)


def pour(port: int, messages: int, *, kept: bool = True) -> None:
    """Send so many over 20 connections at a time, kept for all of them or a new one each."""
    words = [
        "-s",
        str(CONNECTIONS),
        "-m",
        str(messages),
        "-l",
        str(SIZE),
        "-f",
        "from@example.test",
        "-t",
        "to@example.test",
    ]
    command = ["smtp-source", *(["-d"] if kept else []), *words, f"127.0.0.1:{port}"]
    subprocess.run(command, check=True, env={"PATH": PATH}, stdin=subprocess.DEVNULL)


class RelayingPostfix:
    """Takes mail and sends it to `sink` over at most 20 connections."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def __enter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix="trackkit-relay-"))
        self._root.chmod(0o755)
        for folder in ("etc", "queue", "data"):
            (self._root / folder).mkdir()
        shutil.chown(self._root / "data", "postfix")
        self.port = free_port()
        values = {"root": self._root, "port": self.port, "sink": self._sink.port, "connections": CONNECTIONS}
        (self._root / "etc" / "main.cf").write_text(MAIN_CF.format(**values))
        (self._root / "etc" / "master.cf").write_text(MASTER_CF.format(**values))
        self._run("postfix", "start")
        wait_until(lambda: accepts(self.port), what="Postfix")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("postfix", "stop")
        shutil.rmtree(self._root)

    def hold_back(self) -> None:
        """What comes is stored and not sent."""
        self._set("defer_transports=smtp")

    def let_go(self) -> None:
        """Send what is stored."""
        self._set("defer_transports=")
        self._run("postqueue", "-f")

    def wait_until_empty(self) -> None:
        """Until nothing is in its queue."""
        folders = [self._root / "queue" / name for name in ("incoming", "active", "deferred")]
        wait_until(
            lambda: not any(path.is_file() for folder in folders for path in folder.rglob("*")),
            seconds=60,
            what="the end of Postfix' queue",
        )

    def wait_until_stored(self, messages: int) -> None:
        """Until so many lie there, deferred."""
        folder = self._root / "queue" / "deferred"
        wait_until(lambda: sum(path.is_file() for path in folder.rglob("*")) >= messages, seconds=120, what="the mail")

    def _set(self, value: str) -> None:
        self._run("postconf", "-e", value)
        self._run("postfix", "reload")

    def _run(self, program: str, *words: str) -> None:
        command = [program, "-c", str(self._root / "etc"), *words]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, env={"PATH": PATH})
