"""Correcting a recipient's address: what it does in each state, what is refused, what is written down."""

from __future__ import annotations

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, NEVER
from trackkit.contract import mail as contract
from trackkit.contract.audit import ListAudit
from trackkit.domain.delivery import State
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, TrackkitError
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services import audit, mail
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.mail_recipients import edit_recipient

UNKNOWN = Outcome(Verdict.unknown, Stage.final_dot, Failure.dropped, text="connection lost")


def _submit(admin: AsUser, *to: str) -> str:
    request = contract.Submit.model_construct(message=b"Subject: x\r\n\r\n", sender="", recipients=to)
    return mail.submit(admin(), request).queue_id


def _settle(queue: DeliveryQueue, clock: Clock, *outcomes: Outcome) -> None:
    [claimed] = queue.claim(1)
    found = {r.recipient_id: outcome for r, outcome in zip(claimed.recipients, outcomes, strict=True)}
    queue.settle([Attempted(claimed, clock(), clock(), "mail.example.org:25", found, "")])


def _edit(admin: AsUser, queue_id: str, old: str, new: str) -> contract.EditedRecipient:
    return edit_recipient(admin(), contract.EditRecipient(queue_id=queue_id, address=old, new_address=new))


def _show(admin: AsUser, queue_id: str) -> contract.MessageDetail:
    return mail.show(admin(), contract.OneMessage(queue_id=queue_id))


@pytest.mark.spec("5: edit a wrong recipient address")
def test_a_failed_recipient_is_tried_anew_at_its_right_address(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    queue_id = _submit(admin, "wrogn@example.org", "b@example.org")
    _settle(queue, clock, NEVER, UNKNOWN)
    edited = _edit(admin, queue_id, "wrogn@example.org", " wrong@example.org ")
    assert (edited.address, edited.state, edited.next_attempt_at) == ("wrong@example.org", State.deferred, clock())
    recipient, other = _show(admin, queue_id).recipients
    assert (recipient.tries, recipient.send_error, recipient.diagnosis.cause) == (0, "", "waiting")
    assert (other.address, other.tries, other.outcome_unknown) == ("b@example.org", 1, True), "as it was"
    assert [a.recipient for a in _show(admin, queue_id).attempts] == ["b@example.org", "wrogn@example.org"]
    [claimed] = queue.claim(10)
    assert [r.address for r in claimed.recipients] == ["wrong@example.org"]
    [record] = audit.list_audit(admin(), ListAudit(limit=1)).records
    assert (record.operation, record.subject) == ("mail.edit_recipient", queue_id)
    assert record.before == {"recipient": "wrogn@example.org", "state": "failed"}
    assert record.after == {"recipient": "wrong@example.org", "state": "deferred"}


def test_the_others_keep_their_state(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queued, held, deferred = (_submit(admin, "a@example.org") for _ in range(3))
    mail.hold(admin(), contract.Verb(queue_ids=(queued, held)))
    _settle(queue, clock, UNKNOWN)
    mail.release(admin(), contract.Verb(queue_ids=(queued,)))
    found = [_edit(admin, key, "a@example.org", "b@example.org") for key in (queued, held, deferred)]
    assert [(one.state, one.next_attempt_at) for one in found] == [
        (State.queued, clock()),
        (State.held, None),
        (State.deferred, clock()),
    ]
    assert not _show(admin, deferred).recipients[0].outcome_unknown, "nobody at that address can have got it"
    assert {c.queue_id for c in queue.claim(10)} == {queued, deferred}, "a hold still applies"


def test_what_cannot_be_corrected_is_refused_with_the_reason(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "sent@example.org", "failed@example.org")
    _settle(queue, clock, ACCEPTED, NEVER)
    deleted, active = _submit(admin, "a@example.org"), _submit(admin, "a@example.org")
    mail.delete(admin(), contract.Verb(queue_ids=(deleted,)))
    assert len(queue.claim(10)) == 1
    before = [_show(admin, key) for key in (queue_id, deleted, active)]
    refused: list[tuple[str, str, str, type[TrackkitError], str]] = [
        (queue_id, "sent@example.org", "b@example.org", Conflict, "is sent; only queued"),
        (deleted, "a@example.org", "b@example.org", Conflict, "is deleted; only queued"),
        (active, "a@example.org", "b@example.org", Conflict, "is active; only queued"),
        (queue_id, "none@example.org", "b@example.org", NotFound, "has no recipient 'none@example.org'"),
        ("Q999", "a@example.org", "b@example.org", NotFound, "is not in the queue"),
        ("nonsense", "a@example.org", "b@example.org", InvalidInput, "queue ids look like"),
        (queue_id, "failed@example.org", "sent@EXAMPLE.org", InvalidInput, "recipient of this message already"),
        (queue_id, "failed@example.org", "failed@example.org", InvalidInput, "recipient of this message already"),
        (queue_id, "failed@example.org", "no address", InvalidInput, "new_address"),
        (queue_id, "failed@example.org", "b@c>\r\nRCPT TO:<d@e", InvalidInput, "control character"),
    ]
    for key, old, new, error, words in refused:
        with pytest.raises(error) as raised:
            _edit(admin, key, old, new)
        assert words in str(raised.value), str(raised.value)
    assert [_show(admin, key) for key in (queue_id, deleted, active)] == before
