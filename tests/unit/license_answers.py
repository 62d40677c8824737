"""A proper answer to each operation of licenses and seats."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from trackkit.contract import licenses

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LICENSE = licenses.License(
    license_id=2,
    number="AAAA-BBBB-CCCC-DDDD",
    evaluation=False,
    seats={"floating": 5},
    issued_on=date(2026, 1, 1),
    maintenance_until=date(2026, 12, 31),
    problem="",
    added_at=NOW,
    added_by="ada",
)
POOL = licenses.PoolUse(pool="floating", seats=5, in_use=1, idle_minutes=60)
_WHO = {
    "pool": "floating",
    "license_number": "",
    "database": "apollo",
    "username": "ana",
    "client": "native",
    "client_address": "192.0.2.7",
    "taken_at": NOW,
    "used_at": NOW,
}
SEAT = licenses.Seat(session_id="s1", seen_at=NOW, ends_at=NOW, **_WHO)
USE = licenses.SeatUse(use_id=3, ended_at=NOW, ending="refused", **_WHO)
POINT = licenses.UsagePoint(starts_at=NOW, hours=1, pool="floating", capacity=5, peak=5, mean=1.5, refusals=2)
REPLAY = licenses.ReplayAnswer(
    pool="floating",
    seats=4,
    timeout_minutes=60,
    since=NOW,
    until=NOW,
    wanted=12,
    refusals=1,
    really_refused=2,
    refused=(licenses.Refusal(at=NOW, holder="ana in apollo"),),
    by_holder=(licenses.HolderRefusals(holder="ana in apollo", refusals=1),),
    enough=5,
    busiest_at=NOW,
)


def answers() -> dict[str, Any]:
    """By name of the operation."""
    return {
        "license.list": licenses.Licenses(
            licenses=(LICENSE,), pools=(POOL,), solosubmit=False, server_id="the-server-id", accepted_keys=()
        ),
        "license.add": LICENSE,
        "license.edit": LICENSE,
        "license.delete": licenses.Deleted(license=LICENSE, in_use=1),
        "license.seats": licenses.Seats(seats=(SEAT,), pools=(POOL,)),
        "license.history": licenses.SeatUses(uses=(USE,), next_before=None),
        "license.usage": licenses.Usage(points=(POINT,)),
        "license.replay": REPLAY,
    }
