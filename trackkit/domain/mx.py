"""Where mail goes that is handed to the recipients' own mail hosts, and what an answer of the DNS or a failure means.

Sources: RFC 5321 §5.1 (MX, preference, implicit MX), RFC 7505 (null MX). Nothing here fails: an address that names no
place mail could be taken to, and a domain without one, are outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Generic, TypeVar

from trackkit.domain.addresses import ascii_domain
from trackkit.domain.message import domain_of
from trackkit.domain.replies import CLOSING, Failure, Outcome, Stage, Verdict

T = TypeVar("T")

_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z")

MOST_HOSTS = 10
"""So many of a domain's hosts are tried in one attempt; RFC 5321 §5.1 asks for two at least."""


class Found(StrEnum):
    """What the DNS said."""

    records = "records"
    nothing = "nothing"
    """The name exists, but has no record of this type."""
    no_name = "no_name"
    failed = "failed"
    """No answer, or a broken one: it may be there."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer of the DNS."""

    found: Found
    records: tuple[T, ...] = ()
    secure: bool = False
    """Whether a validating resolver on this machine vouches for it (DNSSEC)."""
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class MxRecord:
    """A mail host of a domain; the host is ``.`` in a null MX."""

    preference: int
    host: str


def destination_of(address: str) -> str:
    """Where mail for `address` goes: its domain as the DNS knows it (lower case, A-labels), or its literal.

    ``Bücher.example.`` -> ``xn--bcher-kva.example``, ``[IPv6:2001:DB8::1]`` -> ``[2001:db8::1]``. What can be neither
    is returned in lower case; looking it up finds nothing.
    """
    domain = domain_of(address)
    if domain.startswith("["):
        literal = domain.strip("[]").removeprefix("ipv6:")
        try:
            return f"[{ip_address(literal)}]"
        except ValueError:
            return domain
    domain = domain.rstrip(".")
    return ascii_domain(domain).lower() or domain


def literal_address(destination: str) -> str | None:
    """The IP address in an address literal; none for a domain."""
    inside = destination[1:-1] if destination.startswith("[") and destination.endswith("]") else ""
    return inside if _is_address(inside) else None


def hosts_of(
    domain: str, answer: Answer[MxRecord], shuffled: Callable[[Sequence[str]], Iterable[str]]
) -> tuple[str, ...] | Outcome:
    """The hosts to try for a domain, in order; or the outcome for its recipients when there is none.

    Parameters
    ----------
    answer: to the question for the domain's MX records.
    shuffled: brings hosts of the same preference in a random order, so that the load is spread.
    """
    if answer.found is Found.no_name:
        return _never(Failure.no_such_domain, "5.1.2", f"the domain {domain} does not exist")
    if answer.found is Found.failed:
        text = f"the mail hosts of {domain} could not be looked up: {answer.reason}"
        return Outcome(Verdict.temporary, Stage.name, Failure.name_not_resolved, None, "4.4.3", text)
    if answer.found is Found.nothing:
        return (domain,)
    named = [record for record in answer.records if record.host != "."]
    if not named:
        return Outcome(
            Verdict.permanent, Stage.name, Failure.takes_no_mail, 556, "5.1.10", f"the domain {domain} takes no mail"
        )
    usable = [record for record in named if _HOST.match(record.host) and not _is_address(record.host)]
    if not usable:
        shown = ", ".join(record.host for record in named[:3])
        text = f"the MX records of {domain} say {shown}, where the name of a host has to stand"
        return _never(Failure.no_mail_host, "5.4.4", text)
    hosts: list[str] = []
    for preference in sorted({record.preference for record in usable}):
        hosts += shuffled([record.host for record in usable if record.preference == preference])
    return tuple(dict.fromkeys(hosts))[:MOST_HOSTS]


def no_address(host: str, answer: Answer[str]) -> Outcome:
    """The outcome of a host without an address."""
    if answer.found is Found.failed:
        text = f"the address of {host} could not be looked up: {answer.reason}"
        return Outcome(Verdict.temporary, Stage.name, Failure.name_not_resolved, None, "4.4.3", text)
    return _never(Failure.no_mail_host, "5.4.4", f"the mail host {host} has no address")


def together(failed: Sequence[tuple[str, Outcome]]) -> Outcome:
    """The outcome when each of these (host, its outcome) failed: the last one's, but temporary if one is."""
    last = next((o for _, o in reversed(failed) if o.verdict is Verdict.temporary), failed[-1][1])
    if last.failure is Failure.replied or len(failed) == 1:
        return last
    text = "; ".join(dict.fromkeys(o.text if host in o.text else f"{host}: {o.text}" for host, o in failed))
    return replace(last, text=text)


_LOST = (Failure.timed_out, Failure.dropped, Failure.garbled)


def tries_next_host(outcome: Outcome) -> bool:
    """Whether what became of a recipient on an open connection lets the domain's next host be tried.

    The connection was lost, or the host closes it (421). What a host that goes on working says about a message or a
    recipient holds for all of them. A connection that cannot be opened always leads to the next host.
    """
    if outcome.verdict is not Verdict.temporary:
        return False
    return outcome.failure in _LOST or outcome.smtp_code == CLOSING


def relay_takes_over(outcome: Outcome) -> bool:
    """Whether the relay gets a recipient after direct delivery ended so: on anything temporary that is the domain's.

    Not when the message may have arrived, nor after a refusal for good, nor when the failure is our own.
    """
    return outcome.verdict is Verdict.temporary and outcome.failure not in (Failure.defect, Failure.interrupted)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _never(failure: Failure, enhanced_code: str, text: str) -> Outcome:
    return Outcome(Verdict.permanent, Stage.name, failure, None, enhanced_code, text)
