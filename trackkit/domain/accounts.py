"""Server users: roles, names, passwords, and when a session has ended.

Pure decisions; hashing and storage are elsewhere. Refusals are `InvalidInput`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trackkit.domain.errors import InvalidInput

ADMIN = "admin"
"""The account of a fresh server; it starts without a password."""

MINIMUM_PASSWORD = 8
MAXIMUM_PASSWORD = 1024
MAXIMUM_USERNAME = 64
MAXIMUM_PROOF = 500
"""Characters of the proof of an earlier log-in."""

WITHOUT_PASSWORD = "Without a password the account can log in only on the server machine."


class Role(StrEnum):
    """What an account may do; each role may all that the ones before it may."""

    viewer = "viewer"
    operator = "operator"
    admin = "admin"

    @property
    def rank(self) -> int:
        """0 for viewer, rising."""
        return list(Role).index(self)

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        return self.rank >= needed.rank


@dataclass(frozen=True, slots=True)
class ProjectIdentity:
    """Who a project user is, and what their security groups let them do."""

    database: str
    database_row: int
    user_number: int
    client: str
    commands: frozenset[str]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for an operation: the account, its role, and from where (`local` = the owner-only socket)."""

    username: str
    role: Role
    address: str
    local: bool = False
    session_id: str | None = None
    token_name: str | None = None
    project: ProjectIdentity | None = None
    """Of a project user; server users have none, and what needs one refuses them."""

    @property
    def where(self) -> str:
        """For log and audit: the client's address, or that it came through the local socket."""
        return "local socket" if self.local else self.address


def username_key(name: str) -> str:
    """The form in which names are compared: they are not case sensitive (SPEC §6)."""
    return name.strip().casefold()


def checked_username(name: str) -> str:
    """The name as it is stored, or `InvalidInput`."""
    return _checked_name("username", name)


def checked_token_name(name: str) -> str:
    """The token's name as it is stored, or `InvalidInput`."""
    return _checked_name("name", name)


def _checked_name(field: str, name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInput.of(field, "is empty")
    if len(name) > MAXIMUM_USERNAME:
        raise InvalidInput.of(field, f"has {len(name)} characters; at most {MAXIMUM_USERNAME} are possible")
    if not name.isprintable():
        raise InvalidInput.of(field, "holds control characters")
    if "/" in name or "\\" in name:
        raise InvalidInput.of(field, "holds a slash, which separates the parts of addresses")
    return name


def checked_password(password: str, field: str = "password") -> str:
    """The password itself if it is acceptable, else `InvalidInput` (which never repeats it) naming the field."""
    if len(password) < MINIMUM_PASSWORD:
        raise InvalidInput.of(field, f"is shorter than {MINIMUM_PASSWORD} characters")
    if len(password) > MAXIMUM_PASSWORD:
        raise InvalidInput.of(field, f"is longer than {MAXIMUM_PASSWORD} characters")
    return password


def session_expired(last_used_at: datetime, now: datetime, idle: timedelta) -> bool:
    """Whether an admin session idle since `last_used_at` has ended."""
    return now - last_used_at >= idle
