"""What one settling of attempts changes in the queue: gathered first, then written in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from trackkit.domain.delivery import State, Status
from trackkit.domain.message import MailType
from trackkit.domain.notices import Undelivered
from trackkit.domain.replies import Outcome, Verdict
from trackkit.services.attempts import Attempted
from trackkit.services.notices import Tell
from trackkit.store import queue
from trackkit.store.database import Connection
from trackkit.store.queue import AttemptRow, RecipientStatus


@dataclass(frozen=True, slots=True)
class Trouble:
    """A try that failed, with the recipient's status since."""

    address: str
    mail_type: MailType
    status: Status
    outcome: Outcome
    host: str


@dataclass(slots=True)
class Changes:
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
    troubles: list[Trouble] = field(default_factory=list)

    def tried(self, row: RecipientStatus, new: Status | None, attempt: Attempted, outcome: Outcome) -> None:
        """Add what became of a recipient; `new` is its status then, none when somebody else decided about it."""
        try_ = AttemptRow(row.message_id, row.address, attempt.started_at, attempt.ended_at, attempt.host, outcome)
        self.outcomes[row.recipient_id] = outcome
        self.attempts.append(try_)
        # Of several conversations about a message that are settled together, one with trouble in it tells more.
        if outcome.verdict is not Verdict.accepted or row.message_id not in self.told_by:
            self.told_by[row.message_id] = attempt
        self.tries[row.message_id] = max(self.tries.get(row.message_id, 0), row.status.tries + 1)
        if new is None:
            return
        if new.state is State.sent:
            self.sent.append((row, try_, new.tries))
        if new.state is State.failed:
            self.failed.append((row, outcome, attempt.claimed.mailed))
        if new.state in (State.failed, State.deferred):
            self.to_tell.append(_tell(row, new, attempt, outcome))
            self.troubles.append(Trouble(row.address, _mail_type(row, attempt), new, outcome, attempt.host))

    def write(self, connection: Connection) -> None:
        """Write all of it."""
        queue.add_history(connection, self.sent)
        # Of a message that leaves the queue with this, and that is most of them, nothing else needs to be written.
        finished = queue.remove_sent(connection, [(row.message_id, row.recipient_id) for row, _, _ in self.sent])
        gone = {row.recipient_id for row, _ in self.statuses if row.message_id in finished}
        statuses = [(row, new) for row, new in self.statuses if row.recipient_id not in gone]
        if not statuses:
            return
        queue.set_statuses(connection, statuses)
        queue.set_outcomes(connection, {key: value for key, value in self.outcomes.items() if key not in gone})
        queue.add_attempts(connection, [a for a in self.attempts if a.message_id not in finished])
        conversations = {key: attempt.conversation for key, attempt in self.told_by.items() if key not in finished}
        queue.note_attempts(connection, conversations, self.tries)
        queue.remove_finished(connection, {row.message_id for row, _ in statuses})


def _mail_type(row: RecipientStatus, attempt: Attempted) -> MailType:
    return next(r.mail_type for r in attempt.claimed.recipients if r.recipient_id == row.recipient_id)


def _tell(row: RecipientStatus, new: Status, attempt: Attempted, outcome: Outcome) -> Tell:
    until = new.expires_at if new.state is State.deferred else None
    one = Undelivered(row.address, outcome, attempt.host, attempt.ended_at, new.tries, until)
    return Tell(row.message_id, attempt.claimed.mail_from, attempt.claimed.raw, one)
