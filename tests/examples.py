"""How many examples hypothesis makes for a test that works on a database: a share of what the profile asks for, so that
`make soak` makes more of these, too."""

from __future__ import annotations

from hypothesis import settings


def one_in(number: int) -> int:
    """That share of the examples of the profile."""
    return max((settings.default or settings()).max_examples // number, 1)
