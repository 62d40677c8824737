"""When mail may leave: a schedule of days and hours in a time zone, and at most so many messages a minute.

A schedule is written as people say it: windows with commas between them, and a time zone at the end if it is not the
server's.

    Mon-Fri 08:00-18:00, Sat 09:00-12:00 in Europe/Berlin
    daily 22:00-06:00

Hours are those of the wall clock. A window that ends before it begins ends the next day; 24:00 is midnight. When
daylight saving begins, an hour that does not exist is the hour after it; when it ends, a window holds the hour that
comes twice both times. Pure: the clock and the server's zone are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_WINDOWS: Final = 50
MINUTE: Final = 60
"""Seconds over which messages are counted."""

_NUMBERS: Final = {name.lower(): number for number, name in enumerate(DAYS)}
_HOURS: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])\Z")
_AHEAD: Final = 9
"""Days that are looked at for the next window: one of each weekday, the day before and the day after."""


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
        if not self.windows:
            return None
        zone = self.zone or server_zone
        today, later = now.astimezone(zone).date(), []
        for ahead in range(-1, _AHEAD):
            for start, end in self._on(today + timedelta(days=ahead), zone):
                if start <= now < end:
                    return None
                if now < start < end:
                    later.append(start)
        return min(later, default=now + timedelta(days=_AHEAD))

    def _on(self, day: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        for window in self.windows:
            if day.weekday() in window.days:
                yield _instant(day, window.start, zone, last=False), _instant(day, window.end, zone, last=True)


def _instant(day: date, minutes: int, zone: tzinfo, *, last: bool) -> datetime:
    """That time of the wall clock as an instant; of one that comes twice the first or the last."""
    days, rest = divmod(minutes, 24 * 60)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    again = local.replace(fold=1)
    before, after = local.utcoffset(), again.utcoffset()
    twice = before is not None and after is not None and before > after
    return (again if last and twice else local).astimezone(UTC)


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
    if max(start, end) > 24 * 60 or start == 24 * 60 or start == end:
        raise NoSchedule(f"holds the hours {hours}; a whole day is 00:00-24:00")
    return Window(frozenset().union(*map(_days, names)), start, end if end > start else end + 24 * 60)


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
