"""What fits into one line of text: names, titles, subjects; and numbers of things in words."""

from __future__ import annotations

import unicodedata
from typing import Final

_BREAKS: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
"""Control characters, line and paragraph separators, halves of characters (Unicode Standard, table 4-4)."""

_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They can make a line read as another one (Unicode Technical Report 36, §2.10)."""


def breaks_a_line(character: str) -> bool:
    """Whether a character has no place in a line: joiners, unusual blanks and what Unicode has not named yet do."""
    return unicodedata.category(character) in _BREAKS or character in _DIRECTIONS


def is_one_line(text: str) -> bool:
    """Whether `text` is one line that can be shown and stored."""
    return text.isprintable() or not any(map(breaks_a_line, text))


def line_of(text: str) -> str:
    """One line of it: blanks in place of what breaks lines, and single ones elsewhere."""
    if not is_one_line(text):
        text = "".join(" " if breaks_a_line(character) else character for character in text)
    return " ".join(text.split())


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 message``, ``1,234 messages``."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
