"""Calls that block for as long as something else likes: a folder on a network, a mail program behind MAPI.

Each `Worker` is a thread of its own that makes one call after the other, always the same thread. Whoever waits for a
call waits for a bounded time; then the thread is left alone with it, which no program can end, and is remembered in
`LeftAlone`: nothing new is begun there for a while, and nothing at all once there are too many of them. The threads are
daemons, so none of them keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS: Final = 300.0
"""How long nothing new is begun after a call was left alone that still runs."""

MOST_LEFT_ALONE: Final = 4


class Hangs(Exception):
    """A call took longer than anybody waits for it; what becomes of it is not known."""


class LeftAlone:
    """The threads that were left alone in a call of one kind, and what follows for new calls.

    Parameters
    ----------
    told: is called for each call that took too long.
    """

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self.told = told
        self._threads: list[tuple[threading.Thread, float]] = []

    def add(self, thread: threading.Thread, now: float) -> None:
        """This one is waited for no longer."""
        self._threads.append((thread, now))

    def hinders(self, now: float) -> str:
        """Why no further call is to be begun; ``""`` when one may be."""
        self._threads = [(thread, at) for thread, at in self._threads if thread.is_alive()]
        if len(self._threads) >= MOST_LEFT_ALONE:
            return f"{len(self._threads)} calls to it still hang; only a restart of what sends mail ends them"
        if any(now - at < PATIENCE_SECONDS for _, at in self._threads):
            return "an earlier call to it still hangs"
        return ""


class Worker:
    """A thread that makes calls. `close` it when there are no more."""

    def __init__(self, name: str, left_alone: LeftAlone) -> None:
        self._left_alone = left_alone
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def __call__(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` returns or raises; `Hangs` when it takes longer, and the thread is left alone then.

        Who is cancelled leaves it alone, too.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((work, done))
        try:
            await asyncio.wait([done], timeout=seconds)
        finally:
            if done.cancel():  # so that nobody asks for what it raises later
                self._left_alone.add(self._thread, time.monotonic())
        if done.cancelled():
            self._left_alone.told()
            raise Hangs
        return done.result()

    def close(self, last: Callable[[], object] | None = None) -> None:
        """Let the thread end once it has made its calls, and a `last` one that nobody waits for."""
        if last is not None:
            unasked = self._loop.create_future()
            unasked.cancel()
            self._calls.put((last, unasked))
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            work, done = call
            result: Any = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001 - it is the caller's
                error = raised
            # A loop that is closed has nobody who waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_tell, done, result, error)


def _tell(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)
