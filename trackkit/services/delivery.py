"""What the mail engine asks of the queue: claim, settle, renew, rescue, purge. Synchronous; each is one transaction.

The engine decides nothing about recipients: it brings outcomes, `trackkit.domain.delivery.step` decides, and this
writes it down together with attempts and history.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.delivery import EVENT_OF_VERDICT, Event, Gone, State, Status, step
from trackkit.domain.log import Severity
from trackkit.domain.message import queue_id
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services.environment import Environment
from trackkit.services.mail import DIGESTS, SOURCE, policy
from trackkit.store import queue
from trackkit.store.database import Connection
from trackkit.store.queue import AttemptRow, ClaimedMessage, RecipientStatus

LEASE: Final = timedelta(minutes=5)
_CLAIM_BYTES: Final = 64 * 1024 * 1024
"""Messages held in memory at a time add up to no more (but one message is always taken)."""

_INTERRUPTED: Final = Outcome(
    Verdict.unknown, Stage.final_dot, Failure.interrupted, text="the server stopped before it knew the outcome"
)


@dataclass(frozen=True, slots=True)
class ClaimedRecipient:
    """A recipient to try."""

    recipient_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message leased to this worker."""

    message_id: int
    queue_id: str
    mail_from: str
    raw: bytes
    recipients: tuple[ClaimedRecipient, ...]
    mailed: bool = True
    """Trouble with it may be e-mailed: it is no mail about log entries itself."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of a claimed message. A recipient (by id) missing from `outcomes` is given back untried."""

    claimed: Claimed
    started_at: datetime
    ended_at: datetime
    host: str
    outcomes: Mapping[int, Outcome]
    conversation: str


