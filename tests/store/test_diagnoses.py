"""How often each row of the diagnosis matched, unknown replies, and what the past of a host adds: on both databases."""

from __future__ import annotations

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import mail as contract
from trackkit.contract.mail_diagnoses import Diagnoses
from trackkit.contract.operation import Nothing
from trackkit.domain.diagnosis import TABLE
from trackkit.domain.replies import Outcome, Stage, outcome_of
from trackkit.domain.unknown_replies import KEPT
from trackkit.services import mail, mail_listing
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.mail_diagnoses import diagnoses

FINE = outcome_of(Stage.final_dot, 250, "2.0.0 Ok")
NOBODY = outcome_of(Stage.recipient, 550, "5.1.1 User unknown")
STRANGE = outcome_of(Stage.recipient, 550, "5.7.1 <secret.name@y.test> xyzzy id=4711")


def _submit(admin: AsUser, *to: str) -> str:
    request = contract.Submit.model_construct(message=b"Subject: x\r\n\r\n", sender="", recipients=to)
    return mail.submit(admin(), request).queue_id


def _settle(queue: DeliveryQueue, clock: Clock, outcome: Outcome, host: str = "mail.example.org:25") -> None:
    for claimed in queue.claim(200):
        found = {r.recipient_id: outcome for r in claimed.recipients}
        queue.settle([Attempted(claimed, clock(), clock(), host, found, "")])


def _rows(found: Diagnoses) -> dict[str, int]:
    return {row.cause: row.tries for row in found.rows if row.last_at is not None}


def test_every_row_is_listed_and_those_that_matched_are_counted(
    queue: DeliveryQueue, admin: AsUser, clock: Clock, environment: Environment
) -> None:
    none = diagnoses(admin(), Nothing())
    assert [row.cause for row in none.rows] == [row.cause for row in TABLE]
    assert (_rows(none), none.unknown) == ({}, ())
    assert not any("{" in row.words + row.next_step for row in none.rows)
    for outcome in (NOBODY, NOBODY, STRANGE, FINE):
        _submit(admin, "bob@y.test")
        _settle(queue, clock, outcome)
    assert _rows(diagnoses(admin(), Nothing())) == {"address_rejected": 3}
    queue.purge()
    _submit(admin, "bob@y.test")
    _settle(queue, clock, NOBODY)
    held = _submit(admin, "bob@y.test")
    mail.hold(admin(), contract.Verb(queue_ids=(held,)))
    mail_listing.summarise(admin(), Nothing())
    met = {"address_rejected": 4, "held": 0}
    assert _rows(diagnoses(admin(), Nothing())) == met, "what is written down and what is not, together"
    queue.leave()
    assert _rows(diagnoses(admin(), Nothing())) == met
    environment.tally.write(environment.store)
    assert _rows(diagnoses(admin(), Nothing())) == met, "nothing is counted twice"


