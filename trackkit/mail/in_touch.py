"""Keeps a mail worker in touch with the others through the database: its signs, its share, the options.

Promises: a sign every few seconds, whatever the engine does (a thread of its own, never behind a slow DNS look-up); a
change of the options and a new share are the engine's within about a second; trouble is reported once, and its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import BEAT
from trackkit.mail.engine import Engine
from trackkit.services.delivery import DeliveryQueue

T = TypeVar("T")

LOOK_SECONDS: Final = 1.0


class InTouch:
    """The signs of one worker.

    Parameters
    ----------
    follow: reads options and trusted certificates again if another process has changed them; whether it has.
    """

    def __init__(self, engine: Engine, queue: DeliveryQueue, follow: Callable[[], bool]) -> None:
        self._engine, self._queue, self._follow = engine, queue, follow
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mail-worker")
        self._works = True
        self._sign_due_at = float("-inf")
        self._asked = asyncio.Event()

    async def begin(self) -> None:
        """Give the first sign; fails as the store does."""
        await self.call(lambda: self._queue.beat(0))

    def look_soon(self) -> None:
        """Give a sign and follow the options at once: another worker has come, or changed something."""
        self._asked.set()

    async def run(self) -> None:
        """Keep in touch until cancelled."""
        while True:
            if self._asked.is_set():
                self._asked.clear()
                self._sign_due_at = float("-inf")
            try:
                await self._look()
                self._tell(None)
            except Exception as error:  # noqa: BLE001 - whatever it is: reported, and tried again
                self._tell(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()

    async def end(self) -> None:
        """Leave the others; one that cannot is found to be lost by them."""
        try:
            await self.call(self._queue.leave)
        except Exception as error:  # noqa: BLE001 - reported; the process ends all the same
            words = f"The mail worker {self._queue.worker} could not take leave of the others; they find it lost."
            self._queue.report(Severity.warning, words, f"{type(error).__name__}: {error}")
        self._thread.shutdown(wait=False)

    async def _look(self) -> None:
        """Follow the options; give a sign when it is time, and until the connections are divided."""
        changed = await self.call(self._follow)
        now = asyncio.get_running_loop().time()
        if changed or now >= self._sign_due_at:
            share = self._queue.options().sending.timing.connections
            connections = self._engine.open_connections
            beat = await self.call(lambda: self._queue.beat(connections))
            self._sign_due_at = now + BEAT.total_seconds() if beat.is_divided else now
            changed = changed or bool(beat.lost) or share != self._queue.options().sending.timing.connections
        if changed:
            self._engine.wake()

    async def call(self, call: Callable[[], T]) -> T:
        """The result of `call`, made when earlier ones have ended."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _tell(self, error: Exception | None) -> None:
        """Report the first of several failures, and the end of them."""
        if (error is None) is self._works:
            return
        self._works = error is None
        who = f"The mail worker {self._queue.worker}"
        if error is None:
            self._queue.report(Severity.information, f"{who} is in touch with the others again.")
        else:
            words = f"{who} cannot get in touch with the others through the database; it goes on trying."
            self._queue.report(Severity.warning, words, f"{type(error).__name__}: {error}")
