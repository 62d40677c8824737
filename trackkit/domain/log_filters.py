"""Saved filters of the log: what they may be called, and times that go with the clock. Pure.

A filter is used again tomorrow, so its time can be "the last so many minutes" besides a stretch from one instant to
another. Every refusal is an `InvalidInput` that names the field.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.databases import name_key
from trackkit.domain.errors import InvalidInput
from trackkit.domain.text import is_one_line

NAME_LENGTH: Final = 100
MAXIMUM_MINUTES: Final = 10 * 366 * 24 * 60
MOST: Final = 200
"""Filters that one person can keep, and as many shared ones."""

filter_key = name_key
"""The form in which names of filters are compared."""


def checked_filter_name(name: str) -> str:
    """The name as it is kept, without blanks around it."""
    kept = name.strip()
    if not kept:
        raise InvalidInput.of("name", "is empty")
    if len(kept) > NAME_LENGTH:
        raise InvalidInput.of("name", f"has {len(kept)} characters; at most {NAME_LENGTH} are possible")
    if not is_one_line(kept):
        raise InvalidInput.of("name", "is not one line of text that can be shown")
    return kept


def check_times(since: datetime | None, until: datetime | None, last_minutes: int | None = None) -> None:
    """Refuse a stretch that ends before it begins, and one beside "the last so many minutes"."""
    if last_minutes is not None and (since is not None or until is not None):
        raise InvalidInput.of("last_minutes", "goes with neither `since` nor `until`")
    if since is not None and until is not None and since >= until:
        raise InvalidInput.of("until", "is not after `since`, so that no entry can match")


def ago(now: datetime, minutes: int) -> datetime:
    """Where the last so many minutes begin."""
    return now - timedelta(minutes=minutes)


def last_words(minutes: int) -> str:
    """``last hour``, ``last 24 hours``, ``last 7 days``, ``last 90 minutes``."""
    for length, unit in ((1440, "day"), (60, "hour")):
        if minutes % length == 0 and (unit == "hour" or minutes > length):
            number = minutes // length
            return f"last {unit}" if number == 1 else f"last {number:,} {unit}s"
    return "last minute" if minutes == 1 else f"last {minutes:,} minutes"
