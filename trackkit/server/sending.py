"""The mail engine inside a process, the server's or a worker's, from joining the workers to leaving them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from trackkit.domain.log import Severity
from trackkit.mail.engine import LONGEST_SLEEP_SECONDS, Engine
from trackkit.mail.in_touch import InTouch
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import MailEnvironment

_LOOK_SECONDS: Final = 1.0
"""How often the queue is looked at where other machines' processes may have put something in."""


class AtWork:
    """A mail engine that runs, and how it keeps in touch with those of other processes."""

    def __init__(self, environment: MailEnvironment, worker: str) -> None:
        on_sqlite = environment.store.is_sqlite
        self.queue = DeliveryQueue(environment, worker)
        self.engine = Engine(
            self.queue,
            environment.clock,
            look_every=LONGEST_SLEEP_SECONDS if on_sqlite else _LOOK_SECONDS,
            machine=environment.machine,
        )
        self.in_touch = InTouch(self.engine, self.queue, environment.follow)
        self._keeping: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None]
        """Ends by itself only on a defect."""

    async def begin(self, *, as_the_only_one: bool) -> None:
        """Join the others and send; what nobody holds any more is rescued first."""
        await asyncio.to_thread(self.queue.join, as_the_only_one=as_the_only_one)
        await asyncio.to_thread(self.queue.rescue)
        await self.in_touch.begin()
        self.task = asyncio.create_task(self.engine.run())

    def keep_in_touch(self) -> None:
        """With the others, from now on."""
        self._keeping = asyncio.create_task(self.in_touch.run())

    async def begin_sharing(self) -> None:
        """A second process of this machine will send, too, and have the first turn at what comes in."""
        self.queue.expect_others()
        await self.in_touch.begin()
        self.keep_in_touch()
        self.engine.yields = True

    async def end_sharing(self) -> None:
        """It has ended, in whatever way: what it held is given back, and this one goes on alone."""
        self.engine.yields = False
        await self._lose_touch()
        try:
            await self.in_touch.call(self.queue.second_is_over)
        except Exception as error:  # noqa: BLE001 - reported; the engine's rescue, or the next start, makes up for it
            words = "What the second process that sends mail held could not be given back; it is tried again."
            self.queue.report(Severity.error, words, f"{type(error).__name__}: {error}")
        self.engine.wake()

    async def _lose_touch(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def end(self) -> None:
        """Stop in order, and leave the others."""
        await self.engine.stop()
        try:
            await self.task
        except Exception as error:  # noqa: BLE001 - told, then the process stops
            words = f"The mail engine ended: {type(error).__name__}: {error}"
            self.queue.report(Severity.severe_error, words)
        await self._lose_touch()
        await self.in_touch.end()


@asynccontextmanager
async def sending(
    environment: MailEnvironment, worker: str, *, as_the_only_one: bool = False, alone: bool = False
) -> AsyncIterator[AtWork]:
    """The mail engine, running, as `worker`.

    Parameters
    ----------
    as_the_only_one: of that name, so that what it held is rescued first.
    alone: no other process sends, unless it is told of one.
    """
    at_work = AtWork(environment, worker)
    if not alone:
        at_work.queue.expect_others()
    await at_work.begin(as_the_only_one=as_the_only_one)
    environment.on_mail.append(at_work.engine.wake)
    if not alone:
        at_work.keep_in_touch()
    try:
        yield at_work
    finally:
        await at_work.end()
