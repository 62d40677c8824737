"""The mail workers as people see them: the list, and what health says of those that were lost."""

from __future__ import annotations

from datetime import datetime

from trackkit.contract import mail_workers as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.mail_workers import REMEMBERED, SERVER, TOLD
from trackkit.services.environment import Call, Environment
from trackkit.store import mail_workers
from trackkit.store.database import Connection
from trackkit.store.mail_workers import WorkerRow


def list_workers(call: Call, request: Nothing) -> contract.MailWorkers:
    """Those that are there, the oldest first, then those that were lost lately."""
    environment = call.environment

    def work(connection: Connection) -> list[WorkerRow]:
        return [*mail_workers.present(connection), *mail_workers.lost(connection, call.now - REMEMBERED)]

    limit = environment.options.current.sending.timing.connections
    rows = environment.store.read(work)
    alone = environment.store.is_sqlite and sum(row.lost_at is None for row in rows) == 1
    return contract.MailWorkers(
        workers=tuple(
            contract.MailWorker(
                name=row.name,
                joined_at=row.joined_at,
                # The server that answers is there; while it is alone it gives no signs, and nobody shares with it.
                seen_at=call.now if row.name == SERVER and row.lost_at is None else row.seen_at,
                connections=limit if alone else row.connections,
                lost_at=row.lost_at,
            )
            for row in rows
        ),
        connections=limit,
    )


def lost_lately(environment: Environment, now: datetime) -> list[WorkerRow]:
    """The workers that were lost within the last hour, but for those that are back under their name."""

    def work(connection: Connection) -> list[WorkerRow]:
        there = {row.name for row in mail_workers.present(connection)}
        return [row for row in mail_workers.lost(connection, now - TOLD) if row.name not in there]

    return environment.store.read(work)
