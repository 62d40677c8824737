"""What became of other mail at a host and for an address, from the latest lines of history and the latest tries.

Bounded: so many lines are looked at, however long the history is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from trackkit.domain.past import Past
from trackkit.domain.replies import Verdict
from trackkit.store.tables import attempts, history

_LOOKED_AT: Final = 2_000


def past(connection: Connection, host: str, address: str, tried_at: datetime) -> Past:
    """What is known of other mail."""
    h, a = history.c, attempts.c
    sent = select(h.recipient, h.host, h.sent_at).order_by(h.id.desc()).limit(_LOOKED_AT).subquery().c
    host_took_at = connection.execute(select(func.max(sent.sent_at)).where(sent.host == host)).scalar_one()
    to_address = select(func.max(sent.sent_at)).where(sent.recipient == address)
    address_took_at = connection.execute(to_address).scalar_one()
    tries = select(a.message_id, a.host, a.started_at, a.verdict).order_by(a.id.desc()).limit(_LOOKED_AT).subquery().c
    failing = select(func.min(tries.started_at), func.count(tries.message_id.distinct())).where(
        tries.host == host, tries.verdict != Verdict.accepted
    )
    if host_took_at is not None:
        failing = failing.where(tries.started_at > host_took_at)
    since, number = connection.execute(failing).one()
    return Past(tried_at, host_took_at, address_took_at, since, number)
