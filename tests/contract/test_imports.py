"""What is loaded when: `import trackkit` costs nothing, and the server never loads what belongs to notebooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start

NOTEBOOKS = (
    "pandas",
    "numpy",
    "matplotlib",
    "ipywidgets",
    "IPython",
    "ipykernel",
    "jupyter_server",
    "voila",
    "anywidget",
    "papermill",
    "nbconvert",
    "nbformat",
    "nbclient",
)


def loaded_by(code: str) -> set[str]:
    """The top-level packages in `sys.modules` after running `code` in a new Python."""
    shown = "import sys; print('\\n'.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{shown}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_trackkit_loads_nothing_but_the_standard_library() -> None:
    besides = loaded_by("import trackkit") - loaded_by("pass") - set(sys.stdlib_module_names)
    assert besides == {"trackkit"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["mail", "--help"], ["options", "set", "--help"]])
def test_the_command_line_starts_without_the_heavy_ones(words: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {words!r}\n"
        "from trackkit.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
    )
    heavy = {"pandas", "numpy", "sqlalchemy", "httpx", "fastapi", "uvicorn", "matplotlib", "cryptography"}
    assert loaded_by(code) & heavy == set()


def test_the_servers_modules_load_nothing_of_notebooks() -> None:
    assert loaded_by("import trackkit.server.run, trackkit.cli.server") & set(NOTEBOOKS) == set()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc: Linux only")
def test_a_running_server_has_loaded_nothing_of_notebooks(start: Start) -> None:
    server = start(prefix=("env",))
    server.admin.mail.submit(b"Subject: x\r\n\r\n", sender="", recipients=["x@y.test"])
    server.admin.log.list()
    server.admin.health()
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    files = {line.split()[-1] for line in maps.splitlines() if "/site-packages/" in line}
    packages = {path.partition("/site-packages/")[2].partition("/")[0].partition(".")[0] for path in files}
    assert "pydantic_core" in packages
    assert packages & {"pandas", "numpy", "matplotlib", "pyarrow", "zmq"} == set()
