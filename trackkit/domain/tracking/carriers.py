"""Where a tracking cookie travels, and what the cookies that a mail carries say together.

Three carriers go out with a tracked e-mail, any one of which is enough: its Message-ID, which a reply repeats in
In-Reply-To and References; a tag in the subject; the address for replies and bounces, where the account allows what
follows a plus sign. A bounce also brings back the header of what it could not deliver.

`find` weighs them: cookies of this server that name one record give that record, and two records conflict. Anything
forged spoils the whole, since whoever forges one may have copied the other. Cookies of other servers count only when
there is none of ours, as two trackers that answer each other carry both. One that was damaged on its way does no harm
beside a whole one; alone it is not told from a forged one.

Nothing here raises on what a mail holds; at most `MOST` cookies of a mail are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.tracking.cookie import (
    LONGEST,
    PREFIX,
    Damaged,
    Foreign,
    Forged,
    Keys,
    Tracked,
    Valid,
    project_tag,
    read,
)

MOST: Final = 200
"""Cookies of a mail that are looked at; a thread of so many own e-mails does not fit into a header."""

_LONGEST_LOCAL: Final = 64
_TEXT: Final = 100_000
_COOKIE: Final = re.compile(rf"(?<![0-9a-z]){PREFIX}[0-9a-z]{{1,{LONGEST * 2}}}", re.IGNORECASE | re.ASCII)
_TAG: Final = re.compile(rf"\s*\[{PREFIX}[0-9a-z]+\]\s*", re.IGNORECASE | re.ASCII)


class Carrier(StrEnum):
    """Where a cookie stands; in the order in which they name the e-mail that is answered."""

    in_reply_to = "in_reply_to"
    references = "references"
    recipient = "recipient"
    subject = "subject"
    returned = "returned"
    """The header that a bounce or a report brings back."""


class Verdict(StrEnum):
    """What the cookies of a mail say."""

    record = "record"
    none = "none"
    foreign = "foreign"
    """Another server's, or of a project that is not polled here."""
    forged = "forged"
    conflicting = "conflicting"


class Seen(NamedTuple):
    """One cookie of a mail, where it stands and what it is; a damaged one has no verdict of its own."""

    carrier: Carrier
    cookie: str
    verdict: Verdict | None
    words: str


class Found(NamedTuple):
    """What the cookies of a mail say together, and each of them; `tracked` is there when they name one record."""

    verdict: Verdict
    tracked: Tracked | None = None
    seen: tuple[Seen, ...] = ()


def message_id(cookie: str, domain: str) -> str:
    """The Message-ID of the tracked e-mail."""
    return f"<{cookie}@{domain}>"


def subject(text: str, cookie: str) -> str:
    """The subject with the cookie's tag at its end, and with no other one."""
    return f"{_TAG.sub(' ', text).strip()} [{cookie}]".lstrip()


def untagged(text: str) -> str:
    """The subject without tags, for showing."""
    return _TAG.sub(" ", text).strip()


def reply_address(address: str, cookie: str) -> str:
    """The tracking address with the cookie before its @; raises `InvalidInput` when there is no room for it."""
    local, at, domain = address.rpartition("@")
    if len(local.encode()) + 1 + len(cookie) > _LONGEST_LOCAL:
        room = _LONGEST_LOCAL - 1 - len(cookie)
        reason = f"has {len(local.encode())} octets before the @; with a cookie behind a plus sign at most {room} fit"
        raise InvalidInput("The tracking address is too long for subaddressing.", problems=[Problem("address", reason)])
    return f"{local}+{cookie}{at}{domain}"


def find(texts: Iterable[tuple[Carrier, str]], keys: Keys, server: str, projects: Iterable[str]) -> Found:
    """What the cookies in these texts say.

    Parameters
    ----------
    texts: values of header fields and recipients' addresses, each with what it carries.
    server: this server's identity.
    projects: identities of the projects whose mail is fetched here.
    """
    known = _by_tag(tuple(projects))
    seen: list[Seen] = []
    named: list[tuple[int, int, Tracked]] = []
    judged: dict[str, tuple[Verdict | None, str, Tracked | None]] = {}
    for number, (carrier, cookie) in enumerate(islice(_cookies(texts), MOST)):
        if cookie not in judged:
            judged[cookie] = _judged(read(cookie, keys, server), known)
        verdict, words, tracked = judged[cookie]
        seen.append(Seen(carrier, cookie, verdict, words))
        if tracked:
            # The last of the references is what is answered, and so is the last of equals elsewhere.
            named.append((_ORDER[carrier], -number, tracked))
    answered = min(named, key=lambda one: one[:2])[2] if named else None
    verdict = _together({one.verdict for one in seen}, [tracked for _, _, tracked in named])
    return Found(verdict, answered if verdict is Verdict.record else None, tuple(seen))


_ORDER: Final = {carrier: number for number, carrier in enumerate(Carrier)}


@lru_cache(maxsize=16)
def _by_tag(projects: tuple[str, ...]) -> Mapping[bytes, str]:
    return {project_tag(project): project for project in projects}


def _cookies(texts: Iterable[tuple[Carrier, str]]) -> Iterator[tuple[Carrier, str]]:
    once: set[tuple[Carrier, str]] = set()
    for carrier, text in texts:
        if PREFIX not in text and PREFIX not in text.lower():
            continue  # looking for that alone is many times faster
        for match in _COOKIE.finditer(text[:_TEXT]):
            one = (carrier, match[0].lower())
            if one not in once:
                once.add(one)
                yield one


def _judged(
    what: Valid | Foreign | Forged | Damaged | None, known: Mapping[bytes, str]
) -> tuple[Verdict | None, str, Tracked | None]:
    """Its verdict (none for a damaged one), in words, and what it names."""
    match what:
        case Valid():
            project = known.get(what.project)
            if project is None:
                return Verdict.foreign, "names a project whose mail is not fetched here", None
            tracked = Tracked(project, what.kind, what.record, what.email, what.recipient)
            return Verdict.record, f"names {what.kind} {what.record}", tracked
        case Foreign():
            return Verdict.foreign, "names another server", None
        case Forged():
            return Verdict.forged, "names this server, which has not signed it", None
        case Damaged():
            return None, "names this server and is not whole", None
        case None:
            return Verdict.none, "is no cookie", None


def _together(verdicts: set[Verdict | None], named: list[Tracked]) -> Verdict:
    if Verdict.forged in verdicts:
        return Verdict.conflicting if named else Verdict.forged
    if len({(one.project, one.kind, one.record) for one in named}) > 1:
        return Verdict.conflicting
    if named:
        return Verdict.record
    if None in verdicts:
        return Verdict.forged
    return Verdict.foreign if Verdict.foreign in verdicts else Verdict.none
