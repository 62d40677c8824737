"""In CI nothing is skipped but what needs the corpus, which is no part of the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAYS = {
    "call": "import pytest\ndef test_it():\n    pytest.skip('no such program')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef f():\n    pytest.skip('no such program')\ndef test_it(f): pass\n",
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='no such program')\ndef test_it(): pass\n",
    "module": "import pytest\npytest.importorskip('no_such_program')\ndef test_it(): pass\n",
}
CORPUS = "import pytest\nfrom tests import corpus\ndef test_it():\n    pytest.skip(corpus.MISSING)\n"


def run(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    """pytest over tests that skip in every way there is, with this project's conftest."""
    for way, code in {**WAYS, "corpus": CORPUS}.items():
        (folder / f"test_{way}.py").write_text(code)
    options = ["-p", "no:cacheprovider", "-p", "tests.conftest", "--noconftest", "--continue-on-collection-errors"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", folder, folder],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_ci_every_skip_but_that_for_the_corpus_fails(tmp_path: Path) -> None:
    done = run(tmp_path, "true")
    summary = done.stdout.splitlines()[-1]
    assert done.returncode == 1
    assert "1 skipped" in summary
    assert "passed" not in summary
    assert done.stdout.count("which CI=true does not allow") >= len(WAYS)


def test_elsewhere_what_is_missing_is_skipped(tmp_path: Path) -> None:
    assert f"{len(WAYS) + 1} skipped" in run(tmp_path, "").stdout.splitlines()[-1]
