"""What becomes of a mail that was fetched: rules in their order, each with its words. Pure.

Importing and replaying ask the same rules, so a replay says what an import does. `before_project` asks those that need
nothing but the mail and the list of projects; `in_project` the others, with what the project knows (`Facts`). The rule
that settles it has a state; all others only say what they found.

Neither From nor a cookie proves who wrote: nothing here gives a mail any right but to be filed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from trackkit.domain.project.kinds import Standing
from trackkit.domain.tracking import authentication
from trackkit.domain.tracking.carriers import Carrier, Verdict
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.kinds import MailKind
from trackkit.domain.tracking.reading import Known, Understood


class Rule(StrEnum):
    """What a mail is asked, in this order."""

    size = "size"
    readable = "readable"
    probe = "probe"
    kind = "kind"
    loop = "loop"
    cookie = "cookie"
    project = "project"
    mailbox = "mailbox"
    record = "record"
    duplicate = "duplicate"
    author = "author"
    forward = "forward"
    letter = "letter"
    filed = "filed"


TITLES: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.size: "Small enough to be fetched",
        Rule.readable: "Can be read",
        Rule.probe: "A probe of this server",
        Rule.kind: "Kind of mail",
        Rule.loop: "Not this server's own",
        Rule.cookie: "Tracking cookie",
        Rule.project: "Project",
        Rule.mailbox: "Mailbox of the project",
        Rule.record: "Record and e-mail",
        Rule.duplicate: "Not filed before",
        Rule.author: "Author",
        Rule.forward: "Forwarded",
        Rule.letter: "Automatic letter",
        Rule.filed: "Filed",
    }
)


_BY_HAND: Final = "If it belongs to a record, reprocess it with the record's project and number; else discard it."
ADVICE: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.readable: "Read its bytes; if it belongs to a record, file it by hand.",
        Rule.loop: "Find out who sends from the tracking address; mail programs must not use it. Then discard it.",
        Rule.cookie: _BY_HAND,
        Rule.project: "Switch e-mail tracking on for the project, then reprocess it.",
        Rule.mailbox: "Give the project the mailbox that its mail comes to, then reprocess it.",
        Rule.record: _BY_HAND,
    }
)
"""What to do about a mail that a rule has put into quarantine."""

LIMITED: Final = "More came within an hour than is passed on"
"""What a rule's words begin with when a mail was not passed on for its number."""


class Judgement(NamedTuple):
    """What a rule says; with a state it settles what becomes of the mail."""

    rule: Rule
    words: str
    state: InboxState | None = None
    verdict: str = "passed"


@dataclass(frozen=True, slots=True)
class Place:
    """A project as a mail finds it. `mailbox`: the account it tracks mail with; none = it does not track.
    `away`: why its database cannot be used now."""

    name: str
    active: bool
    mailbox: str | None
    away: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a mail came in: the account, and this server: whether an address is a tracking address of it, its projects
    by their identities, its keys."""

    mailbox: str
    is_own: Callable[[str], bool]
    projects: Mapping[str, Place]
    keys: Keys
    server: str
    probes: Collection[str] = ()
    """Tokens of probes that have not come back."""

    @property
    def known(self) -> Known:
        """What a mail is read by."""
        return Known(self.keys, self.server, tuple(self.projects), frozenset(self.probes))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a project knows of a mail that names one of its e-mails.

    Parameters
    ----------
    record: the record that the e-mail belongs to (``defect 12``); none = there is no such e-mail (any more).
    filed_as: the number of the e-mail as which the same was filed before.
    author_known: its author is a user or a customer, or was written to.
    """

    record: str | None
    filed_as: int | None
    author_known: bool


class Decision(NamedTuple):
    """What becomes of a mail: the rules that were asked, in their order; the last one settles it, if any does."""

    judgements: tuple[Judgement, ...]
    tracked: Tracked | None = None
    standing: Standing = "unknown"

    @property
    def settled(self) -> Judgement | None:
        """What settles it; none = its project has to be asked."""
        last = self.judgements[-1]
        return last if last.state else None


