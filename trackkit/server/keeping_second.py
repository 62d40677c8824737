"""Keeps the second process of a server on SQLite (`server/second.py`) while the options ask for so many connections.

Promises: there is none where one process is enough; that it has ended by itself, or nothing is heard of it, is logged,
and what it held is given back before the next is started; it has ended before the server has. What goes wrong is
logged and tried again, later and later.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import wants_second
from trackkit.server import second
from trackkit.server.folder import Folder
from trackkit.server.sending import AtWork
from trackkit.services.environment import Environment
from trackkit.services.machine import IS_WINDOWS, processors

SILENT_SECONDS = 30.0
"""Without a sign of life for so long it is ended."""

STOP_SECONDS = 20.0
"""What it gets to stop in order: more than its engine takes at the most."""

FIRST_PATIENCE_SECONDS = 1.0
LONGEST_PATIENCE_SECONDS = 60.0
"""How long it is waited before it is started again."""


@asynccontextmanager
async def second_process(
    environment: Environment, folder: Folder, at_work: AtWork
) -> AsyncIterator[asyncio.Task[None]]:
    """There is a second process while this lasts, if it shall be; the task ends by itself only on a defect."""
    keeper = Keeper(environment, folder, at_work)
    environment.on_mail.insert(0, keeper.tell)  # whoever has nothing else to do hears of it first
    running = asyncio.create_task(keeper.run())
    try:
        yield running
    finally:
        keeper.stop()
        await asyncio.gather(running, return_exceptions=True)


class Keeper:
    """Of one server. `tell` is safe for threads."""

    def __init__(self, environment: Environment, folder: Folder, at_work: AtWork) -> None:
        self._environment, self._folder, self._at_work = environment, folder, at_work
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._stopping = False
        self._telling = threading.Lock()
        self._pipe: int | None = None
        """What is told goes in here while there is somebody to hear it."""
        self._told = self._followed

    async def run(self) -> None:
        """Until stopped."""
        patience = FIRST_PATIENCE_SECONDS
        while not self._stopping:
            self._changed.clear()
            if not self._is_wanted():
                await self._changed.wait()
                continue
            began = self._loop.time()
            why = await self._one_life()
            if not self._is_wanted():
                continue
            words = "The second process that sends mail has ended; it is started again."
            self._at_work.queue.report(Severity.warning, words, f"{why}. What it held is given back.")
            is_early = self._loop.time() - began < LONGEST_PATIENCE_SECONDS
            patience = min(patience * 2, LONGEST_PATIENCE_SECONDS) if is_early else FIRST_PATIENCE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._until_unwanted()

    def stop(self) -> None:
        """End the second process, and `run`."""
        self._stopping = True
        self._changed.set()

    def tell(self) -> None:
        """Something in the queue may have become due, or options or trust have changed."""
        followed = self._followed
        is_change = any(new is not old for new, old in zip(followed, self._told, strict=True))
        self._told = followed
        if is_change:
            with suppress(RuntimeError):  # a loop that closes right now needs no telling
                self._loop.call_soon_threadsafe(self._changed.set)
        with self._telling:
            if self._pipe is not None:
                # Full: it has enough to look at already. Broken: it has ended, which is seen elsewhere.
                with suppress(BlockingIOError, BrokenPipeError):
                    os.write(self._pipe, second.CHANGED if is_change else second.MAIL)

    @property
    def _followed(self) -> tuple[object, object]:
        return self._environment.options.current, self._environment.trust.current

    def _is_wanted(self) -> bool:
        if self._stopping or IS_WINDOWS or not self._environment.store.is_sqlite:
            return False
        return wants_second(self._environment.options.current.sending, processors())

    async def _until_unwanted(self) -> None:
        while self._is_wanted():
            await self._changed.wait()
            self._changed.clear()

    async def _one_life(self) -> str:
        """Start it, and stay until it has ended, by itself or because it is not wanted any more; what it ended by."""
        try:
            await self._at_work.begin_sharing()
            process = await self._started()
            try:
                why = await self._watched(process)
            finally:
                self._hang_up()
                await _ended(process)
            return f"It {why}" if why else _how(process)
        except Exception as error:  # noqa: BLE001 - whatever it is: told, and tried again
            return f"{type(error).__name__}: {error}"
        finally:
            await self._at_work.end_sharing()

    async def _started(self) -> Process:
        reading, writing = os.pipe()
        try:
            os.set_blocking(writing, False)
            command = [sys.executable, "-m", second.__name__, str(self._folder.path)]
            process = await asyncio.create_subprocess_exec(*command, stdin=reading, stdout=PIPE)
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        with self._telling:
            self._pipe = writing
        return process

    async def _watched(self, process: Process) -> str:
        """Return when it is not wanted any more or has ended; what was wrong with one that has not."""
        unwanted = asyncio.create_task(self._until_unwanted())
        living = asyncio.create_task(self._signs_of_life(process))
        await asyncio.wait([unwanted, living], return_when=asyncio.FIRST_COMPLETED)
        unwanted.cancel()
        living.cancel()
        await asyncio.gather(unwanted, living, return_exceptions=True)
        return living.result() if not living.cancelled() else ""

    async def _signs_of_life(self, process: Process) -> str:
        if process.stdout is None:
            raise RuntimeError("it was started without a pipe")
        try:
            async with asyncio.timeout(SILENT_SECONDS) as silence:
                if await process.stdout.read(1):
                    self._at_work.in_touch.look_soon()  # it is there, so that the connections can be divided
                while await process.stdout.read(100):
                    silence.reschedule(self._loop.time() + SILENT_SECONDS)
        except TimeoutError:
            process.kill()
            return f"gave no sign of life for {SILENT_SECONDS:.0f} seconds"
        return ""

    def _hang_up(self) -> None:
        with self._telling:
            pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.close(pipe)


async def _ended(process: Process) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _how(process: Process) -> str:
    code = process.returncode or 0
    return f"Signal {-code}" if code < 0 else f"Exit code {code}"
