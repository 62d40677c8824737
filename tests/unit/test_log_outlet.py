"""The queue before each sink: order, outages, a full queue, the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from tests.ports import wait_until
from trackkit.domain.errors import Unavailable
from trackkit.domain.log import LogEntry, Severity
from trackkit.domain.log_options import LogOptions
from trackkit.services.sinks import outlet
from trackkit.services.sinks.outlet import Listener, Outlet, Sink

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class ListSink:
    """Keeps what it gets; `trouble` is raised while it is set, `gate` holds it up while it is not."""

    title = "the list"
    at_once = 10
    elsewhere = "Look elsewhere."

    def __init__(self) -> None:
        self.got: list[str] = []
        self.trouble: Callable[[Sequence[LogEntry]], Exception | None] = lambda entries: None
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False

    def level(self, options: LogOptions) -> str:
        return "information"

    def write(self, entries: Sequence[LogEntry]) -> None:
        self.gate.wait()
        if error := self.trouble(entries):
            raise error
        self.got += [entry.message for entry in entries]

    def close(self) -> None:
        self.closed = True


class Told:
    """What the listener heard."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.unwritten: list[str] = []
        self.no_room: list[str] = []

    def listener(self) -> Listener:
        def unwritten(sink: Sink, entries: Sequence[LogEntry], reason: str) -> None:
            self.unwritten += [entry.message for entry in entries]

        return Listener(
            failing=lambda sink, reason: self.events.append(f"failing: {reason}"),
            working=lambda sink: self.events.append("working"),
            unwritten=unwritten,
            no_room=lambda sink, entry: self.no_room.append(entry.message),
        )


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def made(sink: ListSink, told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outlet]:
    monkeypatch.setattr(outlet, "_FIRST_RETRY_SECONDS", 0.02)
    monkeypatch.setattr(outlet, "MAXIMUM_ENTRIES", 100)
    made = Outlet(sink, told.listener(), lambda: NOW)
    yield made
    sink.gate.set()
    made.close()


def entry(message: str, severity: Severity = Severity.error) -> LogEntry:
    return LogEntry(NOW, severity, "test", message)


def names(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


def test_order_is_kept_and_close_writes_out_everything(made: Outlet, sink: ListSink, told: Told) -> None:
    for number in range(95):
        made.put(entry(str(number)))
    made.close()
    assert sink.got == names(*range(95))
    assert sink.closed
    assert told.events == []
    made.put(entry("too late"))
    assert told.unwritten == ["too late"]


def test_an_outage_is_told_once_and_everything_arrives_after_it(made: Outlet, sink: ListSink, told: Told) -> None:
    sink.trouble = lambda entries: Unavailable("the disk is full")
    for number in range(5):
        made.put(entry(str(number)))
    made.flush()
    made.put(entry("5"))
    wait_until(lambda: len(told.unwritten) == 6, what="the sixth tried too")
    sink.trouble = lambda entries: None
    made.put(entry("6"))
    wait_until(lambda: len(sink.got) == 7, what="all of them")
    assert sink.got == names(*range(7))
    assert told.events == ["failing: the disk is full", "working"]
    assert told.unwritten[:6] == names(*range(6)), "each once, at its first try"


def test_flush_does_not_wait_for_an_outage_to_end(made: Outlet, sink: ListSink) -> None:
    sink.trouble = lambda entries: OSError("away")
    made.put(entry("x"))
    made.flush()
    made.put(entry("y"))
    made.flush()
    assert sink.got == []


def test_one_entry_that_cannot_be_written_holds_up_no_other(made: Outlet, sink: ListSink, told: Told) -> None:
    sink.trouble = lambda entries: ValueError("bad") if any(e.message == "3" for e in entries) else None
    for number in range(6):
        made.put(entry(str(number)))
    made.flush()
    assert sink.got == names(0, 1, 2, 4, 5)
    assert told.unwritten == ["3"]
    assert told.events == []


@pytest.mark.parametrize("in_trouble", [False, True], ids=["slow", "in trouble"])
def test_a_full_queue_says_how_many_found_no_room(made: Outlet, sink: ListSink, told: Told, in_trouble: bool) -> None:
    if in_trouble:
        sink.trouble = lambda entries: Unavailable("away")
    else:
        sink.gate.clear()
    for number in range(130):
        made.put(entry(str(number), Severity.information if number % 2 else Severity.error))
    assert len(told.no_room) == 30
    sink.trouble = lambda entries: None
    sink.gate.set()
    wait_until(lambda: len(sink.got) == 101, what="what fitted, and the note")
    kept = [message for message in sink.got if message.isdigit()]
    assert sorted([*kept, *told.no_room], key=int) == names(*range(130)), "nothing is in neither"
    [note] = [message for message in sink.got if not message.isdigit()]
    assert "Entries came faster than the list took them: 30 between 2026-03-01 12:00:00" in note


def test_texts_count_towards_what_a_queue_holds(
    made: Outlet, sink: ListSink, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "MAXIMUM_BYTES", 10_000)
    sink.gate.clear()
    for _ in range(5):
        made.put(entry("x" * 4_000))
    assert len(told.no_room) == 3


def test_what_cannot_be_written_at_the_end_is_told(made: Outlet, sink: ListSink, told: Told) -> None:
    sink.trouble = lambda entries: OSError("gone for good")
    for number in range(30):
        made.put(entry(str(number)))
    made.close()
    assert told.unwritten == names(*range(30))
    assert sink.closed
