"""All that a mail says by itself, and what is to be filed of it. Pure, and of values only.

So a mail can be read in another process, which can be ended when one takes too long: what it says travels back as
plain values (`packed`, `unpacked`), which is several times quicker than as objects, and without what whoever asked has
or does not need. `read` never raises.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from trackkit.domain.tracking import carriers, probe
from trackkit.domain.tracking.carriers import Carrier, Found, Seen, Verdict
from trackkit.domain.tracking.cookie import PREFIX, Keys, Tracked
from trackkit.domain.tracking.failures import Failure
from trackkit.domain.tracking.fields import Fields
from trackkit.domain.tracking.filing import Content, content_of
from trackkit.domain.tracking.incoming import Incoming, parse, taken
from trackkit.domain.tracking.kinds import Classified, kind_of
from trackkit.domain.tracking.kinds import carriers as places
from trackkit.domain.tracking.letter import Attachment
from trackkit.domain.tracking.parts import Parts

Packed = str | tuple[Any, ...]
"""A mail that was read, in values that Python itself has and pickles quickly."""

_EMPTY_LINES: Final = (b"\n\n", b"\n\r\n", b"\r\r")
_PIECE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Known:
    """What a mail is read by: the server's keys, its identity, those of its projects, tokens of probes on their way."""

    keys: Keys
    server: str
    projects: tuple[str, ...]
    probes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Understood:
    """A mail, and what it says by itself."""

    raw: bytes = field(repr=False)
    mail: Incoming = field(repr=False)
    kind: Classified
    cookies: Found
    own: bool
    """This server sent it: its Message-ID is a cookie of its own."""
    probe: str | None
    """The token of a probe."""
    author: str
    """Whom it says it is from, as addresses are compared."""


@dataclass(frozen=True, slots=True)
class Read:
    """A mail that was read. `content` and `key` (`import_key`) are there if its cookies name a record."""

    found: Understood
    content: Content | None = field(repr=False)
    key: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail that could not be read, and why."""

    reason: str


def read(raw: bytes, fetched_at: datetime, known: Known) -> Read | Unreadable:
    """Read a mail."""
    try:
        found = _understood(raw, fetched_at, known)
        if found.cookies.tracked is None:
            return Read(found, None, "")
        return Read(found, content_of(found.mail), import_key(found.mail, raw))
    except Exception as error:  # noqa: BLE001 - a mail must not stop the others, whatever is in it
        return Unreadable(f"It could not be read: {type(error).__name__}.")


def packed(one: Read | Unreadable) -> Packed:
    """What `unpacked` makes whole again, but for texts and attachments of the mail, which are in `content`."""
    if isinstance(one, Unreadable):
        return one.reason
    found, mail, content = one.found, one.found.mail, one.content
    kind, cookies = found.kind, found.cookies
    return (
        mail.fields.named,
        (mail.sent_at, mail.problems, mail.author, mail.recipients),
        (kind.kind, kind.rule, [tuple(failure) for failure in kind.failures], kind.answerable),
        (cookies.verdict, cookies.tracked and tuple(cookies.tracked), [tuple(seen) for seen in cookies.seen]),
        (found.own, found.probe, found.author),
        content and (content.text, content.cut, content.html, _named(content.files), content.problems),
        one.key,
    )


def unpacked(values: Packed, raw: bytes) -> Read | Unreadable:
    """What was packed, of the mail with these bytes."""
    if isinstance(values, str):
        return Unreadable(values)
    fields, said, (kind, rule, failures, answerable), (verdict, tracked, seen), more, content, key = values
    mail = Incoming(taken(raw), Parts(Fields(fields)), "", "", (), *said)
    classified = Classified(kind, rule, tuple([Failure(*one) for one in failures]), answerable)
    cookies = Found(verdict, tracked and Tracked(*tracked), tuple([Seen(*one) for one in seen]))
    return Read(Understood(raw, mail, classified, cookies, *more), content and _content(*content), key)


def _named(files: tuple[Attachment, ...]) -> list[tuple[str, bytes]]:
    return [(file.name, file.content) for file in files]


def _content(text: str, cut: str, html: str, files: list[tuple[str, bytes]], problems: tuple[str, ...]) -> Content:
    return Content(text, cut, html, tuple([Attachment(*one) for one in files]), problems)


def _understood(raw: bytes, fetched_at: datetime, known: Known) -> Understood:
    mail = parse(raw, fetched_at)
    kind = kind_of(mail)
    cookies = carriers.find(places(mail, kind), known.keys, known.server, known.projects)
    message_id = mail.fields.first("message-id")
    own = PREFIX in message_id.lower() and _is_own(message_id, known)
    token = probe.token_in(message_id)
    return Understood(raw, mail, kind, cookies, own, token if token in known.probes else None, mail.author.lower())


def _is_own(message_id: str, known: Known) -> bool:
    found = carriers.find([(Carrier.in_reply_to, message_id)], known.keys, known.server, known.projects)
    return found.verdict is Verdict.record


def import_key(mail: Incoming, raw: bytes) -> str:
    """By what the same mail is known, whatever the hosts on its way have written above it."""
    names = ("message-id",) if mail.fields.first("message-id").strip("<> ") else ("from", "date", "subject")
    named = "\n".join(mail.fields.first(name).strip() for name in names)
    key = hashlib.sha256(named.encode("utf-8", "replace") + b"\0")
    found = [place + len(mark) for mark in _EMPTY_LINES if (place := raw.find(mark)) >= 0]
    at, end = min(found, default=0), len(raw)
    while end > at and raw[end - 1] in b" \t\r\n":
        end -= 1
    for begins in range(at, end, _PIECE):  # of a large mail there shall not be another copy
        key.update(raw[begins : min(end, begins + _PIECE)].translate(None, b"\r"))
    return key.hexdigest()
