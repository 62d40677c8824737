"""What the mail engine asks of the queue: claim, settle, renew, rescue, purge. Synchronous; each is one transaction.

The engine decides nothing about recipients: it brings outcomes, `trackkit.domain.delivery.step` decides, and this
writes it down together with attempts and history.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from trackkit.domain.delivery import EVENT_OF_VERDICT, Event, Gone, Status, step
from trackkit.domain.evidence import Evidence
from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import SECOND, SERVER
from trackkit.domain.message import BY_MAPI, MailType, queue_id
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.trust import Trusted
from trackkit.services.attempts import Attempted, Claimed, ClaimedRecipient
from trackkit.services.environment import MailEnvironment
from trackkit.services.mail import DIGESTS, SOURCE, policy
from trackkit.services.mail_membership import Beat, Membership
from trackkit.services.notices import server_name, tell_senders
from trackkit.services.settlement import Changes, Trouble
from trackkit.services.token_account import TokenAccount
from trackkit.services.trust import record
from trackkit.store import mail_workers, queue, queue_claim, queue_sent
from trackkit.store.database import Connection
from trackkit.store.queue import RecipientStatus, reply_words
from trackkit.store.queue_claim import Content, DueMessage
from trackkit.store.queue_sent import Accepted, NotAll

LEASE: Final = timedelta(minutes=5)
_CLAIM_BYTES: Final = 64 * 1024 * 1024
"""Messages held in memory at a time add up to no more (but one message is always taken)."""

_LOOKS: Final = 5
"""At what is due, where another worker has taken all that was found: more may be. Who has found nothing rests."""

_NOTHING: Final = Content("", b"", "")

_MOST_TOGETHER: Final = 10
"""Recipients of a message that leaves the queue by the short way."""

_INTERRUPTED: Final = Outcome(
    Verdict.unknown, Stage.final_dot, Failure.interrupted, text="the server stopped before it knew the outcome"
)


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
        self.token_account = TokenAccount(environment)

    def options(self) -> Options:
        """The current options as they count for this worker: `connections` is its share. Cheap."""
        current, share = self._environment.options.current, self._membership.connections
        if share == current.sending.timing.connections:
            return current
        if self._shared is None or self._shared[0] is not current or self._shared[1] != share:
            self._shared = (current, share, _with_connections(current, share))
        return self._shared[2]

    def trusted(self) -> tuple[Trusted, ...]:
        """The certificates that are trusted although they do not verify. Cheap."""
        return self._environment.trust.current

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

    def expect_others(self) -> None:
        """Other processes may send, too, from now on."""
        self._membership.expect_others()

    def second_is_over(self) -> None:
        """The second process has ended, in whatever way: this worker is alone again, and what it held is given back."""
        self._membership.be_alone()
        self._environment.store.write(lambda connection: mail_workers.forget(connection, SECOND))
        self.rescue()

    def leave(self) -> None:
        """Be none of the workers any more, and write down what was counted."""
        self._membership.leave()
        self._environment.tally.write(self._environment.store)

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
        store = self._environment.store
        now, holder = self._environment.clock(), self._membership.holder or ""
        leased: list[DueMessage] | None = None
        for _ in range(_LOOKS):
            found = store.read(lambda connection: queue_claim.due(connection, now, limit, _CLAIM_BYTES, domains, types))
            if not found:
                return []
            if not self._membership.alone and self._environment.trust.follow():
                return []  # it may be due because of trust that this worker did not know of
            leased = store.write(partial(self._lease, found, now, holder))
            if leased is not None:
                break
        if not leased:
            return []
        keys = [message.message_id for message in leased]
        try:
            contents = store.read(lambda connection: queue_claim.contents(connection, keys))
        except BaseException:
            # Held by this worker, and nobody to send it: it must not stay so until the lease ends.
            self.settle([Attempted.untried(_claimed(message, _NOTHING, holder), now) for message in leased])
            raise
        return [_claimed(message, contents[message.message_id], holder) for message in leased]

    def _lease(
        self, found: Sequence[DueMessage], now: datetime, holder: str, connection: Connection
    ) -> list[DueMessage] | None:
        """Lease as many of them as may leave now; none = others have them all."""
        mail_workers.never_idle(connection)
        if not self._membership.is_there(connection, holder):
            return []
        room = self._environment.sending.room(connection)
        leased = queue_claim.lease(connection, holder, now, now + LEASE, found[:room])
        self._environment.sending.left(connection, len(leased))
        return leased if leased or room == 0 else None

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
        if own and all(map(_went_well, own)) and self._leave(own, holder):
            return
        # By recipient: recipients of one message come due apart, so it can be under way in several claims at once.
        mine = {r.recipient_id: attempt for attempt in own for r in attempt.claimed.recipients}
        messages = {attempt.claimed.message_id for attempt in own}
        if any(outcome.failure for attempt in own for outcome in attempt.outcomes.values()):
            server_name()  # may take a while the first time: not inside the transaction

        def work(connection: Connection) -> tuple[Changes, bool]:
            mail_workers.never_idle(connection)
            changes = Changes()
            for row in queue.leased(connection, holder, messages):
                if row.recipient_id in mine:
                    self._settle_recipient(row, mine[row.recipient_id], now, changes)
            record(connection, (o.certificate for one in own for o in one.outcomes.values() if o.certificate))
            told = tell_senders(connection, self._environment, changes.to_tell, now)
            changes.write(connection)
            return changes, told

        changes, told = self._environment.store.write(work)
        self._count(changes.troubles, now)
        self._report_failed(changes.failed)
        if told:
            self._environment.mail_changed()

    def _leave(self, attempts: Sequence[Attempted], holder: str) -> bool:
        """Settle attempts that all went well; False when something is not as usual, and nothing was done."""
        accepted = [
            Accepted(
                attempt.claimed.message_id,
                recipient.recipient_id,
                attempt.ended_at,
                attempt.host,
                reply_words(attempt.outcomes[recipient.recipient_id]),
            )
            for attempt in attempts
            for recipient in attempt.claimed.recipients
        ]

        def work(connection: Connection) -> None:
            mail_workers.never_idle(connection)
            queue_sent.leave(connection, holder, accepted)

        store = self._environment.store
        try:
            if store.is_sqlite:
                store.write_at_once(lambda connection: queue_sent.leave_at_once(connection, holder, accepted))
            else:
                store.write(work)
        except NotAll:
            return False
        return True

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
            changes = Changes()
            for row in rows:
                self._change(row, Event.rescue, now, changes)
                changes.outcomes[row.recipient_id] = _INTERRUPTED
            changes.write(connection)
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
        """Remove for good what was deleted more than ten minutes ago; write down what was counted meanwhile."""
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

        purged = self._environment.store.write(work)
        self._environment.tally.write(self._environment.store)
        return purged

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

    def _settle_recipient(self, row: RecipientStatus, attempt: Attempted, now: datetime, changes: Changes) -> None:
        outcome = attempt.outcomes.get(row.recipient_id)
        if outcome is None:
            self._change(row, Event.yield_, now, changes)
            return
        new = self._change(row, EVENT_OF_VERDICT[outcome.verdict], now, changes)
        changes.tried(row, new, attempt, outcome)

    def _change(self, row: RecipientStatus, event: Event, now: datetime, changes: Changes) -> Status | None:
        new = step(row.status, event, policy(self.options()), now, self._jitter())
        if not isinstance(new, Status):
            return None
        changes.statuses.append((row, new))
        return new

    def _count(self, troubles: Iterable[Trouble], now: datetime) -> None:
        options, tally = self.options(), self._environment.tally
        for one in troubles:
            status, known = one.status, (one.address, one.status.tries, one.outcome)
            evidence = Evidence(status.state, status.next_attempt_at, options, now, *known, mail_type=one.mail_type)
            tally.tried(evidence, one.host)

    def _report_failed(self, failed: Iterable[tuple[RecipientStatus, Outcome, bool]]) -> None:
        for row, outcome, mailed in failed:
            self._environment.log.write(
                Severity.error if mailed else Severity.severe_error,  # of the latter nobody was told
                SOURCE,
                f"{queue_id(row.message_id)} could not be delivered to {row.address}.",
                f"{outcome.smtp_code or ''} {outcome.text}".strip(),
                mailed=mailed,
            )


def _claimed(message: DueMessage, content: Content, holder: str) -> Claimed:
    return Claimed(
        message.message_id,
        queue_id(message.message_id),
        content.mail_from,
        content.raw,
        tuple([ClaimedRecipient(*recipient) for recipient in message.recipients]),
        mailed=content.submitted_by != DIGESTS,
        holder=holder,
    )


def _went_well(attempt: Attempted) -> bool:
    """Whether the message was accepted for everybody it was for, so that it leaves the queue."""
    outcomes, claimed = attempt.outcomes, attempt.claimed
    return (
        not claimed.is_part
        and len(outcomes) == len(claimed.recipients) <= _MOST_TOGETHER
        and all(outcome.verdict is Verdict.accepted for outcome in outcomes.values())
    )


def _with_connections(options: Options, connections: int) -> Options:
    timing = options.sending.timing.model_copy(update={"connections": connections})
    return options.model_copy(update={"sending": options.sending.model_copy(update={"timing": timing})})
