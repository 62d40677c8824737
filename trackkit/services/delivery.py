"""What the mail engine asks of the queue: claim, settle, renew, rescue, purge. Synchronous; each is one transaction.

The engine decides nothing about recipients: it brings outcomes, `trackkit.domain.delivery.step` decides, and this
writes it down together with attempts and history.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from trackkit.domain.delivery import EVENT_OF_VERDICT, Event, Gone, State, Status, step
from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import SERVER
from trackkit.domain.message import BY_MAPI, MailType, queue_id
from trackkit.domain.notices import Undelivered
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services.environment import MailEnvironment
from trackkit.services.mail import DIGESTS, SOURCE, policy
from trackkit.services.mail_membership import Beat, Membership
from trackkit.services.notices import Tell, server_name, tell_senders
from trackkit.store import mail_workers, queue, queue_claim
from trackkit.store.database import Connection
from trackkit.store.queue import AttemptRow, RecipientStatus
from trackkit.store.queue_claim import ClaimedMessage

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
    mail_type: MailType = MailType.internet


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
    holder: str = ""
    """In which life of which worker it was claimed."""


class Said(Protocol):
    """A conversation that nobody adds to any more."""

    @property
    def text(self) -> str:
        """For a person to read. May be called in any thread."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of a claimed message. A recipient (by id) missing from `outcomes` is given back untried."""

    claimed: Claimed
    started_at: datetime
    ended_at: datetime
    host: str
    outcomes: Mapping[int, Outcome]
    said: str | Said
    """The conversation with the host, or what makes its text."""

    @property
    def conversation(self) -> str:
        """What was said, made when it is asked for: of a message that is sent it never is."""
        return self.said if isinstance(self.said, str) else self.said.text


