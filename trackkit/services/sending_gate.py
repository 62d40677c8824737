"""Whether mail may leave now: the sending schedule and the limit of messages a minute, for all workers together.

What left in the last minute stands in the main database and changes in the transaction that claims, so that workers on
other machines share the limit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from trackkit.domain import sending_times as times
from trackkit.domain.options import TimingOptions
from trackkit.domain.sending_times import Lately, schedule_of
from trackkit.services.option_cache import OptionCache
from trackkit.store import records
from trackkit.store.database import Connection, Store

_FACT: Final = "mail left lately"
_LOOKED_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """Until when mail waits for reasons of time; none = it does not."""

    opens_at: datetime | None = None
    """When the schedule lets it leave again."""
    room_at: datetime | None = None
    """When the limit of messages a minute does."""

    @property
    def until(self) -> datetime | None:
        """The later of the two."""
        return max((at for at in (self.opens_at, self.room_at) if at is not None), default=None)


class SendingGate:
    """Asked before each claim, and by whoever explains why mail waits."""

    def __init__(self, store: Store, options: OptionCache, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._store, self._options, self._clock, self._zone = store, options, clock, zone
        self._seen: tuple[datetime, TimingOptions, Blocked] | None = None

    def opens_at(self) -> datetime | None:
        """When the schedule lets mail leave again; none = it may now. Cheap."""
        return schedule_of(self._timing.schedule).opens_at(self._clock(), self._zone)

    def blocked(self) -> Blocked:
        """Until when mail waits; what is known of the limit may be a second old."""
        now, timing = self._clock(), self._timing
        if self._seen is not None:
            at, of, found = self._seen
            if of == timing and 0 <= (now - at).total_seconds() < _LOOKED_EVERY_SECONDS:
                return found
        room_at = self._store.read(lambda connection: self._room_at(connection, now)) if self._limit else None
        found = Blocked(self.opens_at(), room_at)
        self._seen = (now, timing, found)
        return found

    def room(self, connection: Connection) -> int | None:
        """How many messages may leave now; none = any number. Nobody else is told until the transaction ends."""
        if self._limit is None:
            return None
        records.lock_facts(connection)
        return times.room(_lately(connection), _second(self._clock()), self._limit)

    def left(self, connection: Connection, messages: int) -> None:
        """Count messages that leave, in the transaction that asked for room."""
        if messages and self._limit is not None:
            lately = times.after_leaving(_lately(connection), _second(self._clock()), messages)
            records.set_fact(connection, _FACT, json.dumps(lately))

    @property
    def _timing(self) -> TimingOptions:
        return self._options.current.sending.timing

    @property
    def _limit(self) -> int | None:
        return self._timing.messages_per_minute

    def _room_at(self, connection: Connection, now: datetime) -> datetime | None:
        second = _second(now)
        at = times.room_at(_lately(connection), second, self._limit or 1)
        return datetime.fromtimestamp(at, UTC) if at > second else None


def _lately(connection: Connection) -> Lately:
    stored = records.get_fact(connection, _FACT)
    return [(int(second), int(messages)) for second, messages in json.loads(stored)] if stored else []


def _second(at: datetime) -> int:
    return int(at.timestamp())
