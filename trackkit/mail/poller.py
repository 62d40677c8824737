"""Fetches mail from every mailbox, each in its own time, as long as the server runs.

Promises
- Each account has one session at a time, and they hold up each other as little as `AT_A_TIME` asks; a change of the
  options or of a project's settings counts from the next look on.
- An account that fails is tried again after a growing while (`domain.tracking.mailbox.next_poll`); that it fails is
  kept and told once, and so is its end.
- Whoever asks for it gets a session that was begun after he asked.

`run` ends by `stop` or by being cancelled; what was taken until then is kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

from trackkit.domain.errors import TrackkitError
from trackkit.domain.log import Severity
from trackkit.domain.options import Options
from trackkit.domain.tracking.mailbox import WORDS, Trouble, next_poll, trouble_of
from trackkit.domain.trust import Seen, trust_of
from trackkit.mail.conversation import Conversation
from trackkit.mail.mailbox import Session, fetch, opened
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.pop3 import PopFailed
from trackkit.services.environment import Environment
from trackkit.services.fetching import SOURCE, Account, Basket, accounts
from trackkit.services.fetching_state import Fetched

T = TypeVar("T")

AT_A_TIME: Final = 4
LOOK_SECONDS: Final = 5.0
"""How often it looks which accounts there are, where nobody tells it."""


@dataclass(slots=True)
class _Turn:
    """An account, and when it is its turn. `due_at`: of the loop's clock."""

    account: Account
    due_at: float
    failures: int = 0
    suspects: set[str] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: asyncio.Task[None] | None = None


