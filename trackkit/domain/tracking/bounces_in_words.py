"""Bounces in words for people, which say in no agreed form that a mail was not delivered, and to whom.

What makes a mail a bounce are three signs: a program sent it, its subject says so, its text says so. Two of them are
enough, more or less: a host's reply counts as text, and where no program is known to have sent it, the message has to
come back. Forms are recognised, never files: what Exim, qmail, Sendmail, Postfix, Exchange, the big providers and
their likes write, and what they have in common.

Everything is bounded and linear in the text's size; nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from trackkit.domain.tracking import bounce_words as words
from trackkit.domain.tracking.fields import Fields, addresses
from trackkit.domain.tracking.folded import folded, pattern

LONGEST: Final = 60_000
"""Characters of the text that are looked at."""

MOST: Final = 100
"""Recipients that are read."""

_BEFORE: Final = 200
"""Characters before an address that may say whose it is."""

_ADDRESS = re.compile(r"[^\s<>()\[\]{},:;\"'|*@]{1,64}@[A-Za-z0-9][\w.-]{0,250}\w", re.ASCII)
_SENT_TO = re.compile(r"^[ \t>]{0,8}(?:to|x-envelope-to|envelope-to): ?(.{0,300})", re.IGNORECASE | re.MULTILINE)


def is_bounce(fields: Fields, subject: str, text: str, returned: bool) -> str:
    """Why a mail with this header and text is a bounce, in words; ``""`` when it is none.

    Parameters
    ----------
    returned: whether a message is attached to it.
    """
    if "x-failed-recipients" in fields:
        return "X-Failed-Recipients names who did not get it"
    senders = (*fields.all("from"), *fields.all("sender"))
    by_program = any(words.SENDER.search(folded(sender[:500])) for sender in senders)
    by_nobody = any(words.NULL_SENDER.match(folded(path)) for path in fields.all("return-path"))
    subject = folded(subject)
    said = not _ANSWER.match(subject) and words.SUBJECT.search(subject[:500]) is not None
    if not (said or by_program or by_nobody):
        return ""
    whole = report(text)
    own = unquoted(whole)
    small = folded(own)
    if words.DELIVERED.search(f"{subject}\n{small}") and not words.FAILED.search(small):
        return ""
    if said and (by_program or by_nobody):
        return "its sender is a program, and its subject says that it was not delivered"
    told = words.TEXT.search(small) is not None
    returned = returned or len(whole) < len(text[:LONGEST])
    if by_program and (words.REPLY.search(small) or (told and (returned or _ADDRESS.search(own)))):
        return "its sender is a program, and its text says that it was not delivered"
    # Vacation replies have no sender either; they return nothing, and quote no host.
    if by_nobody and told and (returned or words.FULL_REPLY.search(small)):
        return "it has no sender, and its text says that something was not delivered"
    if said and told and returned:
        return "its subject and its text say that it was not delivered, and it returns the message"
    if said and told and not ("in-reply-to" in fields or "references" in fields) and any(_named(own, set(), set())):
        return "its subject and its text say that it was not delivered, and to whom"
    return ""


_ANSWER = pattern(r"\s*(?:re|aw|sv|antw|fwd?|wg|tr|auto\w*(?: ?reply| response)?)\s*:")


def is_warning(text: str) -> bool:
    """Whether the host says that it goes on trying."""
    return words.RETRIED.search(folded(report(text))) is not None


def report(text: str) -> str:
    """The host's own words: without the message that comes back."""
    text = text[:LONGEST]
    begins = (match.start() for match in words.ORIGINAL.finditer(folded(text)))
    return text[: next((at for at in begins if text[:at].strip()), len(text))]


def returned(text: str) -> str:
    """The message that comes back in the text; ``""`` when none does."""
    return text[len(report(text)) : LONGEST]


def unquoted(text: str) -> str:
    """Without the lines that quote somebody; lines of an SMTP conversation stay."""
    return "\n".join(line for line in text.split("\n") if not line.startswith(">") or line.startswith(">>>"))


def recipients(fields: Fields, text: str, returned: Sequence[Fields]) -> list[tuple[str, str]]:
    """Who did not get it, as far as the text tells, each with the words about it; one without an address at least."""
    own = report(text)
    not_them = {address.lower() for name in ("to", "from", "sender", "reply-to") for address in fields.addresses(name)}
    named = {address.lower(): address for address in fields.addresses("x-failed-recipients")}
    places = list(_named(own, set(named), not_them))
    named |= {address.lower(): address for address, _ in places if address.lower() not in named}
    if not named:
        sent_to = [address for one in returned for name in ("x-envelope-to", "to") for address in one.addresses(name)]
        sent_to += [address for line in _SENT_TO.findall(text[len(own) : LONGEST]) for address in addresses(line)]
        named = {address.lower(): address for address in sent_to[:1]}
    if len(named) < 2:
        return [(next(iter(named.values()), ""), own)]
    about: dict[str, str] = {}
    for (address, begins), (_, ends) in pairwise([*places, ("", len(own))]):
        about.setdefault(address.lower(), own[begins:ends])
    return [(address, about.get(lower, own)) for lower, address in named.items()][:MOST]


def about(own: str, recipient: str, others: list[str]) -> str:
    """What the host's words say about a recipient: from where they name it to where they name another; else all."""
    lower = own.lower()
    at = lower.find(recipient.lower()) if recipient else -1
    if at < 0 or len(others) < 2:
        return own
    begins = own.rfind("\n", 0, at) + 1
    after = at + len(recipient)
    ends = [found for one in others if one and one != recipient and (found := lower.find(one.lower(), after)) >= 0]
    return own[begins : min(ends, default=len(own))]


def _named(own: str, wanted: set[str], not_them: set[str]) -> Iterator[tuple[str, int]]:
    """Addresses of recipients, and where the line of each begins; those that lines begin with, where there are such,
    else those that words of delivery stand before, else the first.

    Of one address that is named several times in a row, the first place counts.
    """
    leading: list[tuple[str, int]] = []
    within: list[tuple[str, int]] = []
    others: list[tuple[str, int]] = []
    at = 0
    for line, small in zip(own.split("\n"), folded(own).split("\n"), strict=True):
        lead = words.LEADS.match(small)
        for match in _ADDRESS.finditer(line[:2000]):
            before = small[max(0, match.start() - _BEFORE) : match.start()]
            lower = match[0].lower()
            if lower not in wanted if wanted else lower in not_them or words.NOT_RECIPIENTS.search(before):
                continue
            if lead and lead.end() == match.start():
                leading.append((match[0], at))
            elif wanted or words.ABOUT_RECIPIENTS.search(before):
                within.append((match[0], at))
            else:
                others.append((match[0], at))
        at += len(line) + 1
    last = ""
    for address, place in leading or within or others[:1]:
        if address.lower() != last:
            yield address, place
        last = address.lower()
