"""`server.log`: the server log. One method an operation, and a frame over the listing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import log
from trackkit.domain.log import Match

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 5000
FRAME_LIMIT = 10_000
"""Rows a frame holds unless told otherwise."""


class Log:
    """The log of a server.

    Conditions are the same everywhere and must all hold: `level` with `match` (``only`` that level, it and all
    ``more`` severe, it and all ``less`` severe), `since` and `until` (aware instants, `until` exclusive), `source`,
    `database`, `username`, and `text` found in message or details.
    """

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        source: str | None = None,
        database: str | None = None,
        username: str | None = None,
        before: int | None = None,
        limit: int = log.PAGE,
        *,
        oldest_first: bool = False,
    ) -> log.LogPage:
        """One page, newest first unless asked otherwise; its `total` counts all entries that match."""
        return self._caller.ask(
            log.LIST,
            level=level,
            match=match,
            since=since,
            until=until,
            text=text,
            source=source,
            database=database,
            username=username,
            oldest_first=oldest_first,
            before=before,
            limit=limit,
        )

    def each(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        source: str | None = None,
        database: str | None = None,
        username: str | None = None,
        limit: int | None = None,
    ) -> Iterator[log.LogRow]:
        """The entries, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[log.LogRow, ...], int | None]:
            page = self.list(level, match, since, until, text, source, database, username, before, size)
            return page.entries, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        source: str | None = None,
        database: str | None = None,
        username: str | None = None,
        limit: int | None = FRAME_LIMIT,
    ) -> pd.DataFrame:
        """The entries as a frame, newest first; at most `limit` (none: all)."""
        from trackkit.frames import log_frame

        rows = self.each(level, match, since, until, text, source, database, username, limit)
        return log_frame(rows, self._server)

    def histogram(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        source: str | None = None,
        database: str | None = None,
        username: str | None = None,
        bucket_seconds: int | None = None,
    ) -> log.LogHistogram:
        """Entries counted by level and time; the range decides how wide the buckets are, for at most 200 of them."""
        return self._caller.ask(
            log.HISTOGRAM,
            level=level,
            match=match,
            since=since,
            until=until,
            text=text,
            source=source,
            database=database,
            username=username,
            bucket_seconds=bucket_seconds,
        )

    def histogram_frame(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        source: str | None = None,
        database: str | None = None,
        username: str | None = None,
        bucket_seconds: int | None = None,
    ) -> pd.DataFrame:
        """The counts as a frame, one row for each bucket and level, those without any entry too."""
        from trackkit.frames import histogram_frame

        counted = self.histogram(level, match, since, until, text, source, database, username, bucket_seconds)
        return histogram_frame(counted, self._server)

    def delete(self, *, all: bool = False, through: date | None = None, preview: bool = False) -> log.DeletedLog:
        """Delete all entries, or those up to and including a date in the server's time zone; exactly one of the two.

        `preview` deletes nothing and says how many entries it would be.
        """
        return self._caller.ask(log.DELETE, all=all, through=through, preview=preview)

    def startup(self, megabytes: int = 1) -> log.StartupLogText:
        """The last `megabytes` of startup.log: start-up errors, and everything else if the options ask for it."""
        return self._caller.ask(log.STARTUP, megabytes=megabytes)
