"""What the dashboards ask the trackkit server: always as nobody or as one visitor, never with rights of their own.

The client is synchronous, so each call runs in a thread and the event loop goes on. Errors are the client's: what
the server raised, or `ConnectionFailed` with its diagnosis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from trackkit.client import Server, reach
from trackkit.contract.operation import Realm
from trackkit.contract.project import Offered, OpenedProject
from trackkit.contract.server import OpenedSession, ServerInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrackkitServer:
    """Where the server is.

    Parameters
    ----------
    url: ``https://host:port``.
    fingerprint: of its certificate, as ``sha256:…``; none when it does not encrypt.
    """

    url: str
    fingerprint: str | None = None

    async def info(self) -> ServerInfo:
        """What anyone may know, and whether the server still waits to be set up."""
        return await self._ask(lambda server: server.info())

    async def front(self) -> tuple[ServerInfo, tuple[Offered, ...]]:
        """What the log-in page shows: the same, and the databases of the web log-in list."""
        return await self._ask(lambda server: (server.info(), server.offered("web").databases))

    async def complete_setup(self, code: str, password: str) -> None:
        """Set the admin password with the one-time code; `WrongLogin`, `InvalidInput`, `Conflict`."""
        await self._ask(lambda server: server.complete_setup(code, password))

    async def log_in(self, username: str, password: str, proof: str | None = None) -> OpenedSession:
        """Open a session that outlives this call; `WrongLogin`, `TooManyAttempts`, `Unavailable`.

        Parameters
        ----------
        proof: that this browser has logged in to the account before: to the server all visitors have one address.
        """

        def opened(server: Server) -> OpenedSession:
            session = server.log_in(username, password, proof)
            server.use_token(session.token)  # from now on it is the visit's session, not this connection's to end
            return session

        return await self._ask(opened)

    async def log_in_to_project(
        self, database: str, username: str, password: str, proof: str | None = None
    ) -> OpenedProject:
        """The same for a user of a project; besides `DatabaseUnavailable`."""

        def opened(server: Server) -> OpenedProject:
            project = server.project(database, username, password, client="web", proof=proof)
            assert project.opened is not None  # noqa: S101 - for the type checker: it was opened just now
            return project.opened

        return await self._ask(opened)

    async def log_out(self, realm: Realm, token: str) -> None:
        """End a visitor's session."""

        def ended(server: Server) -> None:
            if realm == "project":
                server.end_project_session(token)
            else:
                server.use_token(token)
                server.log_out()

        await self._ask(ended)

    async def check(self, realm: Realm, token: str, *, automatic: bool) -> None:
        """`NotLoggedIn` when a visitor's session has ended; `automatic`: the question is no activity of theirs."""

        def asked(server: Server) -> None:
            with server.automatic() if automatic else nullcontext():
                if realm == "project":
                    server.project_session(token)
                else:
                    server.use_token(token)

        await self._ask(asked)

    async def _ask(self, question: Callable[[Server], T]) -> T:
        def answer() -> T:
            with reach(self.url, fingerprint=self.fingerprint) as server:
                return question(server)

        return await asyncio.to_thread(answer)
