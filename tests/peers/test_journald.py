"""The server's entries in a real journal, read back with journalctl."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.conftest import set_up
from tests.conftest import Start
from tests.peers import journald as peer
from tests.ports import wait_until
from trackkit.domain.errors import WrongLogin
from trackkit.domain.log import SYSLOG_SEVERITY, LogEntry, Severity
from trackkit.services.sinks.journald import Journald


@pytest.fixture(scope="module")
def journald() -> Iterator[peer.Journald]:
    if reason := peer.missing():
        pytest.skip(reason)
    running = peer.Journald()
    running.start()
    yield running
    running.stop()


def test_levels_hostile_texts_and_a_megabyte_as_the_journal_has_them(journald: peer.Journald) -> None:
    log = Journald(str(journald.socket))
    nasty = "one\nPRIORITY=0\nMESSAGE=forged\n\x1b[31mred <script>alert(1)</script>"
    for severity in Severity:
        log.send(LogEntry(datetime.now(UTC), severity, "test", nasty, "details", "p", "olga", "192.0.2.7"))
    log.send(LogEntry(datetime.now(UTC), Severity.error, "test", "x" * 700_000, "y" * 600_000))
    log.close()

    def of_test() -> list[dict[str, str]]:
        return [entry for entry in journald.entries() if entry["TRACKKIT_SOURCE"] == "test"]

    found = wait_until(lambda: of_test() if len(of_test()) >= 6 else None, what="six entries")
    assert len(found) == 6
    for severity, entry in zip(Severity, found, strict=False):
        assert entry["PRIORITY"] == str(SYSLOG_SEVERITY[severity])
        assert entry["TRACKKIT_LEVEL"] == severity.name
        assert entry["MESSAGE"] == nasty.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
        assert (entry["TRACKKIT_DATABASE"], entry["TRACKKIT_USER"]) == ("p", "olga")
        assert (entry["TRACKKIT_CLIENT_ADDRESS"], entry["TRACKKIT_DETAILS"]) == ("192.0.2.7", "details")
    assert (len(found[5]["MESSAGE"]), len(found[5]["TRACKKIT_DETAILS"])) == (700_000, 600_000)


@pytest.mark.spec("7: log: level of the operating system's event log: journald")
def test_the_servers_entries_are_in_the_journal(journald: peer.Journald, start: Start, tmp_path: Path) -> None:
    set_up(tmp_path / "data", journal_socket=str(journald.socket))
    server = start(tmp_path / "data", options={"log.event_log_level": "unusual_activity"})
    for name in ("first", "second"):
        with pytest.raises(WrongLogin):
            server.connect(name, "wrong password")
    server.admin.options.set({"sending.timing.days": 8})

    def failed() -> list[dict[str, str]]:
        return [entry for entry in journald.entries() if entry["MESSAGE"].startswith("Failed log-in")]

    found = wait_until(lambda: failed() if len(failed()) >= 2 else None, what="both")
    assert [entry["MESSAGE"] for entry in found] == ["Failed log-in as 'first'.", "Failed log-in as 'second'."]
    assert {entry["TRACKKIT_CLIENT_ADDRESS"] for entry in found} == {"127.0.0.1"}
    assert {entry["_TRANSPORT"] for entry in found} == {"journal"}
    assert not [entry for entry in journald.entries() if "was changed" in entry["MESSAGE"]], "less severe"
