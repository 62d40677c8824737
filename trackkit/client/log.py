"""`server.log`: the server log. One method an operation, frames over it, and files made of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from trackkit.client.call import Caller
from trackkit.client.log_conditions import Conditions
from trackkit.client.log_filters import LogFilters
from trackkit.client.octets import Readable
from trackkit.client.paging import follow
from trackkit.contract import log
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import ExportFormat, Match

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 5000
FRAME_LIMIT = 10_000
"""Rows a frame holds unless told otherwise."""

_SUFFIXES: Final = {
    ".csv": ExportFormat.csv,
    ".jsonl": ExportFormat.jsonl,
    ".ndjson": ExportFormat.jsonl,
    ".parquet": ExportFormat.parquet,
    ".arrow": ExportFormat.arrow,
    ".arrows": ExportFormat.arrow,
}


class Log:
    """The log of a server.

    Conditions are the same everywhere and must all hold: `level` with `match` (``only`` that level, it and all
    ``more`` severe, it and all ``less`` severe), and those of `Conditions`.
    """

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server
        self.filters = LogFilters(caller)

    def list(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        before: int | None = None,
        limit: int = log.PAGE,
        oldest_first: bool = False,
        **conditions: Unpack[Conditions],
    ) -> log.LogPage:
        """One page, newest first unless asked otherwise; its `total` counts all entries that match.

        Where counting would take long `total_is_exact` is false: at least so many match.
        """
        paging = {"before": before, "limit": limit, "oldest_first": oldest_first}
        return self._caller.ask(log.LIST, level=level, match=match, **conditions, **paging)

    def each(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        limit: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> Iterator[log.LogRow]:
        """The entries, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[log.LogRow, ...], int | None]:
            page = self.list(level, match, before=before, limit=size, **conditions)
            return page.entries, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        limit: int | None = FRAME_LIMIT,
        **conditions: Unpack[Conditions],
    ) -> pd.DataFrame:
        """The entries as a frame, newest first; at most `limit` (none: all)."""
        from trackkit.frames.log import log_frame_of

        pieces = self.exported(ExportFormat.arrow, level, match, limit=limit, **conditions)
        return log_frame_of(Readable(pieces), self._server)

    def histogram(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        bucket_seconds: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> log.LogHistogram:
        """Entries counted by level and time; the range decides how wide the buckets are, for at most 200 of them."""
        return self._caller.ask(log.HISTOGRAM, level=level, match=match, bucket_seconds=bucket_seconds, **conditions)

    def histogram_frame(
        self,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        bucket_seconds: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> pd.DataFrame:
        """The counts as a frame, one row for each bucket and level, those without any entry too."""
        from trackkit.frames import histogram_frame

        counted = self.histogram(level, match, bucket_seconds=bucket_seconds, **conditions)
        return histogram_frame(counted, self._server)

    def exported(
        self,
        format: ExportFormat | str,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        limit: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> Iterator[bytes]:
        """The entries as a file, newest first, in pieces as they come: ``csv``, ``jsonl``, ``parquet`` or ``arrow``.

        In CSV no cell is a formula to a spreadsheet. An Arrow IPC stream is read by ``pyarrow.ipc.open_stream``. An
        export that breaks off raises; what came until then is no whole file.
        """
        return self._caller.pieces(log.EXPORT, format=format, level=level, match=match, limit=limit, **conditions)

    def export(
        self,
        file: Path | str,
        format: ExportFormat | str | None = None,
        level: str | None = None,
        match: Match | str = Match.more,
        *,
        limit: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> Path:
        """Write the entries to a new file, in the format its suffix says unless one is given; where it is.

        `InvalidInput` when the file exists or cannot be written. A file that did not become whole is removed.
        """
        path = Path(file)
        chosen = format or _format_of(path)
        pieces = self.exported(chosen, level, match, limit=limit, **conditions)
        try:
            with path.open("xb") as out:
                try:
                    out.writelines(pieces)
                except BaseException:
                    with suppress(OSError):
                        path.unlink()
                    raise
        except FileExistsError:
            raise InvalidInput.of("file", f"{path} exists already; nothing was written", "Give another name.") from None
        except OSError as error:
            raise InvalidInput.of("file", f"{path} cannot be written: {error.strerror}") from error
        return path

    def delete(self, *, all: bool = False, through: date | None = None, preview: bool = False) -> log.DeletedLog:
        """Delete all entries, or those up to and including a date in the server's time zone; exactly one of the two.

        `preview` deletes nothing and says how many entries it would be.
        """
        return self._caller.ask(log.DELETE, all=all, through=through, preview=preview)

    def startup(self, megabytes: int = 1) -> log.StartupLogText:
        """The last `megabytes` of startup.log: start-up errors, and everything else if the options ask for it."""
        return self._caller.ask(log.STARTUP, megabytes=megabytes)


def _format_of(path: Path) -> ExportFormat:
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        known = ", ".join(_SUFFIXES)
        raise InvalidInput.of("file", f"{path.name} does not say its format: give one, or a name in {known}") from None
