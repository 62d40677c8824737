"""Which settings for sending are suggested for an address or a domain: from what was found where, in words and order.

The sources in the order in which they are trusted; the same host and port from two of them is one candidate, of the
first:

| source | who says it | taken as it is |
| --- | --- | --- |
| a mail program's settings | the person whose program it is | yes |
| SRV records (RFC 6186, RFC 8314) | the domain, in the DNS | log-in: what the host offers |
| autoconfig | the domain, over verified HTTPS | yes |
| provider | a table here, by the domain or its mail hosts | yes |
| usual ports | nobody: the hosts were tried | what the host offers |

A candidate whose host did not answer as it should comes after those that did, and says why. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from trackkit.domain.addresses import address_problem, ascii_domain
from trackkit.domain.autoconfig import NoAutoconfig, read_autoconfig
from trackkit.domain.errors import InvalidInput
from trackkit.domain.hosts import host_and_port
from trackkit.domain.mail_providers import Provider, of_domain, of_mail_hosts
from trackkit.domain.sending_settings import Settings, with_authentication
from trackkit.domain.smtp_options import Authentication, Encryption

_HOST = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z")

MOST_HOSTS: Final = 4
"""Hosts that can be named, and of a domain that are tried."""

_MOST_RECORDS: Final = 4

USUAL_PORTS: Final[dict[int, Encryption]] = {587: "starttls-if-offered", 465: "tls", 25: "starttls-if-offered"}
"""What is tried where nobody says anything: submission, submissions, relay."""

MAIL_PORTS: Final = frozenset({*USUAL_PORTS, 2525})
"""To no other port is connected because a record or a file says so: it could be anybody's anything."""


class Source(StrEnum):
    """Where settings are from, most trusted first."""

    mail_program = "mail_program"
    srv = "srv"
    autoconfig = "autoconfig"
    provider = "provider"
    ports = "ports"


class Result(StrEnum):
    """What a source came to."""

    found = "found"
    nothing = "nothing"
    failed = "failed"
    not_asked = "not_asked"


@dataclass(frozen=True, slots=True)
class Asked:
    """What settings are looked for.

    Parameters
    ----------
    address: empty when only a domain or a host was given.
    domain: as the DNS has it; empty when a host was given by its IP address.
    hosts: those that were named: they are tried wherever they lie.
    private: whatever is found is tried, too, wherever it lies.
    """

    address: str
    domain: str
    hosts: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """Where a service is (RFC 2782); the target is ``.`` where there is decidedly none."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Settings that a source has, and what has to be known of them."""

    source: Source
    where: str
    settings: Settings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What became of asking a source, in words."""

    source: Source
    result: Result
    words: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What a host was like when it was connected to.

    Parameters
    ----------
    answered: it greeted, and went on as far as settings need it to.
    encrypted: the connection was, and the certificate verified or is trusted.
    untrusted: it wants to encrypt, but its certificate does not verify.
    offers: the log-ins it offers, in capitals.
    words: why it is not as it should be.
    """

    answered: bool
    encrypted: bool = False
    untrusted: bool = False
    offers: frozenset[str] = frozenset()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings to choose from."""

    source: Source
    where: str
    settings: Settings
    answered: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggested:
    """What was found, best first, and what each source came to."""

    candidates: tuple[Candidate, ...]
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Findings in their order with what was seen of each host."""

    findings: Sequence[Finding]
    tried: dict[Settings, Tried] = field(default_factory=dict)


def asked(about: str, hosts: Iterable[str] = (), *, private: bool = False) -> Asked:
    """What is looked for; `InvalidInput` when it is neither an address nor a domain nor a host."""
    text, named = about.strip(), tuple(_named(host) for host in hosts)
    if len(named) > MOST_HOSTS:
        raise InvalidInput.of("hosts", f"are {len(named)}; at most {MOST_HOSTS} can be tried at once")
    if "@" in text:
        if problem := address_problem(text):
            raise InvalidInput.of("about", problem)
        domain = text.rpartition("@")[2]
        if domain.startswith("["):
            raise InvalidInput.of("about", "ends in an IP address, for which nothing is published")
        return Asked(text, _domain(domain), named, private)
    if is_ip(text):
        return Asked("", "", (*named, text.lower()), private)
    return Asked("", _domain(text), named, private)


