"""Where a request comes from, as the log, the throttles and the roles know it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

LOCAL_SCOPE: Final = "trackkit.local"
"""Set in the ASGI scope of requests that came through the owner-only local socket."""


def origin_of(request: Request) -> tuple[str, bool]:
    """The client's address, and whether it came through the local socket."""
    local = bool(request.scope.get(LOCAL_SCOPE, False))
    return "local" if local else (request.client.host if request.client else "unknown"), local
