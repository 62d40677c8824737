"""Event logs and startup.log: what goes out for hostile, huge and ordinary entries, and what happens to their peers.

The journal is a stand-in that is stricter than the real one (`tests/fakes/journal.py`), the NT event log one with the
same three calls. `tests/peers` runs a real journald and a real rsyslog.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.journal import Journal, parsed
from tests.ports import wait_until
from trackkit.domain.errors import Unavailable
from trackkit.domain.log import NT_EVENT_TYPE, SYSLOG_SEVERITY, LogEntry, Severity
from trackkit.services.sinks import journald, startup_log, syslog
from trackkit.services.sinks.event_log import EventLogSink, system_event_log
from trackkit.services.sinks.nt_event_log import MAXIMUM_STRING, NtEventLog, windows_calls
from trackkit.services.sinks.startup_log import StartupLog

NOW = datetime(2026, 3, 9, 12, 0, 5, tzinfo=UTC)
NASTY = "one\ntwo\r\n\x1b[31mred\x1b]0;title\x07 <script>alert(1)</script> \u202efdp\nPRIORITY=0\nMESSAGE=forged"


def entry(message: str, severity: Severity = Severity.warning, details: str = "", **more: str) -> LogEntry:
    return LogEntry(NOW, severity, "test", message, details, **more)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sock") as running:
        yield running


def journal_sink(path: Path) -> EventLogSink:
    return EventLogSink(lambda: system_event_log(str(path), ""))


@pytest.mark.parametrize("severity", Severity)
def test_the_journal_gets_every_field(journal: Journal, severity: Severity) -> None:
    sink = journal_sink(journal.path)
    sink.write([entry("It happened.", severity, "more", database="p", username="olga", client_address="192.0.2.7")])
    [got] = wait_until(lambda: journal.entries, what="the entry")
    sink.close()
    assert got.pop("SYSLOG_PID").isdigit()
    assert got == {
        "MESSAGE": "It happened.",
        "PRIORITY": str(SYSLOG_SEVERITY[severity]),
        "SYSLOG_IDENTIFIER": "trackkit",
        "TRACKKIT_TIME": "2026-03-09T12:00:05+00:00",
        "TRACKKIT_LEVEL": severity.name,
        "TRACKKIT_SOURCE": "test",
        "TRACKKIT_DATABASE": "p",
        "TRACKKIT_USER": "olga",
        "TRACKKIT_CLIENT_ADDRESS": "192.0.2.7",
        "TRACKKIT_DETAILS": "more",
    }


def test_no_text_forges_a_field_of_the_journal(journal: Journal) -> None:
    sink = journal_sink(journal.path)
    sink.write([entry(NASTY, details=NASTY, username="o\nPRIORITY=0")])
    [got] = wait_until(lambda: journal.entries, what="the entry")
    sink.close()
    assert journal.broken == []
    assert got["PRIORITY"] == str(SYSLOG_SEVERITY[Severity.warning])
    assert got["MESSAGE"].startswith("one\ntwo")
    assert got["MESSAGE"].endswith("MESSAGE=forged")
    assert "\x1b" not in got["MESSAGE"]


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_reaches_the_journal_whole(message: str, details: str) -> None:
    got = parsed(journald.encoded(entry(message, details=details)))
    assert len(got.get("MESSAGE", "")) == len(message)
    assert len(got.get("TRACKKIT_DETAILS", "")) == len(details)
    assert got["TRACKKIT_LEVEL"] == "warning"


def test_a_megabyte_goes_to_the_journal_as_a_sealed_file(journal: Journal) -> None:
    sink = journal_sink(journal.path)
    sink.write([entry("x" * 1_000_000, details="y" * 1_000_000)])
    [got] = wait_until(lambda: journal.entries or journal.broken, what="the entry")
    sink.close()
    assert journal.broken == []
    assert journal.large == 1
    assert (len(got["MESSAGE"]), len(got["TRACKKIT_DETAILS"])) == (1_000_000, 1_000_000)


def test_a_journal_that_was_restarted_gets_the_next_entry(tmp_path: Path) -> None:
    path = tmp_path / "journal.sock"
    sink = journal_sink(path)
    with Journal(path) as first:
        sink.write([entry("before")])
        wait_until(lambda: first.entries, what="the first entry")
    with pytest.raises((Unavailable, OSError)):
        sink.write([entry("while it is away")])
    with Journal(path) as second:
        sink.write([entry("while it is away")])
        wait_until(lambda: second.entries, what="the second entry")
    sink.close()


def test_where_there_is_no_event_log_it_is_said_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as away:
        journal_sink(tmp_path / "none").write([entry("x")])
    assert str(tmp_path / "none") in away.value.message
    with pytest.raises(Unavailable, match="no socket is set"):
        system_event_log("", "")


def test_syslog_is_used_where_there_is_no_journal(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        sink = EventLogSink(lambda: system_event_log(str(tmp_path / "none"), str(tmp_path / "log")))
        sink.write([entry("x")])
        assert daemon.recv(9000).startswith(b"<28>")
        sink.close()


@given(st.text(), st.text(), st.sampled_from(Severity))
def test_a_syslog_datagram_is_one_bounded_line(message: str, details: str, severity: Severity) -> None:
    datagram = syslog.encoded(entry(message, severity, details))
    assert len(datagram) <= syslog.MAXIMUM_BYTES
    text = datagram.decode("utf-8")
    assert text.isprintable()
    head, _, _ = text.partition("]: ")
    assert re.fullmatch(r"<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d trackkit\[\d+", head)
    assert text.startswith(f"<{24 + SYSLOG_SEVERITY[severity]}>")
    assert text.removeprefix(f"{head}]: ").startswith(f"{severity.title}: test:")


def test_a_megabyte_is_cut_for_syslog_and_says_so() -> None:
    datagram = syslog.encoded(entry("ß" * 1_000_000))
    assert len(datagram) <= syslog.MAXIMUM_BYTES
    assert datagram.decode("utf-8").endswith("(cut; the server log has all of it)")


class StandIn:
    """The three calls of advapi32."""

    def __init__(self, *, handle: int = 7, reports: bool = True) -> None:
        self.handle, self.reports = handle, reports
        self.calls: list[tuple[object, ...]] = []

    def register_event_source(self, server: str | None, source: str) -> int:
        self.calls.append(("register", server, source))
        return self.handle

    def report_event(self, handle: int, kind: int, category: int, event_id: int, strings: Sequence[str]) -> bool:
        self.calls.append(("report", handle, kind, category, event_id, tuple(strings)))
        return self.reports

    def deregister_event_source(self, handle: int) -> bool:
        self.calls.append(("deregister", handle))
        return True

    def last_error(self) -> int:
        return 5


def test_the_nt_event_log_gets_type_category_and_strings() -> None:
    calls = StandIn()
    sink = EventLogSink(lambda: NtEventLog(calls))
    for severity in Severity:
        sink.write([entry("It happened.", severity, "more", username="olga")])
    sink.close()
    assert calls.calls[0] == ("register", None, "trackkit")
    assert calls.calls[-1] == ("deregister", 7)
    strings = ("It happened.", "more", "source: test\nuser: olga")
    assert calls.calls[1:-1] == [("report", 7, NT_EVENT_TYPE[s], int(s), 1, strings) for s in Severity]


def test_strings_of_the_nt_event_log_are_bounded_and_harmless() -> None:
    calls = StandIn()
    NtEventLog(calls).send(entry(NASTY, details="x" * 1_000_000))
    strings = calls.calls[-1][-1]
    assert isinstance(strings, tuple)
    assert max(map(len, strings)) == MAXIMUM_STRING
    assert "\x1b" not in strings[0]


def test_failing_calls_of_windows_are_trouble_of_the_sink() -> None:
    with pytest.raises(OSError, match="registered"):
        EventLogSink(lambda: NtEventLog(StandIn(handle=0))).write([entry("x")])
    with pytest.raises(OSError, match="reported"):
        EventLogSink(lambda: NtEventLog(StandIn(reports=False))).write([entry("x")])
    with pytest.raises(OSError, match="needs Windows"):
        windows_calls()


def test_startup_log_is_rotated_to_one_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_log, "MAXIMUM_BYTES", 10_000)
    log = StartupLog(tmp_path / "startup.log")
    for number in range(400):
        log.write([entry(f"entry {number:04d}")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["startup.log", "startup.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
    text, whole = log.last(1 << 20)
    numbers = [int(line[-4:]) for line in text.splitlines()]
    assert whole
    assert numbers == list(range(numbers[0], 400)), "over both files in order"
    text, whole = log.last(500)
    assert not whole
    assert len(text) <= 500
    assert text.startswith("2026-03-09 12:00:05.000000Z Warning: test: entry")


def test_startup_log_is_the_owners_and_holds_no_secret(tmp_path: Path) -> None:
    secrets = ["hunter2-hunter2"]
    log = StartupLog(tmp_path / "startup.log", lambda: secrets)
    log.write([entry(f"log-in as joe with hunter2-hunter2 and tkt_{'a' * 43}", details=NASTY)])
    log.write([entry("later-a-secret")])
    secrets.append("later-a-secret")
    assert (tmp_path / "startup.log").stat().st_mode & 0o777 == 0o600
    text, _ = log.last(1 << 20)
    assert "hunter2" not in (tmp_path / "startup.log").read_text()
    assert "tkt_" not in text
    assert "later-a-secret" not in text
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
