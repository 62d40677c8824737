"""`trackkit server run`: one process with API and mail engine, from start to ordered stop.

When it accepts requests it prints one line: ``ready`` and its URL, and with TLS the certificate's fingerprint.
SIGTERM and SIGINT stop it: no new requests, running ones end, mail under way is settled, stores are closed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from trackkit.api.app import LOCAL_SCOPE, create_app
from trackkit.domain.errors import InvalidInput, TrackkitError, Unavailable
from trackkit.domain.log import Severity
from trackkit.mail.engine import Engine
from trackkit.server import compose, settings
from trackkit.server.compose import SOURCE
from trackkit.server.folder import Folder, fingerprint, locked, prepare
from trackkit.services.authentication import end_idle_sessions
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment

_GRACE_SECONDS: Final = 10
_HOUSEKEEPING_SECONDS: Final = 30
_WORKER: Final = "server"
"""The server's own mail worker; what it held before it was stopped is its own to rescue."""


def run(data: Path, *, port: int | None = None, address: str | None = None, database_url: str | None = None) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    data: the data folder; made when missing.
    port: wins over the option `server.port`.
    address: wins over the machine's setting.
    database_url: a PostgreSQL database instead of SQLite in the folder.

    Raises `TrackkitError` when the server cannot start; startup.log tells it, too.
    """
    if port is not None and not 1 <= port <= 65535:
        raise InvalidInput.of("port", f"is {port}; ports go from 1 to 65535")
    os.umask(0o077)  # whatever this process writes is for its owner alone
    folder = prepare(data)
    try:
        machine = settings.load(folder.path)
        if address is not None:
            machine = settings.changed(machine, "address", address)
        with locked(folder), compose.environment(folder, machine, database_url) as environment:
            options = environment.options.current.server
            if not options.encrypt and not environment.plain_allowed:
                raise InvalidInput.of(
                    "server.encrypt",
                    f"is off, but the server would listen on {machine.address}",
                    "Run `trackkit server set allow-plain yes` if that is really wanted, or listen on 127.0.0.1.",
                )
            if port not in (None, options.port):
                environment.log.write(
                    Severity.information,
                    SOURCE,
                    f"The port {port} given at the start wins over the option server.port ({options.port}).",
                )
            with _listening(machine.address, port or options.port) as tcp, _local(folder) as local:
                _run(_serve(environment, folder, tcp, local))
    except TrackkitError as error:
        compose.report_start_failure(folder, error)
        raise


def _run(main: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


@contextmanager
def _listening(address: str, port: int) -> Iterator[socket.socket]:
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
def _local(folder: Folder) -> Iterator[socket.socket | None]:
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


class _Server(uvicorn.Server):
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


async def _serve(environment: Environment, folder: Folder, tcp: socket.socket, local: socket.socket | None) -> None:
    app = create_app(environment)
    encrypt = environment.options.current.server.encrypt
    servers = [(_web_server(app, folder if encrypt else None), tcp)]
    if local is not None:
        servers.append((_web_server(_LocalApp(app), None), local))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        _on_signal(loop, number, stop)
    async with _engine(environment), _housekeeping(environment):
        tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in servers]
        await asyncio.gather(*(server.accepting.wait() for server, _ in servers))
        compose.warn_at_start(environment, is_service="INVOCATION_ID" in os.environ)
        host, port = tcp.getsockname()[:2]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        print(f"ready https://{where} {fingerprint(folder)}" if encrypt else f"ready http://{where}", flush=True)  # noqa: T201 - for whoever started it
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        stopping.cancel()
    environment.log.write(Severity.information, SOURCE, "The server stopped.")


def _on_signal(loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: asyncio.Event) -> None:
    if sys.platform == "win32":
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    else:
        loop.add_signal_handler(number, stop.set)


def _web_server(app: ASGIApp, encrypted: Folder | None) -> _Server:
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
    return _Server(config)


class _LocalApp:
    """Marks requests as having come through the local socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, marked."""
        await self._app({**scope, LOCAL_SCOPE: True}, receive, send)


@asynccontextmanager
async def _engine(environment: Environment) -> AsyncIterator[None]:
    """The mail engine, running; what it held when it was last stopped is rescued first."""
    queue = DeliveryQueue(environment, _WORKER)
    await asyncio.to_thread(queue.rescue, at_start=True)
    engine = Engine(queue, environment.clock)
    environment.on_mail.append(engine.wake)
    running = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        await engine.stop()
        await running


@asynccontextmanager
async def _housekeeping(environment: Environment) -> AsyncIterator[None]:
    """Ends idle sessions now and then."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            try:
                await asyncio.to_thread(end_idle_sessions, environment)
            except TrackkitError as error:
                environment.log.write(Severity.error, SOURCE, f"Idle sessions could not be ended: {error}")

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
