"""Finds settings for sending: asks the DNS and the domain's own web server, then looks at the hosts themselves.

Promises
- No address goes to anybody but the domain itself, and only over verified HTTPS; no directory of providers is asked.
- Nothing inside (this machine, private networks) is connected to unless the host was named or the person said so. An
  address is judged right before the connection, which is made to that very address.
- To ports other than mail's is connected only where the host was named.
- Nobody logs in, and nothing is sent.
- It takes twenty seconds in all, whatever is silent; what did not answer by then is said so.

Never raises for what it meets: each source tells what it came to.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote

from trackkit.domain.autoconfig import NoAutoconfig
from trackkit.domain.hosts import can_be_host
from trackkit.domain.mx import Answer, Found, MxRecord
from trackkit.domain.networks import inside, no_host
from trackkit.domain.replies import Failure, Outcome
from trackkit.domain.smtp_options import Encryption
from trackkit.domain.suggestions import (
    MAIL_PORTS,
    SRV_SERVICES,
    Asked,
    Evidence,
    Finding,
    Result,
    Source,
    Suggested,
    Told,
    Tried,
    as_seen,
    candidates,
    from_autoconfig,
    from_provider,
    from_srv,
    hosts_to_try,
    is_ip,
    not_answering,
    to_try,
)
from trackkit.domain.trust import Trust, Trusted, trust_of
from trackkit.mail.autoconfig_fetch import NotFetched, fetch
from trackkit.mail.blocking import Hangs, LeftAlone, Worker
from trackkit.mail.resolver import Resolver
from trackkit.mail.route import Route, ehlo_name
from trackkit.mail.transports.looking import Looked, look_at

_PUBLISHED_SECONDS: Final = 6.0
_TRY_SECONDS: Final = 6.0
_PORTS_SECONDS: Final = 8.0
"""What asking the DNS and the web, looking at the hosts that were found, and trying usual ports may take. Hosts that
let strangers wait on port 25 mostly do so for six seconds."""

_LATE: Final = f"no answer within {_PUBLISHED_SECONDS:.0f} seconds"

T = TypeVar("T")

Looking = tuple[list[Finding], Told]
"""What a source has, and what is told of it."""


def look(asked: Asked, trusted: Iterable[Trusted]) -> Suggested:
    """Find the settings; blocks for as long as it takes.

    Parameters
    ----------
    trusted: the certificates that are believed although they do not verify.
    """

    async def looked() -> Suggested:
        return await _Look(asked, tuple(trusted)).run()

    return asyncio.run(looked())


class _Refused(Exception):
    """A host that is not connected to, and why."""


class _Look:
    """One look; made in a running loop, used once."""

    def __init__(self, asked: Asked, trusted: tuple[Trusted, ...]) -> None:
        self._asked, self._trusted = asked, trusted
        self._resolver = Resolver(asyncio.get_running_loop().time)
        self._tried: dict[tuple[str, int, Encryption], asyncio.Task[Tried]] = {}
        self._mail_hosts: tuple[str, ...] = ()
        self._name = "[127.0.0.1]"

    async def run(self) -> Suggested:
        """The settings, and what each source came to."""
        (findings, told), _ = await asyncio.gather(self._published(), self._own_name())
        seen = await self._try_all(findings, _TRY_SECONDS)
        evidence = Evidence(findings, dict(zip((one.settings for one in findings), seen, strict=True)))
        if self._asked.hosts or not any(one.answered for one in seen):
            more, words = await self._ports()
            evidence = Evidence(
                [*findings, *(one for one, _ in more)], {**evidence.tried, **{o.settings: t for o, t in more}}
            )
            told.append(words)
        else:
            told.append(Told(Source.ports, Result.not_asked, "Not tried: a host that was found before answers."))
        return Suggested(candidates(evidence), tuple(told))

    async def _own_name(self) -> None:
        """What to say in EHLO, unless this machine's own name takes too long to be known."""
        with suppress(Hangs):
            self._name = await _left_alone(ehlo_name, _PUBLISHED_SECONDS)

    async def _published(self) -> tuple[list[Finding], list[Told]]:
        """What the domain, or a table about it, says."""
        if not self._asked.domain:
            return [], []
        sources = ((Source.srv, self._srv()), (Source.autoconfig, self._autoconfig()), (Source.provider, self._known()))
        answers = await asyncio.gather(*(self._in_time(source, work) for source, work in sources))
        return [one for findings, _ in answers for one in findings], [told for _, told in answers]

    async def _in_time(self, source: Source, work: Awaitable[Looking]) -> Looking:
        try:
            async with asyncio.timeout(_PUBLISHED_SECONDS):
                return await work
        except TimeoutError:
            return [], Told(source, Result.failed, f"{_LATE}.")

    async def _srv(self) -> Looking:
        names = [f"{service}.{self._asked.domain}" for service in SRV_SERVICES]
        answers = await asyncio.gather(*map(self._resolver.srv, names))
        records = {service: answer.records for service, answer in zip(SRV_SERVICES, answers, strict=True)}
        if found := from_srv(self._asked, records):
            return found, Told(Source.srv, Result.found, _labels(found))
        if failed := next((answer for answer in answers if answer.found is Found.failed), None):
            return [], Told(Source.srv, Result.failed, f"{failed.reason}.")
        if any(records.values()):
            return [], Told(Source.srv, Result.nothing, "The records say that there is no such service.")
        return [], Told(Source.srv, Result.nothing, f"There are no {' or '.join(names)}.")

    async def _autoconfig(self) -> Looking:
        domain, address = self._asked.domain, self._asked.address
        query = f"?emailaddress={quote(address)}" if address else ""
        urls = (
            f"https://autoconfig.{domain}/mail/config-v1.1.xml{query}",
            f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        )
        answers = await asyncio.gather(*map(self._autoconfig_at, urls))
        if found := next((found for found, _ in answers if found), None):
            return found, Told(Source.autoconfig, Result.found, _labels(found))
        result = Result.failed if any(failed for _, (_, failed) in answers) else Result.nothing
        return [], Told(Source.autoconfig, result, " ".join(words for _, (words, _) in answers))

    async def _autoconfig_at(self, url: str) -> tuple[list[Finding], tuple[str, bool]]:
        """What a file says; else why there is nothing, and whether that is a failure."""
        place = url.partition("?")[0]
        try:
            async with asyncio.timeout(_PUBLISHED_SECONDS - 0.5):
                context = await asyncio.to_thread(ssl.create_default_context)
                content = await fetch(url, context, self._web_addresses)
            return from_autoconfig(self._asked, url, content), ("", False)
        except NotFetched as none:
            return [], (f"{place}: {none}.", not none.absent)
        except NoAutoconfig as unusable:
            return [], (f"{place}: {unusable}.", True)
        except TimeoutError:
            return [], (f"{place}: {_LATE}.", True)

    async def _web_addresses(self, host: str) -> tuple[str, ...]:
        answer = await self._resolver.addresses(host)
        if answer.found is Found.failed:
            raise NotFetched(answer.reason)
        if answer.found is not Found.records:
            raise NotFetched("there is no such host", absent=True)
        try:
            return self._allowed(host, answer.records)
        except _Refused as refused:
            raise NotFetched(str(refused)) from None

    async def _known(self) -> Looking:
        if found := from_provider(self._asked, ()):  # by its own domain, whatever the DNS does
            return found, Told(Source.provider, Result.found, found[0].where)
        answer = await self._resolver.mx(self._asked.domain)
        hosts = self._mail_hosts = _mail_hosts(answer)
        if found := from_provider(self._asked, hosts):
            return found, Told(Source.provider, Result.found, found[0].where)
        if answer.found is Found.failed:
            return [], Told(Source.provider, Result.failed, f"The mail hosts are not known: {answer.reason}.")
        whose = f"Its mail hosts ({', '.join(hosts[:2])}) are no known provider's." if hosts else "It has no mail host."
        return [], Told(Source.provider, Result.nothing, whose)

    async def _ports(self) -> tuple[list[tuple[Finding, Tried]], Told]:
        """The usual ports of the domain's hosts; those that answer."""
        wanted = to_try(self._asked, hosts_to_try(self._asked, self._mail_hosts))
        seen = await self._try_all(wanted, _PORTS_SECONDS)
        found = [(as_seen(one, tried), tried) for one, tried in zip(wanted, seen, strict=True)
                 if tried.answered or tried.untrusted]  # fmt: skip
        if found:
            return found, Told(Source.ports, Result.found, _labels(one for one, _ in found))
        places = ((one.settings.host, one.settings.port, tried) for one, tried in zip(wanted, seen, strict=True))
        words = not_answering(places) or "There is no host to try."
        return [], Told(Source.ports, Result.nothing, words)

    async def _try_all(self, findings: Sequence[Finding], seconds: float) -> list[Tried]:
        """A look at the host of each, all at once; the same host and port is looked at once."""
        tasks = []
        for finding in findings:
            settings = finding.settings
            key = (settings.host.lower(), settings.port, settings.encryption)
            if key not in self._tried:
                self._tried[key] = asyncio.create_task(self._try(*key, seconds))
            tasks.append(self._tried[key])
        return list(await asyncio.gather(*tasks))

    async def _try(self, host: str, port: int, encryption: Encryption, seconds: float) -> Tried:
        try:
            if port not in MAIL_PORTS and host not in self._asked.hosts:
                raise _Refused(f"port {port} is none of the usual ports, and is tried only where the host is named")
            async with asyncio.timeout(seconds):
                addresses = await self._addresses(host)
                route = _route(host, port, encryption, addresses, seconds, trust_of(self._trusted, host, port))
                return _what(await look_at(route, ssl.create_default_context, self._name))
        except _Refused as refused:
            return Tried(answered=False, words=str(refused))
        except (TimeoutError, Hangs):
            return Tried(answered=False, words=f"no answer within {seconds:.0f} seconds")

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Where a host may be connected to; raises `_Refused`."""
        if host in self._asked.hosts:
            return await _named(host)
        if is_ip(host):
            return self._allowed(host, (host,))
        answer = await self._resolver.addresses(host)
        if answer.found is Found.failed:
            raise _Refused(answer.reason)
        if answer.found is not Found.records:
            raise _Refused("there is no such host")
        return self._allowed(host, answer.records)

    def _allowed(self, host: str, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those of a host's addresses that may be connected to; raises `_Refused`."""
        judge = no_host if self._asked.private else inside
        judged = [(address, judge(address)) for address in addresses]
        if allowed := [address for address, why in judged if not why]:
            return _one_of_each(allowed)
        address, why = judged[0]
        advice = (
            "" if self._asked.private else ": it is tried only where the host is named, or private networks are allowed"
        )
        raise _Refused(f"{host} ({address}) {why}{advice}")


