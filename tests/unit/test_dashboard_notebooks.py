"""The notebooks that ship with trackkit run from top to bottom against a real server, and are clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.running import RunningServer
from trackkit.dashboard.folder import dashboards_folder

TOP = Path(__file__).parent.parent.parent
PASSWORD = "the admin's password"


def _run(notebook: Path, monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> str:
    """Execute as JupyterLab would; all outputs as text."""
    for name, value in {
        "TRACKKIT_SERVER": server.url,
        "TRACKKIT_FINGERPRINT": server.fingerprint,
        "TRACKKIT_USERNAME": "admin",
        "TRACKKIT_PASSWORD": PASSWORD,
    }.items():
        monkeypatch.setenv(name, value)
    executed = NotebookClient(nbformat.read(notebook, as_version=4), timeout=60).execute()
    return str([cell.outputs for cell in executed.cells if cell.cell_type == "code"])


def test_getting_started_runs(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    message = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: Hello\r\n\r\nText.\r\n"
    server.admin.mail.submit(message, sender="a@example.com", recipients=["b@example.org"])
    server.admin.users.edit("admin", password=PASSWORD)
    shown = _run(TOP / "notebooks" / "getting-started.ipynb", monkeypatch, server)
    assert "Hello" in shown
    assert "Sending is not set up" in shown
    assert "User admin has no password" in shown
    assert PASSWORD not in shown


def test_notebooks_and_dashboards_hold_no_outputs() -> None:
    notebooks = [*(TOP / "notebooks").rglob("*.ipynb"), *dashboards_folder().glob("*.ipynb")]
    assert len(notebooks) >= 2
    checked = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--verify", *map(str, notebooks)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dashboards_are_thin() -> None:
    for dashboard in dashboards_folder().glob("*.ipynb"):
        cells = nbformat.read(dashboard, as_version=4).cells
        lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 3, dashboard
