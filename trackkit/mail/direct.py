"""The way to a recipient's own mail hosts (RFC 5321 §5): look up, order, try one after the other.

Promises
- Hosts are tried in the order of their preference, those of the same one at random; one that could not be reached
  lately comes after the others, whichever domain it was tried for.
- Encryption is used where it is offered. A certificate need not prove anything then, and where encryption fails before
  mail was sent, the mail goes without (RFC 7435): whoever can forge the DNS, by which the host was found, needs no
  certificate of it.
- Where the domain publishes what its hosts have to prove, by DANE (RFC 7672) or an MTA-STS policy (RFC 8461), nothing
  is sent to one that does not. DANE counts before MTA-STS (RFC 8461 §2).
- A domain that could not be reached is looked up anew at the next try, so that a mended zone counts at once.
- The conversation says what was looked up, tried and verified.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from trackkit.domain.mta_sts import Mode, Policy
from trackkit.domain.mx import Answer, Found, MxRecord, hosts_of, literal_address, no_address, together
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.policies import Policies
from trackkit.mail.resolver import Resolver
from trackkit.mail.route import Proof, Route
from trackkit.mail.transports.proof import usable
from trackkit.mail.transports.smtp import SmtpConnection, connect
from trackkit.mail.way import Connection, Plan, Surroundings

SMTP_PORT: Final = 25
DEAD_SECONDS: Final = 300.0
"""How long a host that could not be reached comes after the others."""

_MOST_DEAD: Final = 10_000
_NOT_DEAD: Final = (Failure.tls_untrusted, Failure.tls_not_offered, Failure.tls_failed)
"""What a host lacks that one domain asks for."""


@dataclass(slots=True)
class Hosts:
    """What is known of mail hosts, for all domains: who they are, what they have to prove, which are dead."""

    resolver: Resolver
    policies: Policies
    port: int = SMTP_PORT
    dead: dict[str, float] = field(default_factory=dict)
    """When each could not be reached."""

    def in_order(self, hosts: Iterable[str], now: float) -> list[str]:
        """The same hosts, those that are dead last."""
        return sorted(hosts, key=lambda host: now - self.dead.get(host, float("-inf")) < DEAD_SECONDS)

    def forget(self, domain: str, hosts: Iterable[str]) -> None:
        """Forget what the DNS said of a domain and its hosts."""
        self.resolver.forget([(domain, "MX"), (f"_mta-sts.{domain}", "TXT")])
        for host in hosts:
            self.resolver.forget([(host, "A"), (host, "AAAA"), (f"_{self.port}._tcp.{host}", "TLSA")])

    def note(self, host: str, opened: SmtpConnection | Outcome, now: float) -> None:
        """Remember how a try to open a connection went."""
        self.dead.pop(host, None)
        if isinstance(opened, Outcome) and opened.failure not in _NOT_DEAD:
            if len(self.dead) >= _MOST_DEAD:
                self.dead.clear()
            self.dead[host] = now


@dataclass(frozen=True, slots=True)
class Direct:
    """The way to one domain, or to the host of an address literal."""

    destination: str
    plan: Plan
    hosts: Hosts
    shared: Surroundings

    @property
    def label(self) -> str:
        """The domain."""
        return self.destination

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """As `Way.open`."""
        found = await self._candidates(conversation)
        if isinstance(found, Outcome):
            conversation.note(found.text)
            conversation.refused(found)
            self.hosts.forget(self.destination, ())
            return found
        names, secure, policy = found
        loop = asyncio.get_running_loop()
        left = [host for host in self.hosts.in_order(names, loop.time()) if host not in besides]
        failed: list[tuple[str, Outcome]] = []
        for host in left:
            opened = await self._open(host, secure, policy, conversation)
            self.hosts.note(host, opened, loop.time())
            if isinstance(opened, SmtpConnection):
                return opened
            failed.append((host, opened))
        self.hosts.forget(self.destination, names)
        return together(failed) if failed else None

    async def _candidates(self, conversation: Conversation) -> tuple[Sequence[str], bool, Policy | None] | Outcome:
        """The hosts in order of preference, whether the DNS vouches for them, and what the domain asks of them."""
        if (address := literal_address(self.destination)) is not None:
            return (address,), False, None
        conversation.reached(Stage.name, self.destination)
        answer = await self.hosts.resolver.mx(self.destination)
        names = hosts_of(self.destination, answer, lambda hosts: random.sample(hosts, len(hosts)))
        if isinstance(names, Outcome):
            return names
        conversation.note(_said(self.destination, answer, names))
        policy = await self.hosts.policies.of(self.destination)
        if policy is not None and policy.mode is not Mode.none:
            conversation.note(f"MTA-STS policy of {self.destination}: {policy.mode}, hosts {', '.join(policy.mx)}")
        return names, answer.secure, policy

    async def _open(
        self, host: str, secure: bool, policy: Policy | None, conversation: Conversation
    ) -> SmtpConnection | Outcome:
        """A connection to one host, or why there is none."""
        conversation.reached(Stage.name, host)
        route = await self._route(host, secure, policy)
        if isinstance(route, Outcome):
            conversation.note(route.text)
            conversation.refused(route)
            return route
        opened = await self._connect(route, conversation)
        if route.encryption != "starttls-if-offered" or isinstance(opened, SmtpConnection):
            return opened
        if opened.stage is Stage.starttls:
            conversation.note("encryption failed before anything was sent: once more without")
            return await self._connect(replace(route, encryption="none"), conversation)
        return opened

    async def _connect(self, route: Route, conversation: Conversation) -> SmtpConnection | Outcome:
        return await connect(route, self.shared.tls_context, self.shared.ehlo_name, conversation)

    async def _route(self, host: str, secure: bool, policy: Policy | None) -> Route | Outcome:
        """How to talk to a host; an outcome when it must not, or cannot, be talked to."""
        addresses = await self._addresses(host)
        if addresses.found is not Found.records:
            return no_address(host, addresses)
        route = Route(
            host=host,
            port=self.hosts.port,
            encryption="starttls-if-offered",
            login=None,
            connect_timeout=self.plan.connect_timeout,
            conversation_timeout=self.plan.conversation_timeout,
            one_message_per_connection=self.plan.one_message_per_connection,
            proof=Proof.nothing,
            addresses=addresses.records,
        )
        if secure and addresses.secure:
            published = await self.hosts.resolver.tlsa(host, self.hosts.port)
            if published.found is Found.failed:
                return _not_secure(f"whether {host} has to prove who it is (TLSA) is not known: {published.reason}")
            if published.records and published.secure:
                tlsa = usable(published.records)
                return replace(route, encryption="starttls", proof=Proof.dane if tlsa else Proof.nothing, tlsa=tlsa)
        if policy is not None and policy.mode is Mode.enforce:
            if not policy.allows(host):
                return _not_secure(f"{host} is not among the hosts of the MTA-STS policy of {self.destination}")
            return replace(route, encryption="starttls", proof=Proof.policy)
        return route

    async def _addresses(self, host: str) -> Answer[str]:
        if literal_address(self.destination) == host:
            return Answer(Found.records, (host,))
        return await self.hosts.resolver.addresses(host)


def _said(domain: str, answer: Answer[MxRecord], names: Sequence[str]) -> str:
    shown = ", ".join(names)
    vouched = ", confirmed by DNSSEC" if answer.secure else ""
    if answer.found is Found.nothing:
        return f"{domain} names no mail hosts, so it is its own{vouched}"
    return f"mail hosts of {domain}{vouched}: {shown}"


def _not_secure(text: str) -> Outcome:
    return Outcome(Verdict.temporary, Stage.certificate, Failure.tls_untrusted, None, "4.7.0", text)
