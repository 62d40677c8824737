"""Days of sending in simulated time, made of nothing but the pure core: `domain.delivery.step`, the retry policy, the
sending schedule and the messages a minute. A clock that jumps from event to event and one seeded random source: the
same seed gives the same trace.

Mail comes in all through the first day; the simulation goes on until every recipient is sent to or has failed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from trackkit.domain import sending_times
from trackkit.domain.delivery import EVENT_OF_VERDICT, Event, State, Status, new_status, step
from trackkit.domain.replies import Verdict
from trackkit.domain.schedule import RetryPolicy
from trackkit.domain.sending_times import schedule_of

DAY = timedelta(days=1)


@dataclass
class Host:
    """A mail host. It answers a try for a recipient with a verdict, after some seconds.

    Parameters
    ----------
    down: (from, to) in hours after the start: nobody answers.
    greylists: turns everybody away who has not first come at least five minutes ago.
    rejects: share of the recipients that it does not know.
    loses: share of the replies after the final dot that are lost, although the mail was taken.
    """

    name: str
    down: tuple[tuple[float, float], ...] = ()
    greylists: bool = False
    rejects: float = 0.0
    loses: float = 0.0
    taken: list[int] = field(default_factory=list, repr=False)
    """The recipients whose mail it took, in that order."""
    first_seen: dict[int, datetime] = field(default_factory=dict, repr=False)

    def answer(self, recipient: int, now: datetime, start: datetime, choose: random.Random) -> tuple[Verdict, float]:
        """(verdict, seconds it took)."""
        hours = (now - start) / timedelta(hours=1)
        if any(begin <= hours < end for begin, end in self.down):
            return Verdict.temporary, 30.0
        seconds = choose.uniform(0.2, 3.0)
        first = self.first_seen.setdefault(recipient, now)
        if self.greylists and now - first < timedelta(minutes=5):
            return Verdict.temporary, seconds
        if random.Random(recipient).random() < self.rejects:
            return Verdict.permanent, seconds
        self.taken.append(recipient)
        return (Verdict.unknown if choose.random() < self.loses else Verdict.accepted), seconds


@dataclass(frozen=True)
class Try:
    """One try for one recipient."""

    recipient: int
    message: int
    left_at: datetime
    ended_at: datetime
    verdict: Verdict
    after: Status


@dataclass
class Recipient:
    """A recipient of a message."""

    number: int
    message: int
    host: Host
    status: Status
    tries: list[Try] = field(default_factory=list)
    ended: list[State] = field(default_factory=list)
    """Each time it came to an end."""


@dataclass
class Days:
    """What is simulated. `zone` is the server's; `start` an aware instant."""

    seed: int
    start: datetime
    hosts: list[Host]
    schedule: str = ""
    zone: str = "UTC"
    messages_per_minute: int | None = None
    keep_trying: timedelta = DAY
    connections: int = 10
    messages: int = 1600
    recipients: list[Recipient] = field(default_factory=list, repr=False)
    trace: list[Try] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._choose = random.Random(self.seed)
        self._policy = RetryPolicy(self.keep_trying)
        self._schedule = schedule_of(self.schedule)
        self._lately: list[tuple[int, int]] = []
        self._free = self.connections
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self._messages: dict[int, list[Recipient]] = {}
        # Messages by when a recipient of theirs is due: a heap.
        self._waiting: list[tuple[datetime, int]] = []
        self._wakes_at: datetime | None = None
        self.now = self.start

    def run(self) -> list[Try]:
        """Simulate to the end; the trace."""
        for number in range(self.messages):
            at = self.start + timedelta(seconds=self._choose.randrange(24 * 3600))
            self._at(at, lambda number=number: self._submit(number))  # type: ignore[misc]
        while self._events:
            self.now, _, work = heapq.heappop(self._events)
            work()
            self._claim()
        return self.trace

    def _at(self, when: datetime, work: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, work))

    def _submit(self, number: int) -> None:
        for _ in range(self._choose.choice((1, 1, 1, 2, 3))):
            recipient = Recipient(
                len(self.recipients), number, self._choose.choice(self.hosts), new_status(self.now, self._policy)
            )
            self.recipients.append(recipient)
            self._messages.setdefault(number, []).append(recipient)
        heapq.heappush(self._waiting, (self.now, number))

    def _claim(self) -> None:
        """Let leave what is due, as far as the schedule, the limit and free connections allow; else wake up then."""
        while self._free and self._waiting:
            due_at, message = self._waiting[0]
            blocked_until = self._blocked_until()
            if due_at > self.now or blocked_until is not None:
                self._wake(max(due_at, blocked_until or due_at))
                return
            heapq.heappop(self._waiting)
            self._leave(message)

    def _blocked_until(self) -> datetime | None:
        opens_at = self._schedule.opens_at(self.now, ZoneInfo(self.zone))
        second, room_at = int(self.now.timestamp()), None
        if self.messages_per_minute is not None and not sending_times.room(
            self._lately, second, self.messages_per_minute
        ):
            at = sending_times.room_at(self._lately, second, self.messages_per_minute)
            room_at = datetime.fromtimestamp(at, UTC)
        return max((at for at in (opens_at, room_at) if at is not None), default=None)

    def _wake(self, when: datetime) -> None:
        if self._wakes_at is None or not self.now < self._wakes_at <= when:
            self._wakes_at = when
            self._at(when, lambda: None)

    def _leave(self, message: int) -> None:
        """One connection takes the message's due recipients, one after the other."""
        taken = []
        for recipient in self._messages[message]:
            claimed = step(recipient.status, Event.claim, self._policy, self.now)
            if isinstance(claimed, Status):
                recipient.status = claimed
                taken.append(recipient)
        if not taken:
            return
        self._free -= 1
        if self.messages_per_minute is not None:
            self._lately = sending_times.after_leaving(self._lately, int(self.now.timestamp()), 1)
        answers = [(r, *r.host.answer(r.number, self.now, self.start, self._choose)) for r in taken]
        left_at = self.now
        self._at(
            self.now + timedelta(seconds=max(seconds for _, _, seconds in answers)),
            lambda: self._settle(message, left_at, [(r, verdict) for r, verdict, _ in answers]),
        )

    def _settle(self, message: int, left_at: datetime, outcomes: list[tuple[Recipient, Verdict]]) -> None:
        self._free += 1
        for recipient, verdict in outcomes:
            after = step(recipient.status, EVENT_OF_VERDICT[verdict], self._policy, self.now, self._choose.random())
            assert isinstance(after, Status), f"{verdict} does not apply to {recipient}"
            recipient.status = after
            done = Try(recipient.number, message, left_at, self.now, verdict, after)
            recipient.tries.append(done)
            self.trace.append(done)
            if after.state in (State.sent, State.failed):
                recipient.ended.append(after.state)
            else:
                heapq.heappush(self._waiting, (after.next_attempt_at, message))
