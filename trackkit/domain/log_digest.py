"""E-mailed log entries: what is collected, when one mail tells of all of it, and what it says. Pure.

The first entry opens a window. At its end one mail (the digest) tells of everything that was collected. What happens
to what was collected, looked at now and then:

| collected | the window | e-mailing | the earlier digest | step |
| --- | --- | --- | --- | --- |
| nothing | - | - | - | nothing |
| something | - | off | - | forget |
| something | open | on | - | wait |
| something | over | hindered | - | skip |
| something | over | on | waits in the queue | wait |
| something | over | on | failed | supersede |
| something | over | on | gone | send |

*forget*: nobody wants it any more. *skip*: it is not mailed, and the log says why. *wait*: more is merged in, so that
a broken mail host never makes a pile. *supersede*: as send, but the failed one is deleted, and the new one says how
many entries it was to tell of. An earlier digest is *gone* when it was sent or somebody deleted it,
and *failed* also when it waits for an address that mails do not go to any more.

Entries with the same words but for numbers, ids and the like are one group; at most `MAXIMUM_GROUPS` groups are kept,
the most severe ones, and every entry is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from trackkit.domain.log import LogEntry, Severity
from trackkit.domain.log_text import harmless, one_line

MAXIMUM_GROUPS: Final = 100
_WORDS: Final = 500
"""Characters of a message that are kept and shown."""

_KEY: Final = 200
_WITH_DIGITS: Final = re.compile(r"\S*\d\S*")


class Step(StrEnum):
    """What to do about what was collected."""

    nothing = "nothing"
    forget = "forget"
    wait = "wait"
    skip = "skip"
    supersede = "supersede"
    send = "send"


class Earlier(StrEnum):
    """What became of the digest before."""

    gone = "gone"
    waits = "waits in the queue"
    failed = "failed"


class Mailing(StrEnum):
    """Whether entries are e-mailed."""

    on = "on"
    off = "off"
    hindered = "hindered"


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one level and source whose messages differ in numbers only."""

    severity: Severity
    source: str
    key: str
    message: str
    """The first of them."""
    number: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """What is collected, and what is known of the digest before; this is what outlives a restart."""

    opened_at: datetime | None = None
    """When the window was opened; none = nothing is collected."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    totals: tuple[int, ...] = (0,) * len(Severity)
    """Entries by level, most severe first."""
    groups: tuple[Group, ...] = ()
    undelivered: int = 0
    """Entries that digests which failed for good were to tell of."""
    earlier: int | None = None
    """The number in the queue of the digest before."""
    earlier_entries: int = 0

    @property
    def entries(self) -> int:
        """How many were collected."""
        return sum(self.totals)


def decide(digest: Digest, mailing: Mailing, earlier: Earlier, window: timedelta, now: datetime) -> Step:
    """The step of the table above."""
    if digest.opened_at is None:
        return Step.nothing
    if mailing is Mailing.off:
        return Step.forget
    # A clock that was put back must not keep a window open for years.
    if timedelta(0) <= now - digest.opened_at < window:
        return Step.wait
    if mailing is Mailing.hindered:
        return Step.skip
    if earlier is Earlier.waits:
        return Step.wait
    return Step.supersede if earlier is Earlier.failed else Step.send


def collected(digest: Digest, entries: Iterable[LogEntry], now: datetime) -> Digest:
    """With these entries added."""
    groups = {(group.severity, group.source, group.key): group for group in digest.groups}
    totals = list(digest.totals)
    first_at, last_at = digest.first_at, digest.last_at
    for entry in entries:
        totals[entry.severity - 1] += 1
        first_at = entry.at if first_at is None else min(first_at, entry.at)
        last_at = entry.at if last_at is None else max(last_at, entry.at)
        _group(groups, entry)
    if first_at is None:
        return digest
    return replace(
        digest,
        opened_at=digest.opened_at or now,
        first_at=first_at,
        last_at=last_at,
        totals=tuple(totals),
        groups=tuple(groups.values()),
    )


def _group(groups: dict[tuple[Severity, str, str], Group], entry: LogEntry) -> None:
    words = one_line(entry.message[:_WORDS])
    key = (entry.severity, entry.source, _WITH_DIGITS.sub("#", words[:_KEY]))
    known = groups.get(key)
    if known is not None:
        groups[key] = replace(
            known,
            number=known.number + 1,
            first_at=min(known.first_at, entry.at),
            last_at=max(known.last_at, entry.at),
        )
        return
    if len(groups) >= MAXIMUM_GROUPS:
        least = max(reversed(groups), key=lambda other: other[0])  # the newest of the least severe
        if least[0] <= entry.severity:
            return  # counted in the totals, not shown
        del groups[least]
    groups[key] = Group(entry.severity, entry.source, key[2], words, 1, entry.at, entry.at)


def passed_over(digest: Digest) -> Digest:
    """After what was collected is not to be mailed."""
    return Digest(earlier=digest.earlier, earlier_entries=digest.earlier_entries, undelivered=digest.undelivered)


def queued(digest: Digest, number: int) -> Digest:
    """After it became the mail with that number in the queue."""
    return Digest(earlier=number, earlier_entries=digest.entries + digest.undelivered)


def subject(digest: Digest, server: str) -> str:
    """The subject: how many of which level, and where."""
    return harmless(f"[trackkit] {_levels(digest)} on {server}")


def body(digest: Digest, server: str, zone: tzinfo, window: timedelta) -> str:
    """The text: exact totals, then the groups, the most severe and most frequent first."""
    first, last = digest.first_at, digest.last_at
    if first is None or last is None:
        raise ValueError("nothing was collected")
    lines = [
        f"The server {server} logged {_levels(digest)},",
        f"from {first.astimezone(zone):%Y-%m-%d %H:%M:%S} to {last.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}.",
        "",
    ]
    if digest.undelivered:
        number = "1 entry" if digest.undelivered == 1 else f"{digest.undelivered:,} entries"
        lines += [f"An earlier mail about {number} could not be delivered.", ""]
    for group in sorted(digest.groups, key=lambda group: (group.severity, -group.number, group.first_at)):
        when = f"{group.first_at.astimezone(zone):%H:%M:%S}"
        if group.number > 1:
            when = f"{group.number:,} times, {when} to {group.last_at.astimezone(zone):%H:%M:%S}"
        lines += [f"{group.severity.title}, {harmless(group.source)}, {when}", f"    {group.message}"]
        if group.number > 1 and "#" in group.key:
            lines.append("    (the first of them; the others differ in numbers only)")
        lines.append("")
    if rest := digest.entries - sum(group.number for group in digest.groups):
        lines += [f"And {rest:,} with other messages.", ""]
    lines += [
        "All of them are in the server log, as far as its level reaches.",
        f"At most one such mail is made in {window // timedelta(seconds=1):,} seconds (log.email_window_seconds).",
    ]
    return "\n".join(lines) + "\n"


def _levels(digest: Digest) -> str:
    parts = [f"{number:,} {severity.title}" for severity, number in zip(Severity, digest.totals, strict=True) if number]
    return ", ".join(parts)
