"""Mails that came in for a project, decided about and filed in one transaction of it, with all that follows from them:
marks of recipients, what is forwarded, automatic letters. Nothing is filed twice: the import key of each is unique.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.databases import called
from trackkit.domain.log_text import storable
from trackkit.domain.project.kinds import EmailOrigin
from trackkit.domain.text import line_of
from trackkit.domain.tracking import decision as rules
from trackkit.domain.tracking import outcomes, passing_on
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.cookie import Tracked
from trackkit.domain.tracking.decision import Decision, Facts
from trackkit.domain.tracking.filing import Content
from trackkit.domain.tracking.kinds import MailKind
from trackkit.domain.tracking.letter import Party, compose
from trackkit.domain.tracking.outcomes import Mark, Sent
from trackkit.domain.tracking.passing_on import About, Before
from trackkit.domain.tracking.reading import Understood
from trackkit.services import letters
from trackkit.services.environment import Environment
from trackkit.services.letters import Acknowledgement, Sender
from trackkit.services.tracking_where import Present, TrackedProject
from trackkit.store import outbox, project_emails, received_emails
from trackkit.store.database import Connection
from trackkit.store.outbox import Outgoing
from trackkit.store.project_emails import NewEmail
from trackkit.store.received_emails import AnsweredRow

FILER: Final = "tracking"
"""Who files what comes in; it has a name of its own in the project's tables."""

