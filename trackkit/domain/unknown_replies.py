"""Replies that no recogniser knows, as they are kept for somebody who writes one: alike ones together, nobody's name.

The part before the @ of every address is left out, so whoever may see the queue's causes may see these. Secrets are
masked already where a conversation becomes an outcome.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 500
KEPT: Final = 100
"""So many of the latest; older ones are forgotten."""

_ADDRESS: Final = re.compile(r"[^\s<>\"'@,;:()]{1,64}@(?=[\w.-])")
_VARIES: Final = re.compile(r"\S*\d\S*")


def shown(text: str) -> str:
    """A reply as it is kept: one line, bounded, names before an @ left out."""
    line = " ".join(text.replace("\x00", "\N{SYMBOL FOR NULL}").split())
    return _ADDRESS.sub("***@", line)[:LONGEST]


def alike(smtp_code: int | None, enhanced_code: str, text: str) -> str:
    """The same for replies that differ only in names, numbers and ids."""
    words = _VARIES.sub("#", re.sub(r"\S*@\S*", "@", text.lower()))
    return f"{smtp_code or ''} {enhanced_code} {' '.join(words.split())}"[:200]
