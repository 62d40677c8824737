"""The notebooks and dashboards that ship with trackkit are clean and thin; `tests.notebooks` runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

from trackkit.dashboard.folder import dashboards_folder

TOP = Path(__file__).parent.parent.parent


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