def _domain(text: str) -> str:
    found = ascii_domain(text.rstrip(".")).lower()
    if not _HOST.match(found):
        raise InvalidInput.of("about", f"is {text[:80]!a}; give an e-mail address, a domain or a host")
    return found


def _named(text: str) -> str:
    host = text.strip()
    found = host.lower() if is_ip(host) else ascii_domain(host.rstrip(".")).lower()
    if not (is_ip(found) or _HOST.match(found)):
        raise InvalidInput.of("hosts", f"{text[:80]!a} is no host name and no IP address")
    return found


def is_ip(text: str) -> bool:
    """Whether a text is an IP address, without a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


SRV_SERVICES: Final[dict[str, Encryption]] = {"_submissions._tcp": "tls", "_submission._tcp": "starttls"}
"""Names of the records (RFC 8314 §5.1, RFC 6186 §3.1), and what they mean for the connection."""


def from_srv(about: Asked, records: dict[str, tuple[SrvRecord, ...]]) -> list[Finding]:
    """The settings in SRV records by service; by priority, TLS from the start before STARTTLS where that is equal."""
    found = [(one.priority, encryption != "tls", -one.weight, one.target, one.port, service, encryption)
             for service, encryption in SRV_SERVICES.items() for one in records.get(service, ())]  # fmt: skip
    findings = []
    for _, _, _, target, port, service, encryption in sorted(found)[:_MOST_RECORDS]:
        settings = Settings(target, port, encryption, username=about.address or None)
        if target == "." or not _HOST.match(target) or not settings.is_possible:
            continue
        # RFC 6186 §6: a forged record could lead anywhere; who confirms has to see where.
        outside = not f".{target}".endswith(f".{about.domain}")
        note = f"The host lies outside {about.domain}: make sure that it is your provider's." if outside else ""
        findings.append(Finding(Source.srv, f"SRV record {service}.{about.domain}", settings, _some(note)))
    return findings


def from_autoconfig(about: Asked, url: str, content: bytes) -> list[Finding]:
    """The settings in an autoconfig file; raises `NoAutoconfig`."""
    where = f"autoconfig file at {url.partition('?')[0]}"
    found = read_autoconfig(content, about.address, about.domain)
    possible = [one for one in found if _HOST.match(one.host.lower()) or is_ip(one.host)]
    if not possible:
        raise NoAutoconfig("none of the hosts that it names can be one")
    return [Finding(Source.autoconfig, where, one) for one in possible]


def from_provider(about: Asked, mail_hosts: Sequence[str]) -> list[Finding]:
    """The settings of a known provider, by the domain or its mail hosts."""
    provider, why = of_domain(about.domain), f"{about.domain} is one of its own domains"
    if provider is None:
        provider, why = of_mail_hosts(mail_hosts), f"it takes the mail for {about.domain} ({', '.join(mail_hosts[:2])})"
    if provider is None:
        return []
    return [
        Finding(Source.provider, f"known provider: {provider.name}; {why}", settings, _some(provider.note))
        for settings in _of(provider, about)
    ]


def _of(provider: Provider, about: Asked) -> list[Settings]:
    return [
        Settings(
            host=provider.host,
            port=port,
            encryption="tls" if port == 465 else "starttls",
            authentication=provider.authentication,
            username=about.address or None,
            token_url=provider.token_url,
            scope=provider.scope,
        )
        for port in provider.ports
    ]


def hosts_to_try(about: Asked, mail_hosts: Sequence[str]) -> tuple[str, ...]:
    """Whose usual ports are tried: the named hosts, else the domain's mail hosts and its usual names for others."""
    if about.hosts:
        return about.hosts
    if not about.domain:
        return ()
    own = list(mail_hosts[: MOST_HOSTS - 2]) or [about.domain]
    return tuple(dict.fromkeys([f"mail.{about.domain}", f"smtp.{about.domain}", *own]))