@dataclass(slots=True)
class _Changes:
    """Everything one settling writes."""

    statuses: list[tuple[RecipientStatus, Status]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    attempts: list[AttemptRow] = field(default_factory=list)
    sent: list[tuple[RecipientStatus, AttemptRow, int]] = field(default_factory=list)
    conversations: dict[int, str] = field(default_factory=dict)
    failed: list[tuple[RecipientStatus, Outcome, bool]] = field(default_factory=list)


class DeliveryQueue:
    """The queue as one worker sees it."""

    def __init__(self, environment: Environment, worker: str, jitter: Callable[[], float] = random.random) -> None:
        self._environment = environment
        self._worker = worker
        self._jitter = jitter

    def options(self) -> Options:
        """The current options; cheap."""
        return self._environment.options.current

    def claim(self, limit: int) -> list[Claimed]:
        """Lease up to `limit` messages that are due; none while nothing may be sent."""
        if not self.may_send():
            return []
        now = self._environment.clock()

        def work(connection: Connection) -> list[ClaimedMessage]:
            room = self._environment.sending.room(connection)
            most = limit if room is None else min(limit, room)
            rows = queue.claim(connection, self._worker, now, LEASE, most, _CLAIM_BYTES) if most else []
            self._environment.sending.left(connection, len(rows))
            return rows

        rows = self._environment.store.write(work)
        return [
            Claimed(
                row.message_id,
                queue_id(row.message_id),
                row.mail_from,
                row.raw,
                tuple(ClaimedRecipient(key, address) for key, address in row.recipients),
                mailed=row.submitted_by != DIGESTS,
            )
            for row in rows
        ]

    def may_send(self) -> bool:
        """Whether anything may leave now: sending is set up, not paused, and its schedule is open. Cheap."""
        sending = self.options().sending
        return not sending.paused and sending.smtp.host is not None and self._environment.sending.opens_at() is None

    def settle(self, attempts: Sequence[Attempted]) -> None:
        """Write down what became of claimed messages, all in one transaction."""
        now = self._environment.clock()
        # By recipient: recipients of one message come due apart, so it can be under way in several claims at once.
        mine = {r.recipient_id: attempt for attempt in attempts for r in attempt.claimed.recipients}
        messages = {attempt.claimed.message_id for attempt in attempts}

        def work(connection: Connection) -> _Changes:
            changes = _Changes()
            for row in queue.leased(connection, self._worker, messages):
                if row.recipient_id in mine:
                    self._settle_recipient(row, mine[row.recipient_id], now, changes)
            _write(connection, changes)
            return changes

        self._report_failed(self._environment.store.write(work).failed)

    def renew(self, message_ids: Sequence[int]) -> None:
        """Prolong the leases of attempts that take long."""
        until = self._environment.clock() + LEASE
        self._environment.store.write(lambda connection: queue.renew(connection, self._worker, message_ids, until))

    def rescue(self, *, at_start: bool = False) -> int:
        """Give back what a lost worker held; `at_start` also what this one held before it was stopped."""
        now = self._environment.clock()

        def work(connection: Connection) -> tuple[int, bool]:
            rows = queue.stale(connection, now, self._worker if at_start else None)
            messages = {row.message_id for row in rows}
            mailed = messages != queue.submitted_by(connection, DIGESTS, messages)
            changes = _Changes()
            for row in rows:
                self._change(row, Event.rescue, now, changes)
                changes.outcomes[row.recipient_id] = _INTERRUPTED
            _write(connection, changes)
            return len(rows), mailed

        rescued, mailed = self._environment.store.write(work)
        if rescued:
            self._environment.log.write(
                Severity.warning,
                SOURCE,
                f"{rescued} recipients were being sent to when their worker stopped; they are tried again.",
                "A recipient whose mail was already accepted at that moment gets it twice.",
                mailed=mailed,
            )
        return rescued

    def purge(self) -> int:
        """Remove for good what was deleted more than ten minutes ago."""
        now = self._environment.clock()

        def work(connection: Connection) -> int:
            retry = policy(self.options())
            rows = [
                row
                for row in queue.purgeable(connection, now)
                if isinstance(step(row.status, Event.purge, retry, now), Gone)
            ]
            queue.remove_recipients(connection, [row.recipient_id for row in rows])
            queue.remove_finished(connection, {row.message_id for row in rows})
            return len(rows)

        return self._environment.store.write(work)

    def next_due_at(self) -> datetime | None:
        """When the next recipient is due and may be sent to; none when nothing waits."""
        due = self._environment.store.read(queue.next_due_at)
        blocked = self._environment.sending.blocked().until
        return due if due is None or blocked is None else max(due, blocked)

    def report(self, severity: Severity, message: str, details: str = "", *, mailed: bool = True) -> None:
        """Write to the server log in the mail engine's name; `mailed` as for `LogWriter.write`."""
        self._environment.log.write(severity, SOURCE, message, details, mailed=mailed)

    def _settle_recipient(self, row: RecipientStatus, attempt: Attempted, now: datetime, changes: _Changes) -> None:
        outcome = attempt.outcomes.get(row.recipient_id)
        if outcome is None:
            self._change(row, Event.yield_, now, changes)
            return
        new = self._change(row, EVENT_OF_VERDICT[outcome.verdict], now, changes)
        try_ = AttemptRow(row.message_id, row.address, attempt.started_at, attempt.ended_at, attempt.host, outcome)
        changes.outcomes[row.recipient_id] = outcome
        changes.attempts.append(try_)
        changes.conversations[row.message_id] = attempt.conversation
        if new is not None and new.state is State.sent:
            changes.sent.append((row, try_, new.tries))
        if new is not None and new.state is State.failed:
            changes.failed.append((row, outcome, attempt.claimed.mailed))

    def _change(self, row: RecipientStatus, event: Event, now: datetime, changes: _Changes) -> Status | None:
        new = step(row.status, event, policy(self.options()), now, self._jitter())
        if not isinstance(new, Status):
            return None
        changes.statuses.append((row, new))
        return new

    def _report_failed(self, failed: Iterable[tuple[RecipientStatus, Outcome, bool]]) -> None:
        for row, outcome, mailed in failed:
            self._environment.log.write(
                Severity.error if mailed else Severity.severe_error,  # of the latter nobody was told
                SOURCE,
                f"{queue_id(row.message_id)} could not be delivered to {row.address}.",
                f"{outcome.smtp_code or ''} {outcome.text}".strip(),
                mailed=mailed,
            )


def _write(connection: Connection, changes: _Changes) -> None:
    queue.add_history(connection, changes.sent)
    # Of a message that leaves the queue with this, and that is most of them, nothing else needs to be written.
    finished = queue.finished_by(connection, Counter(row.message_id for row, _, _ in changes.sent))
    queue.remove_messages(connection, finished)
    gone = {row.recipient_id for row, _ in changes.statuses if row.message_id in finished}
    statuses = [(row, new) for row, new in changes.statuses if row.recipient_id not in gone]
    queue.set_statuses(connection, statuses)
    queue.set_outcomes(connection, {key: value for key, value in changes.outcomes.items() if key not in gone})
    queue.add_attempts(connection, [a for a in changes.attempts if a.message_id not in finished])
    queue.note_attempts(connection, {k: text for k, text in changes.conversations.items() if k not in finished})
    queue.remove_finished(connection, {row.message_id for row, _ in statuses})
