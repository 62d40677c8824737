"""How often each row of the diagnosis matched on this server, and the latest replies that no recogniser knows.

Counted in memory by whatever sends mail, and written down once a minute and when it stops: a crash loses the last
minute's numbers. A try counts for the row that it ends in; rows about mail that is not tried (paused, held, the
schedule) have no tries, and are noted when somebody looks at the queue as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from trackkit.domain.diagnosis import row_for
from trackkit.domain.evidence import Evidence
from trackkit.domain.replies import Failure
from trackkit.domain.unknown_replies import KEPT, alike, shown
from trackkit.store import diagnosis_counts
from trackkit.store.database import Connection, Store
from trackkit.store.diagnosis_counts import Matched, UnknownReply


@dataclass(slots=True)
class Pending:
    """What is not written down yet."""

    matched: dict[str, Matched] = field(default_factory=dict)
    unknown: dict[str, UnknownReply] = field(default_factory=dict)


class Tally:
    """What one process has counted. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pending = Pending()

    def tried(self, evidence: Evidence, host: str) -> None:
        """A try at this host has failed."""
        cause = row_for(evidence).cause
        with self._lock:
            self._match(cause, 1, evidence.now)
            last = evidence.last
            if last is not None and last.failure is Failure.replied and last.reason is None:
                key = alike(last.smtp_code, last.enhanced_code, last.text)
                known = self._pending.unknown.get(key)
                if known is None and len(self._pending.unknown) >= KEPT:
                    return
                self._pending.unknown[key] = UnknownReply(
                    key=key,
                    smtp_code=last.smtp_code,
                    enhanced_code=last.enhanced_code,
                    text=shown(last.text),
                    stage=last.stage,
                    host=host,
                    tries=known.tries + 1 if known else 1,
                    first_at=known.first_at if known else evidence.now,
                    last_at=evidence.now,
                )

    def found(self, cause: str, at: datetime) -> None:
        """Mail was found to wait for this cause."""
        with self._lock:
            self._match(cause, 0, at)

    def _match(self, cause: str, tries: int, at: datetime) -> None:
        known = self._pending.matched.get(cause)
        self._pending.matched[cause] = Matched(cause, tries + (known.tries if known else 0), at)

    def write(self, store: Store) -> None:
        """Write down what is not yet; what cannot be written is kept for the next time."""
        with self._lock:
            pending, self._pending = self._pending, Pending()
        if not pending.matched:
            return

        def work(connection: Connection) -> None:
            diagnosis_counts.add(connection, sorted(pending.matched.values(), key=lambda one: one.cause))
            diagnosis_counts.add_unknown(connection, sorted(pending.unknown.values(), key=lambda one: one.key), KEPT)

        try:
            store.write(work)
        except BaseException:
            self._put_back(pending)
            raise

    def added_to(
        self, matched: Mapping[str, Matched], unknown: Iterable[UnknownReply]
    ) -> tuple[dict[str, Matched], list[UnknownReply]]:
        """What was written down, and what is not yet; the latest replies first."""
        with self._lock:
            both = _together(Pending(dict(matched), {one.key: one for one in unknown}), self._pending)
        return both.matched, sorted(both.unknown.values(), key=lambda one: one.last_at, reverse=True)[:KEPT]

    def _put_back(self, pending: Pending) -> None:
        with self._lock:
            self._pending = _together(pending, self._pending)


def _together(earlier: Pending, later: Pending) -> Pending:
    matched, unknown = dict(earlier.matched), dict(earlier.unknown)
    for cause, one in later.matched.items():
        matched[cause] = replace(one, tries=one.tries + matched[cause].tries) if cause in matched else one
    for key, reply in later.unknown.items():
        known = unknown.get(key)
        more = replace(reply, tries=reply.tries + known.tries, first_at=known.first_at) if known else reply
        unknown[key] = more
    return Pending(matched, unknown)
