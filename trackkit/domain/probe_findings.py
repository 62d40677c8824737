"""What a test of the settings recognises in what a host shows, and the changes it offers in the end.

Pure: whoever tests fills in `Sight`, asks `others_of` what else is worth a look, looks, and gets notices and fixes.

- A weaker encryption is offered only where nobody logs in, nothing seems to stand between, and there is no better way.
- What could help is looked at before it is offered, without a log-in: a password goes only where it was meant to go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final

from trackkit.domain.certificates import facts
from trackkit.domain.errors import TrackkitError
from trackkit.domain.fixes import TRUST, Fix, setting
from trackkit.domain.options import Options, changed
from trackkit.domain.probe_steps import Notice
from trackkit.domain.replies import Failure, Outcome, Stage, wants_login
from trackkit.domain.smtp_options import Authentication, Encryption, SmtpOptions
from trackkit.domain.trust import Reason, refusal

OPEN: Final = ("none", "starttls-if-offered")
"""Encryptions that let mail go openly."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another way in at the same host."""

    port: int
    encryption: Encryption

    @property
    def words(self) -> str:
        """As a button names it."""
        return f"port {self.port} with {_ENCRYPTION_WORDS[self.encryption]}"


_ENCRYPTION_WORDS: Final[Mapping[Encryption, str]] = {
    "starttls": "STARTTLS",
    "tls": "TLS from the start",
    "starttls-if-offered": "STARTTLS where it is offered",
    "none": "no encryption",
}

USUAL: Final = (Other(587, "starttls"), Other(465, "tls"), Other(25, "starttls-if-offered"))
"""Submission (RFC 6409 §3.1), submissions (RFC 8314), relay (RFC 5321), in the order of preference."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the world's mail hosts are; tests make a smaller world.

    Parameters
    ----------
    slow_greeting: seconds: hosts that let strangers wait on `relay_port` do so for five and more.
    """

    usual: tuple[Other, ...] = USUAL
    relay_port: int = 25
    slow_greeting: float = 4.0


