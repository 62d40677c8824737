"""Errors that nobody foresaw: the log gets a reference and the place, whoever asked gets the reference."""

from __future__ import annotations

import secrets
import traceback
from typing import Final

from starlette.requests import Request

from trackkit.domain.errors import ServerFault
from trackkit.domain.log import Severity
from trackkit.services.environment import Environment

SOURCE: Final = "api"


def logged_fault(environment: Environment, request: Request, error: BaseException) -> ServerFault:
    """What to answer; the log's entry has the same reference."""
    reference = secrets.token_hex(4)
    environment.log.write(
        Severity.error,
        SOURCE,
        f"Defect {reference} in {request.method} {request.url.path}: {type(error).__name__}.",
        _where(error),
    )
    return ServerFault(
        f"The server made a mistake (reference {reference}).",
        "The server log has an entry with this reference.",
        details={"reference": reference},
    )


def _where(error: BaseException) -> str:
    """The places an error went through, without any values: those could be secrets."""
    return "\n".join(f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__))
