"""What is made of the DNS's answers, how long they are kept, and the policies that are found by it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import dns.asyncresolver
import pytest

from tests.fakes.dns_server import DnsServer
from trackkit.domain.mta_sts import Mode, NoPolicy
from trackkit.domain.mx import Answer, Found, MxRecord
from trackkit.mail import resolver as resolver_module
from trackkit.mail.policies import Policies
from trackkit.mail.resolver import Resolver, machine_resolver
from trackkit.mail.route import TlsaRecord


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[DnsServer]:
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(tcp.getsockname())
    with DnsServer(udp, tcp) as running:
        yield running


def asks(server: DnsServer, address: str = "127.0.0.1") -> Callable[[], dns.asyncresolver.Resolver]:
    port = server.tcp.getsockname()[1]

    def make() -> dns.asyncresolver.Resolver:
        resolver = machine_resolver()
        resolver.nameservers = [address]
        resolver.port = port
        return resolver

    return make


def run(work: Awaitable[Any]) -> Any:
    async def wrapped() -> Any:
        return await work

    return asyncio.run(wrapped())


def test_answers_of_each_kind(server: DnsServer) -> None:
    server.zone |= {
        ("d.test", "MX"): ["10 MX.d.test.", "0 ."],
        ("mx.d.test", "A"): ["192.0.2.1", "192.0.2.2"],
        ("mx.d.test", "AAAA"): ["2001:db8::1"],
        ("alias.test", "CNAME"): ["mx.d.test."],
        ("t.test", "TXT"): ['"v=STSv1; " "id=1;"'],
        ("_25._tcp.mx.d.test", "TLSA"): ["3 1 1 " + "ab" * 32],
    }
    server.broken.add("broken.test")
    server.signed.add("d.test")

    async def work() -> None:
        resolver = Resolver(Clock(), asks(server))
        mx = await resolver.mx("d.test")
        assert (mx.found, set(mx.records), mx.secure) == (
            Found.records, {MxRecord(10, "mx.d.test"), MxRecord(0, ".")}, True
        )  # fmt: skip
        addresses = await resolver.addresses("mx.d.test")
        assert (addresses.records[0], addresses.secure) == ("2001:db8::1", True)
        assert set(addresses.records[1:]) == {"192.0.2.1", "192.0.2.2"}
        assert len((await resolver.addresses("alias.test")).records) == 3
        assert (await resolver.txt("t.test")).records == ("v=STSv1; id=1;",)
        assert (await resolver.tlsa("mx.d.test", 25)).records == (TlsaRecord(3, 1, 1, b"\xab" * 32),)
        assert await resolver.mx("absent.test") == Answer(Found.no_name)
        assert await resolver.mx("t.test") == Answer(Found.nothing)
        broken = await resolver.mx("broken.test")
        assert (broken.found, "SERVFAIL" in broken.reason) == (Found.failed, True)
        assert (await resolver.addresses("broken.test")).found is Found.failed
        for impossible in ("a" * 64 + ".test", "a..test", "ä" * 70):
            assert (await resolver.mx(impossible)).found is Found.failed

    run(work())


def test_a_dns_that_does_not_answer(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver_module, "_LIFETIME_SECONDS", 0.2)
    server.silent.add("silent.test")
    answer = run(Resolver(Clock(), asks(server)).mx("silent.test"))
    assert answer == Answer(Found.failed, reason="the DNS did not answer in time")


def test_answers_are_kept_as_long_as_they_hold(server: DnsServer) -> None:
    server.zone["d.test", "MX"] = ["10 a.d.test."]
    clock = Clock()

    async def work() -> None:
        resolver = Resolver(clock, asks(server))
        for seconds, asked in ((0, 1), (59, 1), (2, 2)):
            clock.now += seconds
            await resolver.mx("d.test")
            assert server.asked.count(("d.test", "MX")) == asked
        server.ttl = 10**6
        clock.now += 60
        await resolver.mx("d.test")
        clock.now += 3601
        await resolver.mx("d.test")
        assert server.asked.count(("d.test", "MX")) == 4
        server.broken.add("broken.test")
        await resolver.mx("broken.test")
        await resolver.mx("broken.test")
        assert server.asked.count(("broken.test", "MX")) >= 2, "a failure is not kept"
        resolver.forget([("d.test", "MX"), ("never-asked.test", "A")])
        await resolver.mx("d.test")
        assert server.asked.count(("d.test", "MX")) == 5

    run(work())


def test_who_is_elsewhere_vouches_for_nothing(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.zone["d.test", "MX"] = ["10 a.d.test."]
    server.signed.add("d.test")
    monkeypatch.setattr(resolver_module, "_all_here", lambda resolver: False)
    assert not run(Resolver(Clock(), asks(server)).mx("d.test")).secure
    monkeypatch.undo()
    elsewhere = asks(server, "192.0.2.53")()
    assert not resolver_module._all_here(elsewhere)
    assert resolver_module._all_here(asks(server)())


def test_a_policy_holds_for_its_time_also_when_it_cannot_be_fetched() -> None:
    clock, fetched = Clock(), []
    text = "version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: 1000\n"
    records: tuple[str, ...] = ("v=STSv1; id=1;",)
    fails = False

    class Dns:
        async def txt(self, name: str) -> Answer[str]:
            assert name == "_mta-sts.d.test"
            return Answer(Found.records, records)

    async def fetch(url: str) -> str:
        fetched.append(url)
        if fails:
            raise NoPolicy("away")
        return text

    async def work() -> None:
        nonlocal records, fails, text
        policies = Policies(Dns(), clock, fetch)  # type: ignore[arg-type]

        async def mode() -> Mode | None:
            policy = await policies.of("d.test")
            return policy.mode if policy else None

        assert await mode() is Mode.enforce
        assert await mode() is Mode.enforce
        assert fetched == ["https://mta-sts.d.test/.well-known/mta-sts.txt"]
        records = ()
        assert await mode() is Mode.enforce, "whoever hides the record does not get rid of the policy"
        records, fails = ("v=STSv1; id=2;",), True
        assert await mode() is Mode.enforce
        assert await mode() is Mode.enforce
        assert len(fetched) == 2, "not fetched again at once after a failure"
        clock.now += 301
        fails, text = False, text.replace("enforce", "testing")
        assert await mode() is Mode.testing
        clock.now += 1001
        records = ()
        assert await mode() is None

    run(work())
