"""Run a report: check, execute in a process of its own, take secrets out, write.

Everything that can be refused is refused before anything runs: unknown or wrongly typed parameters, files that cannot
be written, a PDF without Chromium. The notebook's process gets an environment made for it: where the server is and
the session to act with, and of this process's own only what Python needs to start. It has an empty home folder. Files
appear whole or not at all; when a cell fails none does, except the partly executed notebook if that was asked for.

Raises, besides the above as `InvalidInput` or `NotFound`: `ReportFailed` naming the cell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackkit.domain.errors import InvalidInput, Problem, ReportFailed
from trackkit.reports import pages
from trackkit.reports.catalogue import Report, find
from trackkit.reports.parameters import Value, checked
from trackkit.reports.scrub import joined_streams, known_secrets, scrubbed
from trackkit.reports.session import connected

if TYPE_CHECKING:
    from trackkit.client import Server

TIMEOUT = 600.0
"""Seconds a report may take."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP")
"""Names of this process's environment without which Python may not start. PYTHONPATH: a checkout not installed."""

_STOP_SECONDS = 10

PathLike = str | Path


def run(
    name: str,
    parameters: Mapping[str, object] | None = None,
    *,
    server: Server | None = None,
    html: PathLike | None = None,
    pdf: PathLike | None = None,
    notebook: PathLike | None = None,
    timeout: float = TIMEOUT,
    folder: Path | None = None,
) -> None:
    """Run the report `name` and write it to the files given; at least one of the three is needed.

    Parameters
    ----------
    parameters: those that shall differ from their defaults.
    server: whom to ask, and in whose name; none = as the environment says (TRACKKIT_SERVER, TRACKKIT_TOKEN …).
    notebook: the executed notebook; the only file that is written when a cell fails.
    timeout: seconds it may take in all.
    folder: where the report notebooks are; none = those that came with trackkit.
    """
    report = find(name, folder)
    values = checked(report.parameters, parameters or {}, report.name)
    files = _checked_files({"html": html, "pdf": pdf, "notebook": notebook})
    program = pages.chromium() if "pdf" in files else ""
    if server is not None:
        _run(report, values, server, files, program, timeout)
        return
    with connected() as opened:
        _run(report, values, opened, files, program, timeout)


def _checked_files(asked: Mapping[str, PathLike | None]) -> dict[str, Path]:
    files = {kind: Path(path).expanduser().absolute() for kind, path in asked.items() if path is not None}
    if not files:
        raise InvalidInput("Nothing to write was named; nothing was run.", "Give html, pdf or notebook.")
    problems = [
        Problem(
            kind, f"is {path}, which is a folder" if path.is_dir() else f"is {path}; there is no folder {path.parent}"
        )
        for kind, path in files.items()
        if path.is_dir() or not path.parent.is_dir()
    ]
    if len(set(files.values())) < len(files):
        problems.append(Problem(", ".join(files), "name the same file"))
    if problems:
        raise InvalidInput("The report cannot be written there; nothing was run.", problems=problems)
    return files


def _run(
    report: Report, values: Mapping[str, Value], server: Server, files: Mapping[str, Path], program: str, timeout: float
) -> None:
    import nbformat

    access = server.access()
    secrets = known_secrets({**os.environ, **access})
    with tempfile.TemporaryDirectory(prefix="tk-report-") as made:
        place = Path(made)
        trouble = _execute(report, values, place, access, timeout)
        executed = _clean(place / "executed.ipynb", report, secrets) if (place / "executed.ipynb").exists() else None
        if "notebook" in files and executed is not None:
            written = nbformat.writes(executed)  # type: ignore[no-untyped-call]
            _write(files["notebook"], lambda path: path.write_text(written, encoding="utf-8"))
        if failed := _failed(report, executed, scrubbed(trouble, secrets)):
            raise failed
        html = place / "report.html"
        used = {parameter.name: values.get(parameter.name, parameter.default) for parameter in report.parameters}
        text = pages.page(executed, title=report.title, report=report.name, parameters=scrubbed(used, secrets))
        html.write_text(text, encoding="utf-8")
        if "pdf" in files:
            _write(files["pdf"], lambda path: pages.print_pdf(html, path, program))
        if "html" in files:
            _write(files["html"], lambda path: path.write_text(text, encoding="utf-8"))


def _execute(
    report: Report, values: Mapping[str, Value], place: Path, access: Mapping[str, str], timeout: float
) -> str:
    """Execute in a process of its own; what went wrong, ``""`` when nothing did."""
    (place / "home").mkdir(mode=0o700)
    notebook = place / "report.ipynb"
    notebook.write_bytes(report.path.read_bytes())
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"HOME": str(place / "home"), "MPLCONFIGDIR": str(_font_cache()), **access}
    asked = {"notebook": str(notebook), "executed": str(place / "executed.ipynb"), "parameters": values}
    with subprocess.Popen(
        [sys.executable, "-m", "trackkit.reports.execute"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=place,
        text=True,
    ) as process:
        try:
            _, said = process.communicate(json.dumps(asked), timeout)
        except subprocess.TimeoutExpired:
            return f"It took longer than {timeout:g} seconds and was stopped."
        finally:
            _stop(process)
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return "" if process.returncode == 0 else last[0]


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process if it still runs; the kernel ends with it, because it watches its parent."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _font_cache() -> Path:
    """Where matplotlib keeps its list of fonts, which takes seconds to make."""
    from platformdirs import user_cache_path

    return user_cache_path("trackkit") / "matplotlib"


def _clean(path: Path, report: Report, secrets: tuple[str, ...]) -> Any:
    """The executed notebook without secrets, and without the paths of the folder it was executed in."""
    import nbformat

    executed = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    joined_streams(executed.cells)
    executed.metadata.get("papermill", {}).update(input_path=report.path.name, output_path="")
    return nbformat.from_dict(scrubbed(executed, secrets))  # type: ignore[no-untyped-call]


def _failed(report: Report, executed: Any, trouble: str) -> ReportFailed | None:
    """The error when something went wrong: with the number of the cell and its first line, as far as it is known.

    It is the last cell that was started; its number is that in the notebook as it lies in the folder, from 1.
    """
    cells = executed.cells if executed is not None else []
    own = [
        cell
        for cell in cells
        if not {"injected-parameters", "papermill-error-cell-tag"} & set(cell.metadata.get("tags", ()))
    ]
    started = [n for n, cell in enumerate(own, 1) if cell.metadata.get("papermill", {}).get("start_time")]
    cell = own[started[-1] - 1] if started else None
    if cell is None:
        return ReportFailed(f"Report {report.name} could not be executed: {trouble[:1000]}", "Try again.")
    said = [f"{o.ename}: {o.evalue}" for o in cell.get("outputs", ()) if o.output_type == "error"]
    if not said and not trouble:
        return None
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")[:100]
    place = f"cell {started[-1]} of {report.path.name}, {first!r}"
    return ReportFailed(
        f"Report {report.name} failed in {place}: {(said or [trouble])[-1][:1000]}",
        "The partly executed notebook can be had by `--notebook FILE` (`notebook=` in Python).",
        details={"cell": str(started[-1]), "line": first},
    )


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file and rename, so that it is there whole or as it was; readable as the umask says."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(aside)
        aside.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}.", "Choose another file.") from None
    finally:
        aside.unlink(missing_ok=True)
