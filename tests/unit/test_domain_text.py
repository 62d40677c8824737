"""What fits into one line."""

from __future__ import annotations

import pytest

from trackkit.domain.text import is_one_line


@pytest.mark.parametrize(
    "text", ["", "plain", "Grüße\u00a0mit festem Blank", "👩\u200d👧", "\ud7fc", "ناهید\u200cها", "a\u00adb"]
)
def test_what_people_write_fits(text: str) -> None:
    assert is_one_line(text)


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "\x1b[31m", "\x7f", "\u2028", "\u2029", "\ud800", "\u202egnp.exe"])
def test_what_breaks_a_line_does_not(text: str) -> None:
    assert not is_one_line(text)
    assert not is_one_line(f"before {text} after")
