"""The mail queue on both databases: durable, leased, settled once, undone exactly."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, LATER, NEVER
from trackkit.contract import mail as contract
from trackkit.contract.mail_history import ListSent
from trackkit.contract.operation import Nothing
from trackkit.domain.delivery import UNDO_WINDOW, State, new_status
from trackkit.domain.errors import InvalidInput, MessageTooLarge, NotFound, Unavailable
from trackkit.domain.message import Envelope
from trackkit.domain.replies import Outcome
from trackkit.domain.schedule import RetryPolicy
from trackkit.services import audit, delivery, mail, mail_listing
from trackkit.services.attempts import Attempted, Claimed
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.mail_history import list_sent
from trackkit.store import new_mail, queue_claim, queue_sent
from trackkit.store import queue as store


def _submit(admin: AsUser, *recipients: str, raw: bytes = b"Subject: hello\r\n\r\nbody\r\n") -> str:
    request = contract.Submit.model_construct(message=raw, sender="", recipients=recipients or ("a@example.org",))
    return mail.submit(admin(), request).queue_id


def _settle(queue: DeliveryQueue, clock: Clock, claimed: Claimed, *outcomes: Outcome | None) -> None:
    found = {r.recipient_id: o for r, o in zip(claimed.recipients, outcomes, strict=True) if o is not None}
    queue.settle([Attempted(claimed, clock(), clock(), "mail.example.org", found, "> EHLO\n< 250")])


def _show(admin: AsUser, queue_id: str) -> contract.MessageDetail:
    return mail.show(admin(), contract.OneMessage(queue_id=queue_id))


def _list(admin: AsUser, **wanted: object) -> contract.QueuePage:
    return mail_listing.list_queue(admin(), contract.ListQueue(**wanted))


def _verb(verb, admin: AsUser, *queue_ids: str) -> list[contract.VerbResult]:
    return list(verb(admin(), contract.Verb(queue_ids=queue_ids)).results)


@pytest.mark.spec("5: a recipient that failed for good (5xx) fails alone; sent mail leaves a line of history")
def test_each_recipient_gets_its_own_outcome(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "a@example.org", "b@example.org", "c@example.org")
    [claimed] = queue.claim(10)
    assert [r.address for r in claimed.recipients] == ["a@example.org", "b@example.org", "c@example.org"]
    _settle(queue, clock, claimed, ACCEPTED, LATER, NEVER)
    shown = _show(admin, queue_id)
    assert [r.state for r in shown.recipients] == [State.sent, State.deferred, State.failed]
    assert shown.message.state is State.deferred
    assert shown.recipients[2].smtp_code == 550
    assert shown.recipients[2].diagnosis.cause == "address_rejected"
    assert shown.recipients[1].diagnosis.cause == "host_unreachable"
    assert len(shown.attempts) == 3
    assert shown.conversation == "> EHLO\n< 250"
    [line] = list_sent(admin(), ListSent()).sent
    assert (line.recipient, line.queue_id, line.tries, line.reply) == ("a@example.org", queue_id, 1, "250 2.0.0 Ok")
    clock.forward(minutes=2)
    [again] = queue.claim(10)
    assert [r.address for r in again.recipients] == ["b@example.org"], "a recipient with a 2xx is never sent to again"
    _settle(queue, clock, again, ACCEPTED)
    [failed] = _list(admin).messages
    assert (failed.state, failed.recipients) == (State.failed, 1)


@pytest.mark.parametrize("number", [1, 4, 5, 19, 20, 67])
def test_many_messages_stored_together_are_as_if_stored_one_by_one(
    environment: Environment, admin: AsUser, queue: DeliveryQueue, clock: Clock, number: int
) -> None:
    _submit(admin, "before@example.org")
    news = [
        new_mail.NewMessage(
            b"%d" % n, Envelope("a@b.test", (f"r{n}@c.test", f"s{n}@c.test")), f"<{n}@x>", f"s{n}", "admin"
        )
        for n in range(number)
    ]
    status = new_status(clock(), RetryPolicy(timedelta(days=5)))
    keys = environment.store.write(lambda connection: new_mail.enqueue_all(connection, news, status, clock()))
    assert keys == list(range(keys[0], keys[0] + number))
    shown = {m.queue_id: m for m in _list(admin, limit=100).messages}
    assert len(shown) == number + 1
    assert {(m.queued_at, m.next_attempt_at, m.state) for m in shown.values()} == {(clock(), clock(), State.queued)}
    claims = {c.message_id: c for c in queue.claim(500)}
    assert [(claims[key].raw, [r.address for r in claims[key].recipients]) for key in keys] == [
        (new.raw, list(new.envelope.rcpt_tos)) for new in news
    ]


def test_the_short_way_out_of_the_queue_leaves_what_the_long_one_leaves(
    queue: DeliveryQueue, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = []
    for short in (True, False):
        ids = [_submit(admin, "a@example.org"), _submit(admin, "b@example.org", "c@example.org")]
        claims = queue.claim(10)
        clock.forward(seconds=1)
        done = [
            Attempted(c, clock(), clock(), "mx:25", {r.recipient_id: ACCEPTED for r in c.recipients}, "")
            for c in claims
        ]
        with monkeypatch.context() as patch:
            if short:
                patch.setattr(store, "leased", lambda *_: pytest.fail("the long way"))
            else:
                patch.setattr(delivery, "_went_well", lambda _: False)
            queue.settle(done)
        lines = [line for line in list_sent(admin(), ListSent()).sent if line.queue_id in ids]
        assert not any(m.queue_id in ids for m in _list(admin).messages)
        left.append(
            sorted((line.recipient, line.tries, line.host, line.reply, line.sender, line.subject) for line in lines)
        )
        assert {line.sent_at for line in lines} == {clock()}
    assert left[0] == left[1]
    assert len(left[0]) == 3


def test_what_is_no_longer_held_is_not_settled_by_the_short_way(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    """One of two was rescued meanwhile: only the other leaves."""
    kept, gone = _submit(admin, "a@example.org"), _submit(admin, "b@example.org")
    claims = queue.claim(10)
    clock.forward(minutes=6)
    queue.renew([c.message_id for c in claims if c.queue_id == gone])
    assert queue.rescue() == 1
    queue.settle(
        [Attempted(c, clock(), clock(), "mx:25", {r.recipient_id: ACCEPTED for r in c.recipients}, "") for c in claims]
    )
    assert [m.queue_id for m in _list(admin).messages] == [kept]
    assert [line.queue_id for line in list_sent(admin(), ListSent()).sent] == [gone]


def test_the_short_way_is_there_again_after_it_could_not_be_made(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _submit(admin, "a@example.org")
    [claimed] = queue.claim(10)
    if environment.store.is_sqlite:  # there alone it is made, in each connection
        with monkeypatch.context() as patch:
            patch.setattr(queue_sent, "_TRIGGER", "nonsense")
            for _ in range(10):  # in each that is kept
                with pytest.raises(Unavailable):
                    _settle(queue, clock, claimed, ACCEPTED)
    _settle(queue, clock, claimed, ACCEPTED)
    assert _list(admin).messages == ()


def test_what_cannot_be_read_after_it_was_leased_is_given_back(
    queue: DeliveryQueue, admin: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id = _submit(admin)
    with monkeypatch.context() as patch:
        patch.setattr(queue_claim, "contents", lambda *_: (_ for _ in ()).throw(Unavailable("away", "")))
        with pytest.raises(Unavailable):
            queue.claim(10)
    [again] = queue.claim(10)
    assert again.queue_id == queue_id


@pytest.mark.spec("5: only unsent mail is in the queue")
def test_a_message_leaves_the_queue_when_all_is_sent(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin)
    [claimed] = queue.claim(10)
    _settle(queue, clock, claimed, ACCEPTED)
    assert _list(admin).total == 0
    with pytest.raises(NotFound):
        _show(admin, queue_id)
    with pytest.raises(NotFound):
        mail.raw(admin(), contract.OneMessage(queue_id=queue_id))


def test_nothing_is_claimed_while_paused_or_not_set_up(queue: DeliveryQueue, admin: AsUser) -> None:
    _submit(admin)
    admin.set({"sending.paused": True})
    assert queue.claim(10) == []
    assert _list(admin).messages[0].diagnosis.cause == "paused"
    admin.set({"sending.paused": False, "sending.smtp.host": None})
    assert queue.claim(10) == []
    assert _list(admin).messages[0].diagnosis.cause == "not_configured"
    admin.set({"sending.smtp.host": "mail.example.org"})
    assert len(queue.claim(10)) == 1


def test_no_two_workers_claim_the_same_recipient(environment: Environment, queue: DeliveryQueue, admin: AsUser) -> None:
    sent = {_submit(admin, f"r{n}@example.org") for n in range(60)}
    workers = [DeliveryQueue(environment, f"worker{n}") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        claims = [claimed for part in pool.map(lambda w: w.claim(7) + w.claim(7), workers) for claimed in part]
    counted = Counter(claimed.queue_id for claimed in claims)
    assert set(counted.values()) == {1}
    assert set(counted) <= sent
    assert len(counted) >= 14, "some worker made progress each time"


def test_domains_that_have_enough_are_passed_over(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    _submit(admin, "a@slow.test", "b@SLOW.test")
    both = _submit(admin, "c@slow.test", "d@fast.test", "e@not-slow.test", "f@xslow.test")
    claimed = queue.claim(10, {"slow.test"})
    addresses = {c.queue_id: [r.address for r in c.recipients] for c in claimed}
    assert addresses == {both: ["d@fast.test", "e@not-slow.test", "f@xslow.test"]}
    assert queue.claim(10, {"slow.test"}) == []
    assert len(queue.claim(10, {"%.test", "_low.test"})) == 2, "these are letters, not patterns"


def test_a_message_in_parts_is_settled_part_by_part(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "a@one.test", "b@two.test", "c@three.test")
    [claimed] = queue.claim(10)
    one, two, three = (replace(claimed, recipients=(r,)) for r in claimed.recipients)
    sent = Attempted(one, clock(), clock(), "mx.one.test:25", {one.recipients[0].recipient_id: ACCEPTED}, "good")
    later = Attempted(two, clock(), clock(), "mx.two.test:25", {two.recipients[0].recipient_id: LATER}, "trouble")
    queue.settle([later, sent])
    shown = _show(admin, queue_id)
    assert [r.state for r in shown.recipients] == [State.sent, State.deferred, State.active]
    assert shown.message.attempts == 1, "each was tried once"
    assert shown.conversation == "trouble", "the one that explains why it is still here"
    queue.settle([Attempted(three, clock(), clock(), "", {}, "")])
    assert [r.state for r in _show(admin, queue_id).recipients] == [State.sent, State.deferred, State.queued]


def test_direct_delivery_needs_no_relay(queue: DeliveryQueue, admin: AsUser) -> None:
    _submit(admin)
    admin.set({"sending.smtp.host": None})
    assert queue.claim(10) == []
    admin.set({"sending.method": "direct", "sending.paused": True})
    assert queue.claim(10) == []
    admin.set({"sending.paused": False})
    assert len(queue.claim(10)) == 1


def test_a_claim_is_bounded_in_number_and_in_octets(queue: DeliveryQueue, admin: AsUser) -> None:
    for _ in range(4):
        _submit(admin, raw=b"x" * 30 * 1024 * 1024)
    assert len(queue.claim(100)) == 2
    assert len(queue.claim(1)) == 1


def test_a_lost_lease_is_rescued_and_its_late_settling_changes_nothing(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    queue_id = _submit(admin)
    [lost] = queue.claim(10)
    assert queue.rescue() == 0
    clock.forward(minutes=6)
    assert queue.rescue() == 1
    shown = _show(admin, queue_id)
    assert shown.recipients[0].state is State.deferred
    assert shown.recipients[0].outcome_unknown
    assert shown.recipients[0].diagnosis.cause == "interrupted"
    other = DeliveryQueue(environment, "other")
    [taken] = other.claim(10)
    _settle(queue, clock, lost, NEVER)
    assert _show(admin, queue_id).recipients[0].state is State.active, "it belongs to the other worker now"
    _settle(other, clock, taken, ACCEPTED)
    assert _list(admin).total == 0


def test_a_restarted_server_rescues_what_it_held(environment: Environment, queue: DeliveryQueue, admin: AsUser) -> None:
    _submit(admin)
    assert len(queue.claim(10)) == 1
    again = DeliveryQueue(environment, "server")
    again.join(as_the_only_one=True)
    assert again.rescue() == 1
    assert len(again.claim(10)) == 1


def test_what_was_not_tried_is_given_back_as_it_was(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin)
    [claimed] = queue.claim(10)
    _settle(queue, clock, claimed, None)
    shown = _show(admin, queue_id)
    assert (shown.message.state, shown.message.attempts, shown.recipients[0].tries) == (State.queued, 0, 0)
    assert len(queue.claim(10)) == 1


@pytest.mark.spec("5: retry waits grow (from minutes to hours) until the days limit, then the recipient is failed")
def test_waits_grow_until_the_days_limit(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin)
    waits = []
    for _ in range(200):
        claims = queue.claim(1)
        if not claims:
            break
        _settle(queue, clock, claims[0], LATER)
        [recipient] = _show(admin, queue_id).recipients
        if recipient.next_attempt_at is None:
            break
        waits.append(recipient.next_attempt_at - clock())
        clock.now = recipient.next_attempt_at
    assert [w.total_seconds() / 60 for w in waits[:7]] == [1, 5, 15, 30, 60, 120, 240]
    [recipient] = _show(admin, queue_id).recipients
    assert recipient.state is State.failed
    assert _verb(mail.reattempt, admin, queue_id)[0].done
    assert len(queue.claim(1)) == 1


@pytest.mark.spec("5: reattempt, hold, release, delete; a verb that does not apply says so and changes nothing there")
def test_verbs_say_what_they_did_to_each_message(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    first, second = _submit(admin), _submit(admin)
    held = _verb(mail.hold, admin, first)
    assert [(r.done, r.state) for r in held] == [(True, State.held)]
    assert [c.queue_id for c in queue.claim(10)] == [second]
    results = _verb(mail.release, admin, first, second, "Q999", "nonsense")
    assert [r.done for r in results] == [True, False, False, False]
    assert results[1].reason == "is active; only held mail can be released"
    assert results[2].reason == "is not in the queue (any more)"
    assert results[2].state is None
    with pytest.raises(InvalidInput):
        _show(admin, "nonsense")


@pytest.mark.spec("5: deleted can be undone for ten minutes")
def test_undo_restores_exactly_what_was_there(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    queue_id = _submit(admin, "a@example.org", "b@example.org", "c@example.org")
    [claimed] = queue.claim(10)
    _settle(queue, clock, claimed, LATER, NEVER, ACCEPTED)
    before = _show(admin, queue_id)
    [deleted] = _verb(mail.delete, admin, queue_id)
    assert (deleted.done, deleted.recipients, deleted.state) == (True, 2, State.deleted)
    assert _list(admin).total == 0
    assert _list(admin, state=State.deleted).total == 1
    clock.forward(minutes=9)
    assert queue.purge() == 0
    assert _verb(mail.undelete, admin, queue_id)[0].done
    after = _show(admin, queue_id)
    assert after.recipients == before.recipients
    _verb(mail.delete, admin, queue_id)
    clock.now += UNDO_WINDOW
    assert not _verb(mail.undelete, admin, queue_id)[0].done
    assert queue.purge() == 2
    assert not _verb(mail.undelete, admin, queue_id)[0].done
    with pytest.raises(NotFound):
        _show(admin, queue_id)


def test_an_active_message_is_deleted_when_its_attempt_has_ended(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    unsent, sent = _submit(admin), _submit(admin)
    claims = {c.queue_id: c for c in queue.claim(10)}
    assert [r.state for r in _verb(mail.delete, admin, unsent, sent)] == [State.active, State.active]
    _settle(queue, clock, claims[unsent], LATER)
    _settle(queue, clock, claims[sent], ACCEPTED)
    assert [m.queue_id for m in _list(admin, state=State.deleted).messages] == [unsent]
    assert [line.queue_id for line in list_sent(admin(), ListSent()).sent] == [sent]


@pytest.mark.parametrize("together", [True, False])
def test_two_claims_of_one_message_do_not_settle_each_others_recipients(
    queue: DeliveryQueue, admin: AsUser, clock: Clock, together: bool
) -> None:
    jitters = iter([0.0, 1.0])
    queue._jitter = lambda: next(jitters, 0.0)
    _submit(admin, "a@example.org", "b@example.org")
    _settle(queue, clock, queue.claim(10)[0], LATER, LATER)
    clock.forward(seconds=60)
    [one] = queue.claim(10)
    clock.forward(seconds=20)
    [two] = queue.claim(10)
    assert {r.address for r in one.recipients} | {r.address for r in two.recipients} == {
        "a@example.org",
        "b@example.org",
    }
    if together:
        attempts = [
            Attempted(c, clock(), clock(), "h", {c.recipients[0].recipient_id: ACCEPTED}, "") for c in (one, two)
        ]
        queue.settle(attempts)
    else:
        _settle(queue, clock, one, ACCEPTED)
        assert queue.claim(10) == [], "the other recipient is still under way"
        _settle(queue, clock, two, ACCEPTED)
    clock.forward(hours=1)
    assert queue.claim(10) == []
    assert sorted(line.recipient for line in list_sent(admin(), ListSent()).sent) == [
        "a@example.org",
        "b@example.org",
    ]


def test_settling_many_at_once(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    for n in range(120):
        _submit(admin, f"a{n}@example.org", f"b{n}@example.org")
    attempts = [
        Attempted(c, clock(), clock(), "h", {r.recipient_id: ACCEPTED for r in c.recipients}, "")
        for c in queue.claim(1000)
    ]
    assert len(attempts) == 120
    queue.settle(attempts)
    assert _list(admin).total == 0
    assert len(list_sent(admin(), ListSent(limit=5000)).sent) == 240


def test_pages_by_key_cover_everything_once_while_the_queue_changes(queue: DeliveryQueue, admin: AsUser) -> None:
    ids = [_submit(admin) for _ in range(25)]
    first = _list(admin, limit=10)
    assert (first.total, [m.queue_id for m in first.messages]) == (25, ids[:14:-1])
    _submit(admin)
    _verb(mail.delete, admin, ids[20], ids[3])
    second = _list(admin, limit=10, before=first.next_before)
    third = _list(admin, limit=10, before=second.next_before)
    assert [m.queue_id for m in (*second.messages, *third.messages)] == [i for i in ids[14::-1] if i != ids[3]]
    assert third.next_before is None


def test_states_and_causes_are_those_of_the_list(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    choose = random.Random(7)
    for n in range(40):
        _submit(admin, *(f"r{n}.{m}@example.org" for m in range(choose.randint(1, 3))))
    for claimed in queue.claim(30):
        _settle(queue, clock, claimed, *(choose.choice((ACCEPTED, LATER, NEVER)) for _ in claimed.recipients))
    queue.claim(3)
    messages = _list(admin, limit=100).messages
    _verb(mail.hold, admin, *(m.queue_id for m in messages[:3]))
    _verb(mail.delete, admin, *(m.queue_id for m in messages[3:5]))
    listed = [*_list(admin, limit=100).messages, *_list(admin, state=State.deleted).messages]
    summary = mail_listing.summarise(admin(), Nothing())
    assert summary.states == Counter(m.state for m in listed)
    for state in State:
        assert _list(admin, state=state).total == summary.states.get(state, 0)
    causes = Counter()
    for message in listed:
        details = _show(admin, message.queue_id).recipients
        causes.update({r.diagnosis.cause for r in details if r.state not in (State.sent, State.deleted)})
    assert {c.diagnosis.cause: c.messages for c in summary.causes} == causes


@pytest.mark.spec("5: messages over the maximum size are refused before they are stored")
def test_bad_submissions_are_refused_and_store_nothing(admin: AsUser, queue: DeliveryQueue) -> None:
    admin.set({"sending.timing.maximum_message_mb": 1})
    with pytest.raises(MessageTooLarge):
        _submit(admin, raw=b"x" * (1024 * 1024 + 1))
    for bad in ("", "a", "a@", "@b", "a@b\r\nRCPT TO:<c@d>", "a b@c", "a@b\x00", "\u202ea@example.org"):
        with pytest.raises(InvalidInput) as refused:
            _submit(admin, "good@example.org", bad)
        assert refused.value.problems[0].field == "recipients[1]"
    request = contract.Submit.model_construct(message=b"x", sender="a@b", recipients=())
    with pytest.raises(InvalidInput, match="recipients"):
        mail.submit(admin(), request)
    assert _list(admin).total == 0
    assert _list(admin, state=State.deleted).total == 0


def test_any_bytes_are_kept_as_they_are(admin: AsUser, queue: DeliveryQueue) -> None:
    raw = bytes(range(256)) * 10 + b"\r\n.\r\n\n.\n\r.\r" + b"Subject: \x00\xff"
    queue_id = _submit(admin, raw=raw)
    assert mail.raw(admin(), contract.OneMessage(queue_id=queue_id)).message == raw
    assert queue.claim(1)[0].raw == raw
    shown = _show(admin, _submit(admin, raw=b"Subject: a\x00b\x1b[31m\r\nMessage-Id: <\x00>\r\n\r\n"))
    assert "\x00" not in shown.message.subject + shown.message_id
    assert "\x1b" not in shown.message.subject


@pytest.mark.spec("13: every administrative act is an audit record")
def test_the_audit_names_who_did_what_to_which(queue: DeliveryQueue, admin: AsUser) -> None:
    queue_id = _submit(admin)
    other = AsUser(admin.environment, admin.clock, replace(admin.actor, username="olga", address="192.0.2.7"))
    _verb(mail.hold, other, queue_id)
    from trackkit.contract.audit import ListAudit

    record = audit.list_audit(admin(), ListAudit()).records[0]
    assert (record.operation, record.username, record.client_address, record.subject) == (
        "mail.hold",
        "olga",
        "192.0.2.7",
        queue_id,
    )
