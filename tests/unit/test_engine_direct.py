"""The engine with direct delivery, over a queue in memory: lines, bounds, turns, and who gets a recipient next."""

from __future__ import annotations

import itertools
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.fakes.delivery_queue import MemoryQueue, utc_now
from tests.fakes.smtp_server import Action, Decision, ScriptedSmtp, drop, first, say
from tests.unit.engine_running import RAW, all_in, run, running, until
from trackkit.domain.delivery import Event, State
from trackkit.domain.mx import Answer, Found, MxRecord
from trackkit.domain.options import Options, from_flat
from trackkit.domain.replies import Stage, Verdict, outcome_of
from trackkit.mail import destinations as destinations_module
from trackkit.mail.destinations import HELD_PER_DOMAIN, RELAY, Destination, Destinations, Seat
from trackkit.mail.direct import DEAD_SECONDS, Hosts
from trackkit.mail.engine import Engine
from trackkit.mail.next_hop import NextHop
from trackkit.mail.way import plan_of
from trackkit.services.attempts import Attempted, Claimed, ClaimedRecipient

SLOW = Action(b"250 2.0.0 Ok\r\n", "go on", 0.004)


class Dns:
    """Every domain is its own host, on a server of the test; hosts share a port, so each has its own address."""

    def __init__(self) -> None:
        self.addresses_of: dict[str, str] = {}
        self.hosts_of: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []
        self.forgotten: set[tuple[str, str]] = set()

    def forget(self, questions: Iterable[tuple[str, str]]) -> None:
        self.forgotten |= set(questions)

    async def mx(self, domain: str) -> Answer[MxRecord]:
        self.asked.append(domain)
        if domain in self.hosts_of:
            return Answer(Found.records, tuple(MxRecord(n, host) for n, host in enumerate(self.hosts_of[domain])))
        return Answer(Found.nothing if domain in self.addresses_of else Found.no_name)

    async def addresses(self, host: str) -> Answer[str]:
        return Answer(Found.records, (self.addresses_of[host],))


class NoPolicies:
    async def of(self, domain: str) -> None:
        return None


