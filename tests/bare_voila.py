"""A plain standalone Voilà for one notebook made of a few lines, without trackkit's dashboards around it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import nbformat

from tests.ports import free_port

TOP = Path(__file__).parent.parent
START_SECONDS = 60


def notebook(folder: Path, name: str, source: str) -> Path:
    """A notebook with one cell, written into the folder."""
    path = folder / f"{name}.ipynb"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


@contextmanager
def voila(folder: Path) -> Iterator[str]:
    """Serve the folder's notebooks; the address, to which ``/voila/render/NAME.ipynb`` is added."""
    port = free_port()
    command = [sys.executable, "-m", "voila", str(folder), "--no-browser", f"--port={port}", "--token="]
    with (folder / "voila.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--Voila.ip=127.0.0.1"], cwd=TOP, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "Voilà ended at once"
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Voilà does not answer")
