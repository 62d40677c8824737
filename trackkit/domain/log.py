"""The server log's vocabulary: five levels, entries, and the filter everything shares.

Most severe first (SPEC §4). "Only / and more severe / and less severe" always include the level itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class Severity(IntEnum):
    """A level; a smaller number is more severe."""

    severe_error = 1
    error = 2
    warning = 3
    unusual_activity = 4
    information = 5

    @property
    def title(self) -> str:
        """The level as people read it."""
        return self.name.replace("_", " ").title()

    @classmethod
    def named(cls, name: str) -> Severity:
        """The level of that name; `KeyError` when there is none."""
        return cls[name]


def includes(level: str, severity: Severity) -> bool:
    """Whether a sink whose level is `level` gets entries of that severity: none when *off*, else all as severe."""
    return level != "off" and severity <= Severity.named(level)


SYSLOG_SEVERITY: Final[Mapping[Severity, int]] = MappingProxyType(
    {
        Severity.severe_error: 2,  # critical
        Severity.error: 3,  # error
        Severity.warning: 4,  # warning
        Severity.unusual_activity: 5,  # notice
        Severity.information: 6,  # informational
    }
)
"""What journald and syslog call the levels (RFC 5424 §6.2.1)."""

NT_EVENT_TYPE: Final[Mapping[Severity, int]] = MappingProxyType(
    {
        Severity.severe_error: 1,  # EVENTLOG_ERROR_TYPE
        Severity.error: 1,
        Severity.warning: 2,  # EVENTLOG_WARNING_TYPE
        Severity.unusual_activity: 2,
        Severity.information: 4,  # EVENTLOG_INFORMATION_TYPE
    }
)
"""What the NT event log calls the levels; it has three, so the category (1 to 5) tells which of ours it was."""

MAXIMUM_STARTUP_LOG_MB: Final = 40
"""As much as startup.log and the older file beside it ever hold."""

SEVERITY_NAMES: tuple[str, ...] = tuple(severity.name for severity in Severity)


class Match(StrEnum):
    """How a level selects: alone, with the more severe ones, with the less severe ones."""

    only = "only"
    more = "more"
    less = "less"

    def severities(self, level: Severity) -> tuple[Severity, ...]:
        """The levels selected by `level` with this match, most severe first."""
        if self is Match.only:
            return (level,)
        if self is Match.more:
            return tuple(s for s in Severity if s <= level)
        return tuple(s for s in Severity if s >= level)


class ExportFormat(StrEnum):
    """What the log can be exported as: CSV, a JSON object a line, Parquet, or an Arrow IPC stream."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    arrow = "arrow"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry as it is handed to the log; the store adds its id."""

    at: datetime
    severity: Severity
    source: str
    message: str
    details: str = ""
    database: str = ""
    username: str = ""
    client_address: str = ""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries: every given condition must hold. Instants are aware; `until` is exclusive."""

    severities: tuple[Severity, ...] = tuple(Severity)
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    database: str | None = None
    username: str | None = None
    client_address: str | None = None
    text: str | None = None
    """Found in the message or the details; case does not matter for ASCII letters."""

    def matches(self, entry: LogEntry) -> bool:
        """The filter's meaning in plain Python; the store's SQL is tested against it."""
        return (
            entry.severity in self.severities
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
            and (self.source is None or entry.source == self.source)
            and (self.database is None or entry.database == self.database)
            and (self.username is None or entry.username == self.username)
            and (self.client_address is None or entry.client_address == self.client_address)
            and (self.text is None or _holds(entry.message, self.text) or _holds(entry.details, self.text))
        )


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _holds(text: str, part: str) -> bool:
    return _ascii_lower(part) in _ascii_lower(text)


BARS: Final = 200
"""A histogram chooses its buckets so that there are at most this many of them."""

_WEEK_BEGINS: Final = datetime(1970, 1, 5, tzinfo=UTC)
_WIDTHS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        *(1, 2, 5, 10, 15, 30),
        *(60, 120, 300, 600, 900, 1800),
        *(3600, 7200, 10_800, 21_600, 43_200),
        *(86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400, 91 * 86_400),
    )
)


def bucket_start(at: datetime, width: timedelta) -> datetime:
    """Where the bucket of that width begins in which `at` lies: on the full hour, midnight or Monday in UTC."""
    return _WEEK_BEGINS + (at - _WEEK_BEGINS) // width * width


def bucket_count(since: datetime, until: datetime, width: timedelta) -> int:
    """How many buckets of that width cover ``since <= at < until``; 0 when nothing lies between."""
    return -((bucket_start(since, width) - until) // width) if since < until else 0


def bucket_width(since: datetime, until: datetime) -> timedelta:
    """The narrowest width people use with which at most `BARS` buckets cover ``since <= at < until``."""
    for width in _WIDTHS:
        if bucket_count(since, until, width) <= BARS:
            return width
    return timedelta(days=364 * ((until - since) // (timedelta(days=364) * (BARS - 1)) + 1))


def kept_since(now: datetime, days: int, zone: tzinfo) -> datetime:
    """Where a log that is kept for so many days begins: the start of that day in the server's time zone."""
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=days), time.min, tzinfo=zone)


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The first instant after `day` in the server's time zone: "up to and including that date"."""
    if day == date.max:
        return datetime.max.replace(tzinfo=zone)
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
