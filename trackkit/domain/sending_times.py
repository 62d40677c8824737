"""When mail may leave: a schedule of days and hours in a time zone, and at most so many messages a minute.

A schedule is written as people say it: windows with commas between them, and a time zone at the end if it is not the
server's.

    Mon-Fri 08:00-18:00, Sat 09:00-12:00 in Europe/Berlin
    daily 22:00-06:00

Hours are those of the wall clock: what it shows decides, so an hour that does not exist when daylight saving begins is
in no window, and one that comes twice when it ends is in its window both times. A window that ends before it begins
ends the next day; 24:00 is midnight. Pure: the clock and the server's zone are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_WINDOWS: Final = 50
MINUTE: Final = 60
"""Seconds over which messages are counted."""

_NUMBERS: Final = {name.lower(): number for number, name in enumerate(DAYS)}
_HOURS: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])\Z")
_DAY: Final = 24 * 60
"""Minutes."""

_AHEAD: Final = 9
"""Days that are looked at for the next window: one of each weekday, and one more where a day has lost its window."""


class NoSchedule(ValueError):
    """A text is no schedule; says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays (0 = Monday), in minutes after midnight; `end` over a day's = the next day."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows in which mail may leave; none = always. `zone` none = the server's."""

    windows: tuple[Window, ...] = ()
    zone: ZoneInfo | None = None

    def opens_at(self, now: datetime, server_zone: tzinfo) -> datetime | None:
        """When mail may leave again; none = it may now.

        Parameters
        ----------
        now: an aware instant.
        """
        zone = self.zone or server_zone
        if not self.windows or self._holds(now.astimezone(zone)):
            return None
        today = now.astimezone(zone).date()
        later = (at for ahead in range(_AHEAD) for at in sorted(self._moments(today + timedelta(days=ahead), zone)))
        return next((at for at in later if at > now and self._holds(at.astimezone(zone))), now + timedelta(days=_AHEAD))

    def _holds(self, local: datetime) -> bool:
        """Whether the wall clock stands in a window."""
        at, day = local.hour * 60 + local.minute, local.weekday()
        return any(
            (day in window.days and window.start <= at < window.end)
            or ((day - 1) % 7 in window.days and at + _DAY < window.end)
            for window in self.windows
        )

    def _moments(self, day: date, zone: tzinfo) -> set[datetime]:
        """When windows may begin on that day: at their times, and where the clock is put on or back."""
        found = {_instant(day, window.start, zone, fold) for window in self.windows for fold in (0, 1)}
        begins, ends = _instant(day, 0, zone, 0), _instant(day + timedelta(days=1), 0, zone, 0)
        if ends - begins != timedelta(minutes=_DAY):
            quarters = (ends - begins) // timedelta(minutes=15)
            found |= {begins + timedelta(minutes=15 * quarter) for quarter in range(quarters)}
        return found


def _instant(day: date, minutes: int, zone: tzinfo, fold: int) -> datetime:
    """That time of the wall clock as an instant; of one that comes twice the first or the second."""
    return datetime.combine(day, time(minutes // 60, minutes % 60, fold=fold), zone).astimezone(UTC)


@lru_cache(maxsize=8)
def schedule_of(text: str) -> Schedule:
    """The schedule a text means; an empty one is always. `NoSchedule` says what cannot be read."""
    written, _, zone = text.strip().partition(" in ")
    if not written.strip():
        if zone:
            raise NoSchedule("names a time zone but no days and hours")
        return Schedule()
    windows = tuple(_window(part) for part in written.split(","))
    if len(windows) > MOST_WINDOWS:
        raise NoSchedule(f"has {len(windows)} windows; at most {MOST_WINDOWS} are possible")
    return Schedule(windows, _zone(zone) if zone else None)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name.strip())
    except (LookupError, ValueError, OSError):
        raise NoSchedule(f"names the time zone {name.strip()!r}, which is not known; write Europe/Berlin") from None


def _window(part: str) -> Window:
    *names, hours = part.split() or [""]
    match = _HOURS.match(hours)
    if match is None or not names:
        raise NoSchedule(f"holds {part.strip()!r}; write days and hours such as Mon-Fri 08:00-18:00")
    first, second, third, fourth = map(int, match.groups())
    start, end = first * 60 + second, third * 60 + fourth
    if max(start, end) > _DAY or start in (_DAY, end):
        raise NoSchedule(f"holds the hours {hours}; a whole day is 00:00-24:00")
    return Window(frozenset().union(*map(_days, names)), start, end if end > start else end + _DAY)


def _days(name: str) -> frozenset[int]:
    if name.lower() == "daily":
        return frozenset(range(7))
    first, dash, last = name.lower().partition("-")
    if first not in _NUMBERS or (dash and last not in _NUMBERS):
        raise NoSchedule(f"holds the day {name!r}; write {', '.join(DAYS)}, Mon-Fri or daily")
    begin = _NUMBERS[first]
    end = _NUMBERS[last] if dash else begin
    return frozenset(number % 7 for number in range(begin, (end if end >= begin else end + 7) + 1))


# Messages a minute -----------------------------------------------------------------------------------------------

Lately = Sequence[tuple[int, int]]
"""What left in the last minute: (second, messages), in order. Seconds are counted from 1970."""


def room(lately: Lately, now: int, per_minute: int) -> int:
    """How many messages may leave now, so that in no 60 seconds more than `per_minute` do."""
    return max(per_minute - sum(messages for _, messages in _recent(lately, now)), 0)


def room_at(lately: Lately, now: int, per_minute: int) -> int:
    """The second in which there is room again; `now` when there is."""
    recent = _recent(lately, now)
    left = sum(messages for _, messages in recent)
    for second, messages in recent:
        if left < per_minute:
            break
        left -= messages
        now = second + MINUTE
    return now


def after_leaving(lately: Lately, now: int, messages: int) -> list[tuple[int, int]]:
    """What left in the last minute, after so many more did."""
    found = _recent(lately, now)
    if messages and found and found[-1][0] == now:
        return [*found[:-1], (now, found[-1][1] + messages)]
    return [*found, (now, messages)] if messages else found


def _recent(lately: Lately, now: int) -> list[tuple[int, int]]:
    """Without what is over, and what lies ahead because the clock was put back."""
    return [(second, messages) for second, messages in lately if now - MINUTE < second <= now]
