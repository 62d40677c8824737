"""The shared corpus of real mails: beside the checkout, or where TRACKKIT_CORPUS says. It may be missing."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ.get("TRACKKIT_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
MISSING = "the shared corpus of mails is not here"
"""The one reason for which a test may be skipped in CI."""


def messages() -> dict[str, bytes]:
    """Every mail of `messages/` by its path there; empty when the corpus is missing."""
    return _mails(FOLDER / "messages", "*")


def everything() -> dict[str, bytes]:
    """Those, and every bounce; empty when the corpus is missing."""
    return messages() | _mails(FOLDER / "bounces", "*.eml")


def _mails(root: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob(pattern)) if path.is_file()}