def test_unknown_replies_are_kept_alike_ones_together_and_not_for_ever(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    for number in range(3):
        _submit(admin, "bob@y.test")
        _settle(queue, clock, outcome_of(Stage.recipient, 550, f"5.7.1 <n{number}@y.test> xyzzy id=Q{number}"))
        clock.forward(seconds=1)
        if number == 1:
            queue.purge()
    (one,) = diagnoses(admin(), Nothing()).unknown
    assert (one.smtp_code, one.enhanced_code, one.tries, one.stage) == (550, "5.7.1", 3, "recipient")
    assert one.text == "5.7.1 <***@y.test> xyzzy id=Q2"
    assert (one.host, (one.last_at - one.first_at).total_seconds()) == ("mail.example.org:25", 2)
    for number in range(KEPT + 20):
        if number == KEPT - 5:
            queue.purge()
        _submit(admin, "bob@y.test")
        words = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        _settle(queue, clock, outcome_of(Stage.recipient, 451, f"mumble {words}"))
        clock.forward(seconds=1)
    queue.purge()
    kept = diagnoses(admin(), Nothing()).unknown
    assert len(kept) == KEPT
    assert kept[0].last_at > kept[-1].last_at
    assert all(reply.text != one.text for reply in kept), "the oldest are forgotten first"


@pytest.mark.spec("5: Each message and the queue as a whole carry a diagnosis in plain words with the fix")
def test_a_message_that_is_looked_at_says_what_became_of_other_mail_there(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    def words(queue_id: str) -> str:
        detail = mail.show(admin(), contract.OneMessage(queue_id=queue_id))
        assert detail.message.diagnosis == detail.recipients[0].diagnosis
        return detail.recipients[0].diagnosis.words

    later = outcome_of(Stage.greeting, 421, "4.3.2 Internal server error")
    stuck = _submit(admin, "bob@y.test")
    _settle(queue, clock, later)
    assert words(stuck).endswith("Internal server error"), "nothing else is known of that host"
    clock.forward(minutes=1)
    _submit(admin, "eve@y.test")
    _settle(queue, clock, later)
    assert words(stuck).endswith("Nothing has got through since 2026-03-01 12:00 UTC: 2 messages failed there.")
    clock.forward(minutes=1)
    _submit(admin, "eve@y.test")
    _settle(queue, clock, FINE, "elsewhere.test:25")
    assert "took other mail" not in words(stuck), "another host"
    _submit(admin, "ada@y.test")
    _settle(queue, clock, FINE)
    assert words(stuck).endswith("Since then, at 2026-03-01 12:02 UTC, it took other mail: it may take this one now.")
    clock.forward(minutes=1)
    wrong = _submit(admin, "ada@y.test")
    _settle(queue, clock, NOBODY)
    assert words(wrong).endswith(
        "Mail for this address left the last time at 2026-03-01 12:02 UTC, so it was right then. "
        "It took other mail at 2026-03-01 12:02 UTC, so the trouble is this address."
    )
    listed = mail_listing.list_queue(admin(), contract.ListQueue()).messages
    assert all("took other mail" not in one.diagnosis.words for one in listed), "only where one is looked at"


def test_the_past_is_looked_up_for_those_who_did_not_get_it(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    """However many others did before them."""
    stuck = _submit(admin, *(f"fine{n}@y.test" for n in range(30)), "bob@y.test")
    later = outcome_of(Stage.recipient, 451, "4.3.2 Internal server error")
    for claimed in queue.claim(200):
        found = {r.recipient_id: FINE if r.address.startswith("fine") else later for r in claimed.recipients}
        queue.settle([Attempted(claimed, clock(), clock(), "mail.example.org:25", found, "")])
    clock.forward(seconds=1)
    _submit(admin, "ada@y.test")
    _settle(queue, clock, FINE)
    recipient = mail.show(admin(), contract.OneMessage(queue_id=stuck)).recipients[-1]
    assert recipient.address == "bob@y.test"
    assert recipient.diagnosis.words.endswith("it took other mail: it may take this one now.")


def test_the_queue_says_of_rejected_senders_what_each_message_says(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    """Although code, stage and reason are the same, and only the enhanced code tells of the sender's domain."""
    causes: dict[str, set[str]] = {}
    for number, words in enumerate(("4.1.7 <a@a.test>: unverified", "4.1.8 Domain not found") * 2):
        clock.forward(seconds=number)
        sent = _submit(admin, f"bob{number}@y.test")
        _settle(queue, clock, outcome_of(Stage.recipient, 450, f"{words}: Sender address rejected"))
        cause = mail.show(admin(), contract.OneMessage(queue_id=sent)).message.diagnosis.cause
        causes.setdefault(cause, set()).add(sent)
    assert set(causes) == {"sender_rejected", "sender_domain_unknown"}
    summary = mail_listing.summarise(admin(), Nothing())
    assert {one.diagnosis.cause: one.messages for one in summary.causes} == dict.fromkeys(causes, 2)
    for cause, ids in causes.items():
        listed = mail_listing.list_queue(admin(), contract.ListQueue(cause=cause)).messages
        assert {one.queue_id for one in listed} == ids
