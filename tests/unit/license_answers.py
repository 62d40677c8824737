"""A proper answer to each operation on licenses and seats."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from trackkit.contract import licenses

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

LICENSE = licenses.License(
    license_id=2,
    number="0000-0000-0000-0007",
    evaluation=False,
    seats={"web": 20},
    issued_on=date(2026, 1, 1),
    maintenance_until=date(2026, 12, 31),
    problem="",
    added_at=NOW,
    added_by="ada",
)
POOL = licenses.PoolUse(pool="web", seats=20, in_use=1)
WHO: dict[str, Any] = {
    "pool": "web",
    "license_number": "",
    "database": "a",
    "username": "anna",
    "client": "api",
    "client_address": "192.0.2.7",
    "taken_at": NOW,
    "used_at": NOW,
}
SEAT = licenses.Seat(**WHO, session_id="s1", seen_at=NOW, ends_at=NOW)
USE = licenses.SeatUse(**WHO, use_id=8, ended_at=NOW, ending="returned")
POINT = licenses.UsagePoint(starts_at=NOW, hours=24, pool="web", capacity=20, peak=7, mean=3.5, refusals=0)


def answers() -> dict[str, Any]:
    """By operation."""
    return {
        "license.list": licenses.Licenses(
            licenses=(LICENSE,), pools=(POOL,), solosubmit=True, server_id="id", accepted_keys=("key",)
        ),
        "license.add": LICENSE,
        "license.edit": LICENSE,
        "license.delete": licenses.Deleted(license=LICENSE, in_use=3),
        "license.seats": licenses.Seats(seats=(SEAT,), pools=(POOL,)),
        "license.history": licenses.SeatUses(uses=(USE,), next_before=None),
        "license.usage": licenses.Usage(points=(POINT,)),
        "license.replay": licenses.ReplayAnswer(
            pool="web",
            seats=3,
            timeout_minutes=30,
            since=NOW,
            until=NOW,
            wanted=9,
            refusals=1,
            really_refused=0,
            refused=(licenses.Refusal(at=NOW, holder="ana in a"),),
            by_holder=(licenses.HolderRefusals(holder="ana in a", refusals=1),),
            enough=4,
            busiest_at=NOW,
        ),
    }
