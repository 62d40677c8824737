"""The life of a recipient in the mail queue, as a state machine without I/O.

States (SPEC §5; a message's state is the least finished of its recipients'):

| state | means |
| --- | --- |
| queued | waits for its first try |
| active | being sent: leased to a worker |
| deferred | waits for `next_attempt_at` |
| held | waits until released |
| failed | gave up: 5xx, or the days limit; stays until reattempted or deleted |
| deleted | can be undone for ten minutes, then purged |
| sent | accepted by the next hop; never sent to again |

Events and what they do (everything that is not in this table does not apply and changes nothing):

| event | from | to |
| --- | --- | --- |
| claim | queued, deferred (when due) | active |
| accepted | active | sent |
| temporary | active | deferred; failed past the days limit |
| unknown | active | deferred, flagged `outcome_unknown`; failed past the days limit |
| permanent | active | failed |
| rescue | active | deferred, due now (its worker is gone) |
| yield | active | where it came from, due as before (its worker gave it back untried) |
| reattempt | deferred, failed | deferred, due now, with a new days limit |
| hold | queued, deferred | held |
| release | held | queued, due now |
| edit | queued | queued, due now |
| edit | deferred, failed | deferred, due now, with a new days limit |
| edit | held | held |
| delete | queued, deferred, held, failed | deleted |
| delete | active | active; deleted as soon as the attempt has ended without success |
| undelete | deleted (for ten minutes) | where it came from |
| purge | deleted (after ten minutes) | gone |

*edit* gives a recipient another address. Nothing that came of the wrong address counts for the right one: the tries,
and so the waits between them, begin anew, and nobody can have got the message twice there.

`TRANSITIONS` is this table as data; `step` is the only way through it. A test holds this text against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from trackkit.domain.replies import Verdict
from trackkit.domain.schedule import RetryPolicy

UNDO_WINDOW = timedelta(minutes=10)


class State(StrEnum):
    """A recipient's state, least finished first."""

    active = "active"
    queued = "queued"
    deferred = "deferred"
    held = "held"
    failed = "failed"
    deleted = "deleted"
    sent = "sent"


class Event(StrEnum):
    """What can happen to a recipient."""

    claim = "claim"
    accepted = "accepted"
    temporary = "temporary"
    unknown = "unknown"
    permanent = "permanent"
    rescue = "rescue"
    yield_ = "yield"
    reattempt = "reattempt"
    hold = "hold"
    release = "release"
    edit = "edit"
    delete = "delete"
    undelete = "undelete"
    purge = "purge"


GONE = "gone"

TRANSITIONS: Mapping[tuple[State, Event], tuple[State | str, ...]] = MappingProxyType(
    {
        (State.queued, Event.claim): (State.active,),
        (State.deferred, Event.claim): (State.active,),
        (State.active, Event.accepted): (State.sent,),
        (State.active, Event.temporary): (State.deferred, State.failed, State.deleted),
        (State.active, Event.unknown): (State.deferred, State.failed, State.deleted),
        (State.active, Event.permanent): (State.failed, State.deleted),
        (State.active, Event.rescue): (State.deferred, State.deleted),
        (State.active, Event.yield_): (State.queued, State.deferred, State.deleted),
        (State.active, Event.delete): (State.active,),
        (State.deferred, Event.reattempt): (State.deferred,),
        (State.failed, Event.reattempt): (State.deferred,),
        (State.queued, Event.hold): (State.held,),
        (State.deferred, Event.hold): (State.held,),
        (State.held, Event.release): (State.queued,),
        (State.queued, Event.edit): (State.queued,),
        (State.deferred, Event.edit): (State.deferred,),
        (State.failed, Event.edit): (State.deferred,),
        (State.held, Event.edit): (State.held,),
        (State.queued, Event.delete): (State.deleted,),
        (State.deferred, Event.delete): (State.deleted,),
        (State.held, Event.delete): (State.deleted,),
        (State.failed, Event.delete): (State.deleted,),
        (State.deleted, Event.undelete): (State.queued, State.deferred, State.held, State.failed),
        (State.deleted, Event.purge): (GONE,),
    }
)
"""(state, event) -> the states it can lead to."""

EVENT_OF_VERDICT: Mapping[Verdict, Event] = MappingProxyType(
    {
        Verdict.accepted: Event.accepted,
        Verdict.temporary: Event.temporary,
        Verdict.permanent: Event.permanent,
        Verdict.unknown: Event.unknown,
    }
)


