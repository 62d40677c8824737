"""The log as a file: CSV, JSON lines, Parquet or an Arrow IPC stream, made in pieces as fast as they are taken.

Entries are read in portions bounded in number and size, each in a transaction of its own, so that an export of
millions takes little memory and holds up nobody. It goes from the newest entry at its beginning to the oldest; what is
deleted meanwhile is missing, what is written meanwhile is not in it. pyarrow is loaded when it is first needed.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from trackkit.contract import log as contract
from trackkit.contract.operation import Octets
from trackkit.domain.log import ExportFormat, Severity
from trackkit.domain.project import csv_rows
from trackkit.services.environment import Call
from trackkit.services.log import filter_of
from trackkit.store import log as rows
from trackkit.store.columns import instant
from trackkit.store.database import Connection
from trackkit.store.log import Stored
from trackkit.store.log_search import Candidates

_ENTRIES: Final = 20_000
_OCTETS: Final = 4 * 1024**2
"""A portion: entries at most, and characters after which it ends."""

_NAMES: Final = {int(severity): severity.name for severity in Severity}

Portions = Iterator[list[Stored]]


def export_log(call: Call, request: contract.ExportLog) -> Octets:
    """The entries that match, newest first. What goes wrong at the first portion is told as usual."""
    call.environment.log.flush()
    portions = _portions(call, request)
    first = next(portions, [])
    media_type, write = _FORMATS[request.format]
    return Octets(media_type=media_type, pieces=write(chain([first], portions)))


def _portions(call: Call, request: contract.ExportLog) -> Portions:
    wanted, before, left, more = filter_of(request), None, request.limit, True
    while more and left != 0:
        size = _ENTRIES if left is None else min(_ENTRIES, left)

        def work(
            connection: Connection, search: Candidates | None, before: int | None = before, size: int = size
        ) -> tuple[list[Stored], bool]:
            return rows.portion(connection, wanted, before, size, _OCTETS, search)

        found, more = call.environment.log_search.read(work)
        if not found:
            return
        found = found if left is None else found[:left]
        left = None if left is None else left - len(found)
        before = found[-1][0]
        yield found


def _csv(portions: Portions) -> Iterator[bytes]:
    yield BOM_UTF8 + csv_rows.lines([tuple(contract.LogRow.model_fields)])
    for portion in portions:
        yield csv_rows.lines(
            (str(row[0]), instant(row[1]).isoformat(timespec="microseconds"), _NAMES[row[2]], *row[3:])
            for row in portion
        )


def _jsonl(portions: Portions) -> Iterator[bytes]:
    names = tuple(contract.LogRow.model_fields)
    for portion in portions:
        lines = (
            json.dumps(
                dict(
                    zip(
                        names,
                        (row[0], instant(row[1]).isoformat(timespec="microseconds"), _NAMES[row[2]], *row[3:]),
                        strict=True,
                    )
                )
            )
            for row in portion
        )
        yield "".join(f"{line}\n" for line in lines).encode()


def _arrow(portions: Portions) -> Iterator[bytes]:
    from trackkit.services import log_arrow

    return log_arrow.stream(portions)


def _parquet(portions: Portions) -> Iterator[bytes]:
    from trackkit.services import log_arrow

    return log_arrow.parquet(portions)


_FORMATS: Final[dict[ExportFormat, tuple[str, Callable[[Portions], Iterator[bytes]]]]] = {
    ExportFormat.csv: ("text/csv; charset=utf-8", _csv),
    ExportFormat.jsonl: ("application/x-ndjson", _jsonl),
    ExportFormat.parquet: ("application/vnd.apache.parquet", _parquet),
    ExportFormat.arrow: ("application/vnd.apache.arrow.stream", _arrow),
}