@dataclass(slots=True)
class _Changes:
    """Everything one settling writes."""

    statuses: list[tuple[RecipientStatus, Status]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    attempts: list[AttemptRow] = field(default_factory=list)
    sent: list[tuple[RecipientStatus, AttemptRow, int]] = field(default_factory=list)
    told_by: dict[int, Attempted] = field(default_factory=dict)
    """The attempts whose conversations are kept, by message."""
    tries: dict[int, int] = field(default_factory=dict)
    failed: list[tuple[RecipientStatus, Outcome, bool]] = field(default_factory=list)
    to_tell: list[Tell] = field(default_factory=list)


class DeliveryQueue:
    """The queue as one worker sees it."""

    def __init__(self, environment: MailEnvironment, worker: str, jitter: Callable[[], float] = random.random) -> None:
        self._environment = environment
        self.worker = worker
        self._jitter = jitter
        self._membership = Membership(
            environment.store,
            worker,
            environment.clock,
            lambda: environment.options.current.sending.timing.connections,
        )
        self._shared: tuple[Options, int, Options] | None = None

    def options(self) -> Options:
        """The current options as they count for this worker: `connections` is its share. Cheap."""
        current, share = self._environment.options.current, self._membership.connections
        if share == current.sending.timing.connections:
            return current
        if self._shared is None or self._shared[0] is not current or self._shared[1] != share:
            self._shared = (current, share, _with_connections(current, share))
        return self._shared[2]

    def join(self, *, as_the_only_one: bool = False) -> None:
        """Become one of the server's workers; `as_the_only_one` of this name: what an earlier one held is over."""
        self._membership.join(alone_of_its_name=as_the_only_one)

    def beat(self, open_connections: int) -> Beat:
        """Tell the others that this worker is there, and look for lost ones; what those held is given back."""
        beat = self._membership.beat(open_connections)
        if beat.was_lost:
            words = f"The mail worker {self.worker} was not heard of for a while and taken for lost; it goes on anew."
            self.report(Severity.warning, words, "What it held was given to the others.")
        for row in beat.lost:
            words = f"The mail worker {row.name} is lost: nothing is heard of it any more. What it held is given back."
            self.report(Severity.warning, words, f"Last heard of at {row.seen_at:%Y-%m-%d %H:%M:%S} UTC.")
        if beat.lost:
            self.rescue()
        return beat

    def leave(self) -> None:
        """Be none of the workers any more."""
        self._membership.leave()

    def claim(self, limit: int, besides: Collection[str] = ()) -> list[Claimed]:
        """Lease up to `limit` messages that are due; none while nothing may be sent.

        Parameters
        ----------
        besides: domains whose recipients are left where they are; `BY_MAPI` among them: all that go by MAPI.
        """
        types = self._open_types() - ({MailType.mapi} if BY_MAPI in besides else set())
        if not types:
            return []
        domains = [one for one in besides if one != BY_MAPI]
        if self._membership.holder is None:
            self.join()
        now, holder = self._environment.clock(), self._membership.holder or ""

        def work(connection: Connection) -> list[ClaimedMessage]:
            mail_workers.never_idle(connection)
            if not self._membership.is_there(connection, holder):
                return []
            room = self._environment.sending.room(connection)
            most = limit if room is None else min(limit, room)
            bounds = (LEASE, most, _CLAIM_BYTES, domains, types)
            rows = queue_claim.claim(connection, holder, now, *bounds) if most else []
            self._environment.sending.left(connection, len(rows))
            return rows

        rows = self._environment.store.write(work)
        return [
            Claimed(
                row.message_id,
                queue_id(row.message_id),
                row.mail_from,
                row.raw,
                tuple(ClaimedRecipient(*recipient) for recipient in row.recipients),
                mailed=row.submitted_by != DIGESTS,
                holder=holder,
            )
            for row in rows
        ]

    def may_send(self, claimed: Claimed | None = None) -> bool:
        """Whether a message (none = any at all) may leave here now: the way of its recipients is set up and not paused,
        the schedule is open, and there are connections for this worker. Cheap."""
        types = self._open_types()
        return bool(types) and (claimed is None or all(r.mail_type in types for r in claimed.recipients))

    def _open_types(self) -> frozenset[MailType]:
        """The types of recipients that may be sent to here and now."""
        sending = self.options().sending
        if sending.timing.connections <= 0 or self._environment.sending.opens_at() is not None:
            return frozenset()
        types = sending.open_types
        # What the server's own machine does not have is an outcome with a reason; other workers leave it to it.
        return types if self.worker == SERVER else self._environment.machine.able(types, sending)

    def is_there(self) -> bool:
        """Whether the others have heard of this worker lately, so that nobody takes it for lost. Cheap."""
        return self._membership.is_fresh

    def still_holds(self, claimed: Claimed) -> bool:
        """Whether a message is certainly still leased to this worker; else it must not be sent. Cheap."""
        return claimed.holder == self._membership.holder and self.is_there()

    def settle(self, attempts: Sequence[Attempted]) -> None:
        """Write down what became of claimed messages, and tell senders of failures, all in one transaction.

        Of what was claimed before this worker was taken for lost nothing is: it is somebody else's by now.
        """
        now, holder = self._environment.clock(), self._membership.holder or ""
        own = [attempt for attempt in attempts if attempt.claimed.holder == holder]
        # By recipient: recipients of one message come due apart, so it can be under way in several claims at once.
        mine = {r.recipient_id: attempt for attempt in own for r in attempt.claimed.recipients}
        messages = {attempt.claimed.message_id for attempt in own}
        if any(outcome.failure for attempt in own for outcome in attempt.outcomes.values()):
            server_name()  # may take a while the first time: not inside the transaction

        def work(connection: Connection) -> tuple[_Changes, bool]:
            mail_workers.never_idle(connection)
            changes = _Changes()
            for row in queue.leased(connection, holder, messages):
                if row.recipient_id in mine:
                    self._settle_recipient(row, mine[row.recipient_id], now, changes)
            told = tell_senders(connection, self._environment, changes.to_tell, now)
            _write(connection, changes)
            return changes, told

        changes, told = self._environment.store.write(work)
        self._report_failed(changes.failed)
        if told:
            self._environment.mail_changed()

    def renew(self, message_ids: Sequence[int]) -> None:
        """Prolong the leases of attempts that take long."""
        until, holder = self._environment.clock() + LEASE, self._membership.holder or ""
        self._environment.store.write(lambda connection: queue.renew(connection, holder, message_ids, until))

    def rescue(self) -> int:
        """Give back what workers held that are not there any more, and what was held for too long."""
        now = self._environment.clock()

        def work(connection: Connection) -> tuple[int, bool]:
            # Holders first: whoever holds a lease has joined before, so one that is not found afterwards is gone.
            holders = queue.holders(connection)
            there = {mail_workers.holder_of(row.name, row.life) for row in mail_workers.present(connection)}
            rows = queue.stale(connection, now, holders - there)
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
        now, types = self._environment.clock(), self._open_types()

        def read(connection: Connection) -> datetime | None:
            # What is due and may not leave is looked for only if there is something due: most often there is not.
            due = queue.next_due_at(connection)
            return queue.next_due_at(connection, types) if types and due is not None and due <= now else due

        due = self._environment.store.read(read)
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
        # Of several conversations about a message that are settled together, one with trouble in it tells more.
        if outcome.verdict is not Verdict.accepted or row.message_id not in changes.told_by:
            changes.told_by[row.message_id] = attempt
        changes.tries[row.message_id] = max(changes.tries.get(row.message_id, 0), row.status.tries + 1)
        if new is not None and new.state is State.sent:
            changes.sent.append((row, try_, new.tries))
        if new is not None and new.state is State.failed:
            changes.failed.append((row, outcome, attempt.claimed.mailed))
        if new is not None and new.state in (State.failed, State.deferred):
            changes.to_tell.append(_tell(row, new, attempt, outcome))

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


def _tell(row: RecipientStatus, new: Status, attempt: Attempted, outcome: Outcome) -> Tell:
    until = new.expires_at if new.state is State.deferred else None
    one = Undelivered(row.address, outcome, attempt.host, attempt.ended_at, new.tries, until)
    return Tell(row.message_id, attempt.claimed.mail_from, attempt.claimed.raw, one)


def _write(connection: Connection, changes: _Changes) -> None:
    queue.add_history(connection, changes.sent)
    # Of a message that leaves the queue with this, and that is most of them, nothing else needs to be written.
    finished = queue.remove_sent(connection, [row for row, _, _ in changes.sent])
    gone = {row.recipient_id for row, _ in changes.statuses if row.message_id in finished}
    statuses = [(row, new) for row, new in changes.statuses if row.recipient_id not in gone]
    if not statuses:
        return
    queue.set_statuses(connection, statuses)
    queue.set_outcomes(connection, {key: value for key, value in changes.outcomes.items() if key not in gone})
    queue.add_attempts(connection, [a for a in changes.attempts if a.message_id not in finished])
    conversations = {key: attempt.conversation for key, attempt in changes.told_by.items() if key not in finished}
    queue.note_attempts(connection, conversations, changes.tries)
    queue.remove_finished(connection, {row.message_id for row, _ in statuses})


def _with_connections(options: Options, connections: int) -> Options:
    timing = options.sending.timing.model_copy(update={"connections": connections})
    return options.model_copy(update={"sending": options.sending.model_copy(update={"timing": timing})})