@dataclass(slots=True)
class Sight:
    """What a host has shown on the way."""

    relay: bool = False
    """Whether it is the relay: no other host's port and log-in are options."""
    banner: str = ""
    greeting_seconds: float | None = None
    offers: dict[str, str] = field(default_factory=dict)
    """The keywords of its last answer to EHLO, in capitals, with what follows them."""
    all_offers: frozenset[str] = frozenset()
    """The keywords of all of them: before encryption other ones may have stood there."""
    ehlo_refused: bool = False
    encrypted: bool = False
    certificate: bytes = b""
    """Its own, in DER, whether it verified or not."""
    same_host: tuple[str, ...] = ()
    """Names of the certificate that lead to the same host."""

    def heard_ehlo(self, reply: str) -> None:
        """Keep what a host offers."""
        self.offers = keywords(reply)
        self.all_offers |= set(self.offers)

    @property
    def methods(self) -> frozenset[str]:
        """The log-ins it offers, in capitals."""
        return frozenset(self.offers.get("AUTH", "").upper().split())


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking at another way."""

    other: Other
    outcome: Outcome | None
    encrypted: bool = False
    methods: frozenset[str] = frozenset()


_OLD_AUTH: Final = re.compile(r"AUTH=\s*(.*)", re.IGNORECASE)


def keywords(reply: str) -> dict[str, str]:
    """The keywords of an answer to EHLO (RFC 5321 §4.1.1.1), in capitals; an old ``AUTH=LOGIN`` counts as AUTH."""
    found: dict[str, str] = {}
    for line in reply.split("\n")[1:]:
        if old := _OLD_AUTH.fullmatch(line.strip()):
            found["AUTH"] = f"{found.get('AUTH', '')} {old[1]}".strip()
            continue
        word, _, rest = line.strip().partition(" ")
        if word:
            found[word.upper()] = f"{found.get(word.upper(), '')} {rest}".strip()
    return found


# What stands between.

_MASKED: Final = re.compile(r"\bX{4,}[A-Z]?\b")
"""A firewall that inspects SMTP writes over the keywords it does not want: STARTTLS becomes XXXXXXXA."""

_STARS: Final = re.compile(r"\*{6,}")
"""It does the same to the greeting."""

_INSPECTORS: Final = re.compile(
    r"\b(avast|avg|kaspersky|eset|nod32|norton|bitdefender|mcafee|panda security|g ?data|dr\.? ?web|"
    r"(?:web/)?mail shield|mail scanner|virus ?scanner|anti-?virus|(?:smtp|transparent|ssl|tls) proxy|"
    r"ssl filter|(?:ssl|tls) inspection|fortigate|fortinet|sophos|zscaler|palo alto|check ?point|blue ?coat|"
    r"websense|forcepoint|untangle|watchguard|sonicwall|netdefender)\b",
    re.IGNORECASE,
)
"""Programs and appliances that open connections on their way; known from their greetings and certificates."""


def between(sight: Sight, host: str, trouble: Outcome | None) -> list[str]:
    """Why it seems that not the host itself answers; empty = it does not."""
    why: list[str] = []
    if masked := sorted(word for word in sight.all_offers if _MASKED.fullmatch(word)):
        why.append(
            f"an extension in its answer to EHLO is written over ({', '.join(masked)}), as firewalls hide STARTTLS"
        )
    if _STARS.search(sight.banner):
        why.append("its greeting is written over with asterisks, as firewalls do that inspect SMTP")
    if sight.ehlo_refused and "ESMTP" in sight.banner.upper():
        why.append("it greets as an ESMTP host, but EHLO is refused")
    if named := _inspector(sight.banner, host):
        why.append(f"its greeting names {named}")
    seen = trouble.certificate if trouble is not None else None
    shown = facts(seen.chain[0] if seen is not None and seen.chain else sight.certificate)
    if named := _inspector(f"{shown.issuer} {shown.subject}", host):
        why.append(f"its certificate was issued by {shown.issuer}, which names {named}")
    elif seen is not None and seen.reason is Reason.self_signed and _foreign(shown.names, host):
        why.append(f"its certificate is self-signed and was made for {', '.join(shown.names[:3])}")
    return why


def _inspector(text: str, host: str) -> str:
    """The name of a scanner in a text, unless the host itself is called so."""
    match = _INSPECTORS.search(text)
    return match[0] if match and match[0].lower().replace(" ", "") not in host.lower() else ""


def _foreign(names: Sequence[str], host: str) -> bool:
    """Whether a certificate is for other hosts; who connects to an address cannot tell."""
    try:
        ip_address(host)
    except ValueError:
        return bool(names) and not any(_covers(name, host) for name in names)
    return False


def _covers(name: str, host: str) -> bool:
    name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])


# What is worth saying.


def notices_of(
    options: Options, sight: Sight, trouble: Outcome | None, looked: Sequence[Looked], habits: Habits
) -> Iterator[Notice]:
    """What was recognised."""
    smtp = options.sending.smtp
    if why := between(sight, smtp.host or "", trouble):
        yield Notice(
            "intercepted",
            f"Something seems to stand between this server and the host, such as a virus scanner or a firewall: "
            f"{'; '.join(why)}.",
            "Let it leave alone what this server says to the mail host. Do not trust its certificate, or do without "
            "encryption, unless whoever runs it is meant to read the mail.",
        )
    if greets_slowly(smtp, sight, trouble, habits):
        usable = any(one.outcome is None and one.other.port != habits.relay_port for one in looked)
        instead = "" if usable else " Here none was found; ask the host's administrator."
        yield Notice(
            "slow_greeting",
            f"The host lets whoever connects to port {smtp.port} wait for its greeting"
            + (f": {sight.greeting_seconds:.1f} seconds." if sight.greeting_seconds is not None else "."),
            f"That port is for mail between hosts; submission on port 587 (or 465) is not held up.{instead}",
            "sending.smtp.port",
        )
    needed = trouble is not None and wants_login(trouble)
    if sight.relay and smtp.authentication == "anonymous" and (needed or (trouble is None and sight.methods)):
        yield _log_in_notice(sight, needed=needed)
    for option, what in _pauses(options):
        yield Notice(
            "paused",
            f"{what[:1].upper()}{what[1:]} is paused: the test went past the queue, but no mail leaves it.",
            f"Switch {what} on again when the settings are right.",
            option,
        )


def _pauses(options: Options) -> Iterator[tuple[str, str]]:
    """The options that keep mail in the queue which would go the way that was tested, and what each is about."""
    if options.sending.paused:
        yield "sending.paused", "sending"
    if options.sending.method == "mapi" and options.sending.mapi.paused:
        yield "sending.mapi.paused", "mail by MAPI"


def _log_in_notice(sight: Sight, *, needed: bool) -> Notice:
    methods = ", ".join(sorted(sight.methods))
    if not needed:
        return Notice(
            "login_unused",
            f"The host offers a log-in ({methods}), and the server uses none (authentication 'anonymous').",
            "If recipients elsewhere are refused, or mail goes astray: choose an authentication.",
            "sending.smtp.authentication",
        )
    if sight.methods:
        return Notice(
            "login_needed",
            f"The host takes this mail only from who has logged in ({methods}), and the server does not.",
            "Choose an authentication, and enter the name and password of the mail account.",
            "sending.smtp.authentication",
        )
    return Notice(
        "login_needed",
        "The host takes this mail only from who has logged in, but offers no log-in on this port.",
        "Use the port for submission (587 or 465), and choose an authentication.",
        "sending.smtp.port",
    )


def greets_slowly(smtp: SmtpOptions, sight: Sight, trouble: Outcome | None, habits: Habits) -> bool:
    """Whether the host lets one wait on port 25."""
    if not sight.relay or smtp.port != habits.relay_port or smtp.encryption == "tls":
        return False
    silent = trouble is not None and (trouble.stage, trouble.failure) == (Stage.greeting, Failure.timed_out)
    return silent or (sight.greeting_seconds is not None and sight.greeting_seconds >= habits.slow_greeting)


# What could help.

_ANOTHER_PORT: Final = (Failure.refused, Failure.timed_out)
_ANOTHER_ENCRYPTION: Final = (
    *(Failure.timed_out, Failure.dropped, Failure.garbled),
    *(Failure.tls_failed, Failure.tls_not_offered, Failure.login_not_offered),
)


_INSTEAD: Final[Mapping[Encryption, tuple[Encryption, ...]]] = {
    "none": ("starttls-if-offered", "tls"),
    "starttls": ("starttls-if-offered", "tls"),
    "starttls-if-offered": ("tls",),
    "tls": ("starttls-if-offered",),
}
"""What to look for on the same port: a look with STARTTLS where it is offered tells whether it is."""


def others_of(smtp: SmtpOptions, sight: Sight, trouble: Outcome | None, habits: Habits) -> tuple[Other, ...]:
    """The other ways that are worth a look."""
    if not sight.relay:
        return ()
    asks = trouble is not None and wants_login(trouble) and not sight.methods
    on_connect = trouble is not None and trouble.stage is Stage.connect and trouble.failure in _ANOTHER_PORT
    on_the_way = (
        trouble is not None
        and trouble.stage in (Stage.greeting, Stage.ehlo, Stage.starttls, Stage.login)
        and (trouble.failure in _ANOTHER_ENCRYPTION or trouble.stage is Stage.greeting)
    )
    intercepted = bool(between(sight, smtp.host or "", trouble))
    if not (asks or on_connect or on_the_way or intercepted or greets_slowly(smtp, sight, trouble, habits)):
        return ()
    same = [Other(smtp.port, way) for way in _INSTEAD[smtp.encryption]] if on_the_way else []
    elsewhere = [other for other in habits.usual if other.port != smtp.port]
    return (*same, *elsewhere)


_NEEDED: Final[Mapping[Authentication, frozenset[str]]] = {
    "basic": frozenset({"PLAIN", "LOGIN", "CRAM-MD5"}),
    "ntlm": frozenset({"NTLM"}),
    "oauth2": frozenset({"XOAUTH2"}),
}


def fixes_of(options: Options, sight: Sight, trouble: Outcome | None, looked: Sequence[Looked]) -> tuple[Fix, ...]:
    """What mends it, the best first; only what the options take."""
    smtp = options.sending.smtp
    intercepted = bool(between(sight, smtp.host or "", trouble))
    found: list[Fix] = []
    if trouble is not None and trouble.certificate is not None:
        found += [setting(f"Use the name {name}", sending__smtp__host=name) for name in sight.same_host]
        seen = trouble.certificate
        ways = _other_ways(smtp, looked, intercepted=intercepted)
        trust = [] if refusal(seen.asked_by) else [Fix(TRUST, "Trust this certificate", host=seen.host, port=seen.port)]
        found += [*ways, *trust] if intercepted else [*trust, *ways]
    else:
        found += _other_ways(smtp, looked, intercepted=intercepted)
    if trouble is not None and trouble.failure is Failure.login_not_offered:
        found += _other_login(options, sight)
    if sight.relay and smtp.authentication == "anonymous" and (trouble is None or wants_login(trouble)):
        found += _log_in(options, sight)
    if trouble is None:
        found += [Fix("options.set", f"Switch {what} on again", {option: False}) for option, what in _pauses(options)]
    return tuple(fix for fix in found if _is_taken(options, fix))


def _is_taken(options: Options, fix: Fix) -> bool:
    """Whether the options take the changes: a log-in without an account would be refused."""
    try:
        changed(options, fix.changes)
    except TrackkitError:
        return False
    return True


def _other_ways(smtp: SmtpOptions, looked: Sequence[Looked], *, intercepted: bool) -> list[Fix]:
    """Ways that are open, encrypted ones first; those with a certificate that is not trusted yet come last."""
    needed = _NEEDED.get(smtp.authentication)
    better = any(one.outcome is None and one.encrypted for one in looked)

    def usable(one: Looked) -> bool:
        if one.outcome is not None and one.outcome.failure is not Failure.tls_untrusted:
            return False
        if one.outcome is None and needed is not None and not needed & one.methods:
            return False
        if one.outcome is None and not one.encrypted:
            was_open = smtp.encryption in OPEN
            return not intercepted and (needed is None or smtp.encryption == "none") and (was_open or not better)
        return True

    open_ones = [one for one in looked if usable(one)]
    open_ones.sort(key=lambda one: (one.outcome is not None, one.outcome is None and not one.encrypted))
    taken: dict[tuple[int, str], Fix] = {}
    for one in open_ones:
        fix = _way(smtp, one)
        taken.setdefault((one.other.port, str(one.encrypted)), fix)
    return list(taken.values())[:_MOST_WAYS]


_MOST_WAYS: Final = 2


def _way(smtp: SmtpOptions, one: Looked) -> Fix:
    other = one.other
    if other.encryption == "starttls-if-offered" and (one.encrypted or one.outcome is not None):
        other = replace(other, encryption="starttls")
    words = f"Use {other.words}"
    if other.port == smtp.port:
        words = f"Switch the encryption to {_ENCRYPTION_WORDS[other.encryption]}"
    if one.outcome is not None:
        words += " (its certificate is not trusted yet)"
    elif not one.encrypted:
        words += "; mail goes openly there"
    changes: dict[str, bool | int | str | None] = {}
    if other.port != smtp.port:
        changes["sending.smtp.port"] = other.port
    if other.encryption != smtp.encryption:
        changes["sending.smtp.encryption"] = other.encryption
    return Fix("options.set", words, changes)


def _other_login(options: Options, sight: Sight) -> list[Fix]:
    """Another authentication that the host offers, or none where it knows no log-in at all."""
    found = _log_in(options, sight)
    if not sight.methods and (sight.encrypted or options.sending.smtp.encryption == "none"):
        found.append(setting("Send without a log-in", sending__smtp__authentication="anonymous"))
    return found


def _log_in(options: Options, sight: Sight) -> list[Fix]:
    """The authentications that the host offers and that are set up."""
    now = options.sending.smtp.authentication
    open_line = not sight.encrypted and options.sending.smtp.encryption != "none"
    if open_line:  # nothing secret would go there anyway
        return []
    return [
        setting(f"Log in by authentication '{way}'", sending__smtp__authentication=way)
        for way, methods in _NEEDED.items()
        if way != now and methods & sight.methods
    ]
