"""Trouble that comes again and again is told once, and then now and then with how often it came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AGAIN_AFTER: Final = timedelta(hours=1)
MOST: Final = 200
"""Kinds that are told apart; further ones share a place."""

_OTHERS: Final = "others"


@dataclass(slots=True)
class _Kind:
    told_at: datetime
    untold: int = 0


class Recurring:
    """What was told lately. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def note(self, now: datetime, kind: str) -> int:
        """How often it came since it was last told, if it is to be told now; 0 = not now."""
        if kind not in self._kinds and len(self._kinds) >= MOST:
            self._forget(now)
            kind = kind if len(self._kinds) < MOST else _OTHERS
        found = self._kinds.get(kind)
        if found is None:
            self._kinds[kind] = _Kind(now)
            return 1
        found.untold += 1
        if timedelta() <= now - found.told_at < AGAIN_AFTER:
            return 0
        times, found.untold, found.told_at = found.untold, 0, now
        return times

    def _forget(self, now: datetime) -> None:
        self._kinds = {kind: k for kind, k in self._kinds.items() if timedelta() <= now - k.told_at < AGAIN_AFTER}
