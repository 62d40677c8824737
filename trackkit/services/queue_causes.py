"""What mail in the queue waits for, and which mail that is.

A cause is what `trackkit.domain.diagnosis` says, so it depends on the options and is in no column. Recipients that
share a state and the deciding parts of their last outcome share their cause: the store is asked for those groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trackkit.domain.delivery import State
from trackkit.domain.diagnosis import diagnose
from trackkit.domain.evidence import Diagnosis, Evidence
from trackkit.domain.message import MailType
from trackkit.domain.past import Past
from trackkit.domain.queue_groups import place
from trackkit.domain.replies import Outcome
from trackkit.services.environment import Environment
from trackkit.store import queue_view
from trackkit.store.database import Connection
from trackkit.store.queue_listing import Group
from trackkit.store.queue_view import CauseRow


@dataclass(frozen=True, slots=True)
class Part:
    """Recipients that share their cause for the same reasons."""

    row: CauseRow
    evidence: Evidence
    diagnosis: Diagnosis
    next_hop: str
    """What they are handed to, if that is where they are for; ``""`` = their domains are."""

    due: tuple[datetime, bool] | None
    """As in `Group`: whether they are due now, where that makes a difference."""

    @property
    def group(self) -> Group:
        """Those recipients, as the store knows them."""
        return Group(self.row.state, self.row.last, self.row.mail_type, self.due)


def parts(connection: Connection, environment: Environment, now: datetime, *, of_deleted: bool = False) -> list[Part]:
    """All unsent recipients, those with the most messages first; `of_deleted`: the deleted, as they were before."""
    # Schedule and limit keep only what is due.
    due_at = now if environment.sending.blocked().until is not None else None
    rows = queue_view.causes(connection, of_deleted=of_deleted, due_at=due_at)
    found = []
    for row in sorted(rows, key=lambda row: -row.messages):
        known = evidence(environment, now, row.state, row.next_attempt_at, row.example, 0, row.last, row.mail_type)
        due = None if due_at is None else (due_at, row.is_due)
        found.append(Part(row, known, diagnose(known), place(known), due))
    return found


def by_cause(found: Sequence[Part]) -> dict[str, list[Part]]:
    """The parts of each cause."""
    causes: dict[str, list[Part]] = {}
    for part in found:
        causes.setdefault(part.diagnosis.cause, []).append(part)
    return causes


def evidence(
    environment: Environment,
    now: datetime,
    state: State,
    next_attempt_at: datetime,
    address: str,
    tries: int,
    last: Outcome | None,
    mail_type: MailType,
    past: Past | None = None,
) -> Evidence:
    """What is known about a recipient, with what the options and the hour say of it."""
    options, blocked = environment.options.current, environment.sending.blocked()
    until = blocked.opens_at, blocked.room_at
    return Evidence(state, next_attempt_at, options, now, address, tries, last, *until, mail_type, past)
