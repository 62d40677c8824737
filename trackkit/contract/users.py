"""Server users and their API tokens."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, SecretStr

from trackkit.contract.operation import Done, Nothing, Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.account_fields import MAXIMUM_TOKEN_DAYS
from trackkit.domain.accounts import MAXIMUM_PASSWORD, MAXIMUM_USERNAME, Role


class User(Response):
    """A server user."""

    username: str
    role: Role
    password_set: bool
    created_at: datetime
    last_login_at: datetime | None


class Users(Response):
    """All server users, by name."""

    users: tuple[User, ...]


class AddUser(Request):
    """Without a password the account can log in only on the server machine."""

    username: str = Field(max_length=MAXIMUM_USERNAME)
    role: Role
    password: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)


class EditUser(Request):
    """What is not given stays."""

    username: str = Field(max_length=MAXIMUM_USERNAME)
    role: Role | None = None
    password: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)


class NamedUser(Request):
    """One server user."""

    username: str = Field(max_length=MAXIMUM_USERNAME)


class ChangePassword(Request):
    """One's own password; the present one is asked for where there is one."""

    new: SecretStr = Field(max_length=MAXIMUM_PASSWORD)
    present: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)


class Token(Response):
    """An API token; the secret itself is never shown again."""

    name: str
    username: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Tokens(Response):
    """One's own tokens; an admin sees everybody's."""

    tokens: tuple[Token, ...]


class AddToken(Request):
    """A token acts for its owner, with a role no higher than theirs."""

    name: str = Field(min_length=1, max_length=64)
    role: Role
    days: int | None = Field(None, ge=1, le=MAXIMUM_TOKEN_DAYS)
    """Days until it expires; none = never."""


class NewToken(Token):
    """`secret` is shown this once."""

    secret: str


class NamedToken(Request):
    """One token by its owner and name."""

    username: str = Field(max_length=MAXIMUM_USERNAME)
    name: str = Field(max_length=64)


LIST = Operation("user.list", "GET", "/users", Nothing, Users, Role.admin, "All server users")
ADD = Operation(
    "user.add",
    "POST",
    "/users",
    AddUser,
    User,
    Role.admin,
    "Add a server user",
    errors=(errors.Conflict,),
    audited=True,
)
EDIT = Operation(
    "user.edit",
    "PATCH",
    "/users/{username}",
    EditUser,
    User,
    Role.admin,
    "Change a server user's role or password",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
DELETE = Operation(
    "user.delete",
    "DELETE",
    "/users/{username}",
    NamedUser,
    Done,
    Role.admin,
    "Delete a server user",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
PASSWORD = Operation(
    "user.password",
    "PUT",
    "/password",
    ChangePassword,
    Done,
    Role.viewer,
    "Change one's own password",
    errors=(errors.WrongLogin, errors.TooManyAttempts, errors.Conflict),
    audited=True,
    session_only=True,
)
TOKENS = Operation("token.list", "GET", "/tokens", Nothing, Tokens, Role.viewer, "API tokens")
ADD_TOKEN = Operation(
    "token.add",
    "POST",
    "/tokens",
    AddToken,
    NewToken,
    Role.viewer,
    "Make an API token for scripts",
    errors=(errors.Conflict, errors.NotAllowed),
    audited=True,
    session_only=True,
)
DELETE_TOKEN = Operation(
    "token.delete",
    "DELETE",
    "/tokens/{username}/{name}",
    NamedToken,
    Done,
    Role.viewer,
    "Revoke an API token",
    errors=(errors.NotFound, errors.NotAllowed),
    audited=True,
)

OPERATIONS = (LIST, ADD, EDIT, DELETE, PASSWORD, TOKENS, ADD_TOKEN, DELETE_TOKEN)
