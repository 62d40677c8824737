"""`server.users`, `server.tokens`, `server.audit`: one method an operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import audit, users
from trackkit.contract.operation import Done
from trackkit.domain.accounts import Role

if TYPE_CHECKING:
    import pandas as pd

Secret = str | SecretStr

_PAGE = 1000
FRAME_LIMIT = 10_000


class UsersPart:
    """The accounts that administer a server."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> users.Users:
        """All server users, by name."""
        return self._caller.ask(users.LIST)

    def add(self, username: str, role: Role | str, password: Secret | None = None) -> users.User:
        """Add a user; without a password the account can log in only on the server machine. `Conflict`."""
        return self._caller.ask(users.ADD, username=username, role=role, password=password)

    def edit(self, username: str, role: Role | str | None = None, password: Secret | None = None) -> users.User:
        """Change role or password; what is not given stays. Ends that user's sessions."""
        return self._caller.ask(users.EDIT, username=username, role=role, password=password)

    def delete(self, username: str) -> Done:
        """Delete a user; `Conflict` for the last admin."""
        return self._caller.ask(users.DELETE, username=username)

    def password(self, new: Secret, present: Secret | None = None) -> Done:
        """Change one's own password; `WrongLogin` when `present` is wrong."""
        return self._caller.ask(users.PASSWORD, new=new, present=present)


class TokensPart:
    """API tokens for scripts."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> users.Tokens:
        """One's own tokens; an admin sees everybody's."""
        return self._caller.ask(users.TOKENS)

    def add(self, name: str, role: Role | str, days: int | None = None) -> users.NewToken:
        """Make a token with a role no higher than one's own; its `secret` is shown this once."""
        return self._caller.ask(users.ADD_TOKEN, name=name, role=role, days=days)

    def delete(self, username: str, name: str) -> Done:
        """Revoke a token by its owner and name."""
        return self._caller.ask(users.DELETE_TOKEN, username=username, name=name)


class AuditPart:
    """Who changed what; read only."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self, before: int | None = None, limit: int = 200) -> audit.AuditPage:
        """One page, newest first."""
        return self._caller.ask(audit.LIST, before=before, limit=limit)

    def each(self, limit: int | None = None) -> Iterator[audit.AuditRecord]:
        """The records, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[audit.AuditRecord, ...], int | None]:
            page = self.list(before, size)
            return page.records, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(self, limit: int | None = FRAME_LIMIT) -> pd.DataFrame:
        """The records as a frame, newest first."""
        from trackkit.frames import audit_frame

        return audit_frame(self.each(limit), self._server)
