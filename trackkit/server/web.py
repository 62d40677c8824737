"""Sockets to listen on and the web servers behind them: TCP, with or without TLS, and the owner-only local socket.

Fails with `Unavailable` when a port is taken or not allowed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from trackkit.api.origin import LOCAL_SCOPE
from trackkit.domain.errors import Unavailable
from trackkit.server.folder import Folder

_GRACE_SECONDS: Final = 10


@contextmanager
def listening(address: str, port: int) -> Iterator[socket.socket]:
    """The bound TCP socket; `Unavailable` when the port is taken or not allowed."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            raise Unavailable(
                f"The server cannot listen on {address} port {port}: {error.strerror}.",
                "Is another program, or another trackkit server, using the port? Choose another one with --port.",
            ) from error
        yield listener


@contextmanager
def local_socket(folder: Folder) -> Iterator[socket.socket | None]:
    """The owner-only local socket: in a folder only the owner can enter, itself 0600. None where there are none."""
    if os.name != "posix":
        yield None
        return
    folder.socket.unlink(missing_ok=True)  # the folder is locked, so it is a leftover
    with socket.socket(socket.AF_UNIX) as listener:
        entrance = os.open(folder.path, os.O_RDONLY)
        try:
            # Through the open folder: the path itself may be longer than the 107 bytes a socket's name may have.
            where = (
                f"/proc/self/fd/{entrance}/{folder.socket.name}"
                if Path("/proc/self/fd").exists()
                else str(folder.socket)
            )
            listener.bind(where)
            os.chmod(folder.socket, 0o600)
            yield listener
        finally:
            os.close(entrance)
            folder.socket.unlink(missing_ok=True)


class Server(uvicorn.Server):
    """uvicorn without its own handling of signals: two of them run here, and the mail engine stops with them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when requests are accepted."""
        await super().startup(sockets)
        self.accepting.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drop idle connections at once: a client that sleeps would not answer TLS's closing, and hold up the stop."""
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            transport = getattr(connection, "transport", None)
            if transport is not None and (cycle is None or cycle.response_complete):
                transport.abort()
        await super().shutdown(sockets)

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        """Leave the signals to `_serve`."""
        return nullcontext()


def web_server(app: ASGIApp, encrypted: Folder | None) -> Server:
    """A web server for `app`, with the folder's certificate where `encrypted`."""
    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws="none",
        ssl_certfile=encrypted.certificate if encrypted else None,
        ssl_keyfile=encrypted.private_key if encrypted else None,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return Server(config)


class LocalApp:
    """Marks requests as having come through the local socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, marked."""
        await self._app({**scope, LOCAL_SCOPE: True}, receive, send)
