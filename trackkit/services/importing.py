"""Importing what was fetched: each mail is decided about and filed once, and none stops the others.

What the rules say without a project is known at once of a batch; the others are filed a project at a time in one
transaction of it; then one transaction of the inbox puts down what became of all. If the server stops in between, the
next import finds them filed and sends nothing again, since what is forwarded or acknowledged was put down with what is
filed. Mails may be read while others are filed (`begin`); what was read by something else than what holds when they
are filed is read again.

A mail whose project is away waits. One that cannot be filed for a reason of its own is tried three times, alone, and
then quarantined with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from trackkit.domain.errors import DatabaseUnavailable, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.log_text import one_line, storable
from trackkit.domain.text import counted, line_of
from trackkit.domain.tracking import decision as rules
from trackkit.domain.tracking import reading
from trackkit.domain.tracking.carriers import Verdict, untagged
from trackkit.domain.tracking.decision import Decision, Rule
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.reading import Known, Read, Understood, Unreadable
from trackkit.services import filing, project_outbox
from trackkit.services.environment import Environment
from trackkit.services.filing import Case
from trackkit.services.reading import Begun, Mail
from trackkit.services.tracking_where import Present, TrackedProject, present
from trackkit.store import inbox_decisions
from trackkit.store.database import Connection
from trackkit.store.inbox_decisions import Decided, Fetched

SOURCE: Final = "tracking"
_TOGETHER: Final = 200
_OCTETS: Final = 16 * 2**20
"""Mails and octets that are filed in one transaction."""
_TRIES: Final = 3
_LONGEST: Final = 1_000
_DROPPED: Final = frozenset({InboxState.attached, InboxState.duplicate, InboxState.discarded})
"""Where the bytes are in a project, or nobody needs them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail of the inbox as far as it was looked at. Without a `case` the decision is all there is."""

    fetched: Fetched
    decision: Decision
    found: Understood | None = field(default=None, repr=False)
    case: Case | None = field(default=None, repr=False)
    tries: int = 0
    email: int | None = None
    before: bool = False
    """It was filed before, with the very same bytes."""


def known_now(environment: Environment, mailbox_key: str) -> Known:
    """What mails of this account are read by, as things stand now."""
    return present(environment, mailbox_key).where.known


def begin(environment: Environment, known: Known, fetched: Sequence[Fetched]) -> Begun | None:
    """Have mails read that are going to be decided about; none = they are read then."""
    return environment.readers.begin(_mails(fetched), known)


def import_these(
    environment: Environment, mailbox_key: str, fetched: Sequence[Fetched], begun: Begun | None
) -> tuple[Known, Callable[[], object]]:
    """Decide about mails of this account that are `fetched`, as `begin` had them read.

    Returns what they were read by, which the next ones are best read by, and what waits until it is put down: that may
    be done while the next are decided about.
    """
    now_present = present(environment, mailbox_key)
    known = now_present.where.known
    is_read = begun is not None and begun.known == known
    return known, _decide(environment, now_present, fetched, begun.wait() if begun and is_read else None)


def import_fetched(environment: Environment, mailbox_key: str) -> None:
    """Decide about every mail of this account that is `fetched`."""
    now_present = present(environment, mailbox_key)
    after = 0
    while batch := environment.store.read(
        lambda connection, after=after: inbox_decisions.fetched(  # type: ignore[misc]
            connection, mailbox_key, after, now_present.away, _TOGETHER, _OCTETS
        )
    ):
        after = batch[-1].id
        _decide(environment, now_present, batch, None)()


def _decide(
    environment: Environment, now_present: Present, batch: Sequence[Fetched], read: Sequence[Read | Unreadable] | None
) -> Callable[[], object]:
    found = environment.readers.read(_mails(batch), now_present.where.known) if read is None else read
    judged = list(map(partial(_judged, now_present), batch, found))
    return _filed_first(environment, now_present, judged, InboxState.fetched)


def _mails(batch: Sequence[Fetched]) -> list[Mail]:
    return [(one.raw or b"", one.fetched_at) for one in batch]


def read(fetched: Fetched, now_present: Present) -> Reading:
    """What a mail says by itself, and what is to be filed of it."""
    found = reading.read(fetched.raw or b"", fetched.fetched_at, now_present.where.known)
    return _judged(now_present, fetched, found)


def _judged(now_present: Present, fetched: Fetched, read: Read | Unreadable) -> Reading:
    """What the rules say for which no project is asked."""
    if isinstance(read, Unreadable):
        return Reading(fetched, rules.unreadable(read.reason))
    before = rules.before_project(read.found, now_present.where)
    if before.settled or before.tracked is None or read.content is None:
        return Reading(fetched, before, read.found)
    case = Case(read.found, before, before.tracked, read.content, read.key)
    return Reading(fetched, before, read.found, case)


def settle(
    environment: Environment,
    now_present: Present,
    batch: Sequence[Reading],
    was: InboxState,
    also: Callable[[Connection, Decided], None] | None = None,
) -> list[Reading]:
    """File what is to be filed, put down what became of all, and let go out what follows from it.

    Parameters
    ----------
    was: the state that they have been in.
    also: done for each in the transaction that puts it down.
    """
    return _filed_first(environment, now_present, batch, was, also)()


def _filed_first(
    environment: Environment,
    now_present: Present,
    batch: Sequence[Reading],
    was: InboxState,
    also: Callable[[Connection, Decided], None] | None = None,
) -> Callable[[], list[Reading]]:
    """As `settle`, as far as what comes next has to wait for; the rest is done by what is returned."""
    now = environment.clock()
    done: dict[int, Reading] = {one.fetched.id: one for one in batch}
    sending = []
    for identity, some in _by_project(batch):
        project = now_present.projects[identity]
        for part in _each_key_once(some):
            results = _filed(environment, now_present, project, part, now)
            done |= {one.fetched.id: one for one in results}
        sending.append(project.row)
    settled = list(done.values())

    def work(connection: Connection) -> None:
        rows = _rows(connection, settled)
        inbox_decisions.decide(connection, rows, now, was)
        if also is not None:
            for row in rows:
                also(connection, row)
        probes = [one.found.probe for one in settled if one.found and one.found.probe]
        inbox_decisions.returned(connection, probes, now)

    deciding = environment.store.submit(work)

    def finish() -> list[Reading]:
        deciding.result()
        _tell(environment, now_present, settled)
        for row in sending:
            project_outbox.flush(environment, row)
        return settled

    return finish


def _by_project(batch: Sequence[Reading]) -> list[tuple[str, list[Reading]]]:
    found: dict[str, list[Reading]] = {}
    for one in batch:
        if one.case is not None:
            found.setdefault(one.case.tracked.project, []).append(one)
    return list(found.items())


def _each_key_once(some: Sequence[Reading]) -> Iterator[list[Reading]]:
    """The same mail more than once in a batch goes into transactions one after the other."""
    left = list(some)
    while left:
        keys: set[str] = set()
        part: list[Reading] = []
        rest: list[Reading] = []
        for one in left:
            key = one.case.key if one.case else ""
            (rest if key in keys else part).append(one)
            keys.add(key)
        yield part
        left = rest


def _filed(
    environment: Environment, now_present: Present, project: TrackedProject, some: Sequence[Reading], now: datetime
) -> list[Reading]:
    """File them in one transaction; if that fails for a reason of theirs, each by itself."""
    cases = [one.case for one in some if one.case is not None]

    def work(connection: Connection) -> list[filing.Filed]:
        return filing.file_all(connection, environment, now_present, project, cases, now)

    try:
        results = environment.projects.opened(project.row).write(work)
    except DatabaseUnavailable as error:  # logged where it was noticed
        return [_kept(one, rules.waiting(one.decision, error.message)) for one in some]
    except Unavailable as error:
        words = f"Mail for {project.row.name} could not be filed yet; it will be: {error.message}"
        environment.log.write(Severity.warning, SOURCE, words, database=project.row.name)
        return [_kept(one, rules.waiting(one.decision, error.message)) for one in some]
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the other mails
        if len(some) > 1:
            return [done for one in some for done in _filed(environment, now_present, project, [one], now)]
        return [_failed(environment, project, some[0], error)]
    return [
        Reading(one.fetched, result.decision, one.found, one.case, one.fetched.tries, result.email, result.before)
        for one, result in zip(some, results, strict=True)
    ]


def _kept(one: Reading, decision: Decision) -> Reading:
    return Reading(one.fetched, decision, one.found, one.case, one.fetched.tries)


def _failed(environment: Environment, project: TrackedProject, one: Reading, error: Exception) -> Reading:
    tries = one.fetched.tries + 1
    reason = f"It could not be filed with {project.row.name}: {type(error).__name__}."
    words = f"Mail {one.fetched.id} of the inbox: {reason} Try {tries} of {_TRIES}."
    environment.log.write(Severity.error, SOURCE, words, storable(str(error)), database=project.row.name)
    decision = rules.unreadable(reason) if tries >= _TRIES else rules.waiting(one.decision, reason)
    return Reading(one.fetched, decision, one.found, one.case, tries)


def _rows(connection: Connection, settled: Sequence[Reading]) -> list[Decided]:
    """What is put down of each: what was filed before the server stopped, and not put down, duplicates nothing."""
    before = {one.fetched.sha256: one for one in settled if one.before}
    others = {one.fetched.sha256 for one in settled if one.email and not one.before}
    if before:
        others |= inbox_decisions.attached(connection, before)
    own = {one.fetched.id for key, one in before.items() if key not in others}
    return [_row(one, one.fetched.id in own) for one in settled]


def _row(one: Reading, is_its_own: bool = False) -> Decided:
    settled = one.decision.judgements[-1]
    if is_its_own and one.decision.tracked:
        settled = rules.filed(one.decision.tracked)
    state = settled.state or InboxState.fetched
    mail = one.found.mail if one.found else None
    tracked = one.decision.tracked
    waits = state is InboxState.fetched and one.tries <= one.fetched.tries  # else it is tried again for its own reason
    return Decided(
        id=one.fetched.id,
        state=state,
        rule=settled.rule,
        reason=storable(settled.words, _LONGEST),
        kind=one.found.kind.kind.value if one.found else "",
        author=storable(mail.author, _LONGEST) if mail else "",
        subject=storable(line_of(untagged(mail.fields.text("subject"))), _LONGEST) if mail else "",
        tries=one.tries,
        keeps_raw=state not in _DROPPED,
        database_id=tracked.project if tracked and (state is InboxState.attached or waits) else None,
        record_kind=tracked.kind if tracked and state is InboxState.attached else None,
        record=tracked.record if tracked and state is InboxState.attached else None,
        email=one.email if state is InboxState.attached else None,
    )


def _tell(environment: Environment, now_present: Present, settled: Sequence[Reading]) -> None:
    """The log hears of what somebody has to look at, once a batch for each rule: anybody can send a thousand."""
    found: dict[tuple[Severity, Rule], list[Reading]] = {}
    limited: Counter[str] = Counter()
    for one in settled:
        last, tracked = one.decision.judgements[-1], one.decision.tracked
        if last.state is InboxState.quarantined:
            found.setdefault((_severity(one), last.rule), []).append(one)
        if tracked and any(
            said.words.startswith(rules.LIMITED) and said.rule is Rule.forward for said in one.decision.judgements
        ):
            limited[tracked.project] += 1
    for (severity, _), some in found.items():
        last = some[0].decision.judgements[-1]
        author = one_line(some[0].found.mail.author) if some[0].found else ""
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        words = f"Mail {some[0].fetched.id}{more} in the inbox of {now_present.where.mailbox}: quarantined."
        environment.log.write(severity, SOURCE, words, f"From {author or 'nobody'}: {last.words}")
    for identity, number in limited.items():
        name = now_present.projects[identity].row.name
        words = (
            f"{counted(number, 'mail')} for {name} filed and not forwarded: more came within an hour than is passed on."
        )
        environment.log.write(Severity.warning, SOURCE, words, database=name)


def _severity(one: Reading) -> Severity:
    """Whoever forges a cookie may be looking for more; what is damaged or deleted only needs somebody."""
    forged = one.found is not None and one.found.cookies.verdict in (Verdict.forged, Verdict.conflicting)
    return Severity.unusual_activity if forged else Severity.warning
