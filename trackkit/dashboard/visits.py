"""Who is logged in to the dashboards, and which kernels are theirs.

Kept in memory only: a restart of the dashboards asks everybody to log in again. The browser holds nothing of it but the
random key of its visit; the session token of the trackkit server never leaves this process except into the
visitor's own kernels. Nothing here does I/O.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from jupyter_server.auth.identity import User

from trackkit.contract.operation import Realm

KERNELS_PER_VISIT = 4
"""A kernel takes about 100 MB; who opens more pages than this loses the oldest."""

ENDED_VISITS = 1000
"""Of so many it is remembered in which project they were, so that the log-in page can offer it again."""


@dataclass
class Visitor(User):
    """A logged-in person: what Jupyter knows as the user, with what the trackkit server said of them."""

    role: str = ""
    """Of a server user."""
    database: str = ""
    """Of a project user: the project that the session is in."""
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    kernels: list[str] = field(default_factory=list)
    """Ids of the kernels this visit started, oldest first."""

    @property
    def realm(self) -> Realm:
        """Whose log-in it was: that of a server user, or of a user of a project."""
        return "project" if self.database else "server"

    @property
    def known_as(self) -> str:
        """What they are besides their name: the role, or the project they are in."""
        return f"in {self.database}" if self.database else self.role


class Visits:
    """Every visit by its key."""

    def __init__(self) -> None:
        self._visits: dict[str, Visitor] = {}
        self._were_in: dict[str, str] = {}

    def open(self, username: str, role: str, token: str) -> Visitor:
        """A new visit of a server user, under a fresh random key (never a key that a browser brought along)."""
        return self._open(Visitor(username=username, role=role, token=token, key=secrets.token_urlsafe(32)))

    def open_in_project(self, username: str, database: str, token: str) -> Visitor:
        """The same for a user of a project."""
        return self._open(Visitor(username=username, database=database, token=token, key=secrets.token_urlsafe(32)))

    def _open(self, visitor: Visitor) -> Visitor:
        self._visits[visitor.key] = visitor
        return visitor

    def get(self, key: str) -> Visitor | None:
        """The visit of that key, or none when it has ended."""
        return self._visits.get(key)

    def end(self, visitor: Visitor) -> None:
        """Forget a visit; its key opens nothing any more."""
        if self._visits.pop(visitor.key, None) is not None:
            self._were_in[visitor.key] = visitor.database
            for key in list(self._were_in)[:-ENDED_VISITS]:
                del self._were_in[key]

    def was_in(self, key: str) -> str:
        """The project that an ended visit was in; empty when it was in none, or ended long ago."""
        return self._were_in.get(key, "")

    def forget_kernel(self, kernel_id: str) -> None:
        """A kernel has ended, whoever ended it."""
        for visitor in self._visits.values():
            if kernel_id in visitor.kernels:
                visitor.kernels.remove(kernel_id)

    def __iter__(self) -> Iterator[Visitor]:
        return iter(tuple(self._visits.values()))
