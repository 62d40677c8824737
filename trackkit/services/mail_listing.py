"""The mail queue as listings: pages, ids, and the queue as a whole by state and by cause (`queue_causes`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from trackkit.contract import mail as contract
from trackkit.contract.fixes import FixView
from trackkit.contract.operation import Nothing
from trackkit.domain.delivery import State, message_state
from trackkit.domain.diagnosis import diagnose
from trackkit.domain.errors import InvalidInput
from trackkit.domain.evidence import Diagnosis
from trackkit.domain.fixes import Fix
from trackkit.domain.message import domain_of, queue_id, queue_number
from trackkit.domain.past import Past
from trackkit.services.environment import Call, Environment
from trackkit.services.queue_causes import Part, by_cause, evidence, parts
from trackkit.store import queue_listing, queue_view
from trackkit.store.database import Connection
from trackkit.store.queue_listing import Order, Place, Wanted
from trackkit.store.queue_view import MessageRow, RecipientRow

_COLUMN: Final = {
    contract.QueueSort.queued_at: "id",
    contract.QueueSort.attempts: "attempts",
    contract.QueueSort.subject: "subject",
    contract.QueueSort.sender: "mail_from",
    contract.QueueSort.size: "size",
}
_NO_PASTS: Final[Mapping[str, Past]] = {}
_NUMBERS: Final = (contract.QueueSort.attempts, contract.QueueSort.size)


def list_queue(call: Call, request: contract.ListQueue) -> contract.QueuePage:
    """A page of the queue with the number of all messages that match."""
    order, before = _order(request), _place(request, "before", request.before)

    def work(connection: Connection) -> tuple[list[MessageRow], int]:
        wanted = wanted_by(connection, call, request)
        return (
            queue_listing.page(connection, wanted, order, before, request.limit + 1),
            queue_listing.count(connection, wanted),
        )

    rows, total = call.environment.store.read(work)
    shown = tuple(message_view(call, row) for row in rows[: request.limit])
    last = shown[-1] if len(rows) > request.limit else None
    return contract.QueuePage(
        messages=shown,
        next_before=contract.place(last.queue_id, request.sort, getattr(last, request.sort)) if last else None,
        total=total,
    )


def list_ids(call: Call, request: contract.ListQueueIds) -> contract.QueueIds:
    """The ids alone, for selections that reach further than what is shown."""
    order = _order(request)
    first, last, before = (_place(request, name, getattr(request, name)) for name in ("first", "last", "before"))
    rows = call.environment.store.read(
        lambda connection: queue_listing.ids(
            connection, wanted_by(connection, call, request), order, first, last, before, request.limit + 1
        )
    )
    shown = rows[: request.limit]
    return contract.QueueIds(
        queue_ids=tuple(queue_id(key) for key, _ in shown),
        next_before=(
            contract.place(queue_id(shown[-1][0]), request.sort, shown[-1][1]) if len(rows) > request.limit else None
        ),
    )


def summarise(call: Call, request: Nothing) -> contract.QueueSummary:
    """The queue by state and by cause."""
    return summary(call.environment, call.now)


def summary(environment: Environment, now: datetime) -> contract.QueueSummary:
    """The queue by state, and its causes, the most frequent first. A message can wait for several causes."""

    def work(connection: Connection) -> contract.QueueSummary:
        found = by_cause(parts(connection, environment, now))
        for cause in found:
            environment.tally.found(cause, now)
        causes = [_cause(connection, of_it) for of_it in found.values()]
        return contract.QueueSummary(
            states=queue_view.states(connection), causes=tuple(sorted(causes, key=lambda cause: -cause.messages))
        )

    return environment.store.read(work)


def _cause(connection: Connection, of_it: Sequence[Part]) -> contract.CauseCount:
    return contract.CauseCount(
        diagnosis=diagnosis_view(of_it[0].diagnosis),
        messages=messages_of(connection, of_it),
        oldest_queued_at=min(part.row.oldest_queued_at for part in of_it),
    )


def messages_of(connection: Connection, of_it: Sequence[Part]) -> int:
    """How many messages some of these recipients belong to."""
    if len(of_it) == 1:
        return of_it[0].row.messages
    return queue_listing.count(connection, Wanted(groups=[part.group for part in of_it]))


def wanted_by(connection: Connection, call: Call, request: contract.QueueFilter, *, undeleted: bool = False) -> Wanted:
    """The filter as the store takes it; `undeleted`: it says how mail was before it was deleted."""
    groups, destination = None, request.destination
    if request.cause is not None or destination is not None:
        found = parts(connection, call.environment, call.now, of_deleted=undeleted)
        hop = destination if destination in {part.next_hop for part in found} else ""
        groups = [
            part.group
            for part in found
            if request.cause in (None, part.diagnosis.cause) and (destination is None or part.next_hop == hop)
        ]
        destination = None if hop else destination
    return Wanted(
        request.state,
        request.text,
        groups,
        request.subject,
        "" if request.sender == "<>" else request.sender,
        request.domain,
        destination,
        _ago(call, request.older_than_seconds),
        _ago(call, request.younger_than_seconds),
        request.deletion,
        undeleted,
    )


def _ago(call: Call, seconds: int | None) -> datetime | None:
    return None if seconds is None else call.now - timedelta(seconds=seconds)


def _order(request: contract.QueueConditions) -> Order:
    return Order(_COLUMN[request.sort], request.descending)


def _place(request: contract.QueueConditions, field: str, text: str | None) -> Place | None:
    """The place that `contract.place` has written; `InvalidInput` naming the field for any other text."""
    if text is None:
        return None
    key, _, value = text.partition(" ")
    number = queue_number(key)
    if number is None:
        raise InvalidInput.of(field, f"begins with {key[:40]!r}; queue ids look like Q17")
    if request.sort is contract.QueueSort.queued_at:
        return number, number
    if request.sort not in _NUMBERS:
        return value, number
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise InvalidInput.of(field, f"does not say where {key} stands when sorted by {request.sort}")
    return int(value), number


def message_view(call: Call, row: MessageRow, pasts: Mapping[str, Past] = _NO_PASTS) -> contract.QueuedMessage:
    """A message as listings show it; `pasts` by address, where they were looked up."""
    state = message_state(r.state for r in row.recipients)
    first = next(r for r in row.recipients if r.state is state)
    waiting = [r.next_attempt_at for r in row.recipients if r.state in (State.queued, State.deferred)]
    return contract.QueuedMessage(
        queue_id=queue_id(row.id),
        queued_at=row.queued_at,
        attempts=row.attempts,
        subject=row.subject,
        sender=row.mail_from,
        recipients=sum(r.state is not State.sent for r in row.recipients),
        domains=tuple(dict.fromkeys(domain_of(r.address) for r in _unsent(row.recipients))),
        state=state,
        next_attempt_at=min(waiting, default=None),
        size=row.size,
        diagnosis=diagnosis_view(diagnose_recipient(call, first, pasts.get(first.address)), (queue_id(row.id),)),
    )


def _unsent(recipients: Iterable[RecipientRow]) -> Iterable[RecipientRow]:
    return (r for r in recipients if r.state is not State.sent)


def diagnose_recipient(call: Call, row: RecipientRow, past: Past | None = None) -> Diagnosis:
    """Why the message has not reached this recipient.

    Parameters
    ----------
    past: what became of other mail there; it is looked up only for a message somebody opens.
    """
    known = (row.state, row.next_attempt_at, row.address, row.tries, row.last, row.mail_type, past)
    return diagnose(evidence(call.environment, call.now, *known))


def diagnosis_view(found: Diagnosis, queue_ids: tuple[str, ...] = ()) -> contract.DiagnosisView:
    """A diagnosis as it travels.

    Parameters
    ----------
    queue_ids: the messages it is said of, if it is of single ones.
    """
    return contract.DiagnosisView(
        cause=found.cause,
        title=found.title,
        words=found.words,
        next_step=found.next_step,
        operation=found.operation,
        option=found.option,
        fix=found.fix and fix_view(found.fix, queue_ids),
    )


def fix_view(fix: Fix, queue_ids: tuple[str, ...] = ()) -> FixView:
    """A fix as it travels."""
    return FixView(
        operation=fix.operation,
        words=fix.words,
        changes=dict(fix.changes),
        host=fix.host,
        port=fix.port,
        queue_ids=queue_ids,
    )
