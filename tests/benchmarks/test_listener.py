"""The SMTP listener beside Postfix: how many mails a second are taken and on disk, nothing being sent.

Both get the same mails from Postfix's own load generator in turns, in the same run and on the same disk; Postfix puts
them on hold, so that it delivers nothing meanwhile. Printed as one table.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.peers import postfix as postfix_peer
from tests.ports import accepts, free_port, wait_until
from tests.running import start_server

MAILS = 2000
OCTETS = 4096
SESSIONS = 20
ROUNDS = 3
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
WAYS = {"kept connections": ["-d"], "a connection each": []}


def rate(port: int, way: list[str]) -> float:
    """Mails a second, as smtp-source hands them over."""
    started = time.perf_counter()
    load = ["-s", str(SESSIONS), "-m", str(MAILS), "-l", str(OCTETS)]
    envelope = ["-f", "a@client.test", "-t", f"b@{postfix_peer.DOMAIN}"]
    subprocess.run(["smtp-source", *way, *load, *envelope, f"127.0.0.1:{port}"], env=ENVIRONMENT, check=True)
    return MAILS / (time.perf_counter() - started)


@pytest.mark.timeout(1800)
def test_mails_taken_and_on_disk(capsys: pytest.CaptureFixture[str]) -> None:
    if reason := postfix_peer.missing():
        pytest.skip(reason)
    ours, data = free_port(), Path(tempfile.mkdtemp(prefix="tk-")) / "data"
    options = {"sending.paused": True, "sending.listener.port": ours, "sending.listener.enabled": True}
    server, postfix = start_server(data, options), postfix_peer.start()
    try:
        hold = "smtpd_recipient_restrictions=check_recipient_access static:HOLD, reject_unauth_destination"
        etc = str(postfix.root / "etc")
        for command in (["postconf", "-c", etc, "-e", hold], ["postfix", "-c", etc, "reload"]):
            subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
        wait_until(lambda: accepts(ours), what="the listener")
        found: dict[str, tuple[list[float], list[float]]] = {}
        for name, way in WAYS.items():
            rounds = [(rate(ours, way), rate(postfix.port, way)) for _ in range(ROUNDS)]
            found[name] = ([mine for mine, _ in rounds], [theirs for _, theirs in rounds])
        assert postfix.in_queue() == MAILS * ROUNDS * len(WAYS)
        assert sum(cause.messages for cause in server.admin.mail.summary().causes) == MAILS * ROUNDS * len(WAYS)
        with capsys.disabled():
            print(f"\n\nSMTP in, on disk: {MAILS:,} mails of {OCTETS:,} octets, {SESSIONS} at a time, {ROUNDS} rounds")
            print(f"{'':24}{'trackkit':>22}{'Postfix':>22}{'ratio':>8}")
            for name, (mine, theirs) in found.items():
                ratio = statistics.median(mine) / statistics.median(theirs)
                print(f"{name:24}{told(mine):>22}{told(theirs):>22}{ratio:7.2f}x")
    finally:
        server.stop()
        postfix.stop()
        shutil.rmtree(data.parent)


def told(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f}/s ({min(rates):,.0f}-{max(rates):,.0f})"
