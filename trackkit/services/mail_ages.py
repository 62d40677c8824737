"""The queue by age: what waits how long, in which state, for which domains."""

from __future__ import annotations

from trackkit.contract import mail as contract
from trackkit.services.environment import Call
from trackkit.store import queue_ages
from trackkit.store.database import Connection


def count_ages(call: Call, request: contract.CountAges) -> contract.QueueAges:
    """Unsent messages by state and age, and by age for the domains that the most of them wait for."""

    def work(connection: Connection) -> contract.QueueAges:
        top, number = queue_ages.domains(connection, request.domains)
        return contract.QueueAges(
            counted_at=call.now,
            states=tuple(
                contract.StateAge(state=state, age=age, messages=messages)
                for state, age, messages in queue_ages.by_state(connection, call.now)
            ),
            domains=tuple(
                contract.DomainAge(domain=domain, age=age, messages=messages)
                for domain, age, messages in queue_ages.by_domain(connection, top, call.now)
            ),
            domains_in_all=number,
        )

    return call.environment.store.read(work)
