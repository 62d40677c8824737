"""The administrators' verbs for all mail that a filter finds.

Each recipient is decided by `trackkit.domain.delivery.step`, as with the verbs for single messages. A big queue is gone
through in pieces, each a short transaction, so that sending goes on meanwhile; what was submitted after the beginning
is left alone. One record in the audit stands for the whole act, with the filter and the numbers it was begun with, in
the transaction that begins it: it is there even if the server stops midway. What was done in the end is in the log and
in the job. A cancel, or the end of the server, leaves what is done as it is, and the rest as it was.

What an act deletes is marked with its number, so that undo brings back just that, whatever causes and ages are by then.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from trackkit.contract import mail_bulk as contract
from trackkit.contract.jobs import Job
from trackkit.contract.mail import QueueFilter
from trackkit.contract.mail_bulk import QueueVerb
from trackkit.domain.delivery import UNDO_WINDOW, Event, State, Status, states_for, step
from trackkit.domain.errors import JobCancelled
from trackkit.domain.jobs import JobKind
from trackkit.domain.log import Severity
from trackkit.domain.text import counted
from trackkit.services.environment import Call
from trackkit.services.jobs import Outcome, Progress
from trackkit.services.mail import DONE, SOURCE, policy
from trackkit.services.mail_listing import wanted_by
from trackkit.store import queue, queue_listing
from trackkit.store.database import Connection
from trackkit.store.queue import RecipientStatus
from trackkit.store.queue_listing import Applies, Order, Wanted

_PIECE: Final = 250
"""Messages in one transaction."""

_PAUSE_SECONDS: Final = 0.01
"""Between two of them; who settles what was sent gets in between."""

_BY_ID: Final = Order("id", descending=False)


def count_matching(call: Call, request: contract.CountMatching) -> contract.Matching:
    """What the verb would do, changing nothing."""
    return call.environment.store.read(lambda connection: _count(connection, call, request, request.verb))


def begin_bulk(call: Call, request: contract.BulkVerb) -> Job:
    """Begin to do the verb to all that matches now."""
    store = call.environment.store

    def look(connection: Connection) -> tuple[contract.Matching, Wanted, int]:
        return (
            _count(connection, call, request.where, request.verb),
            _wanted(connection, call, request.where, request.verb),
            queue_listing.newest(connection),
        )

    counts, wanted, newest = store.read(look)

    def audit(connection: Connection, job_id: int) -> None:
        numbers = {"matching": str(counts.messages), "applies": str(counts.applies), "job": str(job_id)}
        after = {"verb": str(request.verb), **_in_words(request.where), **numbers}
        call.audit(connection, contract.BULK.name, str(request.verb), after=after)

    return call.environment.jobs.start(
        kind=JobKind.mail,
        database="",
        username=call.actor.username,
        work=lambda progress: _Bulk(call, request.verb, wanted, newest).run(progress, counts.applies),
        on_start=audit,
    )


def _in_words(where: QueueFilter) -> dict[str, str]:
    return {name: str(value) for name, value in where.model_dump(exclude_none=True).items()}


def _wanted(connection: Connection, call: Call, where: QueueFilter, verb: QueueVerb) -> Wanted:
    undeleted = verb is QueueVerb.undelete and where.state is not State.deleted
    return wanted_by(connection, call, where, undeleted=undeleted)


def _applies(call: Call, verb: QueueVerb) -> Applies:
    return Applies(states_for(Event(verb)), call.now - UNDO_WINDOW)


def _count(connection: Connection, call: Call, where: QueueFilter, verb: QueueVerb) -> contract.Matching:
    wanted = _wanted(connection, call, where, verb)
    rows = queue_listing.count_by_state(connection, wanted, _applies(call, verb))
    return contract.Matching(
        messages=sum(messages for _, messages, _, _ in rows),
        applies=sum(applies for _, _, applies, _ in rows),
        recipients=sum(recipients for _, _, _, recipients in rows),
        states=tuple(
            contract.MatchingState(state=state, messages=messages, applies=applies)
            for state, messages, applies, _ in rows
        ),
    )


class _Bulk:
    """One act, piece by piece."""

    def __init__(self, call: Call, verb: QueueVerb, wanted: Wanted, newest: int) -> None:
        self._call, self._event, self._newest = call, Event(verb), newest
        self._wanted = replace(wanted, applies=_applies(call, verb))
        self._messages = self._recipients = 0
        self._deletion: int | None = None

    def run(self, progress: Progress, expected: int) -> Outcome:
        """Go through all of them."""
        doing, after, complete = self._event.capitalize(), 0, False
        self._deletion = progress.job_id if self._event is Event.delete else None
        try:
            while keys := self._next(after):
                progress(self._messages, max(expected, self._messages), "messages", doing)
                after = keys[-1]
                self._piece(keys)
                self._call.environment.mail_changed()
                time.sleep(_PAUSE_SECONDS)
            progress(self._messages, self._messages, "messages", doing)
            complete = True
        except JobCancelled:
            raise JobCancelled(f"Cancelled: {self._done}; the rest is as it was.") from None
        finally:
            if self._messages and not complete:  # else the end of the job is told in the log
                self._call.log(Severity.information, SOURCE, f"{self._done}, by a filter.")
        return Outcome(f"{self._done}.", {"messages": self._messages, "recipients": self._recipients})

    @property
    def _done(self) -> str:
        was = "was" if self._messages == 1 else "were"
        return f"{counted(self._messages, 'message')} {was} {DONE[self._event]}"

    def _next(self, after: int) -> list[int]:
        last = (self._newest, self._newest)

        def work(connection: Connection) -> list[int]:
            found = queue_listing.ids(connection, self._wanted, _BY_ID, None, last, (after, after), _PIECE)
            return [key for key, _ in found]

        return self._call.environment.store.read(work)

    def _piece(self, keys: Sequence[int]) -> None:
        call = self._call
        now, retry = call.environment.clock(), policy(call.environment.options.current)

        def work(connection: Connection) -> list[RecipientStatus]:
            meant = queue_listing.touched(connection, self._wanted, keys)
            rows = [row for row in queue.of_messages(connection, keys) if row.recipient_id in meant]
            decided = [(row, step(row.status, self._event, retry, now)) for row in rows]
            changes = [(row, new) for row, new in decided if isinstance(new, Status)]
            queue.set_statuses(connection, changes)
            if self._event in (Event.delete, Event.undelete):
                queue.note_deletion(connection, (row.recipient_id for row, _ in changes), self._deletion)
            return [row for row, _ in changes]

        changed = call.environment.store.write(work)
        self._messages += len({row.message_id for row in changed})
        self._recipients += len(changed)
