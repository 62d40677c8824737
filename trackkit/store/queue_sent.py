"""The short way out of the queue, for messages whose recipients have all accepted them: what most messages take.

It writes the history and removes the messages, guarded as everything in `trackkit.store.queue`: when a recipient is not
(or no longer) held by the worker, or somebody else still waits for a message, nothing of it counts, and the long way
tells them apart.

`leave` needs two statements in a transaction. On SQLite `leave_at_once` is a single one, into a view whose trigger does
both, and so a transaction by itself: the writer, who waits for Python's lock after each statement, waits once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, String, bindparam, column, insert, select, table, union_all
from sqlalchemy.exc import IntegrityError

from trackkit.domain.delivery import State
from trackkit.store.columns import microseconds
from trackkit.store.prepared import Prepared, run_plain
from trackkit.store.queue import OF_THE_MESSAGE, remove_sent, state_in
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
    if remove_sent(connection, [one[:2] for one in accepted]) != {one.message_id for one in accepted}:
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
            *(messages.c[name] for name in OF_THE_MESSAGE),
            recipients.c.address,
            *(tries.c[name] for name in ("sent_at", "host", "reply")),
            recipients.c.tries + 1,
        )
        .join_from(tries, recipients, recipients.c.id == tries.c.recipient_id)
        .join(messages, messages.c.id == recipients.c.message_id)
        .where(recipients.c.worker == bindparam("b_worker"), state_in(State.active))
        .order_by(recipients.c.id)
        .with_for_update(of=recipients)
    )
    return Prepared(insert(history).from_select(_HISTORY, lines))


_HISTORY = ["queue_id", *OF_THE_MESSAGE, "recipient", "sent_at", "host", "reply", "tries"]


def leave_at_once(connection: Connection, worker: str, accepted: Sequence[Accepted]) -> None:
    """As `leave`, on a connection to SQLite that has no transaction open."""
    if _MADE not in connection.info:
        run_plain(connection, _VIEW)
        run_plain(connection, _TRIGGER)
        connection.info[_MADE] = True
    rows = [[one.recipient_id, microseconds(one.sent_at), one.host, one.reply, one.message_id] for one in accepted]
    try:
        _LEAVING.changed(connection, {"worker": worker, "accepted": json.dumps(rows)})
    except IntegrityError as error:
        raise NotAll from error


_MADE = "trackkit_leaving"
_LEAVING = Prepared(
    insert(table("leaving", column("worker", String), column("accepted", String))).values(
        worker=bindparam("worker"), accepted=bindparam("accepted")
    )
)
_VIEW = "CREATE TEMP VIEW IF NOT EXISTS leaving AS SELECT NULL AS worker, NULL AS accepted"
_TRIGGER = f"""
CREATE TEMP TRIGGER IF NOT EXISTS leave INSTEAD OF INSERT ON leaving BEGIN
    INSERT INTO history ({", ".join(_HISTORY)})
        SELECT m.id, {", ".join(f"m.{name}" for name in OF_THE_MESSAGE)}, r.address,
            json_extract(a.value, '$[1]'), json_extract(a.value, '$[2]'), json_extract(a.value, '$[3]'), r.tries + 1
        FROM json_each(NEW.accepted) AS a
            CROSS JOIN recipients AS r ON r.id = json_extract(a.value, '$[0]')
            CROSS JOIN messages AS m ON m.id = r.message_id
        WHERE r.worker = NEW.worker AND r.state = '{State.active}';
    SELECT RAISE(ABORT, 'not all') WHERE changes() <> json_array_length(NEW.accepted);
    SELECT RAISE(ABORT, 'not all') WHERE json_array_length(NEW.accepted) <> (
        SELECT count(*) FROM recipients AS r
        WHERE r.message_id IN (SELECT json_extract(a.value, '$[4]') FROM json_each(NEW.accepted) AS a)
        AND r.state <> '{State.sent}');
    DELETE FROM messages WHERE id IN (SELECT json_extract(a.value, '$[4]') FROM json_each(NEW.accepted) AS a);
END
"""  # noqa: S608 - nothing but names of columns and states is put in
"""When all of these are the worker's, and no more than these wait for their messages, nobody else does.

CROSS JOIN: recipients by their numbers, not all that are active (https://www.sqlite.org/optoverview.html)."""
