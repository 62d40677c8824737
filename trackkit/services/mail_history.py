"""The history of mail: pages of it, and its retention.

Lines about mail that was sent more than `sending.history_days` ago go by themselves, a few at a time with pauses, so
that sending never waits for it. Only the table of history is touched: what is in the queue is in other tables, however
old it is and whatever the clock says, and so are its attempts.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from trackkit.contract import mail_history as contract
from trackkit.domain.log import Severity
from trackkit.domain.message import queue_id
from trackkit.domain.text import counted
from trackkit.services import audit
from trackkit.services.environment import Call, Environment
from trackkit.services.mail import SOURCE
from trackkit.store import mail_history as store
from trackkit.store.database import Connection
from trackkit.store.mail_history import HistoryRow, Wanted

OPERATION: Final = "mail.history_retention"
_PORTION: Final = 500
_PAUSE_SECONDS: Final = 0.02
_EVERY: Final = timedelta(minutes=10)
_TOLD_EVERY: Final = timedelta(days=1)


def list_sent(call: Call, request: contract.ListSent) -> contract.SentPage:
    """A page of history, newest first."""
    wanted = Wanted(request.recipient, request.sender, request.message_id, request.since, request.until)

    def work(connection: Connection) -> tuple[list[HistoryRow], int]:
        return (
            store.page(connection, wanted, request.before, request.limit + 1),
            store.count(connection, wanted, contract.COUNTED + 1),
        )

    rows, total = call.environment.store.read(work)
    shown = rows[: request.limit]
    return contract.SentPage(
        sent=tuple(map(_view, shown)),
        next_before=shown[-1].id if len(rows) > request.limit else None,
        total=min(total, contract.COUNTED),
        total_is_exact=total <= contract.COUNTED,
    )


def _view(row: HistoryRow) -> contract.SentMail:
    return contract.SentMail(
        history_id=row.id,
        queue_id=queue_id(row.queue_id),
        message_id=row.message_id,
        sender=row.mail_from,
        recipient=row.recipient,
        subject=row.subject,
        queued_at=row.queued_at,
        sent_at=row.sent_at,
        host=row.host,
        reply=row.reply,
        tries=row.tries,
    )


class HistoryRetention:
    """Looked at often; does something when it is time. How many lines it were is told at most once a day."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._days: int | None = None
        self._done_at: datetime | None = None
        self._told_at: datetime | None = None
        self._untold = 0

    def look(self) -> None:
        """Delete what is due."""
        days, now = self._environment.options.current.sending.history_days, self._environment.clock()
        if days != self._days:
            self._days, self._done_at, self._told_at = days, None, None
        if days is None or (self._done_at is not None and timedelta(0) <= now - self._done_at < _EVERY):
            return
        self._untold += self._delete(now - timedelta(days=days))
        self._done_at = now
        if self._untold and (self._told_at is None or now - self._told_at >= _TOLD_EVERY):
            self._tell(days, now)

    def _delete(self, until: datetime) -> int:
        main, after, deleted = self._environment.store, 0, 0
        while ids := main.read(partial(store.older, until=until, after=after, limit=_PORTION)):
            after = ids[-1]
            deleted += main.write(partial(store.remove, ids=ids))
            if len(ids) < _PORTION:
                break
            time.sleep(_PAUSE_SECONDS)
        return deleted

    def _tell(self, days: int, now: datetime) -> None:
        lines = counted(self._untold, "line")
        after = {"lines": str(self._untold), "days": str(days)}
        self._environment.store.write(
            lambda connection: audit.note_own(connection, now, OPERATION, "history of mail", after)
        )
        words = f"{lines} of the history of mail went by retention: sent more than {days} days ago."
        self._environment.log.write(Severity.information, SOURCE, words)
        self._untold, self._told_at = 0, now
