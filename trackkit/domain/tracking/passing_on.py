"""Who else gets a mail that was filed: the user who began the thread, and its author an automatic letter. Pure.

Only what a person wrote is passed on or acknowledged, and nothing that goes out from here is ever answered by another
program: a forwarded mail and a letter say that they are automatic (RFC 3834), have a null envelope sender, and are
limited by sender and thread. Nothing goes to a tracking address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.addresses import address_problem
from trackkit.domain.notices import may_be_told
from trackkit.domain.project.kinds import Standing
from trackkit.domain.text import line_of
from trackkit.domain.tracking import decision as rules
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.decision import Judgement, Rule
from trackkit.domain.tracking.kinds import MailKind
from trackkit.domain.tracking.letter import Letter, Party
from trackkit.domain.tracking.reading import Understood
from trackkit.domain.tracking.way import plain_way

WITHIN: Final = timedelta(hours=1)
MOST_OF_A_SENDER: Final = 30
MOST_OF_A_THREAD: Final = 200
"""Mails of one sender about a record, and of all about it, that are passed on within that time."""

_SHOWN: Final = 20_000
_AROUND: Final = 2 * _SHOWN * 3
"""Octets that stand around the original, at most: of the text some need six when they are encoded."""


@dataclass(frozen=True, slots=True)
class Before:
    """How many mails of people have come in lately: of this sender about this record, of all about it."""

    of_sender: int
    of_thread: int


def forwarded(
    found: Understood, to: Party | None, missing: str, is_own: Callable[[str], bool], before: Before
) -> tuple[bool, Judgement]:
    """Whether a mail is passed on, and why.

    Parameters
    ----------
    to: who gets it; none = nobody can, because of what is `missing`.
    is_own: whether an address is a tracking address.
    """
    if found.kind.kind is not MailKind.human:
        return _no(Rule.forward, "A program wrote it: it is only filed.")
    if to is None:
        return _no(Rule.forward, missing)
    if reason := address_problem(to.address):
        return _no(Rule.forward, f"The address of {to.name} {reason}.")
    if is_own(to.address):
        return _no(Rule.forward, f"{to.address} is the tracking address, where it would come in again.")
    if to.address.lower() == found.author:
        return _no(Rule.forward, f"{to.address}, who would get it, wrote it.")
    if before.of_sender >= MOST_OF_A_SENDER or before.of_thread >= MOST_OF_A_THREAD:
        return _no(Rule.forward, f"{rules.LIMITED}: so many mails about it are no conversation. It is filed.")
    return True, Judgement(Rule.forward, f"To {to.name} <{to.address}>.", verdict="yes")


def acknowledged(
    found: Understood, standing: Standing, wanted: bool, is_own: Callable[[str], bool], had_one: bool, hours: int
) -> tuple[bool, Judgement]:
    """Whether its author gets the automatic letter, and why.

    Parameters
    ----------
    wanted: the project sends letters.
    had_one: the author got one within so many `hours`.
    """
    mail, author = found.mail, found.mail.author
    if not wanted:
        return _no(Rule.letter, "The project sends none.")
    if found.kind.kind is not MailKind.human or not found.kind.answerable:
        return _no(Rule.letter, f"A program is not answered: {found.kind.rule}.")
    if address_problem(author):
        return _no(Rule.letter, "Its author has no address that can be written to.")
    returned = mail.fields.first("return-path").strip("<> \t") if "return-path" in mail.fields else author
    if not (may_be_told(author, mail.raw) and may_be_told(returned, mail.raw)):
        return _no(Rule.letter, "Its author is a program, or wants no answer.")
    if is_own(author):
        return _no(Rule.letter, "Its author is the tracking address.")
    if standing == "unauthenticated":
        return _no(Rule.letter, "It may not be its author's: the letter would go to somebody who wrote nothing.")
    if had_one:
        return _no(Rule.letter, f"{author} got one within the last {hours} hours.")
    return True, Judgement(Rule.letter, f"To {author}.", verdict="yes")


def _no(rule: Rule, words: str) -> tuple[bool, Judgement]:
    return False, Judgement(rule, words, verdict="no")


@dataclass(frozen=True, slots=True)
class About:
    """What a mail is about, for whoever it is passed on to."""

    project: str
    record: str
    title: str
    subject: str
    """Of the first e-mail of the thread."""


_STANDINGS: Final = {
    "known": "",
    "unknown": "The project does not know this address: anybody may have written this.\n",
    "unauthenticated": "The receiving host says that this is NOT from that address.\n",
}


def forward(
    found: Understood,
    standing: Standing,
    text: str,
    to: Party,
    about: About,
    tracking: str,
    token: str,
    now: datetime,
    largest: int,
) -> Letter:
    """The mail as it is passed on: from the tracking address, with the original as it came.

    Parameters
    ----------
    text: what its author wrote.
    token: of letters and digits, another one for each mail.
    largest: octets of the largest mail that may go out.
    """
    fits = len(found.raw) + _AROUND <= largest
    subject = untagged(found.mail.fields.text("subject"))
    return Letter(
        author=Party(tracking, f"{line_of(_name(found))} via {line_of(about.project)}"),
        to=(to,),
        subject=f"Fwd: {line_of(subject)[:200]}",
        text=_words(found.mail.author or "Somebody", standing, text, about, attached=fits),
        date=now,
        message_id=plain_way(tracking, f"forward.{token}").message_id,
        automatic="auto-generated",
        original=found.raw if fits else None,
    )


def _words(author: str, standing: Standing, text: str, about: About, *, attached: bool) -> str:
    """What a forwarded mail says above the original."""
    original = "The mail is attached as it came" if attached else "The mail is too large to be attached"
    named = f"{about.record}{f' ({line_of(about.title)})' if about.title else ''}"
    return (
        f"{line_of(author)} has answered your e-mail “{line_of(untagged(about.subject))}” about {named} of "
        f"{about.project}. {_STANDINGS[standing]}\n"
        f"{text[:_SHOWN]}\n\n"
        "-- \n"
        f"{original}, and filed with {about.record}. Answer it there: an answer to this mail "
        "reaches nobody.\n"
    )


def _name(found: Understood) -> str:
    """What the author calls themselves, else their address."""
    given = found.mail.fields.text("from").partition("<")[0].strip(" \t\"'")
    return given[:100] if given and "@" not in given else found.mail.author or "Somebody"
