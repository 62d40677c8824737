"""Running the mail engine over a queue in memory, for its tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.delivery_queue import MemoryQueue, utc_now
from trackkit.domain.delivery import State
from trackkit.domain.options import Options, from_flat
from trackkit.mail.engine import Engine

RAW = b"Message-ID: <1@example.com>\r\n\r\nhello\r\n"
ONE = "one@example.com"


def options_for(port: int, **more: Any) -> Options:
    """Options that send to a server of the test."""
    values = {
        "sending.smtp.host": "127.0.0.1",
        "sending.smtp.port": port,
        "sending.smtp.encryption": "none",
        "sending.smtp.connect_timeout": 2,
        "sending.smtp.conversation_timeout": 2,
    }
    return from_flat(values | {name.replace("__", "."): value for name, value in more.items()})


def run(work: Awaitable[None], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run in a loop of its own."""

    async def wrapped() -> None:
        await work

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(wrapped())


@asynccontextmanager
async def running(queue: MemoryQueue, **more: Any) -> AsyncIterator[Engine]:
    """An engine at work, stopped in order at the end; what it is given beside its queue is in `more`."""
    engine = Engine(queue, utc_now, **more)  # type: ignore[arg-type]
    task = asyncio.create_task(engine.run())
    await asyncio.sleep(0.05)
    try:
        yield engine
    finally:
        await asyncio.wait_for(engine.stop(), 15)
        await asyncio.wait_for(task, 15)


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


def all_in(queue: MemoryQueue, *states: State) -> Callable[[], bool]:
    """Whether every recipient is in one of these states."""
    return lambda: set(queue.states()) <= set(states)
