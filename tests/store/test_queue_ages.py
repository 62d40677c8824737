"""Unsent mail by age, state and domain, on both databases, against counting in plain Python."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import mail as contract
from trackkit.domain.ages import LIMITS, Age, age_of
from trackkit.domain.delivery import State
from trackkit.domain.message import domain_of
from trackkit.frames import ages_frame, domain_ages_frame
from trackkit.services import mail, mail_ages, mail_listing
from trackkit.store import queue_ages
from trackkit.store.tables import recipients

DOMAINS = ("example.org", "Example.ORG", "mail.example.com", "xn--bcher-kva.test", "[192.0.2.1]", "x.test")
EDGES = [moment for limit in LIMITS.values() for moment in (limit, limit - timedelta(microseconds=1))]


def _submit(admin: AsUser, *to: str) -> str:
    request = contract.Submit.model_construct(message=b"Subject: x\r\n\r\n", sender="", recipients=to)
    return mail.submit(admin(), request).queue_id


def _fill(admin: AsUser, clock: Clock) -> None:
    """Messages of every age, also exactly on the limits, held, deleted and queued, to one or several domains."""
    chance, now = random.Random(7), clock.now
    waits = sorted([*EDGES, *(timedelta(minutes=chance.expovariate(1 / 900)) for _ in range(90))], reverse=True)
    for number, waited in enumerate(waits):
        clock.now = now - waited
        to = {f"u{n}@{chance.choice(DOMAINS)}" for n in range(chance.randint(1, 3))}
        queue_id = _submit(admin, *sorted(to))
        verb = (mail.hold, mail.delete, None, None)[number % 4]
        if verb is not None:
            verb(admin(), contract.Verb(queue_ids=(queue_id,)))
    clock.now = now


@pytest.mark.spec("5: counts by domain and age (domains × age buckets)")
def test_counts_are_those_of_plain_python(admin: AsUser, clock: Clock) -> None:
    _fill(admin, clock)
    by_state: Counter[tuple[State, Age]] = Counter()
    by_domain: defaultdict[str, Counter[Age]] = defaultdict(Counter)
    for message in mail_listing.list_queue(admin(), contract.ListQueue(limit=5000)).messages:
        age = age_of(clock() - message.queued_at)
        by_state[message.state, age] += 1
        for domain in message.domains:
            by_domain[domain][age] += 1
    found = mail_ages.count_ages(admin(), contract.CountAges(domains=200))
    assert {(row.state, row.age): row.messages for row in found.states} == by_state
    assert {age for _, age in by_state} == set(Age), "every age was tried"
    assert {(row.domain, row.age): row.messages for row in found.domains} == {
        (domain, age): number for domain, ages in by_domain.items() for age, number in ages.items()
    }
    assert found.domains_in_all == len(by_domain) == 5
    sums = [by_domain[domain].total() for domain in dict.fromkeys(row.domain for row in found.domains)]
    assert sums == sorted(sums, reverse=True)
    assert int(ages_frame(found)["messages"].sum()) == by_state.total()
    assert len(ages_frame(found)) == 5 * len(Age)
    assert int(domain_ages_frame(found)["messages"].sum()) == sum(sums)
    top = mail_ages.count_ages(admin(), contract.CountAges(domains=2))
    assert len({row.domain for row in top.domains}) == 2
    assert top.domains_in_all == 5
    assert top.domains == tuple(row for row in found.domains if row.domain in {row.domain for row in top.domains})


def test_a_message_has_the_state_of_its_least_finished_recipient(admin: AsUser) -> None:
    _submit(admin, "a@example.org", "b@example.com")

    first = recipients.update().where(recipients.c.address == "a@example.org")
    admin.environment.store.write(lambda connection: connection.execute(first.values(state=State.failed)))
    found = mail_ages.count_ages(admin(), contract.CountAges())
    assert [(row.state, row.age, row.messages) for row in found.states] == [(State.queued, Age.under_5_minutes, 1)]
    assert {row.domain for row in found.domains} == {"example.org", "example.com"}


def test_an_empty_queue_has_no_ages(admin: AsUser) -> None:
    found = mail_ages.count_ages(admin(), contract.CountAges())
    assert (found.states, found.domains, found.domains_in_all) == ((), (), 0)
    assert int(ages_frame(found)["messages"].sum()) == 0
    assert len(domain_ages_frame(found)) == 0


@pytest.mark.parametrize(
    "address", ["a@b.test", '"a@b"@Example.ORG', "a@[IPv6:2001:db8::1]", '"@@"@x.test', "x+y=z@a.b.c.test"]
)
def test_the_domain_in_sql_is_that_of_plain_python(admin: AsUser, address: str) -> None:
    _submit(admin, address)
    top, _ = admin.environment.store.read(lambda connection: queue_ages.domains(connection, 5))
    assert top == [domain_of(address)]
