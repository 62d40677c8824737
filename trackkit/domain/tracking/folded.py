"""Text without regard to case, the quick way: both it and the pattern are folded, and the pattern ignores no case.

`re.IGNORECASE` tries every word of a list at every place, several times slower than looking at its first letter.
Promise: `pattern(words).search(folded(text))` finds what `re.compile(words, re.IGNORECASE).search(text)` finds, at the
same places; the words are written in small letters.
"""

from __future__ import annotations

import re
from typing import Final

_ALIKE: Final = str.maketrans(
    "\u0131\u017f\xb5\u0345\u1fbe\u1fd3\u1fe3\u03d0\u03f5\u03d1\u03d5\u03f0\u03d6\u03f1\u03c2"
    "\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88\u1e9b\ufb05",
    "is\u03bc\u03b9\u03b9\u0390\u03b0\u03b2\u03b5\u03b8\u03c6\u03ba\u03c0\u03c1\u03c3"
    "\u0432\u0434\u043e\u0441\u0442\u0442\u044a\u0463\ua64b\u1e61\ufb06",
)
"""Small letters that `re.IGNORECASE` takes for others, most of them other forms of the same."""

_HAS_ALIKE: Final = re.compile(f"[{''.join(map(chr, _ALIKE))}]")


def folded(text: str) -> str:
    """The text with all letters alike that differ in case; each character stays in its place."""
    if text.isascii():
        return text.lower()
    small = text.replace("\u0130", "i").lower()  # which alone would become two
    return small.translate(_ALIKE) if _HAS_ALIKE.search(small) else small


def pattern(words: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """For folded text."""
    return re.compile(words.translate(_ALIKE), flags)
