"""What health says of the mail queue: a finding for each cause that a healthy queue does not have.

How grave one is: `trackkit.domain.queue_groups`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trackkit.domain.ages import in_words
from trackkit.domain.delivery import State
from trackkit.domain.evidence import waits
from trackkit.domain.log import Severity
from trackkit.domain.queue_groups import SEVERAL, is_nearly_all, severity_of
from trackkit.domain.text import counted
from trackkit.services.environment import Call
from trackkit.services.mail_listing import messages_of
from trackkit.services.queue_causes import Part, by_cause, parts
from trackkit.store import queue_groups
from trackkit.store.database import Connection
from trackkit.store.queue_groups import Kind


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cause that somebody should know of."""

    severity: Severity
    words: str
    next_step: str
    operation: str
    option: str


def troubles(call: Call) -> Iterator[Trouble]:
    """The causes that need attention."""

    def work(connection: Connection) -> list[Trouble]:
        every = parts(connection, call.environment, call.now)
        found = (_trouble(connection, call.now, of_it, every) for of_it in by_cause(every).values())
        return [one for one in found if one is not None]

    yield from call.environment.store.read(work)


def _trouble(connection: Connection, now: datetime, of_it: Sequence[Part], every: Sequence[Part]) -> Trouble | None:
    everywhere = {
        waiting: _is_everywhere(connection, now, _of(of_it, waiting), _of(every, waiting))
        for waiting in {waits(part.evidence) for part in of_it}
    }
    levels = [
        severity_of(part.evidence, now - part.row.oldest_queued_at, everywhere=everywhere[waits(part.evidence)])
        for part in of_it
    ]
    grave = [severity for severity in levels if severity is not None]
    if not grave:
        return None
    why, messages = of_it[0].diagnosis, messages_of(connection, of_it)
    oldest = now - min(part.row.oldest_queued_at for part in of_it)
    words = f"{_counted(messages, oldest)}: {why.title}. {why.words}"
    return Trouble(min(grave), words, why.next_step, why.operation, why.option)


def _of(found: Sequence[Part], waiting: bool) -> list[Part]:
    """Of these what waits to be tried, or what has failed."""
    return [part for part in found if waits(part.evidence) == waiting and part.row.state is not State.held]


def _is_everywhere(connection: Connection, now: datetime, of_it: Sequence[Part], every: Sequence[Part]) -> bool:
    messages = sum(part.row.messages for part in of_it)
    if not is_nearly_all(messages, sum(part.row.messages for part in every)):
        return False  # their domains need not be counted
    found = queue_groups.by_destination(connection, [Kind([part.group for part in of_it], by_domain=True)], now)
    return len({one.domain for one in found}) >= SEVERAL


def _counted(messages: int, oldest: timedelta) -> str:
    if messages == 1:
        return f"1 message has waited for {in_words(oldest)}"
    return f"{counted(messages, 'message')} wait, the oldest for {in_words(oldest)}"
