"""The mail workers of a server: the processes that send its mail."""

from __future__ import annotations

from datetime import datetime

from trackkit.contract.operation import Nothing, Operation, Response
from trackkit.domain.accounts import Role


class MailWorker(Response):
    """A worker: the server's own is called ``server``, its second process ``server-2``."""

    name: str
    joined_at: datetime
    seen_at: datetime
    connections: int
    """How many connections it may have open, of those for the whole server."""
    lost_at: datetime | None
    """When nothing more was heard of it; none = it is there."""


class MailWorkers(Response):
    """Those that are there, the oldest first, then those lost within a day."""

    workers: tuple[MailWorker, ...]
    connections: int
    """For all of them together: ``sending.timing.connections``."""


LIST = Operation(
    "mail.workers", "GET", "/mail/workers", Nothing, MailWorkers, Role.viewer, "The processes that send mail"
)

OPERATIONS = (LIST,)
