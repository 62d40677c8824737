"""Reading, counting and deleting the server log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from trackkit.contract import log as contract
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import (
    LogEntry,
    LogFilter,
    Severity,
    bucket_count,
    bucket_start,
    bucket_width,
    end_of_day,
)
from trackkit.services.environment import Call
from trackkit.services.log_deletion import delete_until
from trackkit.services.log_search import SOURCE
from trackkit.store import log as rows
from trackkit.store.database import Connection
from trackkit.store.log_search import Candidates

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""A histogram's range is cut to these: no entry lies outside, and the calendar's ends leave no room for buckets."""


def list_log(call: Call, request: contract.ListLog) -> contract.LogPage:
    """A page of the log, newest first, with the number of all entries that match."""
    wanted = filter_of(request)
    call.environment.log.flush()

    def work(connection: Connection, search: Candidates | None) -> tuple[list[tuple[int, LogEntry]], rows.Counted]:
        found = rows.page(connection, wanted, request.before, request.limit + 1, request.oldest_first, search)
        if request.before is None and len(found) <= request.limit:
            return found, rows.Counted(len(found), True)  # all that match are here
        return found, rows.count(connection, wanted, search)

    found, total = call.environment.log_search.read(work)
    shown = found[: request.limit]
    return contract.LogPage(
        entries=tuple(_view(key, entry) for key, entry in shown),
        next_before=shown[-1][0] if len(found) > request.limit else None,
        total=total.entries,
        total_is_exact=total.is_exact,
    )


def count_log(call: Call, request: contract.CountLog) -> contract.LogHistogram:
    """Entries by level and time; the range decides the width unless it is given."""
    wanted = filter_of(request)
    call.environment.log.flush()

    def work(connection: Connection, search: Candidates | None) -> contract.LogHistogram:
        since, until = _range(call, connection, wanted, search)
        width = _width(request.bucket_seconds, since, until)
        starts_at = bucket_start(since, width)
        counts = rows.histogram(connection, replace(wanted, since=since, until=until), starts_at, width, search)
        return contract.LogHistogram(
            starts_at=starts_at,
            bucket_seconds=width // timedelta(seconds=1),
            buckets=bucket_count(since, until, width),
            levels=tuple(contract.Level(severity.name) for severity in wanted.severities),
            counts=tuple(
                contract.LevelCount(starts_at=at, level=contract.Level(severity.name), entries=number)
                for at, severity, number in counts
            ),
            total=sum(number for _, _, number in counts),
        )

    return call.environment.log_search.read(work)


def _range(
    call: Call, connection: Connection, wanted: LogFilter, search: Candidates | None
) -> tuple[datetime, datetime]:
    """`since` and `until` where given, else from the oldest entry and to now: silence is to be seen too."""
    since, until = wanted.since, wanted.until
    if since is None or until is None:
        found = rows.extent(connection, wanted, search)
        oldest, newest = found or (call.now, call.now)
        if found:  # `until` is exclusive, and a clock may have been put back
            newest = max(call.now, newest + timedelta(microseconds=1))
        until = until or newest
        since = since or min(oldest, until)
    return max(since, _EARLIEST), min(until, _LATEST)


def _width(seconds: int | None, since: datetime, until: datetime) -> timedelta:
    if seconds is None:
        return bucket_width(since, until)
    buckets = bucket_count(since, until, timedelta(seconds=seconds))
    if buckets > contract.MAXIMUM_BUCKETS:
        raise InvalidInput.of(
            "bucket_seconds",
            f"is {seconds}, which makes {buckets:,} buckets; at most {contract.MAXIMUM_BUCKETS:,} are counted",
            "Give wider buckets or a shorter range, or leave the width out.",
        )
    return timedelta(seconds=seconds)


def delete_log(call: Call, request: contract.DeleteLog) -> contract.DeletedLog:
    """Delete entries in small transactions; what is written meanwhile stays. Recorded in the audit first."""
    if request.all == (request.through is not None):
        raise InvalidInput.of("through", "give either a date or `all`, not both and not neither")
    environment = call.environment
    until = end_of_day(request.through, environment.zone) if request.through else None
    environment.log.flush()
    doomed = environment.log_store.read(lambda connection: rows.count(connection, LogFilter(until=until))).entries
    if request.preview:
        return contract.DeletedLog(entries=doomed)
    subject = "all entries" if request.all else f"entries up to and including {request.through}"
    environment.store.write(
        lambda connection: call.audit(connection, contract.DELETE.name, subject, after={"entries": str(doomed)})
    )
    deleted = delete_until(environment, until)
    call.log(Severity.information, SOURCE, f"The log was deleted: {subject}; {deleted} entries.")
    return contract.DeletedLog(entries=deleted)


def filter_of(request: contract.LogConditions) -> LogFilter:
    """The conditions of a request."""
    return LogFilter(
        severities=request.match.severities(Severity.named(request.level)) if request.level else tuple(Severity),
        since=request.since,
        until=request.until,
        source=request.source,
        database=request.database,
        username=request.username,
        client_address=request.client_address,
        text=request.text,
    )


def _view(key: int, entry: LogEntry) -> contract.LogRow:
    return contract.LogRow(
        entry_id=key,
        at=entry.at,
        level=contract.Level(entry.severity.name),
        source=entry.source,
        database=entry.database,
        username=entry.username,
        client_address=entry.client_address,
        message=entry.message,
        details=entry.details,
    )
