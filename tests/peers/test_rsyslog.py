"""The server's entries in a real rsyslog, read back from what it wrote."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import set_up
from tests.conftest import Start
from tests.peers.rsyslog import Rsyslog, missing
from tests.ports import wait_until
from trackkit.domain.errors import WrongLogin
from trackkit.domain.log import SYSLOG_SEVERITY, LogEntry, Severity
from trackkit.services.sinks.syslog import MAXIMUM_BYTES, Syslog

NAMES = {2: "crit", 3: "err", 4: "warning", 5: "notice", 6: "info"}


@pytest.fixture
def rsyslog() -> Iterator[Rsyslog]:
    if reason := missing():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="rs-"))
    running = Rsyslog(folder)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder)


def test_levels_and_hostile_texts_as_rsyslog_understands_them(rsyslog: Rsyslog) -> None:
    from datetime import UTC, datetime

    log = Syslog(str(rsyslog.socket))
    nasty = "one\n<0>Mar  1 12:00:00 host sshd[1]: forged\r\n\x1b[31mred <script>alert(1)</script>"
    for severity in Severity:
        log.send(LogEntry(datetime.now(UTC), severity, "test", nasty, "details", "p", "olga", "192.0.2.7"))
    log.send(LogEntry(datetime.now(UTC), Severity.error, "test", "ß" * 1_000_000))
    log.close()
    lines = wait_until(lambda: rsyslog.lines() if len(rsyslog.lines()) >= 6 else None, what="six lines")
    assert len(lines) == 6, "no text has become an entry of its own"
    assert {(line.program, line.facility) for line in lines} == {("trackkit", "daemon")}
    assert [line.severity for line in lines[:5]] == [NAMES[SYSLOG_SEVERITY[severity]] for severity in Severity]
    for severity, line in zip(Severity, lines, strict=False):
        assert line.text.startswith(f"{severity.title}: test: one | <0>Mar")
        assert line.text.endswith("[database p] [user olga] [from 192.0.2.7] | details")
        assert "\x1b" not in line.text
    assert len(lines[5].text.encode()) < MAXIMUM_BYTES
    assert lines[5].text.endswith("(cut; the server log has all of it)")


@pytest.mark.spec("7: log: level of the operating system's event log: syslog")
def test_the_servers_entries_reach_syslog_also_after_it_was_stopped_and_started(
    rsyslog: Rsyslog, start: Start, tmp_path: Path
) -> None:
    set_up(tmp_path / "data", journal_socket="no", syslog_socket=str(rsyslog.socket))
    server = start(tmp_path / "data", options={"log.event_log_level": "unusual_activity"})

    def fail_to_log_in(name: str) -> None:
        with pytest.raises(WrongLogin):
            server.connect(name, "wrong password")

    def arrived(name: str) -> bool:
        return any(f"Failed log-in as '{name}'." in line.text for line in rsyslog.of_trackkit())

    fail_to_log_in("first")
    wait_until(lambda: arrived("first"), what="the first entry")
    rsyslog.stop()
    fail_to_log_in("second")
    wait_until(lambda: server.admin.log.list(text="event log cannot be written to").entries, what="the warning")
    fail_to_log_in("third")
    rsyslog.start()
    wait_until(lambda: arrived("second") and arrived("third"), seconds=60, what="what waited")
    server.admin.options.set({"log.event_log_level": "error"})
    fail_to_log_in("fourth")
    server.admin.options.set({"log.event_log_level": "unusual_activity"})
    fail_to_log_in("fifth")
    wait_until(lambda: arrived("fifth"), what="the last entry")
    assert not arrived("fourth")
    texts = [line.text for line in rsyslog.of_trackkit()]
    order = [name for text in texts for name in ("first", "second", "third", "fifth") if f"'{name}'" in text]
    assert order == ["first", "second", "third", "fifth"]
