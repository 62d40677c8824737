"""Who used seats how much, from the history; and with which numbers of seats it is worth being played again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from trackkit.contract.licenses import Seat, SeatUse
from trackkit.domain.seats import Ending

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.2
"""So much fewer and more than there are now."""


def in_time(uses: Iterable[SeatUse], since: datetime) -> list[SeatUse]:
    """Of the history, newest first, what ended since then; no older page is fetched."""
    return list(takewhile(lambda use: use.ended_at >= since, uses))


def by_person(uses: Sequence[SeatUse], held: Sequence[Seat], now: datetime) -> pd.DataFrame:
    """One row for each person and project: Who, Project, Times, Hours, Refused.

    Parameters
    ----------
    held: seats that are taken now; they count up to `now`.
    """
    import pandas as pd

    rows = [(use.username, use.database, *_share(use)) for use in uses]
    rows += [(seat.username, seat.database, 1, _hours(seat.taken_at, now), 0) for seat in held]
    frame = pd.DataFrame(rows, columns=["Who", "Project", "Times", "Hours", "Refused"])
    found = frame.groupby(["Who", "Project"], as_index=False).sum()
    return found.assign(Hours=found["Hours"].astype(float).round(1))


def _share(use: SeatUse) -> tuple[int, float, int]:
    if use.ending is Ending.refused:
        return 0, 0.0, 1
    return 1, _hours(use.taken_at, use.ended_at), 0


def _hours(since: datetime, until: datetime) -> float:
    return max((until - since).total_seconds(), 0) / 3600


def around(seats: int) -> list[int]:
    """20 % fewer, as many, and 20 % more seats; at least one fewer and one more."""
    return sorted({max(min(math.floor(seats * (1 - SHARE)), seats - 1), 0), seats, math.ceil(seats * (1 + SHARE)) or 1})
