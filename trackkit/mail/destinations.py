"""Where messages wait: a line for each destination, and whose turn it is.

The relay is one destination, and so are the pickup folder and MAPI; with direct delivery each domain (or address
literal) is one, with its own line, its own `NextHop` and its own bounds, so that a host that is slow or dead holds up
its own mail only:

- it gets half of the connections at most, and one while it is not known to answer;
- of a domain with a long line only a part is held; the claim leaves the rest where it is (`besides`);
- destinations take turns; a lane stays with one for a number of messages while others have nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from trackkit.domain.message import BY_MAPI, MailType, domain_of
from trackkit.domain.mx import destination_of, relay_takes_over
from trackkit.mail.next_hop import NextHop
from trackkit.mail.way import Plan, Way
from trackkit.services.attempts import Attempted, Claimed, ClaimedRecipient

RELAY: Final = ""
"""The relay's name as a destination; a domain's is never empty."""

PICKUP: Final = "pickup:"
"""The pickup folder's; MAPI's is `BY_MAPI`. A domain has no colon."""

_ONE_PLACE: Final = {"smtp": RELAY, "pickup": PICKUP, "mapi": BY_MAPI}
"""By method: the destination of all Internet mail."""

WAITING_AT_RELAY: Final = 200
CLAIM_DIRECT: Final = 25
HELD_PER_DOMAIN: Final = 25
"""Messages claimed at a time, and of one domain when no more are; a batch may take it to nearly twice that."""

LANES_PER_DOMAIN: Final = 20
TURN_MESSAGES: Final = 50
"""How many messages a lane sends to one destination while others have no lane."""

KEPT_DESTINATIONS: Final = 2_000


class Destination:
    """A line, what is at the end of it, and how many work there."""

    def __init__(self, name: str, way: Way, hop: NextHop) -> None:
        self.name = name
        self.way = way
        self.hop = hop
        self.waiting: deque[Held] = deque()
        self.held = 0
        """Messages of it that are held, waiting or not; whoever holds them counts down."""
        self.lanes = 0
        self.idle = 0
        """Lanes among them that wait for a message."""
        self.spellings: set[str] = set()
        """The domain as recipients' addresses have it, in lower case."""

    @property
    def is_apart(self) -> bool:
        """Whether it has a lane of its own, and no other serves it."""
        return self.name == BY_MAPI

    @property
    def is_unused(self) -> bool:
        """Whether nothing depends on it."""
        return not self.held and not self.lanes


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A claimed message in this engine's hands, or the part of it that goes to one destination."""

    claimed: Claimed
    claimed_at: float
    to: Destination
    preface: str = ""
    """The conversation of direct delivery, when the relay took over from it."""


class Seat:
    """A lane's place at a destination. Idle until it takes a message."""

    def __init__(self, at: Destination) -> None:
        self.at = at
        self.idle = False
        self.taken = 0
        """Messages since it came to this destination."""
        at.lanes += 1
        self.rest()

    def rest(self) -> None:
        """Wait for a message."""
        if not self.idle:
            self.idle = True
            self.at.idle += 1

    def take(self, at: Destination) -> Held:
        """The first message that waits at `at`."""
        self._work()
        if at is not self.at:
            self.at.lanes -= 1
            at.lanes += 1
            self.at, self.taken = at, 0
        self.taken += 1
        return at.waiting.popleft()

    def leave(self) -> None:
        """Be there for nobody any more."""
        self._work()
        self.at.lanes -= 1

    def _work(self) -> None:
        if self.idle:
            self.idle = False
            self.at.idle -= 1


