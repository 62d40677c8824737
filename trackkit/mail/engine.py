"""The mail engine: claim -> deliver -> settle, with renewing, rescue and purge beside it.

Promises
- What is due leaves at once: the engine looks at the queue when it is woken, when the next try is due, and every
  `look_every` seconds; it never spins.
- Few messages are in memory (their number and their bytes are bounded); the rest waits in the store.
- Everything claimed ends settled or given back untried. An outcome is kept until the store has it.
- No message holds up the others: a defect defers the one it happened to.
- Nothing is sent that may be somebody else's by now: a worker that was asleep gives back what it held.
- `stop` gives sendings under way a few seconds, then settles what is known and gives back the rest.

`run` ends only by `stop` or by being cancelled; what goes wrong on the way is reported to the server log.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from trackkit.domain.options import Options
from trackkit.mail.lane import Crowded, Lane, Surroundings
from trackkit.mail.next_hop import NextHop
from trackkit.mail.route import ehlo_name, relay_route
from trackkit.mail.settling import Held, Settling, StoreCalls
from trackkit.mail.transports.opening import TlsContext
from trackkit.services.delivery import Attempted, Claimed, DeliveryQueue

T = TypeVar("T")

HELD_MESSAGES = 200
WAITING_MESSAGES = 100
HELD_BYTES = 64 * 1024 * 1024
"""Nothing more is claimed beyond these: messages held, those of them nobody works on yet, their bytes."""

IDLE_SECONDS = 2.0
"""How long a connection is kept for the next message."""

LONGEST_SLEEP_SECONDS = 30.0
HOUSEKEEPING_SECONDS = 20.0
ROUNDS_TO_RESCUE = 3
STOP_SECONDS = 5.0
"""What sendings under way get at a stop, and then the store for the last outcomes."""


class Engine:
    """Sends what is due in `queue`.

    Parameters
    ----------
    clock: the time, as an aware UTC instant.
    tls_context: makes the context that verifies mail hosts.
    look_every: seconds after which it looks at the queue in any case: few where nobody wakes it for others' changes.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        clock: Callable[[], datetime],
        *,
        tls_context: TlsContext = ssl.create_default_context,
        look_every: float = LONGEST_SLEEP_SECONDS,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._tls_context = tls_context
        self._look_every = look_every
        self._loop: asyncio.AbstractEventLoop | None = None
        self._store = StoreCalls(queue.report)
        self._settling = Settling(queue, self._store, queue.report, self._on_settled)
        self._options = Options()
        self._hop: NextHop | None = None
        self._held: set[Held] = set()
        self._held_bytes = 0
        self._waiting: asyncio.Queue[Held] = asyncio.Queue()
        self._lanes: set[asyncio.Task[None]] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._nudged = asyncio.Event()
        self._full = False
        self._stopping = False
        self._finished = asyncio.Event()

    async def run(self) -> None:
        """Send until stopped."""
        self._loop = asyncio.get_running_loop()
        settling = asyncio.create_task(self._settling.run())
        keeping = asyncio.create_task(self._keep_house())
        try:
            name = await asyncio.to_thread(ehlo_name)
            await self._claim(Surroundings(self._clock, self._queue.report, self._tls_context, name))
        finally:
            self._loop = None
            keeping.cancel()
            await self._wind_down(settling)
            self._finished.set()

    async def stop(self) -> None:
        """End in order; returns when nothing is held any more, after `STOP_SECONDS` twice at the latest."""
        self._stopping = True
        self._nudged.set()
        if self._loop is not None:
            await self._finished.wait()

    @property
    def open_connections(self) -> int:
        """How many connections are open, being opened or being closed. To be asked in the engine's loop."""
        return len(self._lanes)

    def wake(self) -> None:
        """Look at the queue now: something was submitted, is to be tried again, or options changed. Thread-safe."""
        loop = self._loop
        if loop is not None:
            # A loop that closes right now needs no waking.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._on_wake)

    def _on_wake(self) -> None:
        if self._hop is not None:
            self._hop.asked_again(asyncio.get_running_loop().time())
        self._follow_options()
        self._nudged.set()

    def _follow_options(self) -> None:
        """Take over the current options; what waits while sending is paused or not set up is given back."""
        self._options = self._queue.options()
        route = relay_route(self._options.sending.smtp)
        if self._hop is None or self._hop.route != route:
            self._hop = NextHop(route, self._queue.report) if route is not None else None
        if self._hop is None or not self._options.sending.timing.connections or self._options.sending.paused:
            self._give_back_waiting()

    async def _claim(self, surroundings: Surroundings) -> None:
        """Keep the lanes in work until stopped."""
        patience = 1.0
        while not self._stopping:
            self._nudged.clear()
            self._follow_options()
            self._full = not self._has_room()
            if self._full:
                await self._nudged.wait()
                continue
            limit = min(WAITING_MESSAGES - self._waiting.qsize(), HELD_MESSAGES - len(self._held))
            found = await self._try(partial(self._look, limit))
            if found is None:
                await self._sleep(patience)
                patience = min(patience * 2, LONGEST_SLEEP_SECONDS)
                continue
            claimed, next_due_at = found
            patience = 1.0
            self._take(claimed, surroundings)
            if not claimed:
                await self._sleep(self._seconds_until(next_due_at))

    def _look(self, limit: int) -> tuple[list[Claimed], datetime | None]:
        """In a thread: what could be claimed, and if nothing, when there will be something."""
        claimed = self._queue.claim(limit) if self._queue.is_there() else []
        return claimed, None if claimed else self._queue.next_due_at()

    def _take(self, claimed: list[Claimed], surroundings: Surroundings) -> None:
        now = asyncio.get_running_loop().time()
        for message in claimed:
            held = Held(message, now)
            self._held.add(held)
            self._held_bytes += len(message.raw)
            self._waiting.put_nowait(held)
        self._spread(surroundings)

    def _has_room(self) -> bool:
        return (
            self._waiting.qsize() <= WAITING_MESSAGES // 2
            and len(self._held) < HELD_MESSAGES
            and self._held_bytes < HELD_BYTES
        )

    def _made_room(self) -> None:
        if self._full and self._has_room():
            self._nudged.set()

    def _seconds_until(self, next_due_at: datetime | None) -> float:
        if next_due_at is None or self._hop is None or self._options.sending.paused:
            return self._look_every
        seconds = (next_due_at - self._clock()).total_seconds()
        # Due, and yet not to be had: another worker has it just now. Never spin.
        return min(seconds, self._look_every) if seconds > 0 else 1.0

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()

    def _spread(self, surroundings: Surroundings) -> None:
        """Start as many lanes as there is work for and the options and the host allow."""
        if self._stopping or self._hop is None:
            return
        wanted = self._options.sending.timing.connections
        allowed = self._hop.connections(wanted, asyncio.get_running_loop().time())
        idle = len(self._lanes) - len(self._working)
        for _ in range(min(allowed - len(self._lanes), self._waiting.qsize() - idle)):
            lane = asyncio.create_task(self._run_lane(surroundings))
            self._lanes.add(lane)

            def ended(task: asyncio.Task[None]) -> None:
                self._lanes.discard(task)
                self._working.discard(task)
                self._spread(surroundings)

            lane.add_done_callback(ended)

    async def _run_lane(self, surroundings: Surroundings) -> None:
        """Send what waits over one connection, until nothing has come for a while."""
        lane = Lane(surroundings)
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - a coroutine that runs is in a task
        try:
            while len(self._lanes) <= self._options.sending.timing.connections and not self._stopping:
                async with asyncio.timeout(IDLE_SECONDS):
                    held = await self._waiting.get()
                self._working.add(me)
                self._made_room()
                self._settling.add(held, await self._attempt(lane, held))
                self._working.discard(me)
        except (TimeoutError, Crowded):
            return
        finally:
            # While it takes leave it is not there for new work.
            self._working.add(me)
            await lane.close()

    async def _attempt(self, lane: Lane, held: Held) -> Attempted:
        """Send one message, or give it back if nothing may be sent now."""
        try:
            await self._store.available.wait()
        except asyncio.CancelledError:
            return self._untried(held)
        hop = self._hop
        if hop is None or self._stopping or not (self._queue.may_send() and self._queue.still_holds(held.claimed)):
            return self._untried(held)
        try:
            return await lane.attempt(held, hop)
        except Crowded:
            self._waiting.put_nowait(held)
            raise

    def _untried(self, held: Held) -> Attempted:
        now = self._clock()
        return Attempted(held.claimed, now, now, "", {}, "")

    def _give_back_waiting(self) -> None:
        while not self._waiting.empty():
            held = self._waiting.get_nowait()
            self._settling.add(held, self._untried(held))

    def _on_settled(self, held: Held) -> None:
        self._held.discard(held)
        self._held_bytes -= len(held.claimed.raw)
        self._made_room()

    async def _keep_house(self) -> None:
        """Renew leases, rescue those of lost workers, purge, now and then."""
        rounds = 0
        while True:
            if keys := sorted({held.claimed.message_id for held in self._held}):
                await self._try(partial(self._queue.renew, keys))
            if rounds % ROUNDS_TO_RESCUE == 0:
                if await self._try(self._queue.rescue):
                    self._nudged.set()
                await self._try(self._queue.purge)
            await self._settling.retry_stuck()
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            rounds += 1

    async def _try(self, call: Callable[[], T]) -> T | None:
        """The result of a call to the queue; none when it failed, which is reported."""
        try:
            return await self._store(call)
        except Exception as error:  # noqa: BLE001 - whatever it is: reported, and the caller tries again
            self._store.failed(error)
            return None

    async def _wind_down(self, settling: asyncio.Task[None]) -> None:
        self._stopping = True
        self._give_back_waiting()
        for lane in self._lanes - self._working:
            lane.cancel()
        if self._lanes:
            _, late = await asyncio.wait(self._lanes, timeout=STOP_SECONDS)
            for lane in late:
                lane.cancel()
            if late:
                await asyncio.wait(late)
        self._give_back_waiting()
        self._settling.close()
        await asyncio.wait([settling], timeout=STOP_SECONDS)
        settling.cancel()
        self._store.close()
