"""What the DNS says about mail: MX, addresses, SRV, TXT and TLSA records.

Promises: asks the name servers of this machine (its resolv.conf is read anew for each question that is really asked);
an answer is kept for the time its owner gave it, within bounds, unless it is to be forgotten; whether it can be trusted
(DNSSEC) is said only when the name servers are on this machine, since anybody between could have written so (RFC 7672
§2.2). Never raises: no answer, or a broken one, is `Found.failed` with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.SRV import SRV

from trackkit.domain.mx import Answer, Found, MxRecord
from trackkit.domain.suggestions import SrvRecord
from trackkit.mail.route import TlsaRecord

T = TypeVar("T")

_LIFETIME_SECONDS: Final = 15.0
"""What all name servers together get for an answer."""

_SHORTEST_SECONDS: Final = 5
_LONGEST_SECONDS: Final = 3600
_NOTHING_SECONDS: Final = 60
"""How long answers are kept at least and at most, and those that there is nothing."""

_MOST_ANSWERS: Final = 10_000
_UDP_PAYLOAD: Final = 1232


def machine_resolver() -> dns.asyncresolver.Resolver:
    """One that asks the machine's name servers, and whether they have validated what they say."""
    resolver = dns.asyncresolver.Resolver()
    resolver.use_edns(0, dns.flags.DO, _UDP_PAYLOAD)
    resolver.flags = dns.flags.RD | dns.flags.AD
    return resolver


class Resolver:
    """Asks, and remembers.

    Parameters
    ----------
    clock: monotonic seconds.
    make: makes what asks; called for each question.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        make: Callable[[], dns.asyncresolver.Resolver] = machine_resolver,
    ) -> None:
        self._clock = clock
        self._make = make
        self._kept: dict[tuple[str, str], tuple[float, Answer[Any]]] = {}

    async def mx(self, domain: str) -> Answer[MxRecord]:
        """The mail hosts of a domain; the host of a null MX is ``.``."""
        return await self._ask(domain, "MX", _mx)

    async def addresses(self, host: str) -> Answer[str]:
        """The IP addresses of a host, IPv6 first; secure when all of them are."""
        six, four = await _both(self._ask(host, "AAAA", _text), self._ask(host, "A", _text))
        found = [answer for answer in (six, four) if answer.found is Found.records]
        if found:
            records = tuple(record for answer in found for record in answer.records)
            return Answer(Found.records, records, all(answer.secure for answer in (six, four)))
        return next((answer for answer in (four, six) if answer.found is Found.failed), four)

    async def txt(self, name: str) -> Answer[str]:
        """The TXT records of a name."""
        return await self._ask(name, "TXT", _joined)

    async def srv(self, name: str) -> Answer[SrvRecord]:
        """The SRV records of a service: ``_submission._tcp.example.com``."""
        return await self._ask(name, "SRV", _srv)

    async def tlsa(self, host: str, port: int) -> Answer[TlsaRecord]:
        """The TLSA records of a service."""
        return await self._ask(f"_{port}._tcp.{host}", "TLSA", _tlsa)

    def forget(self, questions: Iterable[tuple[str, str]]) -> None:
        """Ask these anew (a name and a kind of record each)."""
        for question in questions:
            self._kept.pop(question, None)

    async def _ask(self, name: str, kind: str, read: Callable[[Any], T]) -> Answer[T]:
        key = (name, kind)
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and self._clock() < until:
            return cast(Answer[T], kept)
        answer, seconds = await self._look_up(name, kind, read)
        if answer.found is not Found.failed:
            if len(self._kept) >= _MOST_ANSWERS:
                self._kept.clear()
            self._kept[key] = (self._clock() + seconds, answer)
        return answer

    async def _look_up(self, name: str, kind: str, read: Callable[[Any], T]) -> tuple[Answer[T], float]:
        """An answer, and for how many seconds it may be kept."""
        try:
            resolver = self._make()
            found = await resolver.resolve(
                dns.name.from_text(name), kind, search=False, lifetime=_LIFETIME_SECONDS, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return Answer(Found.no_name), _NOTHING_SECONDS
        except dns.resolver.LifetimeTimeout:
            return Answer(Found.failed, reason="the DNS did not answer in time"), 0
        except dns.resolver.NoNameservers:
            return Answer(Found.failed, reason="the DNS answered that it cannot tell (SERVFAIL or REFUSED)"), 0
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            return Answer(Found.failed, reason=str(error) or type(error).__name__), 0
        secure = bool(found.response.flags & dns.flags.AD) and _all_here(resolver)
        if found.rrset is None:
            return Answer(Found.nothing, secure=secure), _NOTHING_SECONDS
        seconds = min(max(found.rrset.ttl, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        return Answer(Found.records, tuple(read(record) for record in found.rrset), secure), seconds


async def _both(first: Awaitable[Answer[T]], second: Awaitable[Answer[T]]) -> tuple[Answer[T], Answer[T]]:
    one, two = await asyncio.gather(first, second)
    return one, two


def _all_here(resolver: dns.asyncresolver.Resolver) -> bool:
    """Whether every name server is on this machine."""
    servers = [getattr(server, "address", server) for server in resolver.nameservers]
    try:
        return bool(servers) and all(ip_address(str(server)).is_loopback for server in servers)
    except ValueError:
        return False


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _mx(record: MX) -> MxRecord:
    return MxRecord(record.preference, _name(record.exchange))


def _srv(record: SRV) -> SrvRecord:
    return SrvRecord(record.priority, record.weight, record.port, _name(record.target))


def _text(record: Any) -> str:
    return str(record.to_text())


def _joined(record: TXT) -> str:
    return b"".join(record.strings).decode("utf-8", "replace")


def _tlsa(record: TLSA) -> TlsaRecord:
    return TlsaRecord(record.usage, record.selector, record.mtype, record.cert)
