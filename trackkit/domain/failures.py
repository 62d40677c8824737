"""A flood of failed log-ins must not flood the log: some are told one by one, the rest in a summary.

Submissions without an account that are turned away are counted the same way; none of them is told by itself.

| in one window | what is told |
| --- | --- |
| the first 5 wrong passwords of an account, 30 in all | each by itself |
| everything beyond, and what was turned away unseen | counted, and told at the window's end in one summary |

A window is a minute; after one that had a summary the next is twice as long, at most an hour, so that a flood that
goes on for days leaves few entries. Pure: the clock is passed in. The memory is bounded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

BY_ACCOUNT: Final = 5
IN_ALL: Final = 30
FIRST_WINDOW: Final = timedelta(minutes=1)
LONGEST_WINDOW: Final = timedelta(hours=1)
NAMES: Final = 1_000
"""So many accounts, and places, are told apart in one window; the rest is counted as others."""
_TOLD_NAMES: Final = 5
_OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class Summary:
    """What was not told one by one.

    Parameters
    ----------
    turned_away: so many of the `failures` were turned away before the password was looked at.
    """

    since: datetime
    failures: int
    turned_away: int
    accounts: tuple[tuple[str, int], ...]
    places: tuple[tuple[str, int], ...]

    def words(self) -> str:
        """As one sentence."""
        away = f", {self.turned_away:,} of them turned away before the password was looked at" * bool(self.turned_away)
        return f"{self.failures:,} more failed log-ins since {self.since:%Y-%m-%d %H:%M:%S} UTC{away}."

    def details(self) -> str:
        """The accounts and places with most of them."""
        lines = [f"as {name}: {count:,}" for name, count in self.accounts]
        return "\n".join(lines + [f"from {name}: {count:,}" for name, count in self.places])


@dataclass(slots=True)
class _Window:
    """What happened since the window's first failure."""

    since: datetime
    told: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    turned_away: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)


class Failures:
    """The failures of the present window. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._length = FIRST_WINDOW
        self._window: _Window | None = None

    def note(self, now: datetime, account: str, place: str, *, turned_away: bool) -> bool:
        """Whether this one is to be told by itself; else it is counted for the summary. Ask `due` first."""
        window = self._window = self._window or _Window(now)
        if not turned_away and window.told.total() < IN_ALL and window.told[account] < BY_ACCOUNT:
            window.told[account] += 1
            return True
        window.untold += 1
        window.turned_away += turned_away
        for counted, name in ((window.accounts, account), (window.places, place)):
            counted[name if name in counted or len(counted) < NAMES else _OTHERS] += 1
        return False

    def due(self, now: datetime, *, at_the_end: bool = False) -> Summary | None:
        """The summary of a window that has ended; the next one begins with the next failure.

        Parameters
        ----------
        at_the_end: there will be no next one: what was counted so far is due now.
        """
        window = self._window
        # A clock that was set back ends the window, too.
        if window is None or (timedelta() <= now - window.since < self._length and not at_the_end):
            return None
        self._window = None
        self._length = min(self._length * 2, LONGEST_WINDOW) if window.untold else FIRST_WINDOW
        if not window.untold:
            return None
        accounts, places = window.accounts.most_common(_TOLD_NAMES), window.places.most_common(_TOLD_NAMES)
        return Summary(window.since, window.untold, window.turned_away, tuple(accounts), tuple(places))
