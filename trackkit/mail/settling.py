"""Calls to the queue's store, and the outcomes on their way there.

Promises: every call is one hop to a thread of the engine's own (never behind a slow DNS look-up); an outcome handed
in is kept and tried again until it is settled, however long the store is away, since a forgotten outcome would be a
mail sent twice; few outcomes are ever in memory only: where the store is slower than the hosts, sending waits for it;
outcomes are settled in batches; one that the store refuses does not hold up the others; an outage is reported once, and
its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from trackkit.domain.log import Severity
from trackkit.mail.destinations import Held
from trackkit.mail.next_hop import Report
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue

T = TypeVar("T")

BATCH = 10
"""Outcomes settled together."""

CLERKS = 2
"""Batches on their way at a time: while one is written to the disk, the next is there already."""

UNSETTLED = CLERKS * BATCH
"""With so many outcomes on their way nothing more is begun: a kill makes them, and what is being sent, leave twice."""

LINGER_SECONDS = 0.02
"""How long the first outcome of a batch waits for others."""

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 10.0


class StoreCalls:
    """The queue's synchronous calls, made from the loop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="mail-queue")
        self.available = asyncio.Event()
        """Whether the last call worked. Nothing new is sent while it did not: the outcome could not be kept."""
        self.available.set()
        self.successes = 0

    async def __call__(self, call: Callable[[], T]) -> T:
        """The call's result, or its exception; what an exception says about the store is for the caller to judge."""
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        self.successes += 1
        if not self.available.is_set():
            self.available.set()
            self._report(Severity.information, "The mail engine can use the queue again.", "")
        return result

    def failed(self, error: Exception) -> None:
        """The store is not available; reported once an outage."""
        if self.available.is_set():
            self.available.clear()
            self._report(
                Severity.error,
                "The mail engine cannot use the queue; it keeps what it knows and goes on trying.",
                f"{type(error).__name__}: {error}",
            )

    def close(self) -> None:
        """Let the threads go; calls under way are not waited for."""
        self._threads.shutdown(wait=False)


@dataclass(slots=True, eq=False)
class _Item:
    """An outcome on its way."""

    held: Held
    attempted: Attempted
    failed_at: int | None = None
    """`StoreCalls.successes` when it could not be settled."""


class Settling:
    """Outcomes on their way to the store.

    Parameters
    ----------
    settled: is told of messages once they are no longer held.
    """

    def __init__(
        self, queue: DeliveryQueue, store: StoreCalls, report: Report, settled: Callable[[Sequence[Held]], None]
    ) -> None:
        self._queue = queue
        self._store = store
        self._report = report
        self._settled = settled
        self._incoming: deque[_Item] = deque()
        self._arrived = asyncio.Event()
        """Something has come, or nothing more will."""
        self._enough = asyncio.Event()
        """A whole batch is there, or nothing more will be."""
        self._closed = False
        self._batches: list[list[_Item]] = [[] for _ in range(CLERKS)]
        """Those being settled."""
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._stuck: list[_Item] = []

    def add(self, held: Held, attempted: Attempted) -> None:
        """Hand in what became of a message."""
        self._incoming.append(_Item(held, attempted))
        self._arrived.set()
        if len(self._incoming) >= BATCH:
            self._enough.set()
        self._look_for_room()

    @property
    def has_room(self) -> bool:
        """Whether something more may be begun."""
        return self._has_room.is_set()

    async def room(self) -> None:
        """Wait until something more may be begun."""
        await self._has_room.wait()

    def close(self) -> None:
        """Nothing more comes; `run` ends when all is settled."""
        self._closed = True
        self._arrived.set()
        self._enough.set()

    async def run(self) -> None:
        """Settle until closed."""
        await asyncio.gather(*map(self._go_on, self._batches))
        await self.retry_stuck()

    async def _go_on(self, batch: list[_Item]) -> None:
        """Settle a batch after the other until there will be none."""
        patience = FIRST_RETRY_SECONDS
        while batch or await self._something():
            self._take_waiting(batch)
            before = len(batch)
            batch[:] = await self._settle(batch)
            self._look_for_room()
            if not batch:
                patience = FIRST_RETRY_SECONDS
                continue
            patience = FIRST_RETRY_SECONDS if len(batch) < before else min(patience * 2, LONGEST_RETRY_SECONDS)
            await asyncio.sleep(patience)

    async def retry_stuck(self) -> None:
        """Try again, one by one, what the store refuses; cancelled meanwhile, it forgets nothing."""
        for item in self._stuck.copy():
            if await self._together([item]) is None:
                self._stuck.remove(item)

    def _look_for_room(self) -> None:
        if len(self._incoming) + sum(map(len, self._batches)) < UNSETTLED:
            self._has_room.set()
        else:
            self._has_room.clear()

    async def _something(self) -> bool:
        """Wait for the first outcome, then a moment for more unless there are enough; False when nothing more comes."""
        while not self._incoming:
            if self._closed:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        if len(self._incoming) < BATCH and not self._closed:
            self._enough.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._enough.wait()
        return True

    def _take_waiting(self, batch: list[_Item]) -> None:
        """Add what is there already."""
        while len(batch) < BATCH and self._incoming:
            batch.append(self._incoming.popleft())

    async def _settle(self, batch: list[_Item]) -> list[_Item]:
        """Settle together, or one by one if that fails; what is left over and to be tried soon.

        One that fails although the store has worked since it failed before is at fault itself: it is set aside.
        """
        error = await self._together(batch) if batch else None
        if error is None:
            return []
        left_over: list[_Item] = []
        for number, item in enumerate(batch):
            error = await self._together([item])
            if error is None:
                continue
            if item.failed_at is not None and self._store.successes > item.failed_at:
                self._set_aside(item, error)
                continue
            item.failed_at = self._store.successes
            left_over.append(item)
            if number + 1 == len(left_over) == _FAILURES_OF_AN_OUTAGE:
                self._store.failed(error)
                return [*batch[number + 1 :], *left_over]
        if error is not None and len(left_over) == len(batch):
            self._store.failed(error)
        return left_over

    def _set_aside(self, item: _Item, error: Exception) -> None:
        self._stuck.append(item)
        what = f"The outcome of {item.held.claimed.queue_id} cannot be stored; it is kept and tried again now and then."
        details = f"{type(error).__name__}: {error}"
        self._report(Severity.error, what, details, mailed=item.held.claimed.mailed)

    async def _together(self, batch: Sequence[_Item]) -> Exception | None:
        """Settle in one transaction; what went wrong."""
        attempts = [item.attempted for item in batch]
        try:
            await self._store(lambda: self._queue.settle(attempts))
        except Exception as error:  # noqa: BLE001 - whatever it is, the outcomes are kept and tried again
            return error
        self._settled([item.held for item in batch])
        return None


_FAILURES_OF_AN_OUTAGE = 3
"""So many failures in a row, and nothing settled, are not the fault of single messages."""