def before_project(found: Understood, where: Where) -> Decision:
    """What the rules say for which no project is asked."""
    judgements: list[Judgement] = []
    for rule in _BEFORE:
        judgements.append(rule(found, where))
        if judgements[-1].state:
            waits = judgements[-1].state is InboxState.fetched  # for the project that it names
            return Decision(tuple(judgements), found.cookies.tracked if waits else None)
    return Decision(tuple(judgements), found.cookies.tracked)


def in_project(found: Understood, before: Decision, facts: Facts) -> Decision:
    """What the project's rules say of a mail that names one of its e-mails."""
    tracked = before.tracked
    if tracked is None:
        raise ValueError("it names no e-mail")
    judgements = list(before.judgements)
    standing, author = _author(found, facts)
    for one in (_record(tracked, facts), _duplicate(facts), author, filed(tracked)):
        judgements.append(one)
        if one.state:
            break
    return Decision(tuple(judgements), tracked, standing)


def by_hand(found: Understood, tracked: Tracked, project: str, facts: Facts) -> Decision:
    """What becomes of a mail that somebody files with a record, whatever it carries."""
    given = Judgement(Rule.cookie, f"Somebody files it with {tracked.kind} {tracked.record} of {project}.")
    before = Decision((_readable(found), _kind(found), given), tracked)
    return in_project(found, before, facts)


def with_more(decision: Decision, more: Sequence[Judgement]) -> Decision:
    """With what rules say that change nothing of it, before the one that settles it."""
    *others, last = decision.judgements
    return Decision((*others, *more, last), decision.tracked, decision.standing)


def unreadable(reason: str) -> Decision:
    """Of a mail whose import fails again and again for a reason of its own."""
    return Decision((Judgement(Rule.readable, reason, InboxState.quarantined, "quarantined"),))


def waiting(before: Decision, reason: str) -> Decision:
    """Of a mail whose project cannot be reached now."""
    return Decision((*before.judgements, _waits(reason)))


def _settles(rule: Rule, words: str, state: InboxState) -> Judgement:
    return Judgement(rule, words, state, state.value)


def _waits(reason: str) -> Judgement:
    return _settles(Rule.project, f"{reason} It stays here until it can be filed.", InboxState.fetched)


# What is said of most mails.
_WHOLE: Final = Judgement(Rule.readable, "Everything in it can be read.")
_NO_PROBE: Final = Judgement(Rule.probe, "It is none.")
_OF_OTHERS: Final = Judgement(Rule.loop, "Somebody else sent it.")
_NEW: Final = Judgement(Rule.duplicate, "It was not filed before.")


def _readable(found: Understood) -> Judgement:
    problems = found.mail.problems
    return Judgement(Rule.readable, " ".join(problems)) if problems else _WHOLE


def _probe(found: Understood) -> Judgement:
    if found.probe is None:
        return _NO_PROBE
    return _settles(Rule.probe, "A probe mail of this server has come back.", InboxState.discarded)


def _kind(found: Understood) -> Judgement:
    return Judgement(Rule.kind, f"{_KINDS[found.kind.kind]}: {found.kind.rule}.", verdict=found.kind.kind.value)


_KINDS: Final[Mapping[MailKind, str]] = {
    MailKind.human: "A person wrote it",
    MailKind.automatic: "A program answers",
    MailKind.bounce: "It was not delivered",
    MailKind.delay: "It is not delivered yet",
    MailKind.delivered: "It was delivered",
    MailKind.feedback: "A complaint",
}


def _loop(found: Understood, where: Where) -> Judgement:
    if found.own:
        return _settles(Rule.loop, "This server sent it itself, and has it.", InboxState.duplicate)
    if found.kind.kind in (MailKind.human, MailKind.automatic) and where.is_own(found.author):
        words = "It says that it is from the tracking address itself, which writes to nobody here."
        return _settles(Rule.loop, words, InboxState.quarantined)
    return _OF_OTHERS