class Poller:
    """Of one server.

    Parameters
    ----------
    tls_context: makes the context that verifies hosts.
    """

    def __init__(self, environment: Environment, tls_context: TlsContext = ssl.create_default_context) -> None:
        self._environment, self._tls_context = environment, tls_context
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._stopping = False
        self._seen: Options | None = None
        self._turns: dict[str, _Turn] = {}
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="trackkit-fetching")
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._asked_for: set[asyncio.Task[Fetched]] = set()
        self._trouble = ""

    async def run(self) -> None:
        """Fetch mail until stopped."""
        self._loop = asyncio.get_running_loop()
        self._environment.fetching.poll_now = self._asked
        try:
            while not self._stopping:
                self._changed.clear()
                await self._follow()
                for turn in self._turns.values():
                    if turn.task is None and turn.due_at <= self._loop.time():
                        turn.task = asyncio.create_task(self._when_due(turn))
                        turn.task.add_done_callback(partial(self._ended, turn))
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._wake_at()):
                        await self._changed.wait()
        finally:
            self._environment.fetching.poll_now = None
            await self._leave()

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True
        self._changed.set()

    def wake(self) -> None:
        """Options may have changed. Thread-safe, and cheap when they have not."""
        loop = self._loop
        if loop is not None and self._environment.options.current is not self._seen:
            # A loop that closes right now needs no waking.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._changed.set)

    def _wake_at(self) -> float:
        assert self._loop is not None  # noqa: S101 - it runs
        if not self._environment.options.current.tracking.enabled:
            return self._loop.time() + 3600
        waiting = [turn.due_at for turn in self._turns.values() if turn.task is None]
        return min([*waiting, self._loop.time() + LOOK_SECONDS])

    async def _follow(self) -> None:
        """Which accounts there are now."""
        self._seen = self._environment.options.current
        try:
            found = {one.mailbox.key: one for one in await self._call(partial(accounts, self._environment))}
        except TrackkitError as error:
            if error.message != self._trouble:  # it is looked again and again, and told once
                self._tell(
                    Severity.error, f"It cannot be seen which mailboxes there are: {error.message}", error.advice
                )
            self._trouble = error.message
            return
        self._trouble = ""
        now = asyncio.get_running_loop().time()
        for key in self._turns.keys() - found.keys():
            if self._turns[key].task is None:
                del self._turns[key]
        for key, account in found.items():
            turn = self._turns.get(key)
            if turn is None:
                self._turns[key] = _Turn(account, now)
            elif turn.account != account:  # what failed may work with other settings
                turn.account, turn.due_at = account, now

    async def _when_due(self, turn: _Turn) -> None:
        """A session, unless somebody has asked for one meanwhile."""
        async with turn.lock:
            if turn.due_at <= asyncio.get_running_loop().time():
                await self._poll(turn)

    async def _at_once(self, turn: _Turn) -> Fetched:
        async with turn.lock:
            return await self._poll(turn)

    async def _poll(self, turn: _Turn) -> Fetched:
        """One session, and when the next one is due."""
        async with self._room:
            account, session = turn.account, Session(turn.suspects)
            interval = timedelta(seconds=self._environment.options.current.tracking.poll_interval)
            words = await self._session(account, session, first=not turn.failures)
            turn.failures = turn.failures + 1 if words else 0
            at_once = turn.account != account or (session.more and not words)  # other settings count at once
            wait = timedelta(0) if at_once else next_poll(interval, turn.failures)
            turn.due_at = asyncio.get_running_loop().time() + wait.total_seconds()
            return Fetched(account.mailbox.key, session.fetched, session.removed, words)

    async def _session(self, account: Account, session: Session, *, first: bool) -> str:
        """Why it failed; empty if it did not."""
        mailbox, environment = account.mailbox, self._environment
        basket, conversation = Basket(environment, mailbox), Conversation()
        maildrop, seen = None, None
        trust = trust_of(environment.trust.current, mailbox.host, mailbox.port)
        try:
            await self._call(basket.begin)
            maildrop = await opened(mailbox, trust, self._tls_context, conversation)
            await fetch(maildrop, basket, self._call, session)
            return ""
        except PopFailed as failed:
            text, seen = conversation.clean(failed.text), failed.seen
            trouble = trouble_of(failed.failure, text)
        except TrackkitError as error:
            text, trouble = error.message, Trouble.here
        except Exception as error:  # noqa: BLE001 - told, and tried again: fetching must not end by a defect
            text, trouble = f"a defect of trackkit ({type(error).__name__})", Trouble.here
            self._tell(Severity.error, f"Defect in fetching from {mailbox.key}: {type(error).__name__}: {error}")
        finally:
            if maildrop is not None:
                maildrop.abort()
        conversation.note(text)
        await self._failed(basket, trouble, text, conversation.text, seen, first=first)
        return WORDS[trouble].words.format(text=text)

    async def _failed(
        self, basket: Basket, trouble: Trouble, text: str, said: str, seen: Seen | None, *, first: bool
    ) -> None:
        try:
            await self._call(partial(basket.failed, trouble, text, said, seen))
        except TrackkitError as error:
            if first:
                self._tell(Severity.error, f"No mail can be fetched: {text}", error.message)

    def _ended(self, turn: _Turn, task: asyncio.Task[None]) -> None:
        turn.task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            turn.due_at = asyncio.get_running_loop().time() + LOOK_SECONDS
            self._tell(Severity.error, f"Fetching mail failed: {type(error).__name__}: {error}")
        self._changed.set()

    def _asked(self, keys: Collection[str], seconds: float) -> list[Fetched]:
        """As `FetchingState.poll_now`; called in another thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return []
        asked = asyncio.run_coroutine_threadsafe(self._now(keys, seconds), loop)
        return asked.result()

    async def _now(self, keys: Collection[str], seconds: float) -> list[Fetched]:
        await self._follow()
        turns = [turn for key, turn in self._turns.items() if key in keys]
        tasks = [asyncio.create_task(self._at_once(turn)) for turn in turns]
        for task in tasks:
            self._asked_for.add(task)
            task.add_done_callback(self._asked_for.discard)
        done, _ = await asyncio.wait(tasks, timeout=seconds) if tasks else (set(), set())
        later = "It takes longer; the state of the mailbox tells how it went."
        return [
            task.result() if task in done and not task.cancelled() else Fetched(turn.account.mailbox.key, 0, 0, later)
            for turn, task in zip(turns, tasks, strict=True)
        ]

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _leave(self) -> None:
        """End what is under way; what is being put down is put down."""
        self._loop = None
        tasks: list[asyncio.Task[Any]] = [*self._asked_for]
        tasks += [turn.task for turn in self._turns.values() if turn.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    def _tell(self, severity: Severity, words: str, details: str = "") -> None:
        self._environment.log.write(severity, SOURCE, words, details)
