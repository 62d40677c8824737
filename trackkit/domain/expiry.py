"""When to warn of what ends on a day: the maintenance of a license, a trusted certificate.

Warned is 30 days ahead, 7 days ahead, on the day and afterwards, at each of these stages once.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum


class Stage(Enum):
    """What is warned about, each once."""

    soon = timedelta(days=30)
    very_soon = timedelta(days=7)
    last_day = timedelta(0)
    ended = None


def stage_of(until: date, today: date) -> Stage | None:
    """What is to be warned about on that day; none = there is much time left."""
    left = until - today
    if left < timedelta(0):
        return Stage.ended
    return next((stage for stage in (Stage.last_day, Stage.very_soon, Stage.soon) if left <= stage.value), None)
