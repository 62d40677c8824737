"""Conditions of mail, and `server.mail.where(…)`: all that matches, to be counted and to be acted on as a whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from trackkit.client.call import Caller
from trackkit.client.jobs import JobsPart, RunningJob
from trackkit.contract import mail_bulk
from trackkit.domain.delivery import State
from trackkit.domain.text import counted


class Conditions(TypedDict, total=False):
    """Which mail, besides its state. Case does not matter for ASCII letters; none = no condition."""

    cause: str | None
    """A diagnosis, as in `summary`: ``host_unreachable``."""
    text: str | None
    """Found in the subject, the sender or a recipient's address."""
    subject: str | None
    """Found in the subject."""
    sender: str | None
    """Found in the envelope sender; ``<>`` is the null sender."""
    domain: str | None
    """The whole domain of a recipient."""
    destination: str | None
    """A destination, as in `groups`: a domain, or the relay, pickup folder or MAPI that is in trouble."""
    older_than: timedelta | None
    """Queued at least so long ago."""
    younger_than: timedelta | None
    """Queued less long ago."""
    deletion: int | None
    """Deleted by that job: what a deletion by filter has deleted, and nothing else."""


class SentConditions(TypedDict, total=False):
    """Which of the mail that has left. Case does not matter for ASCII letters; none = no condition."""

    recipient: str | None
    """Found anywhere in the recipient's address."""
    sender: str | None
    """Found anywhere in the envelope sender."""
    message_id: str | None
    """Found anywhere in the Message-ID."""
    since: datetime | None
    """Sent then or later; an aware instant."""
    until: datetime | None
    """Sent before that; an aware instant."""


def asked(conditions: Conditions) -> dict[str, Any]:
    """The conditions as the server is asked."""
    fields: dict[str, Any] = dict(conditions)
    for name in ("older_than", "younger_than"):
        span = fields.pop(name, None)
        if span is not None:
            fields[f"{name}_seconds"] = int(span.total_seconds())
    return fields


def in_numbers(found: mail_bulk.Matching) -> str:
    """To how much of what matches a verb applies: ``3 messages (2 queued, 1 held)``."""
    states = ", ".join(f"{one.applies:,} {one.state}" for one in found.states if one.applies)
    return f"{counted(found.applies, 'message')} ({states})"


def not_in_them(found: mail_bulk.Matching) -> str:
    """What is said of the rest that matches; ``""`` when there is none."""
    rest = found.messages - found.applies
    return f"It does not apply to {rest:,} more that match." if rest else ""


class MatchingMail:
    """The mail that matches; nothing is asked or done before one of these is called.

    Each verb is long work on the server: it returns at once, and ``.wait()`` waits for its end. With a `domain`, a
    `destination`, a `cause` or a `deletion` only the recipients it is said of are touched.
    """

    def __init__(
        self, caller: Caller, jobs: JobsPart, state: State | str | None, **conditions: Unpack[Conditions]
    ) -> None:
        self._caller, self._jobs = caller, jobs
        self._where = {"state": state, **asked(conditions)}

    def count(self, verb: mail_bulk.QueueVerb | str) -> mail_bulk.Matching:
        """How much matches, and to how much of it the verb (``delete``) applies, by state."""
        return self._caller.ask(mail_bulk.COUNT, verb=verb, **self._where)

    def reattempt(self) -> RunningJob:
        """Make deferred and failed recipients due now."""
        return self._begin(mail_bulk.QueueVerb.reattempt)

    def hold(self) -> RunningJob:
        """Hold queued and deferred mail until it is released."""
        return self._begin(mail_bulk.QueueVerb.hold)

    def release(self) -> RunningJob:
        """Release held mail."""
        return self._begin(mail_bulk.QueueVerb.release)

    def delete(self) -> RunningJob:
        """Delete mail from the queue. For ten minutes ``where(deletion=job_id).undelete()`` brings just that back,
        whatever its causes and ages are by then."""
        return self._begin(mail_bulk.QueueVerb.delete)

    def undelete(self) -> RunningJob:
        """Bring back deleted mail that matched the filter before it was deleted."""
        return self._begin(mail_bulk.QueueVerb.undelete)

    def _begin(self, verb: mail_bulk.QueueVerb) -> RunningJob:
        return self._jobs.handle(self._caller.ask(mail_bulk.BULK, verb=verb, where=self._where))
