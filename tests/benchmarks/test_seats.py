"""A year of seats played again beside the least that pandas and NumPy need for the greatest number at once.

The peer reads the same rows with `pandas.read_sql` and sums up comings and goings with NumPy: it knows how many seats
are enough for the times as they were, nothing of another time-out, of pauses, of refusals. Printed as one table.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine

from tests.running import start_server
from trackkit.domain.seats import Ending, Pool
from trackkit.server.folder import prepare
from trackkit.store import database
from trackkit.store.seat_history import SeatUse, add_uses

SIZES = ((100, 4), (200, 5))
"""People, and how often each logs in on a working day."""

DAYS = 250
ROUNDS = 5


def a_year(people: int, a_day: int) -> list[SeatUse]:
    """Working days of people who come, work, pause, and log out or leave it to the time-out; the same every time."""
    chosen, midnight = random.Random(7), datetime.now(UTC).replace(hour=0, minute=0) - timedelta(days=360)
    uses = []
    for day in range(DAYS):
        for person in range(people):
            for _ in range(a_day):
                taken = midnight + timedelta(days=day * 1.4, seconds=chosen.randrange(8 * 3600, 17 * 3600))
                used = taken + timedelta(seconds=chosen.randrange(60, 7200))
                ending = chosen.choices([Ending.returned, Ending.idle, Ending.refused], [60, 38, 2])[0]
                pauses = [(30, chosen.randrange(300, 3000))] if chosen.random() < 0.3 else []
                ended = used + timedelta(minutes=0 if ending is Ending.returned else 30)
                if ending is Ending.refused:
                    used = ended = taken
                who = f"user {person}"
                uses.append(SeatUse(Pool.web, "", "work", who, "web", "", taken, used, ended, ending, pauses))
    return sorted(uses, key=lambda use: use.ended_at)


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("people", "a_day"), SIZES)
def test_a_year_of_seats_played_again(people: int, a_day: int, capsys: pytest.CaptureFixture[str]) -> None:
    server = start_server()
    try:
        server.stop()
        file = prepare(server.data).database
        store, uses = database.sqlite(file), a_year(people, a_day)
        store.write(lambda connection: add_uses(connection, uses))
        store.close()
        server.restart()
        engine = create_engine(f"sqlite:///{file}")

        def peer() -> int:
            frame = pd.read_sql("SELECT taken_at, ended_at FROM seat_uses WHERE ending <> 'refused'", engine)
            at = np.concatenate([frame["taken_at"], frame["ended_at"]])
            step = np.concatenate([np.ones(len(frame), int), -np.ones(len(frame), int)])
            return int(step[np.lexsort((step, at))].cumsum().max())

        played = server.admin.licenses.replay("web", 60, 15)
        ours, peers = best(lambda: server.admin.licenses.replay("web", 60, 15)), best(peer)
        with capsys.disabled():
            print(f"\n\nseats, a year of {len(uses):,} uses, best of {ROUNDS}")
            print(f"{'':44} {'trackkit':>10} {'pandas':>10} {'ratio':>7}")
            print(f"{'replay / greatest number at once':44} {ours:10.2f} {peers:10.2f} {peers / ours:6.2f}x s")
            print(
                f"with 60 seats and 15 minutes {played.refusals:,} of {played.wanted:,} refused, {played.enough} enough"
            )
        assert played.wanted > len(uses)
        assert 0 < played.refusals < played.wanted
    finally:
        if server.process.poll() is None:
            server.stop()
