"""Stuck mail by cause, destination and age, on both databases, against counting in plain Python; exact undo; health."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from tests.ports import wait_until
from tests.store.conftest import AsUser, Clock
from trackkit.client.mail_groups import bounds
from trackkit.contract import mail as contract
from trackkit.contract.jobs import Job
from trackkit.contract.mail import QueueFilter
from trackkit.contract.mail_bulk import BulkVerb, CountMatching
from trackkit.contract.mail_groups import CountGroups, QueueGroups
from trackkit.contract.operation import Nothing
from trackkit.domain.ages import Age, age_of
from trackkit.domain.delivery import State
from trackkit.domain.message import domain_of
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of
from trackkit.frames import groups_frame
from trackkit.services import health, mail, mail_bulk, mail_groups, mail_listing
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue

RELAY = "mail.example.org:25"
OUTCOMES = {
    "refused": Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="refused"),
    "later": outcome_of(Stage.recipient, 451, "4.0.0 Not now"),
    "busy": outcome_of(Stage.greeting, 421, "4.0.0 Not now"),
    "gone": outcome_of(Stage.recipient, 550, "5.1.1 No such user"),
    "cert": Outcome(Verdict.temporary, Stage.certificate, Failure.tls_untrusted, text="self-signed"),
}
OF_THE_RELAY = {"refused", "busy", "cert"}
DOMAINS = ("one.test", "Two.test", "three.test")


def submit(admin: AsUser, *to: str) -> str:
    request = contract.Submit.model_construct(message=b"Subject: x\r\n\r\n", sender="", recipients=to)
    return mail.submit(admin(), request).queue_id


def settle(queue: DeliveryQueue, clock: Clock) -> None:
    """Each recipient gets the outcome that its address names; without one it is left as it is."""
    for claimed in queue.claim(1000):
        found = {r.recipient_id: OUTCOMES[r.address.partition(".")[0]] for r in claimed.recipients}
        queue.settle([Attempted(claimed, clock(), clock(), RELAY, found, "")])


def fill(admin: AsUser, queue: DeliveryQueue, clock: Clock, messages: int = 60) -> None:
    """Mail of every age for several domains, tried with every outcome, held, and new."""
    chance, now = random.Random(11), clock.now
    for waited in sorted((timedelta(minutes=chance.expovariate(1 / 1500)) for _ in range(messages)), reverse=True):
        clock.now = now - waited
        kinds = [chance.choice(tuple(OUTCOMES)) for _ in range(chance.choice((1, 1, 3)))]
        submit(admin, *(f"{kind}.{n}@{chance.choice(DOMAINS)}" for n, kind in enumerate(kinds)))
    clock.now = now
    settle(queue, clock)
    held = [submit(admin, f"held.{n}@{chance.choice(DOMAINS)}") for n in range(7)]
    mail.hold(admin(), contract.Verb(queue_ids=tuple(held)))
    for n in range(5):
        submit(admin, f"new.{n}@one.test")


def groups(admin: AsUser, cause: str | None = None, destinations: int = 20) -> QueueGroups:
    return mail_groups.count_groups(admin(), CountGroups(cause=cause, destinations=destinations))


def details(admin: AsUser) -> dict[str, contract.MessageDetail]:
    """Everything about every message, deleted ones too, that is seen."""
    pages = [mail_listing.list_queue(admin(), contract.ListQueue(limit=1000, state=s)) for s in (None, State.deleted)]
    found = [m.queue_id for page in pages for m in page.messages]
    return {key: mail.show(admin(), contract.OneMessage(queue_id=key)) for key in found}


def do(admin: AsUser, verb: str, **where: Any) -> Job:
    begun = mail_bulk.begin_bulk(admin(), BulkVerb(verb=verb, where=QueueFilter(**where)))
    jobs = admin.environment.jobs
    wait_until(lambda: jobs.show(begun.job_id).ended_at is not None, what="the end of the job")
    return jobs.show(begun.job_id)


@pytest.mark.spec("13: queue by cause: diagnosis × destination × age, with the next step")
def test_groups_are_those_of_plain_python(admin: AsUser, queue: DeliveryQueue, clock: Clock) -> None:
    fill(admin, queue, clock)
    expected: defaultdict[tuple[str, str, Age], set[str]] = defaultdict(set)
    by_cause: defaultdict[str, set[str]] = defaultdict(set)
    for key, detail in details(admin).items():
        for r in detail.recipients:
            of_relay = r.address.partition(".")[0] in OF_THE_RELAY
            destination = RELAY if of_relay else domain_of(r.address)
            expected[r.diagnosis.cause, destination, age_of(clock() - detail.message.queued_at)].add(key)
            by_cause[r.diagnosis.cause].add(key)
    found = groups(admin)
    counted = {
        (cause.diagnosis.cause, destination.destination, group.age): group.messages
        for cause in found.causes
        for destination in cause.destinations
        for group in destination.ages
    }
    assert counted == {key: len(ids) for key, ids in expected.items()}
    assert {c.diagnosis.cause: c.messages for c in found.causes} == {name: len(ids) for name, ids in by_cause.items()}
    assert [c.messages for c in found.causes] == sorted((len(ids) for ids in by_cause.values()), reverse=True)
    assert {d.destination for c in found.causes for d in c.destinations if d.next_hop} == {RELAY}
    assert len({age for _, _, age in expected}) == len(Age), "every age was tried"
    assert int(groups_frame(found).messages.sum()) == sum(counted.values())
    # What a group says is what its filter finds, at each level.
    for (cause, destination, age), ids in expected.items():
        listed = mail_listing.list_queue(admin(), contract.ListQueue(**where(cause, destination, age), limit=500))
        assert {m.queue_id for m in listed.messages} == ids, (cause, destination, age)
    one = groups(admin, "deferred_by_host", 1)
    assert [c.diagnosis.cause for c in one.causes] == ["deferred_by_host"]
    assert (len(one.causes[0].destinations), one.causes[0].destinations_in_all) == (1, 4)


def where(cause: str, destination: str, age: Age) -> dict[str, Any]:
    """The conditions of a group, as they travel."""
    spans = {f"{name}_seconds": int(span.total_seconds()) for name, span in bounds(age).items()}  # type: ignore[attr-defined]
    return {"cause": cause, "destination": destination, **spans}


@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_undo_brings_back_exactly_what_one_deletion_took(admin: AsUser, queue: DeliveryQueue, clock: Clock) -> None:
    """Although by then its mail would have another cause and another age, and other mail was deleted beside it."""
    fill(admin, queue, clock, 40)
    mail.delete(admin(), contract.Verb(queue_ids=(submit(admin, "new.a@one.test"),)))
    do(admin, "delete", cause="held")
    before = details(admin)
    job = do(admin, "delete", cause="host_unreachable", younger_than_seconds=86400)
    assert job.result["messages"] > 5
    deleted = {key for key, now in details(admin).items() if now != before[key]}
    assert len(deleted) == job.result["messages"]
    listed = mail_listing.list_queue(admin(), contract.ListQueue(deletion=job.job_id, limit=1000))
    assert {m.queue_id for m in listed.messages} == deleted, "they are found by it, although they are deleted"
    admin.set({"sending.paused": True})
    clock.forward(minutes=9)
    count = mail_bulk.count_matching(admin(), CountMatching(verb="undelete", deletion=job.job_id))
    assert (count.applies, count.recipients) == (len(deleted), job.result["recipients"])
    assert do(admin, "undelete", deletion=job.job_id).result == job.result
    admin.set({"sending.paused": False})
    clock.forward(minutes=-9)
    assert details(admin) == before, "states, tries, next attempts, limits, attempts, diagnoses"
    assert do(admin, "undelete", deletion=job.job_id).result["messages"] == 0, "it is undone once"
    one = next(iter(deleted))
    mail.delete(admin(), contract.Verb(queue_ids=(one,)))
    assert do(admin, "undelete", deletion=job.job_id).result["messages"] == 0, "another deletion is not undone by it"


@pytest.mark.spec("5: the queue as a whole carries a diagnosis: in health, by cause, as grave as it is")
def test_health_is_as_grave_as_the_queue(admin: AsUser, queue: DeliveryQueue, clock: Clock) -> None:
    def said() -> list[tuple[str, str, str]]:
        found = [one for one in health.health(admin(), Nothing()).findings if one.subject == "mail"]
        return [(one.severity, one.words, one.operation) for one in found]

    submit(admin, "new.a@one.test")
    submit(admin, "later.a@two.test")
    assert said() == []
    do(admin, "hold", text="new.a")
    settle(queue, clock)
    assert [one[0] for one in said()] == ["warning"], "what is held; greylisting is nothing to be told of"
    do(admin, "delete", cause="held")
    submit(admin, "gone.a@one.test")
    settle(queue, clock)
    [(severity, words, operation)] = said()
    assert (severity, operation) == ("warning", "mail.edit_recipient")
    assert words.startswith("1 message has waited for 0 s: ")
    clock.forward(minutes=50)
    for n in range(3):
        submit(admin, f"refused.{n}@one.test")
    settle(queue, clock)
    assert ("warning", "options.set") in [(one[0], one[2]) for one in said()]
    clock.forward(minutes=61)
    first, *_ = said()
    assert (first[0], first[2]) == ("error", "options.set")
    assert first[1].startswith("3 messages wait, the oldest for 1 h: The mail host cannot be reached.")
    assert any("try later" in one[1] for one in said()), "a host was believed for an hour"
    do(admin, "delete")
    admin.set({"sending.method": "direct"})
    for n in range(12):
        submit(admin, f"refused.{n}@{DOMAINS[n % 2]}")
    settle(queue, clock)
    clock.forward(minutes=61)
    assert [one[0] for one in said()] == ["warning"], "two domains are an accident"
    for n in range(3):
        submit(admin, f"refused.{n}@third.test")
    settle(queue, clock)
    assert [one[0] for one in said()] == ["error"], "nothing leaves any more"


def test_outside_the_schedule_only_what_is_due_waits_for_it(admin: AsUser, queue: DeliveryQueue, clock: Clock) -> None:
    """Mail with the same last outcome has two causes then, each counted, listed and acted on by itself."""
    submit(admin, "later.a@one.test")
    settle(queue, clock)
    clock.forward(seconds=50)
    submit(admin, "later.b@one.test")
    settle(queue, clock)
    clock.forward(seconds=20)
    admin.set({"sending.timing.schedule": "Sat 10:00-11:00"})
    assert {c.diagnosis.cause: c.messages for c in groups(admin).causes} == {
        "outside_schedule": 1,
        "deferred_by_host": 1,
    }
    for cause, address in (("outside_schedule", "later.a"), ("deferred_by_host", "later.b")):
        listed = mail_listing.list_queue(admin(), contract.ListQueue(cause=cause)).messages
        assert [m.diagnosis.cause for m in listed] == [cause]
        assert do(admin, "hold", cause=cause).result["messages"] == 1
        assert mail_listing.list_queue(admin(), contract.ListQueue(cause="held", text=address)).total == 1
