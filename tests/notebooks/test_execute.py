"""Every notebook that ships with trackkit runs from top to bottom against a real server, as JupyterLab would run it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import Start
from tests.running import RunningServer

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
PASSWORD = "the canary's password"
SHOWN = {"getting-started.ipynb": ("Hello", "Sending is not set up", "User admin has no password")}
"""Words that a notebook shows of this server."""


@pytest.fixture(scope="module")
def office(start_for_module: Start) -> RunningServer:
    """A server with a mail, and an admin with a password."""
    server = start_for_module()
    raw = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: Hello\r\n\r\nText.\r\n"
    server.admin.mail.submit(raw, sender="a@example.com", recipients=["b@example.org"])
    server.admin.users.add("olga", "admin", PASSWORD)
    return server


def test_there_are_notebooks_and_reports_among_them() -> None:
    assert {path.parent.name for path in NOTEBOOKS} == {"notebooks", "reports"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_runs_from_top_to_bottom(
    path: Path, office: RunningServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "TRACKKIT_SERVER": office.url,
        "TRACKKIT_FINGERPRINT": office.fingerprint,
        "TRACKKIT_USERNAME": "olga",
        "TRACKKIT_PASSWORD": PASSWORD,
        "IPYTHONDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": tmp_path}},
    )
    executed = client.execute()
    cells = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    outputs = [output for cell in cells for output in cell.outputs]
    assert cells
    assert all(cell.execution_count for cell in cells)
    assert outputs, "it shows nothing"
    assert [output for output in outputs if output.output_type == "error"] == []
    shown = str(outputs) + str(executed.metadata.get("widgets"))
    assert [words for words in SHOWN.get(path.name, ()) if words not in shown] == []
    assert "tk-status tk-bad" not in shown, "a widget shows an error"
    assert PASSWORD not in shown
    assert PASSWORD.replace("'", "\\'") not in shown
    assert PASSWORD.replace("'", "&#x27;") not in shown
