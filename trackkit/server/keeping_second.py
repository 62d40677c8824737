"""Keeps the second process of a server on SQLite (`server/second.py`) while the options ask for so many connections.

Promises: there is none where one process is enough; what it ended with, or that nothing is heard of it, is logged, and
what it held is given back before the next is started; it has ended before the server has.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import wants_second
from trackkit.server import second
from trackkit.server.folder import Folder
from trackkit.server.sending import AtWork
from trackkit.services.environment import Environment
from trackkit.store.file_turn import POSSIBLE, FileTurn

SILENT_SECONDS = 30.0
"""Without a sign of life for so long it is ended."""

STOP_SECONDS = 20.0
"""What it gets to stop in order: more than the engine takes at the most."""

FIRST_PATIENCE_SECONDS = 1.0
LONGEST_PATIENCE_SECONDS = 60.0
"""How long it is waited before one that ended by itself is started again."""


@asynccontextmanager
async def second_process(environment: Environment, folder: Folder, at_work: AtWork) -> AsyncIterator[asyncio.Task[None]]:
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
    """Of one server; `tell` is thread-safe."""

    def __init__(self, environment: Environment, folder: Folder, at_work: AtWork) -> None:
        self._environment, self._folder, self._at_work = environment, folder, at_work
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._stopping = False
        self._telling = threading.Lock()
        self._pipe: int | None = None
        self._told = self._followed

    async def run(self) -> None:
        """Until stopped."""
        patience = FIRST_PATIENCE_SECONDS
        while not self._stopping:
            self._changed.clear()
            if not self._is_wanted:
                await self._changed.wait()
                continue
            began = self._loop.time()
            await self._one_life()
            patience = FIRST_PATIENCE_SECONDS if self._loop.time() - began > patience else patience * 2
            if self._is_wanted:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(patience, LONGEST_PATIENCE_SECONDS)):
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
                with suppress(BlockingIOError, BrokenPipeError):  # it has not even read what came before, or has ended
                    os.write(self._pipe, second.CHANGED if is_change else second.MAIL)

    @property
    def _followed(self) -> tuple[object, object]:
        return self._environment.options.current, self._environment.trust.current

    @property
    def _is_wanted(self) -> bool:
        if self._stopping or not POSSIBLE or not self._environment.store.is_sqlite:
            return False
        return wants_second(self._environment.options.current.sending, _processors())

    async def _until_unwanted(self) -> None:
        while self._is_wanted:
            await self._changed.wait()
            self._changed.clear()

    async def _one_life(self) -> None:
        """Start it, and stay until it has ended: by itself, or because it is not wanted any more."""
        queue, in_touch = self._at_work.queue, self._at_work.in_touch
        for store, path in zip(self._stores, self._folder.turns, strict=True):
            await asyncio.to_thread(store.share, FileTurn(path))
        queue.expect_others()
        await in_touch.begin()
        self._at_work.keep_in_touch()
        try:
            process = await self._started()
            try:
                await self._watched(process)
            finally:
                self._hang_up()
                await _ended(process)
            if self._is_wanted:
                words = f"The second process that sends mail ended ({_how(process)}); it is started again."
                queue.report(Severity.warning, words, "What it held is given back.")
        except OSError as error:
            queue.report(Severity.error, "The second process that sends mail cannot be started.", str(error))
        finally:
            await self._at_work.stop_keeping_in_touch()
            await in_touch.call(queue.second_is_over)
            for store in self._stores:
                await asyncio.to_thread(store.share, None)
            self._at_work.engine.wake()

    @property
    def _stores(self):
        return self._environment.store, self._environment.log_store

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

    async def _watched(self, process: Process) -> None:
        """Return when it has ended, is silent, or is not wanted any more."""
        unwanted = asyncio.create_task(self._until_unwanted())
        living = asyncio.create_task(self._signs_of_life(process))
        await asyncio.wait([unwanted, living], return_when=asyncio.FIRST_COMPLETED)
        unwanted.cancel()
        living.cancel()
        await asyncio.gather(unwanted, living, return_exceptions=True)

    async def _signs_of_life(self, process: Process) -> None:
        assert process.stdout is not None
        is_new = True
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    if not await process.stdout.read(100):
                        return
                if is_new:
                    self._at_work.in_touch.look_soon()  # the connections are to be divided
                    is_new = False
        process.kill()

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
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
