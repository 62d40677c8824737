"""Reading and deleting the server log."""

from __future__ import annotations

import time
from typing import Final

from trackkit.contract import log as contract
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import LogEntry, LogFilter, Severity, end_of_day
from trackkit.services.environment import Call
from trackkit.store import log as rows
from trackkit.store.database import Connection

SOURCE: Final = "log"
_PAUSE_SECONDS: Final = 0.02
"""Between two transactions of a large deletion: who writes to the log gets in between."""


def list_log(call: Call, request: contract.ListLog) -> contract.LogPage:
    """A page of the log, newest first, with the number of all entries that match."""
    wanted = LogFilter(
        severities=request.match.severities(Severity.named(request.level)) if request.level else tuple(Severity),
        since=request.since,
        until=request.until,
        source=request.source,
        database=request.database,
        username=request.username,
        text=request.text,
    )
    call.environment.log.flush()

    def work(connection: Connection) -> tuple[list[tuple[int, LogEntry]], int]:
        return rows.page(connection, wanted, request.before, request.limit + 1), rows.count(connection, wanted)

    found, total = call.environment.log_store.read(work)
    shown = found[: request.limit]
    return contract.LogPage(
        entries=tuple(_view(key, entry) for key, entry in shown),
        next_before=shown[-1][0] if len(found) > request.limit else None,
        total=total,
    )


def delete_log(call: Call, request: contract.DeleteLog) -> contract.DeletedLog:
    """Delete entries in small transactions; what is written meanwhile stays. Recorded in the audit first."""
    if request.all == (request.through is not None):
        raise InvalidInput.of("through", "give either a date or `all`, not both and not neither")
    environment = call.environment
    until = end_of_day(request.through, environment.zone) if request.through else None
    environment.log.flush()
    newest = environment.log_store.read(rows.newest_id)
    doomed = environment.log_store.read(lambda connection: rows.count(connection, LogFilter(until=until)))
    if request.preview:
        return contract.DeletedLog(entries=doomed)
    subject = "all entries" if request.all else f"entries up to and including {request.through}"
    environment.store.write(
        lambda connection: call.audit(connection, contract.DELETE.name, subject, after={"entries": str(doomed)})
    )
    deleted = 0
    while part := environment.log_store.write(lambda connection: rows.delete_some(connection, until, newest)):
        deleted += part
        if part < rows.DELETE_CHUNK:
            break
        time.sleep(_PAUSE_SECONDS)
    call.log(Severity.information, SOURCE, f"The log was deleted: {subject}; {deleted} entries.")
    return contract.DeletedLog(entries=deleted)


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
