"""Verbs for all mail that a filter finds: counted first, done to that and nothing else, undone by the same filter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.ports import wait_until
from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import LATER, NEVER
from trackkit.contract import mail as contract
from trackkit.contract import mail_bulk as bulk
from trackkit.contract.audit import ListAudit
from trackkit.contract.jobs import Job
from trackkit.contract.mail import QueueFilter
from trackkit.domain.delivery import State
from trackkit.domain.errors import Conflict
from trackkit.domain.jobs import JobState
from trackkit.domain.replies import Outcome
from trackkit.services import audit, mail, mail_bulk, mail_listing
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.mail_bulk import begin_bulk, count_matching


def _submit(admin: AsUser, *to: str, subject: str = "x", sender: str = "") -> str:
    raw = f"Subject: {subject}\r\n\r\n".encode()
    return mail.submit(admin(), contract.Submit.model_construct(message=raw, sender=sender, recipients=to)).queue_id


def _settle(queue: DeliveryQueue, clock: Clock, outcomes: Callable[[str], Outcome]) -> None:
    for claimed in queue.claim(1000):
        found = {r.recipient_id: outcomes(r.address) for r in claimed.recipients}
        queue.settle([Attempted(claimed, clock(), clock(), "mail.example.org:25", found, "")])


def _count(admin: AsUser, verb: str, **where: Any) -> bulk.Matching:
    return count_matching(admin(), bulk.CountMatching(verb=verb, **where))


def _do(admin: AsUser, verb: str, **where: Any) -> Job:
    begun = begin_bulk(admin(), bulk.BulkVerb(verb=verb, where=QueueFilter(**where)))
    return _ended(admin, begun.job_id)


def _ended(admin: AsUser, job_id: int) -> Job:
    jobs = admin.environment.jobs
    wait_until(lambda: jobs.show(job_id).ended_at is not None, what="the end of the job")
    return jobs.show(job_id)


def _states(admin: AsUser) -> dict[str, list[str]]:
    """The state of each recipient by message."""
    shown = [*_listed(admin), *_listed(admin, state=State.deleted)]
    details = [mail.show(admin(), contract.OneMessage(queue_id=m.queue_id)) for m in shown]
    return {d.message.queue_id: [r.state.value for r in d.recipients] for d in details}


def _listed(admin: AsUser, **where: Any) -> list[contract.QueuedMessage]:
    return list(mail_listing.list_queue(admin(), contract.ListQueue(limit=1000, **where)).messages)


@pytest.mark.spec("5: verbs for all mail that a filter finds, counted first")
def test_every_condition_counts_lists_and_acts_on_the_same(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    old = _submit(admin, "a@one.test", subject="Weekly report", sender="robot@here.test")
    clock.forward(days=3)
    failed = _submit(admin, "no@two.test", subject="Bill", sender="noreply@here.test")
    null = _submit(admin, "c@ONE.test", "d@three.test")
    _settle(queue, clock, lambda address: NEVER if address.startswith("no") else LATER)
    held = _submit(admin, "e@three.test", subject="report")
    mail.hold(admin(), contract.Verb(queue_ids=(held,)))
    expected: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {old, failed, null, held}),
        ({"state": "failed"}, {failed}),
        ({"cause": "host_unreachable"}, {old, null}),
        ({"domain": "One.Test"}, {old, null}),
        ({"domain": "ne.test"}, set()),
        ({"subject": "REPORT"}, {old, held}),
        ({"sender": "@here"}, {old, failed}),
        ({"sender": "<>"}, {null, held}),
        ({"older_than_seconds": 3 * 86400}, {old}),
        ({"text": "three"}, {null, held}),
        ({"domain": "three.test", "state": "deferred"}, {null}),
        ({"domain": "three.test", "cause": "held"}, {held}),
        ({"domain": "two.test", "cause": "host_unreachable"}, set()),
    ]
    for where, found in expected:
        assert {m.queue_id for m in _listed(admin, **where)} == found, where
        assert _count(admin, "delete", **where).applies == len(found), where
        before = _states(admin)
        job = _do(admin, "delete", **where)
        assert (job.state, job.result["messages"]) == (JobState.done, len(found)), where
        changed = {key for key, states in _states(admin).items() if states != before[key]}
        assert changed == found, where
        assert _do(admin, "undelete", **where).result["messages"] == len(found), f"undone by the same filter: {where}"
        assert _states(admin) == before, where


def test_the_count_says_by_state_to_how_many_a_verb_applies(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    _submit(admin, "no@y.test", "later@y.test")
    _submit(admin, "no@y.test", "no2@y.test")
    _settle(queue, clock, lambda address: NEVER if address.startswith("no") else LATER)
    held = _submit(admin, "held@y.test")
    mail.hold(admin(), contract.Verb(queue_ids=(held,)))
    _submit(admin, "new@y.test")
    found = _count(admin, "reattempt")
    assert (found.messages, found.applies, found.recipients) == (4, 2, 4)
    assert [(s.state, s.messages, s.applies) for s in found.states] == [
        (State.queued, 1, 0),
        (State.deferred, 1, 1),
        (State.held, 1, 0),
        (State.failed, 1, 1),
    ]
    assert _count(admin, "release").applies == 1
    assert _count(admin, "undelete").applies == 0
    assert _do(admin, "reattempt").words == "2 messages were made due now."
    assert {c.queue_id for c in queue.claim(10)} >= {"Q1", "Q2"}


def test_with_a_domain_only_its_recipients_are_touched(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "a@wrong.test", "b@right.test")
    assert _count(admin, "delete", domain="wrong.test").recipients == 1
    _do(admin, "delete", domain="wrong.test")
    assert _states(admin) == {queue_id: ["deleted", "queued"]}
    _do(admin, "undelete", domain="wrong.test")
    assert _states(admin) == {queue_id: ["queued", "queued"]}
    _settle(queue, clock, lambda address: NEVER if "wrong" in address else LATER)
    _do(admin, "delete", cause="address_rejected")
    assert _states(admin) == {queue_id: ["deleted", "deferred"]}


def test_a_deletion_is_taken_back_for_ten_minutes(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    _submit(admin, "a@y.test")
    _do(admin, "delete", domain="y.test")
    clock.forward(minutes=9)
    assert _count(admin, "undelete", domain="y.test").applies == 1
    assert _count(admin, "undelete", state="deleted").applies == 1, "as it is shown in the list of the deleted"
    clock.forward(minutes=1)
    assert _count(admin, "undelete", domain="y.test").applies == 0
    assert _do(admin, "undelete", domain="y.test").words == "0 messages were brought back."


def test_one_record_stands_for_the_whole_act(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    for _ in range(3):
        _submit(admin, "a@y.test")
    before = audit.list_audit(admin(), ListAudit(limit=1)).records[0].record_id
    job = _do(admin, "hold", domain="y.test", older_than_seconds=0)
    records = [r for r in audit.list_audit(admin(), ListAudit(limit=10)).records if r.record_id > before]
    assert [(r.operation, r.subject, r.username) for r in records] == [("mail.bulk", "hold", "admin")]
    assert records[0].after == {
        "verb": "hold",
        "domain": "y.test",
        "older_than_seconds": "0",
        "matching": "3",
        "applies": "3",
        "job": str(job.job_id),
    }


def test_a_big_queue_goes_in_pieces_and_sending_goes_on_between_them(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pieces a message is submitted, claimed and settled; it is left alone, and so is what it was."""
    for number in range(600):
        _submit(admin, f"r{number}@y.test")
    between, go_on = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        between.set()
        assert go_on.wait(20)

    monkeypatch.setattr(mail_bulk, "time", SimpleNamespace(sleep=pause))
    begun = begin_bulk(admin(), bulk.BulkVerb(verb="hold", where=QueueFilter()))
    assert between.wait(20)
    with pytest.raises(Conflict) as refused:
        begin_bulk(admin(), bulk.BulkVerb(verb="delete", where=QueueFilter()))
    assert "Change of the mail queue is under way" in str(refused.value)
    later = _submit(admin, "later@y.test")
    taken = {c.queue_id for c in queue.claim(1000)}
    assert len(taken) == 351, "what the first piece did not hold, and the new one"
    go_on.set()
    job = _ended(admin, begun.job_id)
    assert job.result["messages"] == 250, "what is being sent cannot be held"
    assert later in taken


def test_a_cancelled_act_leaves_the_rest_as_it_was(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        _submit(admin, f"r{number}@y.test")
    jobs = environment.jobs
    stops = SimpleNamespace(sleep=lambda _: jobs.cancel(jobs.page(None, 1).jobs[0].job_id))
    monkeypatch.setattr(mail_bulk, "time", stops)
    job = _do(admin, "delete")
    assert job.state is JobState.cancelled
    assert job.error is not None
    assert job.error.message == "Cancelled: 250 messages were deleted; the rest is as it was."
    assert len(_listed(admin)) == 50