def _cookie(found: Understood, where: Where) -> Judgement:
    cookies = found.cookies
    seen = " ".join(f"{_CARRIERS[one.carrier]}: {one.words}." for one in cookies.seen[:_SHOWN])
    match cookies.verdict:
        case Verdict.record:
            return Judgement(Rule.cookie, seen)
        case Verdict.none:
            return _settles(Rule.cookie, "It carries no tracking cookie.", InboxState.untracked)
        case Verdict.foreign:
            return _settles(Rule.cookie, f"Its cookies are of another server. {seen}", InboxState.untracked)
        case Verdict.forged:
            return _settles(Rule.cookie, f"A cookie is forged or damaged. {seen}", InboxState.quarantined)
        case Verdict.conflicting:
            return _settles(Rule.cookie, f"Its cookies contradict each other. {seen}", InboxState.quarantined)


_SHOWN: Final = 10
_CARRIERS: Final[Mapping[Carrier, str]] = {
    Carrier.in_reply_to: "In-Reply-To",
    Carrier.references: "References",
    Carrier.recipient: "The address it went to",
    Carrier.subject: "The subject",
    Carrier.returned: "The returned mail",
}


def _project(found: Understood, where: Where) -> Judgement:
    place = _place(found, where)
    if place.mailbox is None:
        return _settles(Rule.project, f"{place.name} does not track e-mail.", InboxState.quarantined)
    if place.away:
        return _waits(f"{place.name} cannot be reached: {place.away}.")
    if not place.active:
        return _waits(f"{place.name} is not active.")
    return Judgement(Rule.project, f"{place.name} tracks e-mail.")


def _mailbox(found: Understood, where: Where) -> Judgement:
    place = _place(found, where)
    if place.mailbox != where.mailbox:
        words = f"It came to {where.mailbox}, but {place.name} tracks e-mail with {place.mailbox}."
        return _settles(Rule.mailbox, words, InboxState.quarantined)
    return Judgement(Rule.mailbox, f"It came to {where.mailbox}, as it should.")


def _place(found: Understood, where: Where) -> Place:
    if found.cookies.tracked is None:
        raise ValueError("it names no project")
    return where.projects[found.cookies.tracked.project]


_BEFORE: Final[tuple[Callable[[Understood, Where], Judgement], ...]] = (
    lambda found, _: _readable(found),
    lambda found, _: _probe(found),
    lambda found, _: _kind(found),
    _loop,
    _cookie,
    _project,
    _mailbox,
)


def _record(tracked: Tracked, facts: Facts) -> Judgement:
    named = f"{tracked.kind} {tracked.record}"
    if facts.record is None:
        words = f"E-mail {tracked.email} of {named}" if tracked.email else named[:1].upper() + named[1:]
        return _settles(Rule.record, f"{words} is not there any more.", InboxState.quarantined)
    if facts.record != named:
        words = f"E-mail {tracked.email} belongs to {facts.record}, not to {named}."
        return _settles(Rule.record, words, InboxState.quarantined)
    return Judgement(Rule.record, f"It answers e-mail {tracked.email} of {named}." if tracked.email else f"{named}.")


def _duplicate(facts: Facts) -> Judgement:
    if facts.filed_as is None:
        return _NEW
    return _settles(Rule.duplicate, f"The same was filed before, as e-mail {facts.filed_as}.", InboxState.duplicate)


def _author(found: Understood, facts: Facts) -> tuple[Standing, Judgement]:
    said = authentication.results(found.mail.fields)
    author = found.mail.author or "Nobody"
    if authentication.has_failed(said):
        words = f"The receiving host says that it is not from {author}: {said}"
        return "unauthenticated", Judgement(Rule.author, words, verdict="unauthenticated")
    if facts.author_known:
        words = f"{author} is an address that the project knows; that proves nothing."
        return "known", Judgement(Rule.author, words, verdict="known")
    return "unknown", Judgement(Rule.author, f"{author} is not known to the project.", verdict="unknown")


def filed(tracked: Tracked) -> Judgement:
    """It is filed."""
    answers = f" as an answer to e-mail {tracked.email}" if tracked.email else ""
    return _settles(Rule.filed, f"With {tracked.kind} {tracked.record}{answers}.", InboxState.attached)
