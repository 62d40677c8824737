"""Storing what arrives: messages that are complete at the same time go to the store together.

Promises
- `store` gives the reply to a message when its fate is known: 250 when it is on disk, and never otherwise.
- One hop to a thread and one transaction serve all messages that wait; while they are written the next ones gather,
  and when they are enough they are made ready.
- No message stands in the others' way: where a transaction fails for a reason that is not the store's, each is tried
  alone.

Trouble goes to the log; the client comes again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from trackkit.domain import trace
from trackkit.domain.errors import MessageTooLarge, NotLoggedIn, TrackkitError, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.smtp_commands import Reply
from trackkit.domain.trace import Arrival
from trackkit.mail.receiving.content import Content
from trackkit.mail.receiving.house import House
from trackkit.services import relaying
from trackkit.services.relaying import Incoming, Login

MOST_TOGETHER = 100
MOST_OCTETS = 32 * 1024 * 1024
"""So much goes into one transaction, but at least one message."""

MOST_AT_ONCE = 2
"""Batches on their way: one is written, one is made ready."""

ENOUGH = 5
"""So many that wait go on their way while others are: making them ready takes half of the time. With fewer there would
be more transactions."""

LATER = Reply(451, "4.3.0", "It could not be stored; try again")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that is complete, with its envelope."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: Content
    arrival: Arrival
    login: Login | None


class Intake:
    """Of one listener."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: list[tuple[Arrived, asyncio.Future[Reply]]] = []
        self._working: list[asyncio.Task[None]] = []

    async def store(self, arrived: Arrived) -> Reply:
        """The reply to it."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, answer))
        self._working = [task for task in self._working if not task.done()]
        if len(self._working) < MOST_AT_ONCE and self._enough(besides=len(self._working)):
            self._working.append(asyncio.create_task(self._work()))
        return await answer

    def _enough(self, *, besides: int) -> bool:
        """Whether enough wait to be stored, while so many others store."""
        return len(self._waiting) >= (ENOUGH if besides else 1)

    def _others(self) -> int:
        """How many store besides whoever asks. One that has ended counts no more, so that the last takes all."""
        return sum(not task.done() for task in self._working) - 1

    async def _work(self) -> None:
        """Store what waits, until nothing does, or too little while others are stored."""
        while self._enough(besides=self._others()):
            batch = self._next()
            try:
                replies = await self._house.in_thread(partial(self._stored, [one for one, _ in batch]))
            except BaseException:
                for _, answer in batch:
                    answer.cancel()
                raise
            for (_, answer), reply in zip(batch, replies, strict=True):
                if not answer.done():  # its client may be gone
                    answer.set_result(reply)

    def _next(self) -> list[tuple[Arrived, asyncio.Future[Reply]]]:
        octets, number = 0, 0
        for arrived, _ in self._waiting[:MOST_TOGETHER]:
            octets += arrived.content.held
            if number and octets > MOST_OCTETS:
                break
            number += 1
        batch, self._waiting = self._waiting[:number], self._waiting[number:]
        return batch

    def _stored(self, batch: list[Arrived]) -> list[Reply]:
        """In a thread: store them, together or, should that fail, one by one."""
        incoming: dict[int, Incoming] = {}
        replies: dict[int, Reply] = {}
        for number, one in enumerate(batch):
            raw = one.content.message()
            one.content.drop()
            if trace.hops(raw) > trace.MOST_HOPS:
                replies[number] = self._in_circles(one)
            else:
                incoming[number] = Incoming(one.mail_from, one.rcpt_tos, raw, one.arrival, one.login)
        try:
            answers = self._taken(list(incoming.values()))
        except Exception as error:  # noqa: BLE001 - one of them may be the cause
            answers = [self._alone(one) for one in incoming.values()] if len(incoming) > 1 else [self._failed(error)]
        replies.update(zip(incoming, answers, strict=True))
        return [replies[number] for number in range(len(batch))]

    def _taken(self, incoming: list[Incoming]) -> list[Reply]:
        try:
            results = relaying.take(self._house.environment, incoming)
        except Unavailable as error:
            return [self._failed(error)] * len(incoming)
        return [self._reply(result) for result in results]

    def _alone(self, incoming: Incoming) -> Reply:
        try:
            return self._taken([incoming])[0]
        except Exception as error:  # noqa: BLE001 - told; not stored, and the client tries again
            return self._failed(error)

    def _reply(self, result: str | TrackkitError) -> Reply:
        if isinstance(result, str):
            return Reply(250, "2.0.0", f"Ok: queued as {result}")
        if isinstance(result, MessageTooLarge):
            return self._house.too_large()
        return Reply(530 if isinstance(result, NotLoggedIn) else 554, "5.7.0", result.message)

    def _failed(self, error: Exception) -> Reply:
        if isinstance(error, Unavailable):
            why, advice = error.message, error.advice
        else:
            why, advice = f"{type(error).__name__}: {error}", "Report it; the client tries again."
        words = f"Mail from other programs could not be stored: {why}"
        self._house.tell(Severity.error, "store", words, advice)
        return LATER

    def _in_circles(self, one: Arrived) -> Reply:
        words = f"Mail from <{one.mail_from}> goes in circles: it has more than {trace.MOST_HOPS} Received fields."
        advice = "Look for hosts that hand it to each other."
        self._house.tell(Severity.warning, "loop", words, advice, one.arrival.address)
        return Reply(554, "5.4.6", "Too many hops: this mail goes in circles")
