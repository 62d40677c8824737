"""Inbound replay: what every rule says of a mail, and deciding anew about one that was not filed (SPEC §13).

A replay asks the very rules that an import asks, and changes nothing. `NotFound`, `Conflict` for what cannot be decided
about: it is filed already, or its bytes are elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from trackkit.contract import inbox as contract
from trackkit.domain.errors import Conflict, DatabaseUnavailable, InvalidInput, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.log_text import storable
from trackkit.domain.project.kind import named_record
from trackkit.domain.tracking import authentication
from trackkit.domain.tracking import decision as rules
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.cookie import Tracked
from trackkit.domain.tracking.decision import ADVICE, TITLES, Decision
from trackkit.domain.tracking.filing import content_of, written
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.reading import import_key
from trackkit.services import filing, inbox
from trackkit.services.environment import Call, Environment
from trackkit.services.filing import Case
from trackkit.services.importing import SOURCE, Reading, read, settle
from trackkit.services.project_mail_settings import mailbox_of_project
from trackkit.services.tracking_where import Present, present
from trackkit.store import inbox_decisions
from trackkit.store.database import Connection
from trackkit.store.inbox_decisions import Decided, Fetched

_DECIDED_ANEW: Final = frozenset({InboxState.quarantined, InboxState.untracked, InboxState.discarded})


def replay(call: Call, request: contract.ReplayMail) -> contract.Replay:
    """What would become of a mail."""
    environment = call.environment
    if (request.inbox_id is None) == (request.message is None):
        raise InvalidInput.of("inbox_id", "or message is needed: one of the inbox, or bytes; not both")
    own = environment.projects.row(request.database) if request.database is not None else None
    mailbox = mailbox_of_project(environment, own) if own else None
    if own is not None and mailbox is None:
        raise Conflict(f"{own.name} does not track e-mail.", f"`trackkit tracking check {own.name}` says why.")
    if request.inbox_id is not None:
        found = _found(environment, request.inbox_id)
        raw = found.raw if found.raw is not None else inbox.raw_of(environment, found.id)  # says where they are
        fetched = replace(found, raw=raw, mailbox=mailbox.key if mailbox else found.mailbox)
        now_present = present(environment, fetched.mailbox)
    else:
        now_present = present(environment, mailbox.key if mailbox else None)
        raw = request.message or b""
        sha256 = hashlib.sha256(raw).hexdigest()
        fetched = Fetched(0, now_present.where.mailbox, sha256, raw, call.now, InboxState.fetched, 0)
    return _view(now_present, _explained(call, now_present, read(fetched, now_present)))


def _found(environment: Environment, inbox_id: int) -> Fetched:
    found = environment.store.read(lambda connection: inbox_decisions.find(connection, inbox_id))
    if found is None:
        raise inbox.missing(inbox_id)
    return found


def _explained(call: Call, now_present: Present, one: Reading) -> Reading:
    """With what its project says of it."""
    case = one.case
    if case is None:
        return one
    project = now_present.projects[case.tracked.project]

    def work(connection: Connection) -> Decision:
        known = filing.look_up(connection, project, [case], call.now)
        return filing.verdict(case, known, project, now_present.where.is_own).decision

    try:
        decision = call.environment.projects.opened(project.row).read(work)
    except DatabaseUnavailable as error:
        decision = rules.waiting(one.decision, error.message)
    return Reading(one.fetched, decision, one.found, case)


def _view(now_present: Present, one: Reading) -> contract.Replay:
    decision, found = one.decision, one.found
    last, tracked = decision.judgements[-1], decision.tracked
    state = last.state or InboxState.fetched
    mail = found.mail if found else None
    return contract.Replay(
        state=state,
        rule=last.rule,
        reason=_shown(last.words),
        rules=tuple(
            contract.RuleVerdict(
                rule=said.rule,
                title=TITLES[said.rule],
                verdict=said.verdict,
                words=_shown(said.words),
                decides=said is last,
            )
            for said in decision.judgements
        ),
        database=now_present.where.projects[tracked.project].name if tracked else "",
        record=f"{tracked.kind} {tracked.record}" if tracked else "",
        email=(tracked.email or None) if tracked else None,
        kind=found.kind.kind.value if found else "",
        author=_shown(mail.author) if mail else "",
        standing=decision.standing if tracked else "",
        authentication=_shown(authentication.results(mail.fields)) if mail else "",
        subject=_shown(untagged(mail.fields.text("subject"))) if mail else "",
        sent_at=mail.sent_at if mail else None,
        pieces=tuple(contract.ReplayPiece(text=_shown(piece.text), kept=piece.kept) for piece in written(mail).pieces)
        if mail
        else (),
        files=tuple(_shown(file.name) for file in mail.attachments) if mail else (),
        problems=tuple(map(_shown, mail.problems)) if mail else (),
        advice=ADVICE.get(last.rule, "") if state is InboxState.quarantined else "",
    )


def _shown(text: str) -> str:
    return storable(text)


def reprocess(call: Call, request: contract.Reprocess) -> contract.InboxMail:
    """Decide anew about a mail, or file it with a record."""
    environment = call.environment
    if (request.database is None) != (request.record is None):
        raise InvalidInput.of("record", "and database belong together: where the mail is to be filed")
    found = _found(environment, request.inbox_id)
    if found.state not in _DECIDED_ANEW:
        raise Conflict(
            f"Mail {found.id} is {found.state.value}; nothing was changed.",
            "Only quarantined, untracked and discarded ones can be decided about anew.",
        )
    if found.raw is None:
        raise Conflict(
            f"The bytes of mail {found.id} are not in the inbox (any more); nothing was changed.",
            "If it was left in the mailbox, save it there as an .eml and replay that.",
        )
    now_present = present(environment, found.mailbox)
    if request.database is not None and request.record is not None:
        one = _by_hand(environment, now_present, found, request.database, request.record)
    else:
        one = read(found, now_present)
    (settled,) = settle(environment, now_present, [one], found.state, _audited(call, found))
    last = settled.decision.judgements[-1]
    words = f"Mail {found.id} of the inbox was decided about anew: {last.words}"
    call.log(Severity.information, SOURCE, words)
    return inbox.mail_of(environment, found.id)


def _audited(call: Call, found: Fetched) -> Callable[[Connection, Decided], None]:
    def work(connection: Connection, row: Decided) -> None:
        call.audit(
            connection,
            contract.REPROCESS.name,
            f"mail {found.id}",
            {"state": found.state.value},
            {"state": row.state.value, "record": f"{row.record_kind} {row.record}" if row.record else ""},
        )

    return work


def _by_hand(environment: Environment, now_present: Present, found: Fetched, database: str, record: str) -> Reading:
    """A mail that somebody files with a record, whatever it carries."""
    row = environment.projects.row(database)
    if row.database_id not in now_present.projects:
        raise Conflict(
            f"{row.name} does not track e-mail; nothing was changed.",
            f"`trackkit tracking check {row.name}` says what is missing.",
        )
    tracked = Tracked(row.database_id, *named_record(record), 0, 0)
    one = read(found, now_present)
    if one.found is None:
        raise Conflict(f"Mail {found.id} cannot be read, so it cannot be filed; nothing was changed.")
    mail = one.found.mail
    case = Case(one.found, one.decision, tracked, content_of(mail), import_key(mail, one.found.raw), by_hand=True)
    # The project answers now: whoever files by hand is not told to wait.
    known = environment.projects.opened(row).read(
        lambda connection: filing.look_up(connection, now_present.projects[row.database_id], [case], found.fetched_at)
    )
    if case.record not in known.titles:
        raise NotFound(f"There is no {case.record} in {row.name}; nothing was changed.")
    return Reading(found, one.decision, one.found, case)
