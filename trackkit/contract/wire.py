"""How errors and log-ins travel: the same error class comes out of the client that went into the server."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from trackkit.domain import errors
from trackkit.domain.errors import Problem, TrackkitError

API_VERSION = 1
"""Raised when an older client could misunderstand; the client refuses a server with another one."""

AUTOMATIC_HEADER = "X-Trackkit-Automatic"
"""Sent with requests that no person made (an automatic refresh); they do not keep a session alive."""

STATUS: Mapping[type[TrackkitError], int] = MappingProxyType(
    {
        errors.InvalidInput: 422,
        errors.MessageTooLarge: 413,
        errors.NotFound: 404,
        errors.Conflict: 409,
        errors.NotLoggedIn: 401,
        errors.NotAllowed: 403,
        errors.NoSeat: 409,
        errors.Unavailable: 503,
        errors.TooManyAttempts: 429,
        errors.JobCancelled: 409,
        errors.ServerFault: 500,
    }
)


def status_of(error: TrackkitError) -> int:
    """The HTTP status an error travels with: that of the nearest class in `STATUS`, else 500."""
    return next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 500)


class WireProblem(BaseModel):
    """One refused field."""

    field: str
    message: str


class WireError(BaseModel):
    """The body of every answer that is an error."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    advice: str = ""
    problems: tuple[WireProblem, ...] = ()
    details: dict[str, str] = {}

    @classmethod
    def of(cls, error: TrackkitError) -> WireError:
        """The error as it is sent."""
        problems = tuple(WireProblem(field=p.field, message=p.message) for p in error.problems)
        return cls(
            code=error.code, message=error.message, advice=error.advice, problems=problems, details=error.details
        )

    def error(self) -> TrackkitError:
        """The error as it was raised; a code this client does not know becomes a plain `TrackkitError`."""
        cls = errors.BY_CODE.get(self.code, TrackkitError)
        problems = [Problem(p.field, p.message) for p in self.problems]
        return cls(self.message, self.advice, problems=problems, details=self.details)