@dataclass(frozen=True, slots=True)
class Status:
    """Everything about a recipient that decides what happens to it next."""

    state: State
    next_attempt_at: datetime
    expires_at: datetime
    tries: int = 0
    outcome_unknown: bool = False
    """An attempt ended without a known outcome: the recipient may get the message twice."""
    delete_wanted: bool = False
    """Asked for while active: done when the attempt has ended."""
    deleted_at: datetime | None = None
    deleted_from: State | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The event does not apply; nothing changes. `reason` is for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The recipient leaves the queue for good."""


def new_status(now: datetime, policy: RetryPolicy) -> Status:
    """A freshly queued recipient."""
    return Status(State.queued, next_attempt_at=now, expires_at=policy.expires_at(now))


def states_for(event: Event) -> list[State]:
    """The states that `event` applies to."""
    return [state for state in State if (state, event) in TRANSITIONS]


def message_state(states: Iterable[State]) -> State:
    """A message's state: the least finished of its recipients'."""
    found = set(states)
    return next(state for state in State if state in found)


def step(
    status: Status, event: Event, policy: RetryPolicy, now: datetime, jitter: float = 0.0
) -> Status | Gone | Refused:
    """What `event` makes of a recipient.

    Parameters
    ----------
    jitter: a random number from 0 to 1, used for the next wait only.

    Returns the new status, `Gone`, or `Refused` when the event does not apply in this state.
    """
    if (status.state, event) not in TRANSITIONS:
        return Refused(_why_not(status.state, event))
    if event in _ENDS_ATTEMPT:
        return _after_attempt(status, event, policy, now, jitter)
    return _on_request(status, event, policy, now)


_ENDS_ATTEMPT = frozenset({Event.accepted, Event.temporary, Event.unknown, Event.permanent, Event.rescue, Event.yield_})


def _after_attempt(status: Status, event: Event, policy: RetryPolicy, now: datetime, jitter: float) -> Status:
    if event is Event.accepted:
        return replace(status, state=State.sent, tries=status.tries + 1, delete_wanted=False)
    ended = replace(status, delete_wanted=False)
    if event is Event.permanent:
        ended = replace(ended, state=State.failed, tries=status.tries + 1)
    elif event is Event.rescue:
        ended = replace(ended, state=State.deferred, tries=status.tries + 1, next_attempt_at=now, outcome_unknown=True)
    elif event is Event.yield_:
        ended = replace(ended, state=State.deferred if status.tries else State.queued)
    else:
        tries = status.tries + 1
        over = now >= status.expires_at
        ended = replace(
            ended,
            state=State.failed if over else State.deferred,
            tries=tries,
            next_attempt_at=min(now + policy.wait(tries, jitter), max(status.expires_at, now)),
            outcome_unknown=status.outcome_unknown or event is Event.unknown,
        )
    return _deleted(ended, now) if status.delete_wanted else ended


def _on_request(status: Status, event: Event, policy: RetryPolicy, now: datetime) -> Status | Gone | Refused:
    if event is Event.claim:
        if status.next_attempt_at > now:
            return Refused(f"not due before {status.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC")
        return replace(status, state=State.active)
    if event is Event.reattempt:
        return replace(status, state=State.deferred, next_attempt_at=now, expires_at=policy.expires_at(now))
    if event is Event.hold:
        return replace(status, state=State.held)
    if event is Event.release:
        return replace(status, state=State.queued, next_attempt_at=now, expires_at=policy.expires_at(now))
    if event is Event.edit:
        return _readdressed(status, policy, now)
    if event is Event.delete:
        return replace(status, delete_wanted=True) if status.state is State.active else _deleted(status, now)
    return _undo_or_purge(status, event, now)


def _readdressed(status: Status, policy: RetryPolicy, now: datetime) -> Status:
    return replace(
        status,
        state=State.deferred if status.state is State.failed else status.state,
        next_attempt_at=now,
        expires_at=policy.expires_at(now),
        tries=0,
        outcome_unknown=False,
    )


def _undo_or_purge(status: Status, event: Event, now: datetime) -> Status | Gone | Refused:
    over = status.deleted_at is None or now - status.deleted_at >= UNDO_WINDOW
    if event is Event.purge:
        return Gone() if over else Refused("a deletion can still be undone")
    if over or status.deleted_from is None:
        return Refused("it was deleted more than ten minutes ago")
    return replace(status, state=status.deleted_from, deleted_at=None, deleted_from=None)


def _deleted(status: Status, now: datetime) -> Status:
    return replace(status, state=State.deleted, deleted_at=now, deleted_from=status.state)


_NEEDS: Mapping[Event, str] = MappingProxyType(
    {
        Event.reattempt: "only deferred and failed mail can be reattempted",
        Event.hold: "only queued and deferred mail can be held",
        Event.release: "only held mail can be released",
        Event.edit: "only queued, deferred, held and failed recipients can get another address",
        Event.delete: "sent and deleted mail cannot be deleted",
        Event.undelete: "only deleted mail can be brought back",
    }
)


def _why_not(state: State, event: Event) -> str:
    return f"is {state}; {_NEEDS.get(event, f'{event} does not apply')}"
