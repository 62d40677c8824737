"""The queue in every order, filtered, page by page and by ids: the same on both databases."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import mail as contract
from trackkit.contract.mail import QueueSort
from trackkit.contract.operation import Nothing
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput
from trackkit.domain.message import queue_number
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services import mail, mail_listing
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue

SUBJECTS = ("beta", "Alpha", "alpha", "", "Zeta ä", "ümlaut", "with spaces in  it", "alpha Q7")


def _submit(admin: AsUser, subject: str, sender: str, *to: str) -> str:
    raw = f"Subject: {subject}\r\n\r\n{'x' * len(subject)}\r\n".encode()
    request = contract.Submit.model_construct(message=raw, sender=sender, recipients=to)
    return mail.submit(admin(), request).queue_id


def _fill(admin: AsUser, number: int = 40) -> None:
    chance = random.Random(4)
    for _ in range(number):
        _submit(admin, chance.choice(SUBJECTS), chance.choice(["a@x.test", "B@x.test", ""]), "to@y.test")


def _settle(queue: DeliveryQueue, clock: Clock, outcome: dict[str, Outcome]) -> None:
    for claimed in queue.claim(100):
        found = {r.recipient_id: outcome[r.address] for r in claimed.recipients}
        queue.settle([Attempted(claimed, clock(), clock(), "mail.example.org", found, "")])


def _expected(message: contract.QueuedMessage, sort: QueueSort) -> tuple[object, int]:
    value = getattr(message, sort)
    folded = "".join(c.lower() if c.isascii() else c for c in value) if isinstance(value, str) else value
    number = queue_number(message.queue_id)
    assert number is not None
    return folded, number


@pytest.mark.parametrize("sort", QueueSort)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_in_any_order_hold_every_message_once(
    queue: DeliveryQueue, admin: AsUser, sort: QueueSort, descending: bool
) -> None:
    _fill(admin)
    seen: list[contract.QueuedMessage] = []
    before = None
    while True:
        asked = contract.ListQueue(sort=sort, descending=descending, before=before, limit=7)
        page = mail_listing.list_queue(admin(), asked)
        assert page.total == 40
        seen += page.messages
        if (before := page.next_before) is None:
            break
    assert seen == sorted(seen, key=lambda m: _expected(m, sort), reverse=descending)
    assert len({m.queue_id for m in seen}) == 40
    ids: list[str] = []
    while before is not None or not ids:
        part = mail_listing.list_ids(
            admin(), contract.ListQueueIds(sort=sort, descending=descending, before=before, limit=9)
        )
        ids += part.queue_ids
        before = part.next_before
    assert ids == [m.queue_id for m in seen]


@pytest.mark.parametrize("sort", QueueSort)
@pytest.mark.parametrize("descending", [True, False])
def test_ids_between_two_places_include_both_and_none_the_wrong_way_round(
    queue: DeliveryQueue, admin: AsUser, sort: QueueSort, descending: bool
) -> None:
    _fill(admin)
    asked = contract.ListQueue(sort=sort, descending=descending, limit=40)
    rows = mail_listing.list_queue(admin(), asked).messages
    first, last = (contract.place(rows[n].queue_id, sort, getattr(rows[n], sort)) for n in (5, 30))
    request = contract.ListQueueIds(sort=sort, descending=descending, first=first, last=last)
    assert list(mail_listing.list_ids(admin(), request).queue_ids) == [m.queue_id for m in rows[5:31]]
    turned = request.model_copy(update={"first": last, "last": first})
    assert mail_listing.list_ids(admin(), turned).queue_ids == ()
    alone = request.model_copy(update={"last": first})
    assert mail_listing.list_ids(admin(), alone).queue_ids == (rows[5].queue_id,)


def test_a_page_goes_on_where_it_was_although_that_message_has_left(queue: DeliveryQueue, admin: AsUser) -> None:
    _fill(admin, 12)
    asked = contract.ListQueue(sort=QueueSort.subject, descending=False, limit=5)
    page = mail_listing.list_queue(admin(), asked)
    after = mail_listing.list_queue(admin(), asked.model_copy(update={"before": page.next_before}))
    mail.delete(admin(), contract.Verb(queue_ids=(page.messages[-1].queue_id,)))
    again = mail_listing.list_queue(admin(), asked.model_copy(update={"before": page.next_before}))
    assert again.messages == after.messages
    assert again.total == 11


def test_text_is_looked_for_in_subject_sender_and_recipients(queue: DeliveryQueue, admin: AsUser) -> None:
    one = _submit(admin, "100% off_er", "a@x.test", "b@y.test")
    two = _submit(admin, "other", "OFFER@x.test", "c@y.test")
    three = _submit(admin, "other", "", "d@y.test", "the.offer@z.test")
    found = {
        text: [
            m.queue_id
            for m in mail_listing.list_queue(admin(), contract.ListQueue(text=text, descending=False)).messages
        ]
        for text in ("offer", "off_er", "100%", "y.test", "nothing", "%")
    }
    assert found == {
        "offer": [two, three],
        "off_er": [one],
        "100%": [one],
        "y.test": [one, two, three],
        "nothing": [],
        "%": [one],
    }


@pytest.mark.spec("13: Queue by cause: stuck mail grouped by diagnosis")
def test_the_summary_counts_what_the_filter_by_cause_finds(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    refused = Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="connection refused")
    slow = Outcome(Verdict.temporary, Stage.connect, Failure.timed_out, text="timed out")
    never = Outcome(Verdict.permanent, Stage.recipient, Failure.replied, 550, "5.1.1", "5.1.1 No such user")
    _submit(admin, "one", "", "refused@y.test", "slow@y.test")
    _submit(admin, "two", "", "slow@y.test")
    _submit(admin, "three", "", "never@y.test", "refused@y.test")
    _settle(queue, clock, {"refused@y.test": refused, "slow@y.test": slow, "never@y.test": never})
    held = _submit(admin, "four", "", "x@y.test")
    mail.hold(admin(), contract.Verb(queue_ids=(held,)))
    clock.forward(seconds=timedelta(seconds=1).total_seconds())
    counted = {c.diagnosis.cause: c.messages for c in mail_listing.summarise(admin(), Nothing()).causes}
    assert counted == {"host_unreachable": 3, "address_rejected": 1, "held": 1}
    for cause, number in counted.items():
        page = mail_listing.list_queue(admin(), contract.ListQueue(cause=cause))
        assert (page.total, len(page.messages)) == (number, number)
    assert mail_listing.list_queue(admin(), contract.ListQueue(cause="no_such_cause")).total == 0
    both = contract.ListQueue(cause="host_unreachable", state=State.deferred, text="three")
    assert mail_listing.list_queue(admin(), both).total == 1


@pytest.mark.parametrize(
    ("sort", "before"),
    [("queued_at", "x"), ("queued_at", ""), ("size", "Q1"), ("size", "Q1 -1"), ("attempts", "Q1 9999999999999999999")],
)
def test_a_place_that_is_none_is_refused(queue: DeliveryQueue, admin: AsUser, sort: str, before: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mail_listing.list_queue(admin(), contract.ListQueue(sort=QueueSort(sort), before=before))
    assert refused.value.problems[0].field == "before"


def test_a_character_that_no_text_can_hold_is_found_nowhere(queue: DeliveryQueue, admin: AsUser) -> None:
    _fill(admin, 2)
    assert mail_listing.list_queue(admin(), contract.ListQueue(text="\x00")).total == 0
    asked = contract.ListQueue(sort=QueueSort.subject, before="Q1 \x00", descending=False)
    assert mail_listing.list_queue(admin(), asked).total == 2
