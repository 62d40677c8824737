"""What an operation is: declared once as a typed catalogue entry.

Routes, OpenAPI, the check of roles, and the client's calls derive from these entries; the server refuses to start
when one of them has no handler.

Where fields travel: those named in ``path`` in the path; of ``GET`` and ``DELETE`` the rest in the query, of every
other method in a JSON body. Fields unknown to the request are refused everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from trackkit.domain.accounts import Role
from trackkit.domain.errors import TrackkitError

PREFIX = "/api/v1"

Realm = Literal["server", "project"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

RowNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""The number of a row, within what databases can hold."""


class Request(BaseModel):
    """What is asked; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Response(BaseModel):
    """What is answered. Clients ignore fields they do not know, so that servers can be newer."""

    model_config = ConfigDict(frozen=True)


class Nothing(Request):
    """A request without fields."""


class Octets(Response):
    """An answer that is no JSON but octets, sent piece by piece as they are made.

    One that breaks off breaks the connection, so that nobody takes a part for the whole.
    """

    media_type: str
    pieces: Any
    """An iterator of bytes."""


class Done(Response):
    """An answer without content."""


RequestT = TypeVar("RequestT", bound=Request)
ResponseT = TypeVar("ResponseT", bound=Response)


@dataclass(frozen=True)
class Operation(Generic[RequestT, ResponseT]):
    """One thing that can be asked of a server.

    Parameters
    ----------
    name: stable, ``group.verb``; Python, command line and audit use it.
    role: the least role that may; ``None`` = no log-in needed.
    errors: what it can raise besides the errors any operation can (not logged in, not allowed, invalid input …).
    realm: whose log-in it takes: that of a server user, or of a project user (with a project session); `role` is the
        server user's; what a project user may follows from their security groups. The two never stand in for each
        other.
    audited: it changes something, so it leaves an audit record.
    session_only: not with an API token: a token can have a lesser role than its owner and must not become its owner.
    """

    name: str
    method: Method
    path: str
    request: type[RequestT]
    response: type[ResponseT]
    role: Role | None
    summary: str
    errors: tuple[type[TrackkitError], ...] = ()
    realm: Realm = "server"
    audited: bool = False
    session_only: bool = False

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The request's fields that travel in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def in_query(self) -> bool:
        """Whether the remaining fields travel in the query instead of a body."""
        return self.method in ("GET", "DELETE")
