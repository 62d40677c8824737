"""The history of seats played again: with other numbers of seats and another time-out, who would have been refused?

A use of a seat becomes stretches: each begins when its person comes (back) and ends at the time-out after what they did
last, or when they logged out before that. A pause longer than the time-out gives the seat back and takes one anew
afterwards. Who really was refused counts as somebody who comes, does one thing and leaves the seat to the time-out,
because what they would have done is not known; tries of one person in one project within that time are one.

What cannot be known is left out and said: pauses under `seats.PAUSE` are not in the history, so no shorter time-out can
be played. Pure. Times are whole microseconds, as they are stored.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Final

from trackkit.domain.errors import InvalidInput
from trackkit.domain.seats import PAUSE, Ending

TOLD: Final = 1_000
"""Refusals that are named one by one; the rest is counted."""

_SECOND: Final = 1_000_000
_REFUSED: Final = Ending.refused.value
_GONE: Final = (Ending.returned.value, Ending.ended.value)


Use = tuple[str, int, int, int, str, Sequence[Sequence[int]] | None]
"""One use of a seat: (whose, taken at, used last at, ended at, its `Ending`, its pauses); a pause is (seconds after it
was taken, seconds long). A plain tuple: of a year there are many."""

Stretch = tuple[int, int, str]
"""A time in which somebody needs a seat: (begins at, ends at, holder). A plain tuple: of a year there are many."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it.

    Parameters
    ----------
    wanted: how often a seat was wanted.
    refused: the first refusals, (when, who); `refusals` counts all.
    by_holder: refusals of each, most first.
    enough: seats with which nobody would have been refused; also the most that were wanted at once.
    busiest_at: when that was; none without any use.
    """

    wanted: int
    refusals: int
    refused: tuple[tuple[int, str], ...]
    by_holder: tuple[tuple[str, int], ...]
    enough: int
    busiest_at: int | None


def checked_timeout(minutes: int) -> timedelta:
    """The time-out to play with, or `InvalidInput`."""
    timeout = timedelta(minutes=minutes)
    if timeout < PAUSE:
        least = PAUSE // timedelta(minutes=1)
        raise InvalidInput.of(
            "timeout_minutes",
            f"is {minutes}; shorter pauses than {least} minutes are not in the history, so {least} is the least",
        )
    return timeout


def stretches(uses: Iterable[Use], timeout: timedelta) -> list[Stretch]:
    """When seats are wanted, in order of time."""
    length = timeout // timedelta(microseconds=1)
    found: list[Stretch] = []
    refused: dict[str, int] = {}
    for holder, taken_at, used_at, ended_at, ending, pauses in sorted(uses, key=itemgetter(1)):
        if ending == _REFUSED:
            if refused.get(holder, taken_at) <= taken_at:
                found.append((taken_at, taken_at + length, holder))
                refused[holder] = taken_at + length
            continue
        begins_at = taken_at
        for offset, pause in pauses or ():
            if pause * _SECOND > length:
                stops_at = taken_at + offset * _SECOND
                found.append((begins_at, stops_at + length, holder))
                begins_at = stops_at + pause * _SECOND
        ends_at = used_at + length
        if ended_at < ends_at and ending in _GONE:
            ends_at = ended_at
        found.append((begins_at, ends_at if ends_at > begins_at else begins_at + 1, holder))
    found.sort()
    return found


def replay(wanted: Sequence[Stretch], seats: int) -> Replay:
    """Play stretches, in order of time, with so many seats; a seat that ends at an instant is free at that instant."""
    ends: list[float] = sorted(stretch[1] for stretch in wanted)
    ends.append(math.inf)
    held: list[int] = []
    refused: list[tuple[int, str]] = []
    by_holder: Counter[str] = Counter()
    enough, busiest_at, gone = 0, None, 0
    for number, (begins_at, ends_at, holder) in enumerate(wanted, 1):
        while ends[gone] <= begins_at:
            gone += 1
        if number - gone > enough:
            enough, busiest_at = number - gone, begins_at
        while held and held[0] <= begins_at:
            heapq.heappop(held)
        if len(held) < seats:
            heapq.heappush(held, ends_at)
            continue
        by_holder[holder] += 1
        if len(refused) < TOLD:
            refused.append((begins_at, holder))
    return Replay(len(wanted), by_holder.total(), tuple(refused), tuple(by_holder.most_common()), enough, busiest_at)