def to_try(about: Asked, hosts: Iterable[str]) -> list[Finding]:
    """The usual ports of these hosts, as they are tried: best first."""
    return [
        Finding(Source.ports, f"port {port} of {host}", Settings(host, port, how, username=about.address or None))
        for port, how in USUAL_PORTS.items()
        for host in hosts
    ]


def as_seen(finding: Finding, tried: Tried) -> Finding:
    """What was tried on a usual port, as the settings that fit to what was seen."""
    encryption = finding.settings.encryption
    if encryption == "starttls-if-offered" and (tried.encrypted or tried.untrusted):
        encryption = "starttls"
    notes = finding.notes
    if finding.settings.port == 25:
        notes = (
            *notes,
            "Port 25 takes mail for the host's own domains; whether it takes yours for others, a test shows.",
        )
    return replace(finding, settings=replace(finding.settings, encryption=encryption), notes=notes)


def candidates(evidence: Evidence) -> tuple[Candidate, ...]:
    """The findings as candidates, each host and port once, those that answered first."""
    found: dict[tuple[str, int], Candidate] = {}
    for finding in evidence.findings:
        settings = finding.settings
        one = _candidate(finding, evidence.tried.get(settings))
        found.setdefault((settings.host.lower(), settings.port), one)
    order = list(Source)
    return tuple(sorted(found.values(), key=lambda one: (not one.answered, order.index(one.source))))


def _candidate(finding: Finding, tried: Tried | None) -> Candidate:
    settings, words = finding.settings, list(finding.notes)
    if tried is None:
        words.insert(0, "It was not connected to.")
        tried = Tried(answered=False)
    elif tried.answered:
        words.insert(0, _seen(tried))
    elif tried.untrusted:
        words.insert(0, f"{tried.words}. Test the settings, then look at the certificate in the trust manager.")
    else:
        words.insert(0, f"The host is not as it should be: {tried.words}.")
    way, note = _log_in(settings, tried)
    return Candidate(
        finding.source, finding.where, with_authentication(settings, way), tried.answered, (*words, *_some(note))
    )


def _seen(tried: Tried) -> str:
    how = "encrypted, with a certificate that is believed" if tried.encrypted else "without encryption"
    offers = f"offers the log-ins {', '.join(sorted(tried.offers))}" if tried.offers else "offers no log-in"
    return f"The host answers {how}, and {offers}."


_PASSWORDS: Final = frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})
_BY_WAY: Final[dict[Authentication, frozenset[str]]] = {
    "basic": _PASSWORDS,
    "oauth2": frozenset({"XOAUTH2"}),
    "ntlm": frozenset({"NTLM"}),
}


def _log_in(settings: Settings, tried: Tried) -> tuple[Authentication, str]:
    """How to log in, and what has to be known of it."""
    said = settings.authentication
    if said is not None:
        lacking = tried.answered and said != "anonymous" and not _BY_WAY[said] & tried.offers
        return said, f"It does not offer the log-in '{said}' that the source names." if lacking else ""
    if not tried.answered:
        return "basic", "Which log-in it takes is not known; most take name and password."
    if not tried.encrypted:
        open_line = "Without encryption no password should be sent: the settings are without a log-in."
        return "anonymous", open_line if tried.offers else ""
    for way, needs in _BY_WAY.items():
        if needs & tried.offers:
            return way, ""
    return "anonymous", "None of these log-ins is possible here." if tried.offers else ""


def _some(note: str) -> tuple[str, ...]:
    return (note,) if note else ()


def not_answering(tried: Iterable[tuple[str, int, Tried]]) -> str:
    """Why no usual port is a candidate, in one line."""
    reasons: dict[str, list[str]] = {}
    for host, port, one in tried:
        reasons.setdefault(one.words or "no answer", []).append(host_and_port(host, port))
    return " ".join(f"{', '.join(places)}: {why}." for why, places in reasons.items())
