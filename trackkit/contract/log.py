"""The server log: pages by key, counts over time, export, and deletion."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field

from trackkit.contract.operation import Octets, Operation, Request, Response, RowNumber
from trackkit.domain.accounts import Role
from trackkit.domain.log import MAXIMUM_STARTUP_LOG_MB, SEVERITY_NAMES, ExportFormat, Match

PAGE = 200
MAXIMUM_PAGE = 10_000
MAXIMUM_BUCKETS = 10_000


Level = StrEnum("Level", {name: name for name in SEVERITY_NAMES})  # type: ignore[misc]


class LogConditions(Request):
    """Which entries: every given condition must hold.

    `level` selects with `match`: only that level, it and all more severe, it and all less severe.
    """

    level: Level | None = None
    match: Match = Match.more
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    source: str | None = Field(None, max_length=64)
    database: str | None = Field(None, max_length=256)
    username: str | None = Field(None, max_length=64)
    client_address: str | None = Field(None, max_length=64)
    text: str | None = Field(None, min_length=1, max_length=256)


class ListLog(LogConditions):
    """Newest first, or oldest first; `before` is the `entry_id` after which to go on."""

    oldest_first: bool = False
    before: RowNumber | None = None
    limit: int = Field(PAGE, ge=1, le=MAXIMUM_PAGE)


class LogRow(Response):
    """One entry."""

    entry_id: int
    at: datetime
    level: Level
    source: str
    database: str
    username: str
    client_address: str
    message: str
    details: str


class LogPage(Response):
    """`total` counts all entries that match, on every page the same; `next_before` none = this was the last."""

    entries: tuple[LogRow, ...]
    next_before: int | None
    total: int
    total_is_exact: bool = True
    """Else at least so many match; they are not counted to the end where that would take long."""


class CountLog(LogConditions):
    """Entries by level and time. Without `bucket_seconds` the range decides, for at most 200 buckets.

    The range is `since` to `until`; without them from the oldest entry that matches, and to now. Where many entries
    would have to be looked through for it, from the oldest of those levels.
    """

    bucket_seconds: int | None = Field(None, ge=1, le=10 * 366 * 86_400)


class LevelCount(Response):
    """How many entries of a level lie in the bucket that starts then."""

    starts_at: datetime
    level: Level
    entries: int


class LogHistogram(Response):
    """Counts by level and bucket; what is not listed is none.

    Buckets start at multiples of their width in UTC: on the full minute, hour, midnight, Monday. `buckets` of them,
    from `starts_at` on, cover the range; the first and the last may reach beyond it.
    """

    starts_at: datetime
    bucket_seconds: int
    buckets: int
    levels: tuple[Level, ...]
    """The levels that were counted, most severe first."""
    counts: tuple[LevelCount, ...]
    """By time, then most severe first."""
    total: int


class ExportLog(LogConditions):
    """The entries that match, newest first, at most `limit` of them (none: all), in one of four formats.

    Every format has the columns of the listing. Times are UTC. In CSV no cell is a formula to a spreadsheet.
    """

    format: ExportFormat
    limit: int | None = Field(None, ge=1, le=2**31 - 1)


class DeleteLog(Request):
    """Which entries: all, or up to and including a date in the server's time zone; exactly one of the two.

    `preview`: delete nothing, only say how many it would be.
    """

    all: bool = False
    through: date | None = None
    preview: bool = False


class DeletedLog(Response):
    """How many entries were deleted, or would be."""

    entries: int


class ReadStartupLog(Request):
    """How much of its end, in MB (1,048,576 bytes)."""

    megabytes: int = Field(1, ge=1, le=MAXIMUM_STARTUP_LOG_MB)


class StartupLogText(Response):
    """The file's last lines, without the secrets that are known; `whole` = there is nothing before them."""

    text: str
    whole: bool


LIST = Operation("log.list", "GET", "/log", ListLog, LogPage, Role.viewer, "The server log, newest first")
HISTOGRAM = Operation(
    "log.histogram",
    "GET",
    "/log/histogram",
    CountLog,
    LogHistogram,
    Role.viewer,
    "Log entries counted by level and time",
)
EXPORT = Operation(
    "log.export",
    "GET",
    "/log/export",
    ExportLog,
    Octets,
    Role.viewer,
    "The server log as CSV, JSON lines, Parquet or Arrow",
)
DELETE = Operation(
    "log.delete",
    "DELETE",
    "/log",
    DeleteLog,
    DeletedLog,
    Role.admin,
    "Delete log entries, all or up to a date",
    audited=True,
)

STARTUP = Operation(
    "log.startup",
    "GET",
    "/log/startup",
    ReadStartupLog,
    StartupLogText,
    Role.operator,
    "What startup.log in the server's data folder holds, scrubbed of secrets",
)

OPERATIONS = (LIST, HISTOGRAM, EXPORT, DELETE, STARTUP)
