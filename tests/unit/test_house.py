"""The house's own rules that no linter knows: the catalogue, the lock file, the wheel, the markers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import trackkit
from tests.conftest import CI
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import Operation

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOTEBOOKS = sorted(
    path.relative_to(ROOT)
    for folder in ("notebooks", "dashboards")
    for path in (ROOT / folder).rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)


def pinned() -> dict[str, list[Requirement]]:
    """What requirements.lock says, by canonical name."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for, development tools included."""
    texts = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return [Requirement(text) for text in texts]


def test_the_lock_pins_every_dependency_to_one_version_that_fits() -> None:
    lock = pinned()
    for requirement in wanted():
        pins = lock.get(canonicalize_name(requirement.name))
        assert pins, f"{requirement.name} is not in requirements.lock: make lock"
        for pin in pins:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert requirement.specifier.contains(exact.version), f"{requirement} against {pin}: make lock"


def test_the_lock_holds_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|@|--|file:", text)


@pytest.mark.skipif(not CI, reason="only a fresh environment has to be exactly what the lock says")
def test_what_is_installed_is_what_the_lock_says() -> None:
    """The lock holds more than is installed here: other systems' packages, and the peers of the benchmarks."""
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in metadata.distributions()}
    for name in ("trackkit", "pip", "setuptools", "wheel"):
        installed.pop(name, None)
    locked = pinned()
    assert set(installed) <= set(locked)
    for name, version in installed.items():
        applying = [pin for pin in locked[name] if pin.marker is None or pin.marker.evaluate()]
        assert any(version in pin.specifier for pin in applying), name


def test_versions_agree() -> None:
    assert PROJECT["version"] == trackkit.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert trackkit.__version__ in changelog


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", folder, ROOT]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("trackkit-*.whl")
    return path


def test_notebooks_and_dashboards_are_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert NOTEBOOKS
    assert {f"trackkit/share/{path.as_posix()}" for path in NOTEBOOKS} <= names
    data = {path for path in (ROOT / "trackkit").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path.relative_to(ROOT).as_posix() for path in data} <= names
    assert not [name for name in names if name.startswith(("tests/", "trackkit/tests"))]


def test_the_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Installed without its dependencies into an environment that borrows this one's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    code = "import trackkit, pathlib; print(trackkit.__version__, pathlib.Path(trackkit.__file__).parent)"
    shown = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [trackkit.__version__, str(site / "trackkit")]
    helped = subprocess.run(
        [python, "-m", "trackkit", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "server" in helped.stdout


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_operations_are_declared_whole(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z]+)?\.[a-z_]+", operation.name)
    assert operation.summary
    assert set(operation.path_fields) <= set(operation.request.model_fields)
    if operation.realm == "project":  # what project users do in their project is no administrative act
        assert not operation.audited
    else:
        assert operation.audited == (operation.method != "GET") or operation.name in NOT_AUDITED
    assert operation.request.__doc__
    assert operation.request.model_config.get("extra") == "forbid"


# Log-in and log-out stand in the log and in the list of sessions; they change no settings. A plan and a replay change
# nothing; they are no GETs because files and mails do not fit into a query. Who submits a defect without an account
# administers nothing, and who has mail fetched does what the server does every minute.
NOT_AUDITED = (
    *("session.open", "session.close", "project.open", "project.submit", "options.plan"),
    *("tracking.poll", "tracking.replay"),
)


def test_no_two_operations_share_an_address() -> None:
    addresses = [(operation.method, operation.path) for operation in OPERATIONS.values()]
    assert len(set(addresses)) == len(addresses)


def modules() -> Iterator[Path]:
    """The product's own modules; migrations are records of what was, not code that is read and changed."""
    return (
        path
        for path in (ROOT / "trackkit").rglob("*.py")
        if path.read_text().strip() and "migrations" not in path.parts
    )


def test_modules_and_functions_stay_small() -> None:
    """The aim is 400 and 40 lines; these are the bounds that nothing goes beyond."""
    too_long = [f"{path.relative_to(ROOT)}" for path in modules() if len(path.read_text().splitlines()) > 420]
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first, last = node.body[0].lineno, node.body[-1].end_lineno
                if last is not None and last - first >= 60:
                    too_long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert too_long == []


def test_every_module_says_what_it_promises() -> None:
    assert [
        str(path.relative_to(ROOT)) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def test_no_module_is_a_dumping_ground() -> None:
    forbidden = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
    assert [str(path) for path in modules() if path.stem in forbidden] == []


def test_every_spec_marker_names_a_section_and_its_words() -> None:
    marks = re.findall(
        r'mark\.spec\(\s*"([^"]*)"', "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    )
    assert marks
    assert [mark for mark in marks if not re.match(r"\d+: \S", mark)] == []
