"""Panels for notebooks and dashboards: compositions of ipywidgets, nothing that decides.

from trackkit.widgets import support_page
support_page()
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

__all__ = ["folder", "support_page"]

if TYPE_CHECKING:
    from trackkit.widgets.support import support_page


def __getattr__(name: str) -> Any:
    if name != "support_page":
        raise AttributeError(f"module 'trackkit.widgets' has no attribute {name!r}")
    from trackkit.widgets.support import support_page

    return support_page


def folder() -> Path:
    """Where the style sheet `look.css` lies, for the pages that load it by a link."""
    return Path(__file__).parent
