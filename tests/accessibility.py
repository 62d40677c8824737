"""What axe-core finds wrong with a page in a real browser."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("serious", "critical")
WHOLE = "html"
_AXE = Axe().axe_script
# Only what is wrong, and of that the words: to make up the rest takes axe as long as to look.
_OPTIONS = json.dumps({"resultTypes": ["violations"], "elementRef": False, "selectors": False})


def violations(page: Page, part: str) -> list[dict[str, Any]]:
    """All findings in the part of the page that the selector names; axe is loaded into each page once."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(_AXE)
    found: list[dict[str, Any]] = page.evaluate(f"axe.run({json.dumps(part)}, {_OPTIONS}).then(all => all.violations)")
    return found


def accessible(page: Page, part: str = ".tk") -> None:
    """No serious finding in what of the page is ours, or in another part of it."""
    serious = [one for one in violations(page, part) if one["impact"] in SERIOUS]
    assert [(one["id"], [(node["html"], node["failureSummary"]) for node in one["nodes"]]) for one in serious] == []
