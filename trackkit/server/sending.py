"""The mail engine inside a process, the server's or a worker's, from joining the workers to leaving them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from trackkit.domain.log import Severity
from trackkit.mail.engine import LONGEST_SLEEP_SECONDS, Engine
from trackkit.mail.in_touch import InTouch
from trackkit.mail.local_ways import LocalPlaces
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import MailEnvironment

_LOOK_SECONDS: Final = 1.0
"""How often the queue is looked at where other processes may have put something in."""


class AtWork(NamedTuple):
    """A mail engine that runs, and what of this machine it hands mail over to."""

    task: asyncio.Task[None]
    local: LocalPlaces


@asynccontextmanager
async def sending(environment: MailEnvironment, worker: str, *, as_the_only_one: bool = False) -> AsyncIterator[AtWork]:
    """The mail engine, running, as `worker`; `as_the_only_one` of that name, so that what it held is rescued first.

    The task ends by itself only on a defect.
    """
    queue = DeliveryQueue(environment, worker)
    await asyncio.to_thread(queue.join, as_the_only_one=as_the_only_one)
    await asyncio.to_thread(queue.rescue)
    alone = environment.store.is_sqlite
    engine = Engine(
        queue,
        environment.clock,
        look_every=LONGEST_SLEEP_SECONDS if alone else _LOOK_SECONDS,
        machine=environment.machine,
    )
    in_touch = InTouch(engine, queue, environment.follow)
    await in_touch.begin()
    environment.on_mail.append(engine.wake)
    keeping = None if alone else asyncio.create_task(in_touch.run())
    running = asyncio.create_task(engine.run())
    try:
        yield AtWork(running, engine.local)
    finally:
        await engine.stop()
        try:
            await running
        except Exception as error:  # noqa: BLE001 - told, then the process stops
            words = f"The mail engine ended: {type(error).__name__}: {error}"
            queue.report(Severity.severe_error, words)
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        await in_touch.end()
