"""Where the dashboards lie, and which there are."""

from __future__ import annotations

from pathlib import Path

import trackkit
from trackkit.domain.errors import NotFound


def dashboards_folder() -> Path:
    """The dashboards that came with trackkit: inside the installed package, or beside it in a checkout.

    Raises
    ------
    NotFound: neither is there; the installation is incomplete.
    """
    package = Path(trackkit.__file__).parent
    for folder in (package / "share" / "dashboards", package.parent / "dashboards"):
        if dashboard_names(folder):
            return folder
    raise NotFound(f"There are no dashboards in {package / 'share' / 'dashboards'}.", "Install trackkit again.")


def dashboard_names(folder: Path) -> list[str]:
    """The dashboards of a folder, in order of their names."""
    return sorted(path.name for path in folder.glob("*.ipynb"))
