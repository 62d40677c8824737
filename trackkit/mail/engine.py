"""The mail engine: claim -> deliver -> settle, with renewing, rescue and purge beside it.

Promises
- What is due leaves at once: the engine looks at the queue when it is woken, when the next try is due, and every
  `look_every` seconds; it never spins.
- Few messages are in memory (their number and their bytes are bounded); the rest waits in the store.
- Everything claimed ends settled or given back untried. An outcome is kept until the store has it.
- No message holds up the others: a defect defers the one it happened to; no destination does (`destinations`).
- Nothing is sent that may be somebody else's by now: a worker that was asleep gives back what it held.
- `stop` gives sendings under way a few seconds, then settles what is known and gives back the rest.

`run` ends only by `stop` or by being cancelled; what goes wrong on the way is reported to the server log.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from trackkit.domain.message import BY_MAPI
from trackkit.domain.options import Options
from trackkit.domain.trust import Trusted
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.crew import Crew
from trackkit.mail.destinations import CLAIM_DIRECT, PICKUP, RELAY, Destination, Destinations, Held, Memory
from trackkit.mail.direct import Direct, Hosts
from trackkit.mail.local_ways import LocalPlaces
from trackkit.mail.next_hop import NextHop
from trackkit.mail.policies import Policies, https_fetch
from trackkit.mail.pop_before_smtp import Door
from trackkit.mail.resolver import Resolver
from trackkit.mail.route import ehlo_name
from trackkit.mail.settling import Settling, StoreCalls
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.way import Plan, Relay, Surroundings, plan_of
from trackkit.services.attempts import Attempted, Claimed
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.machine import Machine

T = TypeVar("T")

HELD_MESSAGES = 400
HELD_BYTES = 64 * 1024 * 1024
"""Nothing more is claimed beyond these: messages held, their bytes."""

LEAST_CLAIMED = CLAIM_DIRECT
"""Messages; room for fewer is left until there is room for more: each claim is a transaction."""

GATHER_SECONDS = 0.02
"""After a small claim: more is coming in, and a claim costs much the same for one message and for twenty."""

YIELDING_SECONDS = 0.25
"""How much later one that leaves small loads to another process looks for what has come."""

LONGEST_SLEEP_SECONDS = 30.0
MOMENT_SECONDS = 0.02
HOUSEKEEPING_SECONDS = 20.0
ROUNDS_TO_RESCUE = 3
STOP_SECONDS = 5.0
"""What sendings under way get at a stop, and then the store for the last outcomes."""


def machine_hosts(tls_context: TlsContext) -> Hosts:
    """The mail hosts of the world, as this machine's DNS knows them."""
    clock = asyncio.get_running_loop().time
    resolver = Resolver(clock)
    return Hosts(resolver, Policies(resolver, clock, https_fetch(tls_context)))