class Destinations:
    """All lines of one plan.

    Parameters
    ----------
    make: a destination by its name.
    """

    def __init__(self, plan: Plan, make: Callable[[str], Destination]) -> None:
        self.plan = plan
        self._one_place = _ONE_PLACE.get(plan.method)
        self._make = make
        self._known: dict[str, Destination] = {}
        self._crowded: set[Destination] = set()
        """Those of which enough was held when it was last counted."""
        self._with_line: dict[str, Destination] = {}
        """Those where somebody waits, whose turn it is first."""

    @property
    def only_line(self) -> Destination | None:
        """Where everything that waits does so; none where that are several places, or nothing waits."""
        return next(iter(self._with_line.values())) if len(self._with_line) == 1 else None

    def room(self) -> int:
        """How many messages to claim, as far as lines go."""
        if self._one_place is None:
            return CLAIM_DIRECT
        place = self._known.get(self._one_place)
        waiting = len(place.waiting) if place is not None else 0
        return WAITING_AT_RELAY - waiting if waiting <= WAITING_AT_RELAY // 2 else 0

    def full(self) -> frozenset[str]:
        """The domains, as addresses have them in lower case, of which no more is to be claimed; or `BY_MAPI`."""
        if not self._crowded:
            return frozenset()
        self._crowded = {one for one in self._crowded if one.held >= HELD_PER_DOMAIN}
        return frozenset(spelling for one in self._crowded for spelling in one.spellings)

    def put(self, claimed: Claimed, now: float) -> list[Held]:
        """Let a message wait, a part of it at each of its destinations."""
        parts: dict[str, list[int]] = {}
        for number, recipient in enumerate(claimed.recipients):
            parts.setdefault(self._name_for(recipient), []).append(number)
        one_place = self._one_place
        if one_place is not None and len(parts) == 1 and one_place in parts:
            return [self._put(Held(claimed, now, self._destination(one_place)))]
        held = []
        for name, numbers in parts.items():
            destination = self._destination(name)
            recipients = tuple(claimed.recipients[number] for number in numbers)
            by_mapi = name == BY_MAPI
            destination.spellings |= {BY_MAPI if by_mapi else domain_of(one.address) for one in recipients}
            part = replace(claimed, recipients=recipients, is_part=len(parts) > 1)
            held.append(self._put(Held(part, now, destination)))
        return held

    def _name_for(self, recipient: ClaimedRecipient) -> str:
        if recipient.mail_type is MailType.mapi:
            return BY_MAPI
        return destination_of(recipient.address) if self._one_place is None else self._one_place

    def put_back(self, held: Held) -> bool:
        """Let a message wait again; False when its destination is none any more."""
        if self._known.get(held.to.name) is not held.to:
            return False
        held.to.waiting.append(held)
        self._with_line.setdefault(held.to.name, held.to)
        return True

    def hand_over(self, held: Held, attempted: Attempted, now: float) -> tuple[Held | None, Attempted]:
        """What the relay gets after direct delivery (none = nothing), and what is left of the attempt to settle."""
        if self.plan.method != "direct-then-smtp" or held.to.name in (RELAY, BY_MAPI):
            return None, attempted
        claimed, outcomes = attempted.claimed, attempted.outcomes
        taken = {key for key, outcome in outcomes.items() if relay_takes_over(outcome)}
        if not taken or self._known.get(held.to.name) is not held.to:
            return None, attempted
        to_relay, rest = _split(claimed, taken)
        preface = f"{attempted.conversation}\n* direct delivery to {held.to.name} did not work: the relay takes over"
        over = self._put(Held(to_relay, now, self._destination(RELAY), preface))
        kept = {key: outcome for key, outcome in outcomes.items() if key not in taken}
        return over, replace(attempted, claimed=rest, outcomes=kept)

    def take_all(self) -> list[Held]:
        """Everything that waits; nothing does then."""
        return self._take(self._with_line.values())

    def take_internet(self) -> list[Held]:
        """Everything that waits and does not go to MAPI addresses."""
        return self._take(one for one in self._with_line.values() if one.name != BY_MAPI or self._one_place == BY_MAPI)

    def _take(self, lines: Iterable[Destination]) -> list[Held]:
        found: list[Held] = []
        for one in list(lines):
            found += one.waiting
            one.waiting.clear()
            del self._with_line[one.name]
        return found

    def next_for(self, seat: Seat, connections: int, *, spare: bool, now: float) -> Held | None:
        """The next message of the lane at `seat`.

        Parameters
        ----------
        connections: how many are allowed in all.
        spare: another lane could be started; this one stays where it is connected then.
        """
        mine = seat.at
        if mine.is_apart:
            return self._took(seat, mine) if mine.waiting else None
        forgotten = self._forgotten(connections, now) if seat.taken >= TURN_MESSAGES else None
        if mine.waiting and forgotten is None:
            return self._took(seat, mine)
        other = forgotten or (None if spare else self.needy(connections, now))
        return self._took(seat, other) if other is not None else None

    def has_line(self, seat: Seat) -> bool:
        """Whether more wait at the lane's destination than its lanes can take at once."""
        return len(seat.at.waiting) > seat.at.lanes

    def needy(self, connections: int, now: float) -> Destination | None:
        """A destination with more messages than lanes that wait for them, and room for another lane."""
        return next((d for d in self._with_line.values() if self._wants_lane(d, connections, now)), None)

    def needy_apart(self, now: float) -> Destination | None:
        """The same among those whose lanes are no connections: each has one."""
        found = self._with_line.get(BY_MAPI)
        return found if found is not None and not found.lanes and found.hop.connections(1, now) else None

    def asked_again(self, now: float) -> None:
        """Somebody wants new tries."""
        for one in self._known.values():
            one.hop.asked_again(now)

    def _forgotten(self, connections: int, now: float) -> Destination | None:
        if self._one_place is not None:
            return None
        lines = self._with_line.values()
        return next((d for d in lines if not d.lanes and self._wants_lane(d, connections, now)), None)

    def _wants_lane(self, one: Destination, connections: int, now: float) -> bool:
        if one.is_apart or len(one.waiting) <= one.idle:
            return False
        most = connections
        if one.name not in (RELAY, PICKUP):
            most = min(max(1, connections // 2), LANES_PER_DOMAIN) if one.hop.answers else 1
        return one.lanes < one.hop.connections(most, now)

    def _took(self, seat: Seat, at: Destination) -> Held:
        held = seat.take(at)
        # Whoever was served goes to the end.
        self._with_line.pop(at.name, None)
        if at.waiting:
            self._with_line[at.name] = at
        return held

    def _put(self, held: Held) -> Held:
        held.to.held += 1
        if held.to.held >= HELD_PER_DOMAIN and held.to.name not in (RELAY, self._one_place):
            self._crowded.add(held.to)
        held.to.waiting.append(held)
        self._with_line.setdefault(held.to.name, held.to)
        return held

    def _destination(self, name: str) -> Destination:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= KEPT_DESTINATIONS:
                self._known = {key: one for key, one in self._known.items() if not one.is_unused}
            found = self._known[name] = self._make(name)
        return found


def _split(claimed: Claimed, taken: set[int]) -> tuple[Claimed, Claimed]:
    """The message for these recipients (by id), and for the others."""
    inside = tuple(r for r in claimed.recipients if r.recipient_id in taken)
    outside = tuple(r for r in claimed.recipients if r.recipient_id not in taken)
    return replace(claimed, recipients=inside, is_part=True), replace(claimed, recipients=outside, is_part=True)


class Memory:
    """The bytes of the messages held; a message that is held in parts counts once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._parts: dict[int, int] = {}

    def add(self, held: Iterable[Held]) -> None:
        """These are held."""
        for one in held:
            raw = one.claimed.raw
            parts = self._parts.get(id(raw), 0)
            self._parts[id(raw)] = parts + 1
            if not parts:
                self.bytes += len(raw)

    def remove(self, held: Held) -> None:
        """This is held no more."""
        raw = held.claimed.raw
        parts = self._parts.pop(id(raw)) - 1
        if parts:
            self._parts[id(raw)] = parts
        else:
            self.bytes -= len(raw)
