"""The lanes at work: as many as there is work for and the options and the hosts allow.

Promises: never more connections than allowed; each message a lane takes is handed on as `Attempted`, or waits again; a
lane that finds nothing to do keeps its connection for a while, and lets it go for another destination's mail when no
further lane may be started. MAPI has a lane of its own, which is no connection: its calls may wait for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from trackkit.mail.destinations import Destination, Destinations, Held, Seat
from trackkit.mail.lane import Crowded, Lane
from trackkit.mail.way import Surroundings
from trackkit.services.attempts import Attempted

IDLE_SECONDS = 2.0
"""How long a connection is kept for the next message."""


class Work(Protocol):
    """Where lanes get their work from, and bring it to."""

    @property
    def destinations(self) -> Destinations | None:
        """What waits; none while there is no way for mail to leave."""

    @property
    def connections(self) -> int:
        """How many are allowed; 0 = no new work is to be begun."""

    async def may_begin(self, held: Held) -> bool:
        """Whether a message may be sent now; it waits while outcomes could not be kept, and for those on their way."""

    def done(self, held: Held, attempted: Attempted | None) -> None:
        """A message was tried; none = it was not."""


class _Turn:
    """What a lane will send next, taken while it still sends the message before."""

    def __init__(self, look_ahead: Callable[[], Held | None]) -> None:
        self._look_ahead = look_ahead
        self._taken: Held | None = None

    def following(self) -> Held | None:
        """The next message, if there is one already."""
        if self._taken is None:
            self._taken = self._look_ahead()
        return self._taken

    def take(self) -> Held | None:
        """The same, which is under way from now on."""
        taken, self._taken = self._taken, None
        return taken


class Crew:
    """All lanes."""

    def __init__(self, work: Work, surroundings: Surroundings) -> None:
        self._work = work
        self._surroundings = surroundings
        self._lanes: set[asyncio.Task[None]] = set()
        self._apart: set[asyncio.Task[None]] = set()
        """Lanes that are no connections."""
        self._resting: dict[asyncio.Future[bool], Seat] = {}
        """Lanes that wait for a message, the one that came last at the end; each is told whether to look again."""

    @property
    def lanes(self) -> int:
        """How many connections are open, being opened or being closed."""
        return len(self._lanes)

    def spread(self) -> None:
        """Look at what waits: wake lanes that are idle, and start new ones."""
        self._wake()
        now = asyncio.get_running_loop().time()
        destinations = self._work.destinations
        if destinations is None or not self._work.connections:
            return
        if (apart := destinations.needy_apart(now)) is not None:
            self._begin(apart, self._apart)
        while len(self._lanes) < self._work.connections:
            needy = destinations.needy(self._work.connections, now)
            if needy is None:
                return
            self._begin(needy, self._lanes)

    def _begin(self, at: Destination, among: set[asyncio.Task[None]]) -> None:
        lane = asyncio.create_task(self._run(Seat(at)))
        among.add(lane)
        lane.add_done_callback(self._ended)

    async def leave(self, seconds: float) -> None:
        """End all lanes: idle ones at once, the others when they are done, after `seconds` at the latest."""
        for resting in list(self._resting):
            self._tell(resting, look_again=False)
        if lanes := self._lanes | self._apart:
            _, late = await asyncio.wait(lanes, timeout=seconds)
            for lane in late:
                lane.cancel()
            if late:
                await asyncio.wait(late)

    def _ended(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        self._apart.discard(lane)
        self.spread()

    async def _run(self, seat: Seat) -> None:
        """Send what waits over one connection, until nothing has come for a while."""
        lane, turn = Lane(self._surroundings, self.spread), _Turn(partial(self._look_ahead, seat))
        try:
            while len(self._lanes) <= self._work.connections:
                held = turn.take() or await self._next(seat)
                if held is None:
                    return
                try:
                    begins = await self._work.may_begin(held)
                    attempted = await lane.attempt(held, turn.following) if begins else None
                except Crowded:
                    self._put_back(held)
                    return
                self._work.done(held, attempted)
        finally:
            if (unbegun := turn.take()) is not None:
                self._put_back(unbegun)
            # While it takes leave it is not there for new work.
            seat.leave()
            await lane.close()

    def _put_back(self, held: Held) -> None:
        destinations = self._work.destinations
        if destinations is None or not destinations.put_back(held):
            self._work.done(held, None)

    def _look_ahead(self, seat: Seat) -> Held | None:
        """What the lane will send next, where many wait: else another lane may be quicker."""
        destinations = self._work.destinations
        if destinations is None or not destinations.has_line(seat):
            return None
        return self._take(seat, asyncio.get_running_loop().time())

    async def _next(self, seat: Seat) -> Held | None:
        """The next message for the lane at `seat`; none when nothing has come for a while."""
        loop = asyncio.get_running_loop()
        until = loop.time() + IDLE_SECONDS
        while True:
            held = self._take(seat, loop.time())
            if held is not None:
                return held
            seat.rest()
            if not await self._rested(seat, until):
                return None

    def _take(self, seat: Seat, now: float) -> Held | None:
        destinations, connections = self._work.destinations, self._work.connections
        if destinations is None or not connections:
            return None
        return destinations.next_for(seat, connections, spare=len(self._lanes) < connections, now=now)

    def _wake(self) -> None:
        """Wake lanes for what waits: where all of it waits at one place, as many of those there as it takes."""
        destinations = self._work.destinations
        if destinations is None or not self._resting:
            return
        chosen = list(self._resting)
        if (line := destinations.only_line) is not None:
            there = [resting for resting in reversed(chosen) if self._resting[resting].at is line]
            chosen = there[: len(line.waiting)] if len(there) >= len(line.waiting) else chosen
        for resting in chosen:
            self._tell(resting, look_again=True)

    def _tell(self, resting: asyncio.Future[bool], *, look_again: bool) -> None:
        del self._resting[resting]
        if not resting.done():
            resting.set_result(look_again)

    async def _rested(self, seat: Seat, until: float) -> bool:
        """Wait until something has come (True), or the time is over."""
        loop = asyncio.get_running_loop()
        resting: asyncio.Future[bool] = loop.create_future()
        self._resting[resting] = seat
        timer = loop.call_at(until, _over, resting)
        try:
            return await resting
        finally:
            timer.cancel()
            self._resting.pop(resting, None)


def _over(resting: asyncio.Future[bool]) -> None:
    if not resting.done():
        resting.set_result(False)