class Network:
    """Mail hosts on 127.0.0.x, all on one port."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._numbers = itertools.count(2)
        self.dns = Dns()
        self.port = 0

    def host(self, name: str, **script: Action | Decision) -> ScriptedSmtp:
        """A host that listens."""
        address = f"127.0.0.{next(self._numbers)}"
        listener = socket.create_server((address, self.port), backlog=50)
        self.port = listener.getsockname()[1]
        self.dns.addresses_of[name] = address
        return self._closing.enter_context(ScriptedSmtp(script, listener=listener))

    def dead(self, name: str) -> None:
        """One that does not."""
        self.dns.addresses_of[name] = f"127.0.0.{next(self._numbers)}"

    @asynccontextmanager
    async def engine(self, queue: MemoryQueue) -> AsyncIterator[Engine]:
        """An engine in this network."""

        def hosts(_: Any) -> Hosts:
            return Hosts(self.dns, NoPolicies(), port=self.port)  # type: ignore[arg-type]

        async with running(queue, hosts=hosts) as engine:
            yield engine


def direct(**more: Any) -> Options:
    values = {
        "sending.method": "direct",
        "sending.smtp.encryption": "none",
        "sending.smtp.connect_timeout": 2,
        "sending.smtp.conversation_timeout": 2,
    }
    return from_flat(values | {name.replace("__", "."): value for name, value in more.items()})


def test_a_slow_domain_with_a_long_line_holds_up_nobody() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            slow, fast = network.host("slow.test", dot=SLOW), network.host("fast.test")
            queue = MemoryQueue(direct(sending__timing__connections=4))
            for number in range(80):
                queue.submit(RAW, f"r{number}@slow.test")
            for number in range(30):
                queue.submit(RAW, f"r{number}@fast.test")
            async with network.engine(queue):
                await until(lambda: len(fast.messages) == 30)
                assert len(slow.messages) < 50
                await until(all_in(queue, State.sent))
            assert slow.most_open == 2
            assert sorted(m.rcpt_tos[0] for m in slow.messages) == sorted(f"r{n}@slow.test" for n in range(80))

    run(work())


def test_dead_domains_take_no_more_than_a_try_each() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            alive = network.host("alive.test")
            queue = MemoryQueue(direct())
            for number in range(20):
                network.dead(f"d{number}.test")
                for _ in range(5):
                    queue.submit(RAW, f"a@d{number}.test")
            queue.submit(RAW, "a@alive.test", "a@d1.test", "b@d1.test", "a@nowhere.test")
            async with network.engine(queue):
                await until(all_in(queue, State.sent, State.deferred, State.failed))
            assert queue.states()[-4:] == [State.sent, State.deferred, State.deferred, State.failed]
            assert [m.rcpt_tos for m in alive.messages] == [("a@alive.test",)]
            assert queue.reports == [], "that some domains are away is no matter for the log"
            tlsa = f"_{network.port}._tcp.d1.test"
            anew = {
                ("d1.test", "MX"),
                ("d1.test", "A"),
                (tlsa, "TLSA"),
                ("_mta-sts.d1.test", "TXT"),
                ("nowhere.test", "MX"),
            }
            assert network.dns.forgotten >= anew
            assert not [name for name, _ in network.dns.forgotten if "alive" in name]

    run(work())


def test_many_domains_share_few_connections() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            hosts = [network.host(f"h{number}.test") for number in range(12)]
            queue = MemoryQueue(direct(sending__timing__connections=3))
            for number in range(12):
                for _ in range(4):
                    queue.submit(RAW, f"a@h{number}.test")
            async with network.engine(queue):
                await until(all_in(queue, State.sent), 20)
            assert [len(host.messages) for host in hosts] == [4] * 12
            assert sum(host.connections for host in hosts) <= 24, "connections are kept for the next message"

    run(work())


def test_a_host_that_is_dead_comes_last_for_every_domain() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            shared = network.host("shared.test", greeting=drop("421 4.3.2 down"))
            good = network.host("good.test")
            for domain in ("one.test", "two.test"):
                network.dns.hosts_of[domain] = ("shared.test", "good.test")
            queue = MemoryQueue(direct())
            async with network.engine(queue) as engine:
                for domain in ("one.test", "two.test"):
                    queue.submit(RAW, f"a@{domain}")
                    engine.wake()
                    await until(all_in(queue, State.sent))
            assert (shared.connections, len(good.messages)) == (1, 2)
            assert DEAD_SECONDS > 60

    run(work())


def test_lost_after_the_final_dot_goes_to_no_other_host_and_no_relay() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            network.host("first.test", dot=first(1, drop()))
            other = network.host("other.test")
            network.dns.hosts_of["d.test"] = ("first.test", "other.test")
            with ScriptedSmtp() as relay:
                options = {"sending__smtp__host": "127.0.0.1", "sending__smtp__port": relay.port}
                queue = MemoryQueue(direct(**options, sending__method="direct-then-smtp"))
                queue.submit(RAW, "a@d.test")
                async with network.engine(queue):
                    await until(all_in(queue, State.deferred))
            assert queue.rows[1].status.outcome_unknown
            assert not other.messages
            assert not relay.messages

    run(work())


def test_the_relay_gets_the_rest_and_each_recipient_ends_once() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            mixed = network.host(
                "mixed.test",
                rcpt=lambda line: (
                    say("450 4.2.1 later")
                    if "LATER" in line.upper()
                    else say("550 no")
                    if "BAD" in line.upper()
                    else None
                ),
            )
            network.dead("dead.test")
            with ScriptedSmtp() as relay:
                options = {"sending__smtp__host": "127.0.0.1", "sending__smtp__port": relay.port}
                queue = MemoryQueue(direct(**options, sending__method="direct-then-smtp"))
                for _ in range(40):
                    queue.submit(RAW, "ok@mixed.test", "later@mixed.test", "bad@mixed.test", "x@dead.test")
                async with network.engine(queue):
                    await until(all_in(queue, State.sent, State.failed))
                    await until(lambda: queue.states().count(State.sent) == 120)
            assert queue.states().count(State.failed) == 40
            assert len(mixed.messages) == 40
            assert sorted(m.rcpt_tos for m in relay.messages) == sorted(
                [("later@mixed.test",)] * 40 + [("x@dead.test",)] * 40
            )
            assert {row.status.tries for row in queue.rows.values()} == {1}
            told = [a.conversation for a in queue.attempts if a.host == f"127.0.0.1:{relay.port}"]
            assert all("the relay takes over" in text for text in told)

    run(work())


def test_another_method_takes_what_waits_along() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            slow = network.host("slow.test", dot=SLOW)
            with ScriptedSmtp() as relay:
                queue = MemoryQueue(direct())
                for _ in range(60):
                    queue.submit(RAW, "a@slow.test")
                async with network.engine(queue) as engine:
                    await until(lambda: slow.messages)
                    options = {"sending__smtp__host": "127.0.0.1", "sending__smtp__port": relay.port}
                    queue.current = direct(**options, sending__method="smtp")
                    engine.wake()
                    await until(all_in(queue, State.sent))
                assert len(slow.messages) + len(relay.messages) == 60
                assert len(relay.messages) > 30

    run(work())


def test_a_stop_gives_back_what_waits_in_every_line() -> None:
    async def work() -> None:
        with ExitStack() as closing:
            network = Network(closing)
            for number in range(6):
                network.host(f"h{number}.test", dot=Action(b"250 2.0.0 Ok\r\n", "go on", 0.05))
            queue = MemoryQueue(direct(sending__timing__connections=2))
            for number in range(60):
                queue.submit(RAW, f"a@h{number % 6}.test", f"b@h{(number + 1) % 6}.test")
            async with network.engine(queue):
                await until(lambda: queue.states().count(State.active) > 40)
            assert State.active not in queue.states()
            assert {row.status.tries for row in queue.rows.values() if row.status.state is State.queued} == {0}
            queue.apply(Event.hold)

    run(work())


class _Hop(NextHop):
    """A hop that answers."""

    @property
    def answers(self) -> bool:
        return True


def lines(method: str = "direct") -> Destinations:
    more = {"sending.smtp.host": "relay.test"} if method != "direct" else {}
    plan = plan_of(from_flat({"sending.method": method, **more}).sending)
    assert plan is not None
    return Destinations(plan, lambda name: Destination(name, None, _Hop(name, None)))  # type: ignore[arg-type]


def message(number: int, *addresses: str) -> Claimed:
    recipients = tuple(ClaimedRecipient(number * 100 + n, address) for n, address in enumerate(addresses))
    return Claimed(number, f"Q{number}", "s@s.test", b"raw", recipients)


def test_a_message_is_split_by_domain_and_full_domains_are_named_as_addresses_have_them() -> None:
    found = lines()
    parts = found.put(message(1, "a@A.test", "b@b.test", "c@a.test", "d@[192.0.2.1]"), 0)
    assert [(p.to.name, [r.address for r in p.claimed.recipients]) for p in parts] == [
        ("a.test", ["a@A.test", "c@a.test"]),
        ("b.test", ["b@b.test"]),
        ("[192.0.2.1]", ["d@[192.0.2.1]"]),
    ]
    for number in range(HELD_PER_DOMAIN - 1):
        assert not found.full()
        found.put(message(number + 2, "a@a.test"), 0)
    assert found.full() == {"a.test"}
    assert lines("smtp").full() == frozenset()


def test_a_lane_stays_for_its_turn_and_then_serves_who_has_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations_module, "TURN_MESSAGES", 3)
    found = lines()
    for number in range(6):
        found.put(message(number, "a@long.test"), 0)
    found.put(message(9, "a@short.test"), 0)
    seat = Seat(found.put(message(10, "a@long.test"), 0)[0].to)
    served = []
    while (held := found.next_for(seat, 1, spare=False, now=0)) is not None:
        served.append(held.to.name.partition(".")[0])
    assert served == ["long"] * 3 + ["short"] + ["long"] * 4
    assert (seat.at.name, seat.at.lanes, seat.at.idle) == ("long.test", 1, 0)


def test_what_goes_to_the_relay_is_taken_out_of_the_attempt() -> None:
    found = lines("direct-then-smtp")
    (held,) = found.put(message(1, "a@d.test", "b@d.test"), 0)
    later, no = outcome_of(Stage.recipient, 450, "later"), outcome_of(Stage.recipient, 550, "no")
    attempted = Attempted(held.claimed, utc_now(), utc_now(), "mx", {100: later, 101: no}, "said")
    relayed, rest = found.hand_over(held, attempted, 1)
    assert relayed is not None
    assert relayed.to.name == RELAY
    assert [r.recipient_id for r in relayed.claimed.recipients] == [100]
    assert [r.recipient_id for r in rest.claimed.recipients] == [101]
    assert {key: o.verdict for key, o in rest.outcomes.items()} == {101: Verdict.permanent}
    assert found.hand_over(relayed, attempted, 2) == (None, attempted)
