"""A sink with the queue before it: who writes to the log never waits, and a sink in trouble holds up no other.

Promises
- `put` only appends to a queue in memory; a thread of the sink's own hands the entries over in batches, in their order.
- A sink that cannot be written to is tried again, soon and then more seldom; meanwhile its entries wait in memory, and
  `Listener.unwritten` is told of each as soon as it was tried in vain: what must survive a crash can be written
  elsewhere.
- The queue is bounded (entries and bytes). An entry that finds no room goes to `Listener.no_room` at once, and as soon
  as there is room an entry in the sink itself says how many it were, of which levels, and between which times:
  nothing is dropped silently.
- `flush` waits until everything put before was written, or tried in vain; during an outage it does not wait.
- `close` writes out everything; what cannot be written then was or is told as unwritten.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from trackkit.domain.errors import Unavailable
from trackkit.domain.log import LogEntry, Severity
from trackkit.domain.log_options import LogOptions

MAXIMUM_ENTRIES: Final = 20_000
MAXIMUM_BYTES: Final = 64 * 1024 * 1024
"""What one sink's queue may hold; texts are counted as if a character were a byte."""

_BATCH_BYTES: Final = 8 * 1024 * 1024
_FIRST_RETRY_SECONDS: Final = 0.5
_LONGEST_RETRY_SECONDS: Final = 30.0
_FLUSH_SECONDS: Final = 20.0
_ENTRY_BYTES: Final = 300


class Sink(Protocol):
    """A place that entries are written to."""

    @property
    def title(self) -> str:
        """What it is called in sentences."""

    @property
    def at_once(self) -> int:
        """How many entries `write` takes at most; they are written all or none."""

    @property
    def elsewhere(self) -> str:
        """A sentence that says where entries can be read that did not get into it."""

    def level(self, options: LogOptions) -> str:
        """Its level: ``off``, or the least severe level it gets."""

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Write; `Unavailable` or `OSError` when the sink cannot be used now."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of a sink's trouble; called from the sink's thread, `no_room` from whoever wrote to the log."""

    failing: Callable[[Sink, str], None]
    """An outage began, with its reason."""
    working: Callable[[Sink], None]
    """The outage is over."""
    unwritten: Callable[[Sink, Sequence[LogEntry], str], None]
    """These were tried for the first time and could not be written."""
    no_room: Callable[[Sink, LogEntry], None]
    """This one found no room."""


@dataclass(slots=True)
class _Missed:
    """Entries that found no room."""

    first_at: datetime
    last_at: datetime
    levels: Counter[Severity] = field(default_factory=Counter)


class Outlet:
    """One sink, its queue and its thread."""

    def __init__(self, sink: Sink, listener: Listener, clock: Callable[[], datetime], linger: float = 0.0) -> None:
        """`linger`: seconds a batch waits for more, for sinks that like few large ones."""
        self.sink = sink
        self._listener = listener
        self._clock = clock
        self._linger = linger
        self._changed = threading.Condition()
        self._waiting: deque[LogEntry] = deque()
        self._bytes = 0
        self._tried = 0
        """How many at the front of the queue were tried in vain."""
        self._put = self._handled = 0
        self._failing = False
        self._missed: _Missed | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"log to {sink.title}", daemon=True)
        self._thread.start()

    def put(self, entry: LogEntry) -> None:
        """Hand in an entry; returns at once."""
        with self._changed:
            fits = len(self._waiting) < MAXIMUM_ENTRIES and self._bytes + _size(entry) <= MAXIMUM_BYTES
            closed = self._closing
            if closed or not fits:
                if not closed:
                    self._miss(entry)
            else:
                self._waiting.append(entry)
                self._bytes += _size(entry)
                self._put += 1
                self._changed.notify_all()
                return
        if closed:
            self._listener.unwritten(self.sink, [entry], "the server has stopped")
        else:
            self._listener.no_room(self.sink, entry)

    def flush(self) -> None:
        """Wait until everything put so far is written or was tried in vain; not endlessly, and not in an outage."""
        with self._changed:
            target = self._put
            self._changed.wait_for(lambda: self._handled >= target or self._failing, _FLUSH_SECONDS)

    def close(self) -> None:
        """Write out everything, then let go of the sink."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self.sink.close()

    def _run(self) -> None:
        patience = _FIRST_RETRY_SECONDS
        while batch := self._next_batch():
            error = self._write(batch)
            if error is None:
                patience = _FIRST_RETRY_SECONDS
                continue
            self._tell_unwritten(error)
            with self._changed:
                if self._closing:
                    return
                self._changed.wait_for(lambda: self._closing, patience)
            patience = min(patience * 2, _LONGEST_RETRY_SECONDS)

    def _next_batch(self) -> list[LogEntry]:
        """What to write next; nothing when the outlet is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._linger and not self._closing:
                self._changed.wait_for(lambda: self._closing or len(self._waiting) >= self.sink.at_once, self._linger)
            batch: list[LogEntry] = []
            size = 0
            for entry in islice(self._waiting, self.sink.at_once):
                size += _size(entry)
                if batch and size > _BATCH_BYTES:
                    break
                batch.append(entry)
            return batch

    def _write(self, batch: list[LogEntry]) -> str | None:
        """Write a batch and take it off the queue; what went wrong if the sink cannot be used."""
        try:
            self.sink.write(batch)
        except (Unavailable, OSError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - one entry's trouble must not hold up the others; it is told below
            if len(batch) > 1:
                for entry in batch:
                    if (failed := self._write([entry])) is not None:
                        return failed
                return None
            if not self._tried:
                self._listener.unwritten(self.sink, batch, f"{type(error).__name__}: {error}")
        self._take_off(len(batch))
        return None

    def _take_off(self, number: int) -> None:
        with self._changed:
            for _ in range(number):
                self._bytes -= _size(self._waiting.popleft())
            fresh = number - min(number, self._tried)
            self._tried -= number - fresh
            self._handled += fresh
            missed, self._missed = self._missed, None
            recovered, self._failing = self._failing, False
            if missed is not None:
                note = _note(self.sink, missed, self._clock())
                self._waiting.append(note)
                self._bytes += _size(note)
                self._put += 1
            self._changed.notify_all()
        if recovered:
            self._listener.working(self.sink)

    def _tell_unwritten(self, reason: str) -> None:
        with self._changed:
            fresh = list(islice(self._waiting, self._tried, None))
            self._tried += len(fresh)
            self._handled += len(fresh)
            began, self._failing = not self._failing, True
        if began:
            self._listener.failing(self.sink, reason)
        if fresh:
            self._listener.unwritten(self.sink, fresh, reason)
        with self._changed:
            self._changed.notify_all()

    def _miss(self, entry: LogEntry) -> None:
        if self._missed is None:
            self._missed = _Missed(entry.at, entry.at)
        self._missed.last_at = entry.at
        self._missed.levels[entry.severity] += 1


def _size(entry: LogEntry) -> int:
    return len(entry.message) + len(entry.details) + _ENTRY_BYTES


def _note(sink: Sink, missed: _Missed, now: datetime) -> LogEntry:
    """What tells of entries that found no room."""
    levels = ", ".join(f"{number:,} {severity.title}" for severity, number in sorted(missed.levels.items()))
    return LogEntry(
        now,
        min(min(missed.levels), Severity.warning),
        "log",
        f"Entries came faster than {sink.title} took them: {missed.levels.total():,} between "
        f"{missed.first_at:%Y-%m-%d %H:%M:%S} and {missed.last_at:%H:%M:%S} UTC are missing here.",
        f"{levels}. {sink.elsewhere}",
    )
