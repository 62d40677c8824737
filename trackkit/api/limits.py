"""Requests that are too long are refused before they are read."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackkit.contract.wire import WireError, status_of
from trackkit.domain.errors import MessageTooLarge, Problem


class LimitBody:
    """ASGI middleware: `limit` says for a path how many bytes a body may have, with or without Content-Length."""

    def __init__(self, app: ASGIApp, limit: Callable[[str], int]) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it is, or turns out to be, too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            await _refuse(limit, scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_long(limit)
            return message

        await self._app(scope, counted, send)


def _too_long(limit: int) -> MessageTooLarge:
    return MessageTooLarge(
        f"The request is longer than {limit:,} bytes and was refused; nothing was stored.",
        "The limit for mail follows from sending.timing.maximum_message_mb.",
        problems=[Problem("message", "is over the maximum size")],
    )


async def _refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    error = _too_long(limit)
    await JSONResponse(WireError.of(error).model_dump(), status_of(error), {"Connection": "close"})(
        scope, receive, send
    )
