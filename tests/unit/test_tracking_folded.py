"""Text and patterns that are folded find what re.IGNORECASE finds, whatever is written."""

from __future__ import annotations

import re
import sys

from trackkit.domain.tracking import reply_words
from trackkit.domain.tracking.folded import folded, pattern

LETTERS = sorted(
    {c for name in ("WROTE", "HEADERS", "ORIGINAL", "DEVICES") for c in "".join(getattr(reply_words, name))}
)


def test_every_character_is_found_as_without_regard_to_case_and_stays_in_its_place() -> None:
    letters = f"[{re.escape(''.join(LETTERS))}]"
    every = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000)
    assert len(folded(every)) == len(every)
    found = [one.start() for one in pattern(letters).finditer(folded(every))]
    assert found == [one.start() for one in re.finditer(letters, every, re.IGNORECASE)]


def test_one_letter_is_not_taken_for_another() -> None:
    for letter in LETTERS:
        one, others = pattern(re.escape(letter)), re.compile(re.escape(letter), re.IGNORECASE)
        assert [c for c in LETTERS if one.match(folded(c))] == [c for c in LETTERS if others.match(c)]
