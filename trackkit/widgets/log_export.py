"""Export of the entries that are shown, from the view of the log.

A moderate result comes to the browser as a download. Of a large one it is said first what will be done: in a notebook
it becomes a new file next to it, never over one that exists; a dashboard's visitor has no such place and gets the
download in pieces. The kernel never holds the whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.log import LogPage
from trackkit.domain.errors import Unavailable
from trackkit.widgets.confirm import confirm
from trackkit.widgets.download import Download
from trackkit.widgets.log_deletion import entries
from trackkit.widgets.log_view import LogView, call_of
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import Progress, in_background, long_work

LARGE = 100_000
"""Entries from which on it is asked first."""

FORMATS = (("CSV", "csv"), ("JSON lines", "jsonl"), ("Parquet", "parquet"))


class LogExport:
    """The choice of a format, the button, and how far it is.

    Parameters
    ----------
    shown: what the view shows now.
    """

    def __init__(self, server: Server, trouble: Trouble, shown: Callable[[], LogView]) -> None:
        self._server, self._trouble, self._shown = server, trouble, shown
        self.format = w.Dropdown(description="Format", options=FORMATS, value="csv")
        self.button = w.Button(description="Export", tooltip="All entries that match the filters, as a file")
        self.download = Download()
        self.code = python_of("server.log.export('server-log.csv')", server)
        self.asking, self.working, self.result = w.VBox(), w.VBox(), Said()
        self.widget = w.VBox(
            [
                w.HTML("<h3>Export</h3>"),
                row(self.format, self.button, self.download),
                *(self.asking, self.working, self.result, self.code),
            ]
        )
        self.format.observe(lambda _: self.changed(), names="value")
        self.button.on_click(lambda _: self._count())

    def changed(self) -> None:
        """The view shows something else: the code has to say so."""
        self.code.code = whole(call_of("export", self._shown(), _file=f"server-log.{self.format.value}"), self._server)

    def _count(self) -> None:
        self.result.value = ""
        view, format = self._shown(), str(self.format.value)
        conditions = view.conditions(datetime.now(UTC))  # for the question and for what follows the same

        def count() -> LogPage:
            return self._server.log.list(**conditions, limit=1)

        def counted(found: LogPage) -> None:
            work = Export(self._server, conditions, format, found)
            if not found.total:
                self.result.value = status("No entry matches, so there is nothing to export.", "")
            elif found.total < LARGE and found.total_is_exact:
                self._send(work)
            elif os.environ.get("TRACKKIT_TOKEN"):  # a dashboard
                question = f"{work.what} make a large file. Send it to this browser as a download?"
                confirm(self.asking, question, f"Export {work.what}", lambda: self._send(work))
            else:
                path = Path.cwd() / work.name
                question = f"{work.what} will be written to a new file next to this notebook:\n{path}"
                confirm(self.asking, question, f"Export {work.what}", lambda: self._write(work, path))

        in_background(self._trouble, count, counted, busy=[self.button])

    def _send(self, work: Export) -> None:
        def send(progress: Progress) -> int:
            return self.download.send_file(work.name, work.content(), lambda size: tell(progress, size))

        self._begin(work, send, f"sent to the browser as {work.name}")

    def _write(self, work: Export, path: Path) -> None:
        self._begin(work, lambda progress: write_new(path, work.content(), progress), f"written to {path}")

    def _begin(self, work: Export, do: Callable[[Progress], int], done: str) -> None:
        def finished(size: int) -> None:
            self.result.value = status(shown(f"{work.what} {done} ({megabytes(size)})."), "tk-good")

        def cancelled() -> None:
            self.result.value = status("Cancelled; there is no file.", "")

        title = f"Exporting {work.what}"
        long_work(self.working, title, self._trouble, do, finished, busy=[self.button], cancelled=cancelled)


class Export:
    """What is exported: the conditions as they were when it was asked for."""

    def __init__(self, server: Server, conditions: dict[str, Any], format: str, found: LogPage) -> None:
        self._server, self._conditions, self._format = server, conditions, format
        self.what = entries(found.total) if found.total_is_exact else f"more than {entries(found.total)}"
        self.name = f"server-log-{datetime.now(UTC):%Y%m%d-%H%M%S}.{format}"

    def content(self) -> Iterable[bytes]:
        """The file, piece by piece, from the server."""
        return self._server.log.exported(self._format, **self._conditions)


def write_new(path: Path, content: Iterable[bytes], progress: Progress) -> int:
    """Write a new file; its size. What is not whole does not stay."""
    size = 0
    try:
        with path.open("xb") as file:
            try:
                for piece in content:
                    size += file.write(piece)
                    tell(progress, size)
            except BaseException:
                with suppress(OSError):
                    path.unlink()
                raise
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.", "Nothing is left of it.") from error
    return size


def tell(progress: Progress, size: int) -> None:
    """How far it is; raises when somebody has pressed Cancel."""
    progress.check()
    progress.tell(0, None, megabytes(size))


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1024:,.0f} KB" if size < 1024**2 else f"{size / 1024**2:,.1f} MB"
