"""Mails are read in other processes as they are here, and none that is bad for its reader is bad for the others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests import corpus
from tests.fakes import odd_reader
from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking import reading
from trackkit.domain.tracking.cookie import Keys, Tracked, make
from trackkit.domain.tracking.reading import Known, Read, Unreadable
from trackkit.services import reading as service
from trackkit.services.reading import FEWEST, Readers

AT = datetime(2026, 3, 2, tzinfo=UTC)
KNOWN = Known(Keys(0, {0: b"k" * 32}), "server", ("pumps",), frozenset({"p" * 16}))
COOKIE = make(Tracked("pumps", Kind.defect, 1, 1, 1), KNOWN.keys, KNOWN.server)
FILES = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Yes<script>1\r\n"
    b'--b\r\nContent-Disposition: attachment; filename="a.bin"\r\n\r\n\0\1\r\n--b--\r\n'
)


class Log:
    """What was written to the log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, severity: object, source: str, message: str, details: str = "") -> None:
        self.lines.append(f"{message} {details}")


def readers(log: Log, **more: Any) -> Readers:
    return Readers(cast(Any, log), **more)


def mail(number: int, text: str = "It stops.") -> bytes:
    head = f"From: Ann <ann@b.test>\r\nMessage-ID: <{number}@b.test>\r\nIn-Reply-To: <{COOKIE}@here.test>\r\n"
    return f"{head}Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n{text}\r\n".encode()


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "processors", lambda: 2)


@pytest.fixture
def log() -> Log:
    return Log()


def told(one: Read | Unreadable) -> object:
    """All that anybody asks of it who has not read it."""
    if isinstance(one, Unreadable):
        return one
    found, letter = one.found, one.found.mail
    said = (found.raw, found.kind, found.cookies, found.own, found.probe, found.author)
    written = (letter.raw, letter.fields, letter.sent_at, letter.problems, letter.author, letter.recipients)
    return said, written, one.content, one.key


def test_mails_are_read_elsewhere_as_they_are_here(log: Log) -> None:
    own = f"Message-ID: <{COOKIE}@here.test>\r\n\r\n".encode()
    probe = b"Message-ID: <tkprobe.pppppppppppppppp@here.test>\r\n\r\n"
    mails = [mail(1), mail(2).replace(b"\r\n\r\n", b"\r\n" + FILES, 1), own, probe, b"", b"\0" * 99, b"a\rb\r\rc"]
    mails += list(corpus.everything().values())[::12] or [mail(number) for number in range(FEWEST)]
    elsewhere = readers(log)
    try:
        found = elsewhere.read([(raw, AT) for raw in mails], KNOWN)
        assert len(elsewhere._resting) == 2, "it was not read elsewhere"
    finally:
        elsewhere.close()
    assert list(map(told, found)) == [told(reading.read(raw, AT, KNOWN)) for raw in mails]
    assert log.lines == []


@pytest.mark.spec(
    "8: the poller: whatever mail comes is filed or quarantined, its bytes kept, and the next one fetched"
)
def test_a_mail_that_hangs_kills_or_fills_its_reader_costs_no_other(log: Log) -> None:
    mails = [mail(number) for number in range(FEWEST)]
    bad = {3: "die here", 5: "take it all", 12: "hang here"}
    for number, text in bad.items():
        mails[number] = mail(number, text)
    elsewhere = readers(log, module=odd_reader.__name__, together=2, alone=1)
    try:
        found = elsewhere.read([(raw, AT) for raw in mails], KNOWN)
        again = elsewhere.read([(mail(number), AT) for number in range(FEWEST)], KNOWN)
    finally:
        elsewhere.close()
    why = {number: one.reason for number, one in enumerate(found) if isinstance(one, Unreadable)}
    assert why == {
        3: "It could not be read: its reader broke down.",
        5: "It could not be read: MemoryError.",
        12: "It could not be read: it takes more than 1 seconds.",
    }
    assert all(isinstance(one, Read) and one.content for one in again)


def test_a_reader_that_somebody_killed_is_no_mail_s_fault(log: Log) -> None:
    elsewhere = readers(log)
    try:
        for _ in range(2):
            found = elsewhere.read([(mail(number), AT) for number in range(FEWEST)], KNOWN)
            assert all(isinstance(one, Read) for one in found)
            for process in elsewhere._resting:
                process._process.kill()
                process._process.wait()
    finally:
        elsewhere.close()


def test_without_readers_the_server_reads_and_says_so_once(log: Log) -> None:
    elsewhere = readers(log, module="trackkit.nothing_of_that_name")
    try:
        for _ in range(2):
            found = elsewhere.read([(mail(number), AT) for number in range(FEWEST)], KNOWN)
            assert all(isinstance(one, Read) for one in found)
    finally:
        elsewhere.close()
    assert len(log.lines) == 1
    assert "reader broke down" in log.lines[0]
