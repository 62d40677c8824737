"""`server.mail.groups()`: stuck mail by cause, destination and age.

for group in server.mail.groups():
    print(group.cause, group.messages, group.diagnosis.next_step)
server.apply(server.mail.groups()["paused"])
server.mail.groups()["address_rejected"].where.delete().wait()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from trackkit.client.mail_where import Conditions, MatchingMail
from trackkit.contract.fixes import FixView
from trackkit.contract.mail import DiagnosisView
from trackkit.contract.mail_groups import CauseGroups, DestinationGroups, QueueGroups
from trackkit.domain.ages import LIMITS, Age
from trackkit.domain.errors import NotFound

Where = Callable[[Conditions], MatchingMail]


@dataclass(frozen=True, slots=True)
class Group:
    """Mail with one diagnosis; for one destination and of one age where these are told."""

    diagnosis: DiagnosisView
    messages: int
    oldest_queued_at: datetime
    conditions: Conditions = field(repr=False)
    """That find its mail."""
    where: MatchingMail = field(repr=False)
    """Its mail, to be counted and acted on as a whole."""
    destination: str = ""
    age: Age | None = None
    parts: tuple[Group, ...] = field(default=(), repr=False)
    """Of a cause its destinations, of a destination its ages."""
    destinations_in_all: int = 0
    """Of a cause: how many destinations there are, those that are not told in `parts` too."""

    @property
    def cause(self) -> str:
        """The diagnosis's name."""
        return self.diagnosis.cause

    @property
    def fix(self) -> FixView | None:
        """What the diagnosis offers; `Server.apply` with the group does it, and tries the mail again."""
        return self.diagnosis.fix


class Groups:
    """The causes, the most frequent first; `groups["paused"]` is one of them, `NotFound` when no mail waits for it."""

    def __init__(self, answer: QueueGroups, where: Where) -> None:
        self.answer = answer
        self._causes = tuple(_cause(one, where) for one in answer.causes)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._causes)

    def __len__(self) -> int:
        return len(self._causes)

    def __contains__(self, cause: object) -> bool:
        return any(one.cause == cause for one in self._causes)

    def __getitem__(self, cause: str) -> Group:
        found = next((one for one in self._causes if one.cause == cause), None)
        if found is None:
            known = ", ".join(one.cause for one in self._causes)
            raise NotFound(f"No mail waits for {cause!r}.", f"Mail waits for: {known or 'nothing'}.")
        return found


def bounds(age: Age) -> Conditions:
    """The conditions that find what is of that age."""
    steps = list(Age)
    place = steps.index(age)
    found = Conditions()
    if place > 0:
        found["older_than"] = LIMITS[steps[place - 1]]
    if age in LIMITS:
        found["younger_than"] = LIMITS[age]
    return found


def _cause(found: CauseGroups, where: Where) -> Group:
    of_it = Conditions(cause=found.diagnosis.cause)
    return Group(
        found.diagnosis,
        found.messages,
        found.oldest_queued_at,
        of_it,
        where(of_it),
        parts=tuple(_destination(found.diagnosis, one, of_it, where) for one in found.destinations),
        destinations_in_all=found.destinations_in_all,
    )


def _destination(why: DiagnosisView, found: DestinationGroups, of_it: Conditions, where: Where) -> Group:
    name = found.destination
    for_it = Conditions(**{**of_it, "destination": name})
    ages = tuple(
        Group(why, one.messages, one.oldest_queued_at, aged, where(aged), name, one.age)
        for one in found.ages
        for aged in [Conditions(**{**for_it, **bounds(one.age)})]
    )
    return Group(why, found.messages, found.oldest_queued_at, for_it, where(for_it), name, parts=ages)
