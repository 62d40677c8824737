"""The mail queue's use cases: submit, look at one message, and the administrators' verbs.

A verb is decided a recipient at a time by `trackkit.domain.delivery.step`; where it does not apply it says why and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from trackkit.contract import mail as contract
from trackkit.domain.delivery import Event, Refused, State, Status, message_state, new_status, step
from trackkit.domain.errors import InvalidInput, MessageTooLarge, NotFound, Problem
from trackkit.domain.log import Severity
from trackkit.domain.message import (
    checked_envelope,
    header_block,
    message_id,
    queue_id,
    queue_number,
    subject,
    text_preview,
)
from trackkit.domain.options import Options
from trackkit.domain.past import Past
from trackkit.domain.replies import Verdict
from trackkit.domain.schedule import RetryPolicy
from trackkit.services.environment import Call
from trackkit.services.mail_listing import diagnose_recipient, diagnosis_view, message_view
from trackkit.store import mail_past, new_mail, queue, queue_view
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage
from trackkit.store.queue import RecipientStatus
from trackkit.store.queue_view import MessageRow, RecipientRow

SOURCE: Final = "mail"
DIGESTS: Final = "trackkit/log"
"""Who submits the mails about log entries; no user can have that name, because names hold no slash."""
_ATTEMPTS_SHOWN: Final = 500
_PASTS_SHOWN: Final = 20
"""Recipients of a message for whom the past of host and address is looked up, at most."""


def policy(options: Options) -> RetryPolicy:
    """The retry policy the options ask for."""
    return RetryPolicy(timedelta(days=options.sending.timing.days))


def submit(call: Call, request: contract.Submit) -> contract.Submitted:
    """Store a message and its recipients; answered when they are on disk."""
    environment, raw = call.environment, request.message
    options = environment.options.current
    by_mapi = request.mapi_recipients
    new = new_message(options, raw, request.sender, request.recipients, call.actor.username, by_mapi=by_mapi)
    status = new_status(call.now, policy(options))

    def work(connection: Connection) -> int:
        number = new_mail.enqueue(connection, new, status, call.now)
        call.audit(
            connection,
            contract.SUBMIT.name,
            queue_id(number),
            after={
                "sender": new.envelope.mail_from,
                "recipients": str(len(new.envelope.rcpt_tos) + len(new.envelope.by_mapi)),
                "size": str(len(raw)),
            },
        )
        return number

    number = environment.store.write(work)
    environment.mail_changed()
    return contract.Submitted(queue_id=queue_id(number), message_id=new.message_id, size=len(raw))


def new_message(
    options: Options,
    raw: bytes,
    sender: str,
    recipients: Iterable[str],
    submitted_by: str,
    on_top: Callable[[int], bytes] | None = None,
    by_mapi: Iterable[str] = (),
) -> NewMessage:
    """A message that may be queued; `InvalidInput` (`MessageTooLarge`) when it may not.

    Parameters
    ----------
    on_top: as in `NewMessage`.
    by_mapi: recipients with addresses of MAPI's.
    """
    limit = options.sending.timing.largest_message
    if len(raw) > limit:
        raise MessageTooLarge(
            f"The message has {len(raw):,} bytes; at most {limit:,} are accepted. Nothing was stored.",
            "Send it smaller, or raise sending.timing.maximum_message_mb.",
            problems=[Problem("message", "is over the maximum size")],
        )
    envelope = checked_envelope(sender, recipients, by_mapi)
    return NewMessage(raw, envelope, _storable(message_id(raw)), _storable(subject(raw)), submitted_by, on_top)


def show(call: Call, request: contract.OneMessage) -> contract.MessageDetail:
    """Everything about one message but its raw source."""
    number = number_of(request.queue_id)

    def work(
        connection: Connection,
    ) -> tuple[MessageRow | None, bytes, list[queue_view.AttemptView], dict[str, Past]]:
        attempts = queue_view.attempts_of(connection, number, _ATTEMPTS_SHOWN)
        return (
            queue_view.one(connection, number),
            queue_view.raw(connection, number) or b"",
            attempts,
            _pasts(connection, attempts),
        )

    row, raw, attempts, pasts = call.environment.store.read(work)
    if row is None:
        raise gone(request.queue_id)
    return contract.MessageDetail(
        message=message_view(call, row, pasts),
        message_id=row.message_id,
        submitted_by=row.submitted_by,
        warned_at=row.warned_at,
        recipients=tuple(_recipient(call, r, (request.queue_id,), pasts.get(r.address)) for r in row.recipients),
        attempts=tuple(
            contract.AttemptView(
                recipient=a.recipient,
                started_at=a.started_at,
                ended_at=a.ended_at,
                host=a.host,
                stage=a.stage,
                verdict=a.verdict,
                failure=a.failure or "",
                smtp_code=a.smtp_code,
                enhanced_code=a.enhanced_code,
                text=a.text,
            )
            for a in attempts
        ),
        conversation=row.conversation,
        headers=header_block(raw),
        preview=text_preview(raw),
    )


def _pasts(connection: Connection, attempts: Sequence[queue_view.AttemptView]) -> dict[str, Past]:
    """For the first recipients whose last try failed: what became of other mail at their hosts."""
    last = {a.recipient: a for a in reversed(attempts)}
    failed = [a for a in last.values() if a.verdict is not Verdict.accepted][:_PASTS_SHOWN]
    return {a.recipient: mail_past.past(connection, a.host, a.recipient, a.ended_at) for a in failed}


def raw(call: Call, request: contract.OneMessage) -> contract.RawMessage:
    """The bytes as they were submitted."""
    number = number_of(request.queue_id)
    found = call.environment.store.read(lambda connection: queue_view.raw(connection, number))
    if found is None:
        raise gone(request.queue_id)
    return contract.RawMessage.model_construct(queue_id=request.queue_id, message=found)


def reattempt(call: Call, request: contract.Verb) -> contract.VerbResults:
    """Deferred and failed recipients become due now."""
    return _verb(call, request, Event.reattempt)


def hold(call: Call, request: contract.Verb) -> contract.VerbResults:
    """Queued and deferred recipients wait until released."""
    return _verb(call, request, Event.hold)


def release(call: Call, request: contract.Verb) -> contract.VerbResults:
    """Held recipients are queued again."""
    return _verb(call, request, Event.release)


def delete(call: Call, request: contract.Verb) -> contract.VerbResults:
    """Everything but sent recipients is deleted; for ten minutes it can be undone."""
    return _verb(call, request, Event.delete)


def undelete(call: Call, request: contract.Verb) -> contract.VerbResults:
    """Deleted recipients come back to where they were."""
    return _verb(call, request, Event.undelete)


DONE: Final = {
    Event.reattempt: "made due now",
    Event.hold: "held",
    Event.release: "released",
    Event.delete: "deleted",
    Event.undelete: "brought back",
}


def _verb(call: Call, request: contract.Verb, event: Event) -> contract.VerbResults:
    wanted = {text: queue_number(text) for text in dict.fromkeys(request.queue_ids)}
    retry = policy(call.environment.options.current)

    def work(connection: Connection) -> list[contract.VerbResult]:
        rows: dict[int, list[RecipientStatus]] = {}
        for row in queue.of_messages(connection, {number for number in wanted.values() if number is not None}):
            rows.setdefault(row.message_id, []).append(row)
        changes: list[tuple[RecipientStatus, Status]] = []
        results = [
            _apply(text, rows.get(number, []) if number is not None else [], event, retry, call.now, changes)
            for text, number in wanted.items()
        ]
        queue.set_statuses(connection, changes)
        if event in (Event.delete, Event.undelete):
            queue.note_deletion(connection, (row.recipient_id for row, _ in changes), None)
        done = [result for result in results if result.done]
        if done:
            call.audit(
                connection,
                f"mail.{event}",
                " ".join(result.queue_id for result in done)[:10_000],
                after={"messages": str(len(done)), "recipients": str(sum(result.recipients for result in done))},
            )
        return results

    results = call.environment.store.write(work)
    done = [result.queue_id for result in results if result.done]
    if done:
        number = "1 message was" if len(done) == 1 else f"{len(done)} messages were"
        call.log(Severity.information, SOURCE, f"{number} {DONE[event]}.", " ".join(done))
        call.environment.mail_changed()
    return contract.VerbResults(results=tuple(results))


def _apply(
    text: str,
    rows: Sequence[RecipientStatus],
    event: Event,
    retry: RetryPolicy,
    now: datetime,
    changes: list[tuple[RecipientStatus, Status]],
) -> contract.VerbResult:
    """Decide `event` for one message; what changes is added to `changes`."""
    if not rows:
        return contract.VerbResult(
            queue_id=text, done=False, recipients=0, reason="is not in the queue (any more)", state=None
        )
    states: list[State] = []
    reasons: list[str] = []
    changed = 0
    for row in rows:
        result = step(row.status, event, retry, now)
        if isinstance(result, Status):
            changes.append((row, result))
            changed += 1
        elif isinstance(result, Refused) and row.status.state is not State.sent:
            reasons.append(result.reason)
        states.append(result.state if isinstance(result, Status) else row.status.state)
    return contract.VerbResult(
        queue_id=text,
        done=changed > 0,
        recipients=changed,
        reason="" if changed else "; ".join(dict.fromkeys(reasons)) or "was sent already",
        state=message_state(states),
    )


def _recipient(call: Call, row: RecipientRow, ids: tuple[str, ...], past: Past | None) -> contract.RecipientView:
    waits = row.state in (State.queued, State.deferred)
    last = row.last
    return contract.RecipientView(
        recipient_id=row.id,
        address=row.address,
        mail_type=row.mail_type,
        state=row.state,
        tries=row.tries,
        next_attempt_at=row.next_attempt_at if waits else None,
        expires_at=row.expires_at,
        send_error=last.text if last and last.failure else "",
        smtp_code=last.smtp_code if last else None,
        enhanced_code=last.enhanced_code if last else "",
        outcome_unknown=row.outcome_unknown,
        diagnosis=diagnosis_view(diagnose_recipient(call, row, past), ids),
    )


def number_of(text: str) -> int:
    """The number behind a queue id; `InvalidInput` when it is none."""
    number = queue_number(text)
    if number is None:
        raise InvalidInput.of("queue_id", f"is {text!r}; queue ids look like Q17")
    return number


def gone(text: str) -> NotFound:
    """What to raise about a message that is not in the queue."""
    return NotFound(f"{text} is not in the queue (any more).", "If it was sent, `mail history` shows it.")


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{SYMBOL FOR NULL}")