class Engine:
    """Sends what is due in `queue`.

    Parameters
    ----------
    clock: the time, as an aware UTC instant.
    tls_context: makes the context that verifies mail hosts.
    look_every: seconds after which it looks at the queue in any case: few where nobody wakes it for others' changes.
    hosts: makes what knows the mail hosts of domains; called in the loop.
    machine: what mail can be handed over to on this machine; none = what there is without any settings.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        clock: Callable[[], datetime],
        *,
        tls_context: TlsContext = ssl.create_default_context,
        look_every: float = LONGEST_SLEEP_SECONDS,
        hosts: Callable[[TlsContext], Hosts] = machine_hosts,
        machine: Machine | None = None,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._tls_context = tls_context
        self._look_every = look_every
        self._make_hosts = hosts
        self.local = LocalPlaces(machine or Machine(), queue.report)
        """What of this machine mail is handed over to; a test of the settings shares it."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._store = StoreCalls(queue.report)
        self._settling = Settling(queue, self._store, queue.report, self._on_settled)
        self._options = Options()
        self._followed: tuple[Options, tuple[Trusted, ...]] | None = None
        """What plan and destinations are made of, once there are some."""
        self.destinations: Destinations | None = None
        self._make: Callable[[Plan, str], Destination] | None = None
        self._crew: Crew | None = None
        self._held, self._memory = set[Held](), Memory()
        self._returning: set[Held] = set()
        """Those of them that are given back untried."""
        self._nudged = asyncio.Event()
        self._full = False
        self._besides: frozenset[str] = frozenset()
        """Whether nothing could be claimed for want of room, or nothing of these domains."""
        self._leaves, self._ask_at = False, float("-inf")
        """Whether mail may leave, and when to ask again."""
        self.yields = False
        """Whether another process shall have the first turn at what comes in: this one takes what that leaves."""
        self._later: asyncio.TimerHandle | None = None
        self._stopping, self._finished = False, asyncio.Event()

    async def run(self) -> None:
        """Send until stopped."""
        self._loop = asyncio.get_running_loop()
        settling = asyncio.create_task(self._settling.run())
        keeping = asyncio.create_task(self._keep_house())
        try:
            name = await asyncio.to_thread(ehlo_name)
            tokens = AccessTokens(self._queue.token_account, self._tls_context, self._queue.report)
            shared = Surroundings(self._clock, self._queue.report, self._tls_context, name, tokens)
            self._make = partial(_destination, shared, self._make_hosts(self._tls_context), self.local)
            self._crew = Crew(self, shared)
            await self._claim(self._crew)
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
        return self._crew.lanes if self._crew is not None else 0

    def wake(self) -> None:
        """Look at the queue now: something was submitted, is to be tried again, or options changed. Thread-safe."""
        loop = self._loop
        if loop is not None:
            # A loop that closes right now needs no waking.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._on_wake)

    @property
    def connections(self) -> int:
        """How many connections are allowed; 0 = no new work is to be begun."""
        return 0 if self._stopping else self._options.sending.timing.connections

    async def may_begin(self, held: Held) -> bool:
        """Whether a message may be sent now; it waits while outcomes could not be kept, and for those on their way."""
        try:
            while not (self._settling.has_room and self._store.available.is_set()):
                await self._settling.room()
                await self._store.available.wait()
        except asyncio.CancelledError:
            return False
        if self.destinations is None or self._stopping:
            return False
        return self._may_send(held) and self._queue.still_holds(held.claimed)

    def _may_send(self, held: Held) -> bool:
        """Whether it may leave; for what goes over connections asked anew after a moment, and when options change."""
        if held.to.is_apart:
            return self._queue.may_send(held.claimed)
        now = asyncio.get_running_loop().time()
        if now >= self._ask_at:
            self._leaves, self._ask_at = self._queue.may_send(held.claimed), now + MOMENT_SECONDS
        return self._leaves

    def done(self, held: Held, attempted: Attempted | None) -> None:
        """A message was tried (none = it was not): the relay takes over what is for it, the rest is settled."""
        to_relay, rest = None, attempted or Attempted.untried(held.claimed, self._clock())
        destinations = self.destinations
        if attempted is not None and destinations is not None and destinations.plan.method == "direct-then-smtp":
            to_relay, rest = destinations.hand_over(held, rest, asyncio.get_running_loop().time())
        if to_relay is not None and self._crew is not None:
            self._hold([to_relay])
            self._crew.spread()
        if rest.claimed.recipients:
            self._settling.add(held, rest)
        else:
            self._on_settled([held])

    def _on_wake(self) -> None:
        if self.destinations is not None:
            self.destinations.asked_again(asyncio.get_running_loop().time())
        followed = self._followed
        self._follow_options()
        if not self.yields or self._followed is not followed:
            self._nudged.set()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(YIELDING_SECONDS, self._nudge)

    def _nudge(self) -> None:
        self._later = None
        self._nudged.set()

    def _follow_options(self) -> None:
        """Take over the current options; what waits for a way that is none any more is given back."""
        self._ask_at = float("-inf")
        options, trusted = self._queue.options(), self._queue.trusted()
        if (options, trusted) == self._followed and options.sending.timing.connections and not options.sending.paused:
            return
        self._options, self._followed = options, (options, trusted) if self._make is not None else None
        plan = plan_of(options.sending, trusted)
        known = self.destinations.plan if self.destinations is not None else None
        if plan != known or not self._options.sending.timing.connections:
            self._give_back_waiting()
        elif self._options.sending.paused and self.destinations is not None:
            self._give_back(self.destinations.take_internet())
        if plan != known and self._make is not None:
            self.destinations = Destinations(plan, partial(self._make, plan)) if plan is not None else None

    async def _claim(self, crew: Crew) -> None:
        """Keep the lanes in work until stopped."""
        patience = 1.0
        while not self._stopping:
            self._nudged.clear()
            self._follow_options()
            destinations = self.destinations
            if destinations is None:
                await self._sleep(self._look_every)
                continue
            limit, self._besides = self._room(destinations)
            self._full = not limit
            if self._full:
                await self._nudged.wait()
                continue
            found = await self._try(partial(self._look, limit, self._besides))
            if found is None:
                await self._sleep(patience)
                patience = min(patience * 2, LONGEST_SLEEP_SECONDS)
                continue
            claimed, next_due_at = found
            patience = 1.0
            self._take(claimed, destinations)
            crew.spread()
            if not claimed:
                await self._sleep(self._seconds_until(next_due_at))
            elif len(claimed) < LEAST_CLAIMED:
                await (self._sleep(YIELDING_SECONDS) if self.yields else asyncio.sleep(GATHER_SECONDS))

    def _look(self, limit: int, besides: frozenset[str]) -> tuple[list[Claimed], datetime | None]:
        """In a thread: what could be claimed, and if nothing, when there will be something."""
        claimed = self._queue.claim(limit, besides) if self._queue.is_there() else []
        return claimed, None if claimed else self._queue.next_due_at()

    def _take(self, claimed: list[Claimed], into: Destinations) -> None:
        now = asyncio.get_running_loop().time()
        self._follow_options()
        for message in claimed:
            self._hold(into.put(message, now))
        if into is not self.destinations:
            # Options changed while these were claimed.
            self._give_back(into.take_all())

    def _hold(self, held: list[Held]) -> None:
        self._held.update(held)
        self._memory.add(held)

    def _room(self, destinations: Destinations) -> tuple[int, frozenset[str]]:
        """How many messages to claim, and of which domains none."""
        left = HELD_MESSAGES - len(self._held) if self._memory.bytes < HELD_BYTES else 0
        limit = min(left, destinations.room())
        return limit if limit >= LEAST_CLAIMED else 0, destinations.full()

    def _made_room(self) -> None:
        if self.destinations is not None and (self._full or self._besides):
            limit, besides = self._room(self.destinations)
            if limit and (self._full or self._besides - besides):
                self._nudged.set()

    def _seconds_until(self, next_due_at: datetime | None) -> float:
        if next_due_at is None or self.destinations is None or not self._options.sending.open_types:
            return self._look_every
        seconds = (next_due_at - self._clock()).total_seconds()
        # Due, and yet not to be had: another worker has it, or its destination has enough. Never spin.
        return min(seconds, self._look_every) if seconds > 0 else 1.0

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()

    def _give_back_waiting(self) -> None:
        if self.destinations is not None:
            self._give_back(self.destinations.take_all())

    def _give_back(self, untried: list[Held]) -> None:
        self._returning.update(untried)
        now = self._clock()
        for held in untried:
            self._settling.add(held, Attempted.untried(held.claimed, now))

    def _on_settled(self, settled: Sequence[Held]) -> None:
        self._held.difference_update(settled)
        for held in settled:
            self._memory.remove(held)
            held.to.held -= 1
        self._made_room()
        if self._returning:
            self._returning.difference_update(settled)
            if not self._returning:
                self._nudged.set()  # they can be claimed again, and may have been looked for too early

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
        if self._crew is not None:
            await self._crew.leave(STOP_SECONDS)
        self._give_back_waiting()
        self._settling.close()
        await asyncio.wait([settling], timeout=STOP_SECONDS)
        settling.cancel()
        self._store.close()


def _destination(shared: Surroundings, hosts: Hosts, local: LocalPlaces, plan: Plan, name: str) -> Destination:
    """The destination of that name."""
    if name == RELAY and plan.relay is not None:
        door = Door(plan.pop, shared.tls_context) if plan.pop is not None else None
        relay = Relay(plan.relay, shared, door)
        return Destination(name, relay, NextHop(f"The mail host {relay.label}", shared.report))
    if name in (RELAY, PICKUP, BY_MAPI):
        way = local.way(name, plan)
        return Destination(name, way, NextHop(f"{way.label[0].upper()}{way.label[1:]}", shared.report))
    return Destination(name, Direct(name, plan, hosts, shared), NextHop(name, None))
