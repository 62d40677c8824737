"""The event log of Windows, by three calls of advapi32 (RegisterEventSourceW, ReportEventW, DeregisterEventSource).

Tested against a stand-in with the same calls; no Windows is at hand where the tests run. Raises `OSError` when a call
fails, with the system's error number.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, Protocol

from trackkit.domain.log import NT_EVENT_TYPE, LogEntry
from trackkit.domain.log_text import harmless
from trackkit.services.sinks.datagrams import IDENTIFIER

MAXIMUM_STRING: Final = 31_839
"""Characters of one string of an event: ReportEvent's documented limit."""

_EVENT_ID: Final = 1


class EventLogCalls(Protocol):
    """The three calls, with Windows' arguments."""

    def register_event_source(self, server: str | None, source: str) -> int:
        """RegisterEventSourceW: a handle, 0 = failed."""

    def report_event(self, handle: int, kind: int, category: int, event_id: int, strings: Sequence[str]) -> bool:
        """ReportEventW without account and data."""

    def deregister_event_source(self, handle: int) -> bool:
        """DeregisterEventSource."""

    def last_error(self) -> int:
        """GetLastError."""


class NtEventLog:
    """The event log; an event's strings are message, details, and where it came from."""

    def __init__(self, calls: EventLogCalls) -> None:
        self._calls = calls
        self._handle = calls.register_event_source(None, IDENTIFIER)
        if not self._handle:
            raise OSError(calls.last_error(), "the event source cannot be registered")

    def send(self, entry: LogEntry) -> None:
        """Hand over one entry."""
        known = (("source", entry.source), ("database", entry.database), ("user", entry.username))
        about = [f"{name}: {value}" for name, value in (*known, ("from", entry.client_address)) if value]
        strings = [
            harmless(text, keep="\n\t")[:MAXIMUM_STRING] for text in (entry.message, entry.details, "\n".join(about))
        ]
        kind = NT_EVENT_TYPE[entry.severity]
        if not self._calls.report_event(self._handle, kind, int(entry.severity), _EVENT_ID, strings):
            raise OSError(self._calls.last_error(), "the event could not be reported")

    def close(self) -> None:
        """Let go of the handle."""
        self._calls.deregister_event_source(self._handle)


def windows_calls() -> EventLogCalls:
    """The calls of this Windows; `OSError` elsewhere."""
    if sys.platform == "win32":
        return _AdvApi32()
    raise OSError("the NT event log needs Windows")


class _AdvApi32:
    """advapi32 by ctypes."""

    def __init__(self) -> None:
        import ctypes

        self._ctypes = ctypes
        self._dll = ctypes.WinDLL("advapi32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        self._dll.RegisterEventSourceW.restype = ctypes.c_void_p

    def register_event_source(self, server: str | None, source: str) -> int:
        """See `EventLogCalls`."""
        return int(self._dll.RegisterEventSourceW(server, source) or 0)

    def report_event(self, handle: int, kind: int, category: int, event_id: int, strings: Sequence[str]) -> bool:
        """See `EventLogCalls`."""
        c = self._ctypes
        texts = (c.c_wchar_p * len(strings))(*strings)
        where = c.c_void_p(handle)
        return bool(self._dll.ReportEventW(where, kind, category, event_id, None, len(strings), 0, texts, None))

    def deregister_event_source(self, handle: int) -> bool:
        """See `EventLogCalls`."""
        return bool(self._dll.DeregisterEventSource(self._ctypes.c_void_p(handle)))

    def last_error(self) -> int:
        """See `EventLogCalls`."""
        return int(self._ctypes.get_last_error())  # type: ignore[attr-defined,unused-ignore]
