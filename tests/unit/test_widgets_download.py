"""A file sent to the browser: in pieces, never many on the way, and nothing left of what was not finished."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trackkit.domain.errors import Unavailable
from trackkit.widgets import download as downloads
from trackkit.widgets.download import AHEAD, PIECE, Download, gathered
from trackkit.widgets.log_export import megabytes, write_new
from trackkit.widgets.work import Cancelled, Progress


class Browser:
    """What the page would do: it takes pieces and says so, at once or when `take` is called."""

    def __init__(self, download: Download, *, at_once: bool = True) -> None:
        self._download, self._at_once = download, at_once
        self.pieces: list[bytes] = []
        self.name = ""
        self.arrived = threading.Event()
        download.send = self._sent  # type: ignore[method-assign]

    def _sent(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.name = content.get("name", self.name)
        if "piece" in content:
            self.pieces.append(bytes(buffers[0]))
            if len(self.pieces) == AHEAD:
                self.arrived.set()
            if self._at_once:
                self.take(content["piece"])

    def take(self, number: object) -> None:
        self._download._handle_custom_msg({"got": number}, [])


def test_the_pieces_are_the_file() -> None:
    download = Download()
    browser = Browser(download)
    content = [bytes([n % 256]) * 100_000 for n in range(40)]
    told: list[int] = []
    assert download.send_file("log.csv", content, told.append) == 4_000_000
    assert b"".join(browser.pieces) == b"".join(content)
    assert all(len(piece) >= PIECE for piece in browser.pieces[:-1])
    assert browser.name == "log.csv"
    assert told[-1] == 4_000_000
    assert list(gathered([])) == []


def test_no_more_than_a_few_pieces_are_on_the_way_and_nonsense_counts_for_nothing() -> None:
    download = Download()
    browser = Browser(download, at_once=False)
    done: list[int] = []
    content = [b"x" * PIECE] * (AHEAD + 2)
    sending = threading.Thread(target=lambda: done.append(download.send_file("f", content, lambda _: None)))
    sending.start()
    assert browser.arrived.wait(20)
    browser.take("all of them")
    browser.take(None)
    assert len(browser.pieces) == AHEAD
    for number in range(1, AHEAD + 3):
        browser.take(number)
    sending.join(20)
    assert done == [PIECE * (AHEAD + 2)]


def test_a_page_that_takes_nothing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.01)
    download = Download()
    browser = Browser(download, at_once=False)
    with pytest.raises(Unavailable, match="does not take"):
        download.send_file("f", [b"x"], lambda _: None)
    assert browser.name == "", "nothing is saved"


def test_a_new_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, progress = tmp_path / "log.csv", Progress("Exporting")
    assert write_new(path, [b"one", b"two"], progress) == 6
    assert path.read_bytes() == b"onetwo"
    with pytest.raises(Unavailable, match="File exists"):
        write_new(path, [b"three"], progress)
    assert path.read_bytes() == b"onetwo"
    progress.cancel.click()
    with pytest.raises(Cancelled):
        write_new(tmp_path / "other.csv", [b"one"], progress)
    assert not (tmp_path / "other.csv").exists()
    assert (megabytes(2048), megabytes(3 * 1024**2)) == ("2 KB", "3.0 MB")
