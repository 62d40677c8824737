"""The server itself, log-in, and the set-up code of a fresh server."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from trackkit.contract.operation import Done, Nothing, Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.accounts import MAXIMUM_PASSWORD, MAXIMUM_PROOF, MAXIMUM_USERNAME, Role


class ServerInfo(Response):
    """What anyone may know before logging in."""

    product: Literal["trackkit"] = "trackkit"
    version: str
    api_version: int
    server_id: str
    setup_open: bool
    """The admin has no password yet: the set-up code can be used."""
    login_text: str = ""
    """What log-in pages show above their form (`server.login_text`)."""


class Finding(Response):
    """One thing that health noticed."""

    severity: str
    """A level of the log's."""
    subject: str
    words: str
    next_step: str
    operation: str = ""
    option: str = ""


class Health(Response):
    """Findings, most severe first; none = all is well."""

    findings: tuple[Finding, ...]
    checked_at: datetime


class LoginRequest(Request):
    """Without a password only through the local socket."""

    username: str = Field(max_length=MAXIMUM_USERNAME)
    password: SecretStr | None = Field(None, max_length=MAXIMUM_PASSWORD)
    proof: SecretStr | None = Field(None, max_length=MAXIMUM_PROOF)
    """Of an earlier log-in to this account; strangers' failed tries from the same address then do not count."""


class Session(Response):
    """Who one is to the server."""

    session_id: str
    username: str
    role: Role
    password_set: bool
    opened_at: datetime | None = None


class OpenedSession(Session):
    """The token is shown once; it goes into the Authorization header as ``Bearer``."""

    token: str = Field(repr=False)
    proof: str = Field("", repr=False)
    """To be kept and shown at the next log-in where people share an address; it opens nothing by itself."""


class SetupCode(Response):
    """Shown once; the next one replaces it."""

    code: str


class SetupRequest(Request):
    """The first visitor's proof of being let in, and the admin password they choose."""

    code: SecretStr = Field(max_length=64)
    password: SecretStr = Field(max_length=MAXIMUM_PASSWORD)


INFO = Operation(
    "server.info", "GET", "/server", Nothing, ServerInfo, None, "Which server this is and which version it runs"
)
HEALTH = Operation(
    "server.health", "GET", "/server/health", Nothing, Health, Role.viewer, "What needs attention, and what to do"
)
LOGIN = Operation(
    "session.open",
    "POST",
    "/sessions",
    LoginRequest,
    OpenedSession,
    None,
    "Log in",
    errors=(errors.WrongLogin, errors.TooManyAttempts, errors.Unavailable),
)
CURRENT = Operation("session.current", "GET", "/sessions/current", Nothing, Session, Role.viewer, "Who am I")
LOGOUT = Operation("session.close", "DELETE", "/sessions/current", Nothing, Done, Role.viewer, "Log out")
SETUP_CODE = Operation(
    "setup.issue",
    "POST",
    "/setup/code",
    Nothing,
    SetupCode,
    Role.admin,
    "Make a one-time code with which the first visitor sets the admin password",
    errors=(errors.Conflict,),
    audited=True,
)
SETUP = Operation(
    "setup.complete",
    "POST",
    "/setup",
    SetupRequest,
    Done,
    None,
    "Set the admin password of a fresh server with its set-up code",
    errors=(errors.WrongLogin, errors.Conflict),
    audited=True,
)

OPERATIONS = (INFO, HEALTH, LOGIN, CURRENT, LOGOUT, SETUP_CODE, SETUP)
