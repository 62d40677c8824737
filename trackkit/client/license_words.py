"""What the server says of licenses and seats, in words: the same in notebooks, reports and on the command line."""

from __future__ import annotations

from datetime import date, datetime

from trackkit.contract.licenses import Deleted, License, PoolUse, ReplayAnswer
from trackkit.domain.expiry import stage_of
from trackkit.domain.seats import Pool
from trackkit.domain.text import counted
from trackkit.frames.licenses import seats_words


def name_of(license: License) -> str:
    """``license AAF0-426F-…``, or ``evaluation license``."""
    if license.evaluation:
        return "evaluation license"
    return f"license {license.number}" if license.number else "license whose serial cannot be read"


def described(license: License) -> str:
    """What a license is, without its serial: number, seats, maintenance."""
    words = f"{name_of(license)}, {seats_words(license.seats) or 'no seats'}"
    if license.evaluation or not license.issued_on:
        return words
    until = license.maintenance_until
    return f"{words}, {f'maintenance until {until}' if until else 'without maintenance'}"


def who_stays(gone: Deleted) -> str:
    """What the deletion of a license does to people: said before it is done."""
    words = "Its seats are gone for new log-ins."
    if not gone.in_use:
        return f"{words} Nobody holds such a seat now."
    holds, keeps = ("holds", "keeps") if gone.in_use == 1 else ("hold", "keep")
    people = counted(gone.in_use, "person", "people")
    return f"{words} {people} {holds} such a seat now and {keeps} it until the log-out."


def taken(pool: PoolUse) -> str:
    """``2 of 5 floating seats taken``; dedicated licenses bring their own seat, so there are never more of them."""
    if pool.pool is Pool.dedicated:
        return f"{counted(pool.in_use, 'dedicated license')} in use"
    return f"{pool.in_use:,} of {counted(pool.seats, f'{pool.pool} seat')} taken"


def maintenance_left(until: date, today: date) -> tuple[str, bool]:
    """How long maintenance lasts, and whether that is to be warned about: (``12 days left``, true)."""
    left, stage = (until - today).days, stage_of(until, today)
    if left < 0:
        return f"ended {counted(-left, 'day')} ago; the seats stay", True
    return "the last day" if left == 0 else f"{counted(left, 'day')} left", stage is not None


def replay_sentences(found: ReplayAnswer) -> tuple[str, ...]:
    """What came of a replay."""
    asked = f"With {counted(found.seats, f'{found.pool} seat')} and a time-out of "
    asked += f"{counted(found.timeout_minutes, 'minute')}"
    if found.busiest_at is None:
        return (f"{asked}: nobody wanted such a seat in that time.",)
    return (
        (
            f"{asked}: a seat was wanted {counted(found.wanted, 'time')}, of which {found.refusals:,} would have "
            f"been refused (really: {found.really_refused:,})."
        ),
        (
            f"{counted(found.enough, 'seat')} would have been enough: so many were wanted at once at "
            f"{_instant(found.busiest_at)}, when it was busiest."
        ),
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