_LONGEST_LINE: Final = 1_000
_MOST_RECIPIENTS: Final = 100
_ORIGINS: Final[dict[MailKind, EmailOrigin]] = {
    MailKind.human: "person",
    MailKind.automatic: "automatic",
    MailKind.bounce: "bounce",
    MailKind.delay: "delay",
    MailKind.delivered: "delivered",
    MailKind.feedback: "feedback",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A mail that names a record of the project.

    Parameters
    ----------
    before: what the rules said so far; of one that is filed by hand, only whom it names.
    """

    found: Understood
    before: Decision
    tracked: Tracked
    content: Content = field(repr=False)
    key: str
    by_hand: bool = False
    record: str = field(init=False)
    """The record that it names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", project_emails.record_of(self.tracked.kind, self.tracked.record))


@dataclass(slots=True)
class Known:
    """What the project knows of some cases, and of those of them that were decided about already."""

    answered: dict[int, AnsweredRow]
    first: dict[int, AnsweredRow]
    sent: dict[int, dict[int, Sent]]
    filed: dict[str, tuple[int, str]]
    addresses: set[str]
    people: dict[str, tuple[str, str]]
    titles: dict[str, str]
    received: dict[tuple[str, str], int]
    """How many mails of people came lately, by record and author; of all authors under an empty one."""
    letters: set[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a case, and who else gets it."""

    decision: Decision
    forward_to: Party | None = None
    letter: bool = False


def look_up(connection: Connection, project: TrackedProject, cases: Sequence[Case], now: datetime) -> Known:
    """What the project knows of these."""
    numbers = {one.tracked.email for one in cases if one.tracked.email}
    answered = received_emails.answered(connection, numbers)
    first = received_emails.first_of_threads(connection, answered)
    sent = received_emails.sent_to(connection, numbers)
    written_to = {to.address.lower() for one in sent.values() for to in one.values()}
    authors = {one.found.author for one in cases}
    people = [one for one in cases if one.found.kind.kind is MailKind.human]
    settings = project.settings
    return Known(
        answered=answered,
        first=first,
        sent=sent,
        filed=received_emails.filed_as(connection, {one.key for one in cases}),
        addresses=received_emails.known_addresses(connection, authors - written_to),
        people=received_emails.addresses_of(connection, {one.user for one in first.values()}),
        titles=received_emails.titles(connection, {one.record for one in cases}),
        received=received_emails.received_since(
            connection, {one.record for one in people}, now - passing_on.WITHIN, passing_on.MOST_OF_A_THREAD
        ),
        letters=received_emails.got_letters(
            connection, {one.found.author for one in people}, now - timedelta(hours=settings.letter_hours)
        )
        if settings.letter and people
        else set(),
    )


def verdict(case: Case, known: Known, project: TrackedProject, is_own: Callable[[str], bool]) -> Verdict:
    """What becomes of a case; it is the same for an import and for a replay."""
    found, author = case.found, case.found.author
    answered = known.answered.get(case.tracked.email)
    to = known.sent.get(case.tracked.email, {})
    facts = Facts(
        record=(answered.record if answered else None) if case.tracked.email else _if_there(case.record, known),
        filed_as=known.filed[case.key][0] if case.key in known.filed else None,
        author_known=author in known.addresses or any(one.address.lower() == author for one in to.values()),
    )
    if case.by_hand:
        decided = rules.by_hand(found, case.tracked, project.row.name, facts)
    else:
        decided = rules.in_project(found, case.before, facts)
    if decided.judgements[-1].rule is not rules.Rule.filed:
        return Verdict(decided)
    whom, missing = _begun_by(known.first.get(case.tracked.email), known, project)
    goes_on, said = passing_on.forwarded(found, whom, missing, is_own, _lately(case, known))
    letter, also = passing_on.acknowledged(
        found, decided.standing, project.settings.letter, is_own, author in known.letters, project.settings.letter_hours
    )
    return Verdict(rules.with_more(decided, (said, also)), whom if goes_on else None, letter)


def _if_there(record: str, known: Known) -> str | None:
    return record if record in known.titles else None


def _begun_by(first: AnsweredRow | None, known: Known, project: TrackedProject) -> tuple[Party | None, str]:
    """Who gets replies of a thread: the user who began it; the notification account where this server did."""
    if first is None:
        return None, "Nobody here began the thread."
    if first.origin == "person" and first.user:
        name, address = known.people.get(first.user, (first.user, ""))
        return (Party(address, name), "") if address else (None, f"{first.user}, who began the thread, has no address.")
    settings = project.settings
    if not settings.notification_address:
        return None, "The project has no notification account."
    return Party(settings.notification_address, settings.notification_name or called(project.row.name)), ""


def _lately(case: Case, known: Known) -> Before:
    return Before(known.received.get((case.record, case.found.author), 0), known.received.get((case.record, ""), 0))


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a case: the decision, and the number of the e-mail it is filed as.

    before: it was filed before as that e-mail, with the very same bytes.
    """

    decision: Decision
    email: int | None
    before: bool = False


def file_all(
    connection: Connection,
    environment: Environment,
    present: Present,
    project: TrackedProject,
    cases: Sequence[Case],
    now: datetime,
) -> list[Filed]:
    """Decide about cases, each with a key of its own, and file those that are to be filed; in their order."""
    largest = environment.options.current.sending.timing.largest_message
    known = look_up(connection, project, cases, now)
    verdicts = []
    for case in cases:
        verdicts.append(verdict(case, known, project, present.where.is_own))
        _remember(case, verdicts[-1], known)
    filed = [one.decision.judgements[-1].rule is rules.Rule.filed for one in verdicts]
    first = project_emails.take_email_numbers(connection, sum(filed)) if any(filed) else 0
    numbers = iter(range(first, first + sum(filed)))
    done, attached = [], []
    for case, one, is_filed in zip(cases, verdicts, filed, strict=True):
        if is_filed:
            done.append(Filed(one.decision, next(numbers)))
            attached.append((case, one, done[-1].email or 0))
        else:
            done.append(_filed_before(case, one, known))
    project_emails.add_all(connection, [_new_email(*one, now) for one in attached], now, FILER)
    marks: dict[tuple[int, int], Mark] = {}
    for case, _, _ in attached:
        marks |= _marks(case, known)
    received_emails.mark(connection, marks, now)
    outbox.put(
        connection,
        [
            _forward(case, one.forward_to, known, project, one.decision, now, largest)
            for case, one, _ in attached
            if one.forward_to
        ],
        now,
    )
    wanted = [_acknowledgement(case, number) for case, one, number in attached if one.letter]
    sender = Sender(project.row, project.settings, project.mailbox, present.where.keys)
    letters.put_all(connection, environment, sender, wanted, now)
    return done


def _filed_before(case: Case, one: Verdict, known: Known) -> Filed:
    if one.decision.judgements[-1].rule is rules.Rule.duplicate:
        email, sha256 = known.filed[case.key]
        if sha256 == hashlib.sha256(case.found.raw).hexdigest():
            return Filed(one.decision, email, before=True)
    return Filed(one.decision, None)


def _remember(case: Case, one: Verdict, known: Known) -> None:
    """What comes later in the same transaction is judged by it, too."""
    if one.decision.judgements[-1].rule is rules.Rule.filed and case.found.kind.kind is MailKind.human:
        for author in (case.found.author, ""):
            key = (case.record, author)
            known.received[key] = known.received.get(key, 0) + 1
        if one.letter:
            known.letters.add(case.found.author)


def _new_email(case: Case, one: Verdict, number: int, now: datetime) -> NewEmail:
    mail, content = case.found.mail, case.content
    return NewEmail(
        number=number,
        kind=case.tracked.kind,
        record=case.tracked.record,
        sent=False,
        origin=_ORIGINS[case.found.kind.kind],
        tracked=True,
        answers=case.tracked.email or None,
        standing=one.decision.standing,
        sender=_line(mail.author),
        recipients=[_line(address) for address in mail.recipients[:_MOST_RECIPIENTS]],
        subject=_line(untagged(mail.fields.text("subject"))),
        text=content.text,
        cut=content.cut,
        html=content.html,
        message_id=_line(mail.fields.first("message-id")),
        mailed_on=mail.sent_at.date(),
        raw=case.found.raw,
        import_key=case.key,
        problems=content.problems,
        files=content.files,
    )


def _line(text: str) -> str:
    return storable(line_of(text), _LONGEST_LINE)


def _marks(case: Case, known: Known) -> dict[tuple[int, int], Mark]:
    """By e-mail and recipient: of several for one the last one holds."""
    sent = known.sent.get(case.tracked.email)
    if not sent:
        return {}
    found = outcomes.marks(case.found.kind, case.found.author, case.tracked.recipient, sent)
    for one in found:
        sent[one.number] = sent[one.number]._replace(outcome=one.outcome)
    return {(case.tracked.email, one.number): one for one in found}


def _forward(
    case: Case, to: Party, known: Known, project: TrackedProject, decided: Decision, now: datetime, largest: int
) -> Outgoing:
    answered = known.first.get(case.tracked.email)
    about = About(
        called(project.row.name), case.record, known.titles.get(case.record, ""), answered.subject if answered else ""
    )
    letter = passing_on.forward(
        case.found, decided.standing, case.content.text, to, about, project.mailbox.address, case.key[:32], now, largest
    )
    return Outgoing(None, "forward", "", (to.address,), compose(letter))


def _acknowledgement(case: Case, number: int) -> Acknowledgement:
    return Acknowledgement(
        kind=case.tracked.kind,
        record=case.tracked.record,
        address=case.found.author,
        answers=number,
        message_id=case.found.mail.fields.first("message-id"),
    )
