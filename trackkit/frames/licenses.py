"""Licenses, seats, their history and use over time as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.licenses import License, Seat, SeatUse, UsagePoint
from trackkit.domain.licenses import LicenseKind
from trackkit.frames import INSTANT, Column, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd


def licenses_frame(rows: Iterable[License], server: str = "") -> pd.DataFrame:
    """Licenses, one row each; never their serials."""
    return frame_of(rows, server, _LICENSES)


def seats_frame(rows: Iterable[Seat], server: str = "") -> pd.DataFrame:
    """Seats that are taken now, one row each."""
    return frame_of(rows, server, _SEATS)


def uses_frame(rows: Iterable[SeatUse], server: str = "") -> pd.DataFrame:
    """Uses of seats that have ended, and refusals, one row each."""
    return frame_of(rows, server, _USES)


def usage_frame(rows: Iterable[UsagePoint], server: str = "") -> pd.DataFrame:
    """Seats in use over time, one row for each hour or day and pool."""
    return frame_of(rows, server, _USAGE)


def seats_words(seats: Mapping[LicenseKind, int]) -> str:
    """Seats by kind as text: ``5 floating, 5 web``."""
    return ", ".join(f"{number} {kind}" for kind, number in seats.items())


_LICENSES: Mapping[str, Column] = {
    **plain("Int64", "license_id"),
    **plain("str", "number"),
    **plain("bool", "evaluation"),
    "seats": ("str", lambda row: seats_words(row.seats)),
    "issued_on": ("str", lambda row: str(row.issued_on) if row.issued_on else None),
    "maintenance_until": ("str", lambda row: str(row.maintenance_until) if row.maintenance_until else None),
    **plain("str", "problem"),
    **plain(INSTANT, "added_at"),
    **plain("str", "added_by"),
}

_POOL: Mapping[str, Column] = {"pool": ("str", lambda row: row.pool.value)}
_WHO = plain("str", "license_number", "database", "username", "client", "client_address")

_SEATS: Mapping[str, Column] = {
    **plain("str", "session_id"),
    **_POOL,
    **_WHO,
    **plain(INSTANT, "taken_at", "used_at", "seen_at", "ends_at"),
}

_USES: Mapping[str, Column] = {
    **plain("Int64", "use_id"),
    **_POOL,
    **_WHO,
    **plain(INSTANT, "taken_at", "used_at", "ended_at"),
    "ending": ("str", lambda row: row.ending.value),
}

_USAGE: Mapping[str, Column] = {
    **plain(INSTANT, "starts_at"),
    **plain("Int64", "hours"),
    **_POOL,
    **plain("Int64", "capacity", "peak"),
    **plain("Float64", "mean"),
    **plain("Int64", "refusals"),
}
