"""The short way out of the queue, for messages whose recipients have all accepted them: what most messages take.

Two statements write the history and remove the messages, guarded as everything in `trackkit.store.queue`: when a
recipient is not (or no longer) held by the worker, or somebody else still waits for a message, nothing of it counts,
and the long way tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, union_all

from trackkit.domain.delivery import State
from trackkit.store.prepared import Prepared, listed
from trackkit.store.queue import state_in
from trackkit.store.tables import history, messages, recipients


class NotAll(Exception):
    """It is not as was thought; the transaction has to be undone."""


class Accepted(NamedTuple):
    """A recipient who was sent to."""

    message_id: int
    recipient_id: int
    sent_at: datetime
    host: str
    reply: str


def leave(connection: Connection, worker: str, accepted: Sequence[Accepted]) -> None:
    """Write the history of these, and remove their messages.

    Raises `NotAll` unless each is held by `worker` and nobody else waits for any of the messages.
    """
    values: dict[str, object] = {"b_worker": worker}
    for number, one in enumerate(accepted):
        values |= {f"b_{name}_{number}": getattr(one, name) for name in _OF_THE_TRY}
    if _to_history(len(accepted)).changed(connection, values) != len(accepted):
        raise NotAll
    keys = list(dict.fromkeys(one.message_id for one in accepted))
    if REMOVE.changed(connection, {}, b_keys=keys, b_sent=[one.recipient_id for one in accepted]) != len(keys):
        raise NotAll


_OF_THE_TRY = ("recipient_id", "sent_at", "host", "reply")
_TYPES = (recipients.c.id.type, history.c.sent_at.type, history.c.host.type, history.c.reply.type)


@cache
def _to_history(number: int) -> Prepared:
    """For so many recipients at once: as many statements would each wait for Python's lock."""
    tries = union_all(
        *(
            select(
                *(
                    bindparam(f"b_{name}_{place}", type_=kind).label(name)
                    for name, kind in zip(_OF_THE_TRY, _TYPES, strict=True)
                )
            )
            for place in range(number)
        )
    ).subquery("tries")
    lines = (
        select(
            messages.c.id,
            *(messages.c[name] for name in ("message_id", "mail_from", "subject", "queued_at")),
            recipients.c.address,
            *(tries.c[name] for name in ("sent_at", "host", "reply")),
            recipients.c.tries + 1,
        )
        .join_from(tries, recipients, recipients.c.id == tries.c.recipient_id)
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(recipients.c.worker == bindparam("b_worker"), state_in(State.active))
        .with_for_update(of=recipients)
    )
    names = ["queue_id", "message_id", "mail_from", "subject", "queued_at", "recipient", "sent_at", "host", "reply"]
    return Prepared(insert(history).from_select([*names, "tries"], lines))


REMOVE = Prepared(
    delete(messages).where(
        messages.c.id.in_(listed("b_keys")),
        ~exists().where(
            recipients.c.message_id == messages.c.id,
            recipients.c.state != State.sent,
            recipients.c.id.not_in(listed("b_sent")),
        ),
    )
)
