"""`server.users`, `server.tokens`, `server.sessions`: one method an operation, and frames over the listings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackkit.client.admin import Secret
from trackkit.client.call import Caller
from trackkit.contract import sessions, users
from trackkit.contract.operation import Done
from trackkit.domain.accounts import Role

if TYPE_CHECKING:
    import pandas as pd


class UsersPart:
    """The accounts that administer a server."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self) -> users.Users:
        """All server users, by name."""
        return self._caller.ask(users.LIST)

    def frame(self) -> pd.DataFrame:
        """The users as a frame, one row each."""
        from trackkit.frames.accounts import users_frame

        return users_frame(self.list().users, self._server)

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

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self) -> users.Tokens:
        """One's own tokens; an admin sees everybody's."""
        return self._caller.ask(users.TOKENS)

    def frame(self) -> pd.DataFrame:
        """The tokens as a frame, one row each; never their secrets."""
        from trackkit.frames.accounts import tokens_frame

        return tokens_frame(self.list().tokens, self._server)

    def add(self, name: str, role: Role | str, days: int | None = None) -> users.NewToken:
        """Make a token with a role no higher than one's own; its `secret` is shown this once."""
        return self._caller.ask(users.ADD_TOKEN, name=name, role=role, days=days)

    def delete(self, username: str, name: str) -> Done:
        """Revoke a token by its owner and name."""
        return self._caller.ask(users.DELETE_TOKEN, username=username, name=name)


class SessionsPart:
    """Who is logged in now."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self) -> sessions.Sessions:
        """One's own sessions, newest first; an operator sees those of projects, too, an admin all."""
        return self._caller.ask(sessions.LIST)

    def frame(self) -> pd.DataFrame:
        """The sessions as a frame, one row each."""
        from trackkit.frames.accounts import sessions_frame

        return sessions_frame(self.list().sessions, self._server)

    def end(self, session_id: str) -> Done:
        """End a session, from the list; what is not saved there is lost. `NotFound`."""
        return self._caller.ask(sessions.END, session_id=session_id)
