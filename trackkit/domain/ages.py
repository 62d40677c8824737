"""How long mail has been waiting, in six steps: the columns of "domains × age" (SPEC §5)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Age(StrEnum):
    """A step of age, youngest first. Each holds what is younger than its limit and not in the one before."""

    under_5_minutes = "under_5_minutes"
    under_1_hour = "under_1_hour"
    under_4_hours = "under_4_hours"
    under_1_day = "under_1_day"
    under_3_days = "under_3_days"
    older = "older"

    @property
    def words(self) -> str:
        """The step as people read it."""
        return _WORDS[self]


LIMITS = MappingProxyType(
    {
        Age.under_5_minutes: timedelta(minutes=5),
        Age.under_1_hour: timedelta(hours=1),
        Age.under_4_hours: timedelta(hours=4),
        Age.under_1_day: timedelta(days=1),
        Age.under_3_days: timedelta(days=3),
    }
)
"""Step -> the age at which it ends; the last step has no end."""

_WORDS = MappingProxyType(
    {
        Age.under_5_minutes: "< 5 min",
        Age.under_1_hour: "< 1 h",
        Age.under_4_hours: "< 4 h",
        Age.under_1_day: "< 1 d",
        Age.under_3_days: "< 3 d",
        Age.older: "older",
    }
)


def in_words(span: timedelta) -> str:
    """A span as people say it, in its largest unit: ``45 s``, ``12 min``, ``3 h``, ``2 d``."""
    seconds = max(int(span.total_seconds()), 0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def age_of(waited: timedelta) -> Age:
    """The step of something that has waited so long (a clock put back gives the youngest)."""
    return next((age for age, limit in LIMITS.items() if waited < limit), Age.older)
