"""The server log: pages by key, and deletion."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field

from trackkit.contract.operation import Operation, Request, Response
from trackkit.domain.accounts import Role
from trackkit.domain.log import SEVERITY_NAMES, Match

PAGE = 200
MAXIMUM_PAGE = 10_000

Level = StrEnum("Level", {name: name for name in SEVERITY_NAMES})  # type: ignore[misc]


class ListLog(Request):
    """Newest first; every given condition must hold.

    `level` selects with `match`: only that level, it and all more severe, it and all less severe.
    `before` is the `entry_id` after which to go on.
    """

    level: Level | None = None
    match: Match = Match.more
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    source: str | None = Field(None, max_length=64)
    database: str | None = Field(None, max_length=256)
    username: str | None = Field(None, max_length=64)
    text: str | None = Field(None, min_length=1, max_length=256)
    before: int | None = Field(None, ge=0)
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


LIST = Operation("log.list", "GET", "/log", ListLog, LogPage, Role.viewer, "The server log, newest first")
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

OPERATIONS = (LIST, DELETE)
