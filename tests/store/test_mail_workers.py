"""Mail workers on one database, with a clock that the test moves: shares, losses, late outcomes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, LATER
from tests.store.test_queue import _list, _settle, _show, _submit
from trackkit.contract.operation import Nothing
from trackkit.domain.delivery import State
from trackkit.domain.mail_workers import SECOND
from trackkit.services import health, mail_workers
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.store import queue as store
from trackkit.store.database import Connection

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def pair(environment: Environment, admin: AsUser) -> tuple[DeliveryQueue, DeliveryQueue]:
    """Two workers that share five connections."""
    admin.set({"sending.smtp.host": "mail.example.org", "sending.timing.connections": 5})
    return _joined(environment, "server"), _joined(environment, "other")


def _joined(environment: Environment, name: str) -> DeliveryQueue:
    queue = DeliveryQueue(environment, name, jitter=lambda: 0.0)
    queue.expect_others()
    queue.join()
    queue.beat(0)
    return queue


def _connections(*queues: DeliveryQueue) -> list[int]:
    return [queue.options().sending.timing.connections for queue in queues]


def _silent(clock: Clock, queue: DeliveryQueue) -> list[str]:
    """Only `queue` gives signs for a good minute; whom it found lost."""
    found: list[str] = []
    for _ in range(14):
        clock.forward(seconds=5)
        found += [row.name for row in queue.beat(0).lost]
    return found


@pytest.mark.spec("7: sending: limits are for the whole server, all workers together")
def test_connections_are_divided_anew_when_a_worker_comes_and_goes(
    environment: Environment, pair: tuple[DeliveryQueue, DeliveryQueue], admin: AsUser
) -> None:
    server, other = pair
    assert _connections(server, other) == [5, 0], "the first may still use all of them"
    assert not other.may_send()
    assert not server.beat(5).is_divided
    assert not other.beat(0).is_divided
    assert _connections(server, other) == [3, 0], "the first is told, and has not let go yet"
    assert server.beat(3).is_divided
    assert other.beat(0).is_divided
    assert _connections(server, other) == [3, 2]
    assert other.may_send()
    admin.set({"sending.timing.connections": 1})
    for _ in range(2):
        server.beat(1)
        other.beat(0)
    assert _connections(server, other) == [1, 0], "fewer connections than workers: the last stands by"
    assert other.claim(10) == []
    listed = mail_workers.list_workers(admin(), Nothing())
    assert [(w.name, w.connections) for w in listed.workers] == [("server", 1), ("other", 0)]
    assert listed.connections == 1
    server.leave()
    other.beat(0)
    assert _connections(other) == [1]


def test_a_lost_workers_leases_are_rescued_after_a_minute_and_it_settles_nothing_when_it_wakes(
    environment: Environment, pair: tuple[DeliveryQueue, DeliveryQueue], admin: AsUser, clock: Clock
) -> None:
    server, other = pair
    server.beat(0)
    server.beat(0)
    other.beat(0)
    queue_id = _submit(admin)
    [asleep] = other.claim(10)
    assert other.still_holds(asleep)
    assert _silent(clock, server) == ["other"]
    [shown] = _show(admin, queue_id).recipients
    assert (shown.state, shown.outcome_unknown) == (State.deferred, True)
    assert not other.still_holds(asleep), "it knows by itself that it must not send it any more"
    [taken] = server.claim(10)

    _settle(other, clock, asleep, ACCEPTED)
    assert _show(admin, queue_id).recipients[0].state is State.active, "it is the server's now"
    assert other.claim(10) == [], "whoever was taken for lost gets nothing before it has joined anew"
    assert other.beat(1).was_lost
    _settle(other, clock, asleep, ACCEPTED)
    assert _show(admin, queue_id).recipients[0].state is State.active
    _settle(server, clock, taken, None)
    [again] = other.claim(10) or server.claim(10)
    assert again.queue_id == queue_id


def test_a_sleeper_settles_nothing_of_what_it_has_got_again_under_its_new_life(
    pair: tuple[DeliveryQueue, DeliveryQueue], admin: AsUser, clock: Clock
) -> None:
    server, other = pair
    queue_id = _submit(admin)
    [asleep] = server.claim(10)
    assert _silent(clock, other) == ["server"]
    assert server.beat(0).was_lost
    other.leave()
    server.beat(0)
    server.beat(0)
    [again] = server.claim(10)
    assert again.queue_id == asleep.queue_id
    _settle(server, clock, asleep, ACCEPTED)
    assert _show(admin, queue_id).recipients[0].state is State.active
    _settle(server, clock, again, ACCEPTED)
    assert mail_workers.list_workers(admin(), Nothing()).workers[-1].lost_at is not None


def test_a_lost_worker_is_in_the_list_for_a_day_and_in_health_for_an_hour(
    environment: Environment, pair: tuple[DeliveryQueue, DeliveryQueue], admin: AsUser, clock: Clock
) -> None:
    def found() -> list[str]:
        return [f.subject for f in health.health(admin(), Nothing()).findings if f.subject.startswith("mail worker")]

    server, _ = pair
    assert found() == []
    _silent(clock, server)
    assert found() == ["mail worker other"]
    assert [w.name for w in mail_workers.list_workers(admin(), Nothing()).workers] == ["server", "other"]
    clock.forward(hours=2)
    assert found() == []
    clock.forward(hours=23)
    _joined(environment, "third")
    assert [w.name for w in mail_workers.list_workers(admin(), Nothing()).workers] == ["server", "third"]


@pytest.mark.spec("7: sending: limits are for the whole server, all workers together")
def test_two_workers_share_the_messages_a_minute(
    pair: tuple[DeliveryQueue, DeliveryQueue], admin: AsUser, clock: Clock
) -> None:
    admin.set({"sending.timing.messages_per_minute": 7})
    server, other = pair
    for _ in range(2):
        server.beat(0)
        other.beat(0)
    for number in range(20):
        _submit(admin, f"r{number}@example.org")
    assert [len(server.claim(5)), len(other.claim(5)), len(server.claim(5))] == [5, 2, 0]
    clock.forward(seconds=59)
    assert other.claim(5) == []
    clock.forward(seconds=1)
    assert [len(other.claim(5)), len(server.claim(5))] == [5, 2]


def test_options_changed_by_another_process_are_noticed(environment: Environment, admin: AsUser) -> None:
    from trackkit.services.option_cache import OptionCache

    cache = OptionCache(environment.store, environment.sealer)
    assert not cache.follow()
    admin.set({"sending.paused": True})
    assert not cache.current.sending.paused
    assert cache.follow()
    assert cache.current.sending.paused
    assert not cache.follow()


@ON_POSTGRESQL
def test_two_workers_that_settle_the_parts_of_a_message_at_once_leave_nothing_behind(
    pair: tuple[DeliveryQueue, DeliveryQueue],
    admin: AsUser,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, other = pair
    for one in (server, other, server, other):
        one.beat(0)
    _submit(admin, "now@example.org", "later@example.org")
    [claimed] = server.claim(10)
    _settle(server, clock, claimed, None, LATER)
    [first] = other.claim(10)
    clock.forward(minutes=4)  # the leases hold, and the one that was deferred is due
    [second] = server.claim(10)
    assert [r.address for r in (*first.recipients, *second.recipients)] == ["now@example.org", "later@example.org"]

    remove_finished, done = store.remove_finished, []
    with ThreadPoolExecutor() as pool:

        def meanwhile(connection: Connection, message_ids: set[int]) -> None:
            """The other half is settled before this transaction has ended, or waits for it."""
            remove_finished(connection, message_ids)
            if not done:
                done.append(pool.submit(_settle, server, clock, second, ACCEPTED))
                wait(done, timeout=1)

        monkeypatch.setattr(store, "remove_finished", meanwhile)
        _settle(other, clock, first, ACCEPTED)
        done[0].result(60)
    assert _list(admin).total == 0


@ON_SQLITE
def test_the_second_process_of_a_server_on_sqlite_ends_and_the_server_is_alone_again(
    environment: Environment, queue: DeliveryQueue, admin: AsUser
) -> None:
    admin.set({"sending.timing.connections": 20})
    queue.join(as_the_only_one=True)
    assert queue.beat(20).is_divided
    assert _connections(queue) == [20], "alone it gives no signs"
    queue.expect_others()
    assert queue.is_there()
    second = _joined(environment, SECOND)
    for one in (queue, second, queue, second):
        one.beat(0)
    assert _connections(queue, second) == [10, 10]
    queue_id = _submit(admin)
    [held] = second.claim(10)
    assert queue.claim(10) == []

    queue.second_is_over()
    assert _connections(queue) == [20]
    [shown] = _show(admin, queue_id).recipients
    assert (shown.state, shown.outcome_unknown) == (State.deferred, True)
    second.settle([Attempted.untried(held, environment.clock())])
    [again] = queue.claim(10)
    assert again.queue_id == queue_id
    listed = mail_workers.list_workers(admin(), Nothing()).workers
    assert [(w.name, w.connections) for w in listed] == [("server", 20)]


@ON_SQLITE
def test_a_server_that_starts_forgets_the_second_process_of_the_one_before(
    environment: Environment, queue: DeliveryQueue, admin: AsUser
) -> None:
    queue.expect_others()
    queue.join()
    _joined(environment, SECOND)
    queue.join(as_the_only_one=True)
    assert [w.name for w in mail_workers.list_workers(admin(), Nothing()).workers] == ["server"]
