"""Which reports there are: the notebooks of one folder, each with its title, purpose and parameters.

Notebooks are code that will be run: they are taken from the folder that came with trackkit and from nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trackkit
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.reports.parameters import Parameter, declared


@dataclass(frozen=True, slots=True)
class Report:
    """A report notebook. `name` is its file's without the ending."""

    name: str
    title: str
    purpose: str
    parameters: tuple[Parameter, ...]
    path: Path


def reports_folder() -> Path:
    """The report notebooks that came with trackkit: inside the installed package, or beside it in a checkout.

    Raises
    ------
    NotFound: neither is there; the installation is incomplete.
    """
    package = Path(trackkit.__file__).parent
    for folder in (package / "share" / "notebooks" / "reports", package.parent / "notebooks" / "reports"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise NotFound(f"There are no reports in {package / 'share' / 'notebooks' / 'reports'}.", "Install trackkit again.")


def catalogue(folder: Path | None = None) -> tuple[Report, ...]:
    """Every report, in order of the names; of the folder that came with trackkit unless another is given."""
    return tuple(_report(path) for path in sorted((folder or reports_folder()).glob("*.ipynb")))


def find(name: str, folder: Path | None = None) -> Report:
    """The report of that name; `NotFound` names those there are."""
    place = folder or reports_folder()
    names = sorted(path.stem for path in place.glob("*.ipynb"))
    if name not in names:
        raise NotFound(f"There is no report {name[:80]!r}.", f"The reports are: {', '.join(names)}.")
    return _report(place / f"{name}.ipynb")


def _report(path: Path) -> Report:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} cannot be read as a notebook: {type(error).__name__}.", "Mend the file.") from None
    title, purpose = _heading(cells)
    declaring = [_source(cell) for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", ())]
    parameters = tuple(one for source in declaring for one in declared(source, path.name))
    return Report(path.stem, title or path.stem, purpose, parameters, path)


def _heading(cells: list[Mapping[str, Any]]) -> tuple[str, str]:
    """The first heading and the sentence below it."""
    for cell in cells:
        lines = [line.strip() for line in _source(cell).splitlines() if line.strip()]
        if cell.get("cell_type") == "markdown" and lines and lines[0].startswith("# "):
            return lines[0].removeprefix("# "), lines[1] if len(lines) > 1 else ""
    return "", ""


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