async def _named(host: str) -> tuple[str, ...]:
    """The addresses of a host that a person has named: as this machine knows it, wherever it lies; raises `Hangs`."""
    try:
        found = await _left_alone(partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM), _PORTS_SECONDS)
    except OSError as error:
        raise _Refused(f"{error.strerror or error}") from None
    addresses = [str(one[4][0]) for one in found]
    if allowed := [address for address in addresses if not no_host(address)]:
        return _one_of_each(allowed)
    raise _Refused(f"{addresses[0]} {no_host(addresses[0])}")


async def _left_alone(work: Callable[[], T], seconds: float) -> T:
    """What this machine says of names; `Hangs` where that takes too long. In a thread that nobody waits for then: for
    those of its own an event loop waits when it ends.
    """
    worker = Worker("trackkit names", LeftAlone())
    try:
        return await worker(work, seconds)
    finally:
        worker.close()


def _one_of_each(addresses: Sequence[str]) -> tuple[str, ...]:
    """An IPv6 address and an IPv4 one: each that is silent costs its share of the time."""
    kinds = {":" in address: address for address in reversed(addresses)}
    return tuple(kinds[six] for six in (True, False) if six in kinds)


def _route(
    host: str, port: int, encryption: Encryption, addresses: tuple[str, ...], seconds: float, trust: Trust
) -> Route:
    return Route(
        host=host,
        port=port,
        encryption=encryption,
        login=None,
        connect_timeout=seconds,
        conversation_timeout=seconds,
        trust=trust,
        addresses=addresses,
    )


def _what(seen: Looked | Outcome) -> Tried:
    if isinstance(seen, Looked):
        return Tried(answered=True, encrypted=seen.encrypted, offers=seen.offers)
    return Tried(answered=False, untrusted=seen.failure is Failure.tls_untrusted, words=seen.text)


def _mail_hosts(answer: Answer[MxRecord]) -> tuple[str, ...]:
    """The mail hosts, best first."""
    records = sorted(answer.records, key=lambda one: (one.preference, one.host))
    return tuple(one.host for one in records if can_be_host(one.host) and one.host != ".")


def _labels(findings: Iterable[Finding]) -> str:
    return ", ".join(dict.fromkeys(one.settings.label for one in findings)) + "."
