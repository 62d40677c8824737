"""The door: log-in, log-out, and noticing that a visitor's session at the trackkit server has ended.

A visit lives exactly as long as the session behind it, which is one of the server's or one of a project. When that
ends (log-out, idle time-out, ended by an administrator, password changed, database made inactive), the visit is
forgotten and its kernels are shut down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import Visitor, Visits
from trackkit.domain.errors import InvalidInput, NotLoggedIn, TrackkitError

if TYPE_CHECKING:
    from logging import Logger

    from trackkit.dashboard.kernels import VisitorKernels

SWEEP_SECONDS = 60
"""How often the visits are held against the server's sessions."""


class Door:
    """Lets people in and out.

    Parameters
    ----------
    kernels: where visitors' kernels run.
    """

    def __init__(self, visits: Visits, server: TrackkitServer, kernels: VisitorKernels, log: Logger) -> None:
        self._visits, self._server, self._kernels, self._log = visits, server, kernels, log

    async def enter(
        self, username: str, password: str, proof: str | None = None, *, database: str = ""
    ) -> tuple[Visitor, str]:
        """Log in at the server; the visitor, and the proof for this browser's next log-in.

        Parameters
        ----------
        database: the project to log in to, as one of its users; none = the server itself.

        Raises
        ------
        InvalidInput: name or password is empty; dashboards never let anyone in without a password (SPEC §6).
        WrongLogin, TooManyAttempts, Unavailable, DatabaseUnavailable, ConnectionFailed: as the server says.
        """
        if not username:
            raise InvalidInput("Enter your user name.")
        if not password:
            raise InvalidInput("Enter your password.", "An account without a password cannot use the dashboards.")
        if database:
            opened = await self._server.log_in_to_project(database, username, password, proof)
            return self._visits.open_in_project(opened.username, opened.database, opened.token), opened.proof
        session = await self._server.log_in(username, password, proof)
        return self._visits.open(session.username, session.role, session.token), session.proof

    async def leave(self, visitor: Visitor) -> None:
        """Log out: the visit, its kernels and the server's session end."""
        await self._end(visitor)
        try:
            await self._server.log_out(visitor.realm, visitor.token)
        except TrackkitError as error:
            # The visit is over either way; the server's session ends by its idle time-out.
            self._log.warning("Logging out %s at the server failed: %s", visitor.username, error.message)

    async def still_open(self, visitor: Visitor, *, automatic: bool = False) -> bool:
        """Whether the server still knows the visitor's session; if not, the visit ends.

        A server that cannot be reached says nothing about the session: the visit stays, and what is done in it
        fails with the reason.
        """
        try:
            await self._server.check(visitor.realm, visitor.token, automatic=automatic)
        except NotLoggedIn:
            await self._end(visitor)
            return False
        except TrackkitError as error:
            self._log.warning("The session of %s could not be checked: %s", visitor.username, error.message)
        return True

    async def sweep(self) -> None:
        """Ask about every visit; not an activity of theirs."""
        for visitor in self._visits:
            await self.still_open(visitor, automatic=True)

    async def _end(self, visitor: Visitor) -> None:
        self._visits.end(visitor)
        await self._kernels.end_kernels(visitor.kernels)
