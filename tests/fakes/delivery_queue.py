"""The mail queue in memory, with the class shape of `trackkit.services.delivery.DeliveryQueue`.

Built on the same `domain.delivery.step`, so that engine tests see real transitions; it can be told to be unavailable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from trackkit.domain.delivery import EVENT_OF_VERDICT, Event, State, Status, new_status, step
from trackkit.domain.errors import Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.message import BY_MAPI, MailType, domain_of
from trackkit.domain.options import Options, changed
from trackkit.domain.replies import Outcome
from trackkit.domain.schedule import RetryPolicy
from trackkit.domain.smtp_options import OAuth2Options
from trackkit.domain.trust import Trusted
from trackkit.services.attempts import Attempted, Claimed, ClaimedRecipient

POLICY = RetryPolicy(timedelta(days=5))


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass
class Row:
    """A recipient."""

    recipient_id: int
    message_id: int
    address: str
    status: Status
    last: Outcome | None = None
    mail_type: MailType = MailType.internet


class MemoryAccount:
    """What tokens are asked for with, in memory."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self.kept: list[str] = []

    def options(self) -> OAuth2Options:
        """The current ones."""
        return self._queue.current.sending.oauth2

    def keep(self, used: OAuth2Options, new: SecretStr) -> None:
        """The new refresh token is the option's value."""
        self.kept.append(new.get_secret_value())
        if used == self.options():
            self._queue.current = changed(self._queue.current, {"sending.oauth2.refresh_token": new})


class MemoryQueue:
    """Messages, recipients, and what the engine did with them."""

    def __init__(self, options: Options, clock: Callable[[], datetime] = utc_now) -> None:
        self.current = options
        self.clock = clock
        self.rows: dict[int, Row] = {}
        self.messages: dict[int, tuple[str, bytes]] = {}
        self.attempts: list[Attempted] = []
        self.batches: list[int] = []
        self.reports: list[tuple[Severity, str, str]] = []
        self.claims = 0
        self.trust: tuple[Trusted, ...] = ()
        self.renewed: set[int] = set()
        self.fails_on: Callable[[str, Sequence[Attempted]], bool] = lambda call, attempts: False
        """Whether this call is to fail, by its name."""
        self._lock = threading.Lock()
        self.token_account = MemoryAccount(self)

    def submit(self, raw: bytes, *rcpt_tos: str, mail_from: str = "a@example.com", by_mapi: Sequence[str] = ()) -> int:
        """Queue a message; its number."""
        with self._lock:
            key = len(self.messages) + 1
            self.messages[key] = (mail_from, raw)
            types = [*((a, MailType.internet) for a in rcpt_tos), *((a, MailType.mapi) for a in by_mapi)]
            for address, mail_type in types:
                number = len(self.rows) + 1
                self.rows[number] = Row(number, key, address, new_status(self.clock(), POLICY), None, mail_type)
            return key

    def states(self) -> list[State]:
        """Of all recipients, in order."""
        with self._lock:
            return [row.status.state for row in self.rows.values()]

    def apply(self, event: Event) -> None:
        """A verb of an administrator, on everything it applies to."""
        with self._lock:
            for row in self.rows.values():
                self._step(row, event)

    def options(self) -> Options:
        """The current options."""
        return self.current

    def trusted(self) -> tuple[Trusted, ...]:
        """The trusted certificates."""
        return self.trust

    def claim(self, limit: int, besides: Collection[str] = ()) -> list[Claimed]:
        """Due messages, leased."""
        self._maybe_fail("claim")
        with self._lock:
            self.claims += 1
            if not self.may_send():
                return []
            types = self.current.sending.open_types - ({MailType.mapi} if BY_MAPI in besides else set())
            found: dict[int, list[ClaimedRecipient]] = {}
            for row in self.rows.values():
                due = row.status.state in (State.queued, State.deferred) and row.status.next_attempt_at <= self.clock()
                here = domain_of(row.address) not in besides and row.mail_type in types
                if due and here and (row.message_id in found or len(found) < limit):
                    self._step(row, Event.claim)
                    recipient = ClaimedRecipient(row.recipient_id, row.address, row.mail_type)
                    found.setdefault(row.message_id, []).append(recipient)
            return [Claimed(key, f"Q{key}", *self.messages[key], tuple(rcpts)) for key, rcpts in found.items()]

    def may_send(self, claimed: Claimed | None = None) -> bool:
        """Whether a message (none = any at all) may leave now."""
        types = self.current.sending.open_types
        return bool(types) and (claimed is None or all(r.mail_type in types for r in claimed.recipients))

    def settle(self, attempts: Sequence[Attempted]) -> None:
        """Write down outcomes."""
        self._maybe_fail("settle", attempts)
        with self._lock:
            self.batches.append(len(attempts))
            for attempt in attempts:
                self.attempts.append(attempt)
                for recipient in attempt.claimed.recipients:
                    row, outcome = self.rows[recipient.recipient_id], attempt.outcomes.get(recipient.recipient_id)
                    assert row.status.state is State.active, "settled twice"
                    row.last = outcome or row.last
                    self._step(row, EVENT_OF_VERDICT[outcome.verdict] if outcome else Event.yield_)

    def renew(self, message_ids: Sequence[int]) -> None:
        """Prolong leases."""
        self._maybe_fail("renew")
        self.renewed |= set(message_ids)

    def is_there(self) -> bool:
        """Always."""
        return True

    def still_holds(self, claimed: Claimed) -> bool:
        """Nobody else works on this queue."""
        return True

    def rescue(self) -> int:
        """Nobody else works on this queue."""
        self._maybe_fail("rescue")
        return 0

    def purge(self) -> int:
        """Nothing is deleted here."""
        self._maybe_fail("purge")
        return 0

    def next_due_at(self) -> datetime | None:
        """When the next recipient is due."""
        with self._lock:
            waiting = (State.queued, State.deferred)
            return min(
                (row.status.next_attempt_at for row in self.rows.values() if row.status.state in waiting), default=None
            )

    def report(self, severity: Severity, message: str, details: str = "", *, mailed: bool = True) -> None:
        """Keep a report."""
        self.reports.append((severity, message, details))

    def make_due(self) -> None:
        """What is deferred is due now, without being asked for."""
        with self._lock:
            for row in self.rows.values():
                row.status = replace(row.status, next_attempt_at=self.clock())

    def _step(self, row: Row, event: Event) -> None:
        new = step(row.status, event, POLICY, self.clock())
        if isinstance(new, Status):
            row.status = new

    def _maybe_fail(self, call: str, attempts: Sequence[Attempted] = ()) -> None:
        if self.fails_on(call, attempts):
            raise Unavailable("the store is away")
