"""Doing what helps a group of stuck mail: the fix of its diagnosis, or a verb of the queue for all of it.

Looked at first (`next_step`), then done. Fails with what the operation fails with; `Conflict` where no operation does
the next step by itself, with what a person has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from trackkit.client.fixes import Prepared, prepare
from trackkit.client.jobs import RunningJob
from trackkit.client.mail_where import MatchingMail, in_numbers
from trackkit.client.paging import follow
from trackkit.contract.mail import MAXIMUM_IDS, DiagnosisView
from trackkit.contract.mail_bulk import QueueVerb
from trackkit.domain.diagnosis import BEFORE_ANY_TRY
from trackkit.domain.errors import Conflict
from trackkit.domain.fixes import SET_OPTIONS, TRUST
from trackkit.domain.text import counted

if TYPE_CHECKING:
    from trackkit.client.server import Server

_WORDS = {
    QueueVerb.reattempt: "Try it again now",
    QueueVerb.release: "Release it",
    QueueVerb.delete: "Delete it",
    QueueVerb.undelete: "Bring it back",
}
"""The verbs that a diagnosis names and that need no more than the mail, as a button says them."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What helps a group, looked at.

    question: what changes, how much mail it concerns, and the question.
    begin: mends what has to be mended, and begins what is then done to the mail; returns what was mended, in words
        (``""`` where nothing had to), and the work (none where there is none).
    """

    question: str
    begin: Callable[[], tuple[str, RunningJob | None]]

    def do(self) -> str:
        """Do it to the end; returns what happened, in lines."""
        said, running = self.begin()
        return "\n".join(filter(None, (said, running.wait().words if running else "")))


def operation_of(diagnosis: DiagnosisView) -> str:
    """The operation that is the next step; ``""`` where none is."""
    return diagnosis.fix.operation if diagnosis.fix is not None else diagnosis.operation


def words_of(diagnosis: DiagnosisView) -> str:
    """The next step as a button says it; ``""`` where no operation does it by itself."""
    if diagnosis.fix is not None:
        return diagnosis.fix.words
    verb = verb_of(diagnosis)
    return _WORDS[verb] if verb else ""


def verb_of(diagnosis: DiagnosisView) -> QueueVerb | None:
    """The verb of the queue that is the next step."""
    name = operation_of(diagnosis).removeprefix("mail.")
    return QueueVerb(name) if name in _WORDS else None


def next_step(
    server: Server,
    diagnosis: DiagnosisView,
    conditions: Mapping[str, Any],
    secrets: Mapping[str, str | SecretStr] | None = None,
) -> NextStep:
    """What the next step would do to the mail that the conditions find, which has this diagnosis.

    Parameters
    ----------
    secrets: further options to set with those of a fix, which only a person knows.
    """
    fix, verb = diagnosis.fix, verb_of(diagnosis)
    if fix is not None and fix.operation == TRUST:
        prepared = prepare(server, fix)
        return NextStep(prepared.question, lambda: (prepared.do(), None))  # the server itself tries again what waits
    if fix is not None and fix.operation == SET_OPTIONS:
        return _mending(server, prepare(server, fix, secrets), diagnosis)
    if verb is not None:
        return _acting(server.mail.where(**conditions), verb)
    raise Conflict(
        f"{diagnosis.title}: nothing that helps can be done by one command.",
        f"{diagnosis.next_step} All mail that waits for it can be reattempted, held or deleted.",
    )


def _acting(matching: MatchingMail, verb: QueueVerb) -> NextStep:
    found = matching.count(verb)
    if not found.applies:
        raise Conflict(f"{verb.capitalize()} applies to none of {counted(found.messages, 'message')} (any more).")
    question = f"{verb.capitalize()} {in_numbers(found)}, {counted(found.recipients, 'recipient')}?"
    return NextStep(question, lambda: ("", getattr(matching, verb)()))


def _mending(server: Server, prepared: Prepared, diagnosis: DiagnosisView) -> NextStep:
    """An option is for all mail: whatever failed for it is tried again, for any destination."""
    waiting = server.mail.where(cause=diagnosis.cause)
    number = waiting.count(QueueVerb.reattempt).messages

    def begin() -> tuple[str, RunningJob | None]:
        failed = () if diagnosis.cause in BEFORE_ANY_TRY else _ids(server, diagnosis.cause)
        said = prepared.do()
        # Where the cause was the option alone its mail has another one now, and leaves by itself.
        left = waiting.count(QueueVerb.reattempt).applies
        if failed and not left:  # it has another cause with the option as it is now, but has failed all the same
            for start in range(0, len(failed), MAXIMUM_IDS):
                server.mail.reattempt(failed[start : start + MAXIMUM_IDS])
            return said, None
        try:
            return said, waiting.reattempt() if left else None
        except Conflict as busy:
            return f"{said}\n{counted(left, 'message')} could not be made due now: {busy} Reattempt them later.", None

    waits = "waits" if number == 1 else "wait"
    words = f"{counted(number, 'message')} {waits} for it; what failed for it is tried again at once."
    return NextStep(f"{words}\n{prepared.question}", begin)


def _ids(server: Server, cause: str) -> tuple[str, ...]:
    """All the mail that waits for a cause."""

    def fetch(before: str | None, size: int) -> tuple[tuple[str, ...], str | None]:
        page = server.mail.ids(before=before, limit=size, cause=cause)
        return page.queue_ids, page.next_before

    return tuple(follow(fetch, MAXIMUM_IDS, None))
