"""The second process of a server on SQLite: it sends mail, too, so that more than one processor does.

    python -m trackkit.server.second DATA

Only the server starts it (`server/keeping_second.py`) and talks to it: on stdin comes a byte when there is something to
look at, `MAIL` or `CHANGED`, and their end when it shall stop, or the server is gone; on stdout it gives a sign of life
every second. It stops in order, as on SIGTERM and SIGINT, and takes nothing on from then on. It sends over connections
only; pickup folders and MAPI are the server's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tzlocal import get_localzone

from trackkit.domain.mail_workers import SECOND
from trackkit.server import settings
from trackkit.server.folder import Folder
from trackkit.server.mail_parts import mail_environment
from trackkit.server.process import now, run_loop, stop_signal
from trackkit.server.sending import AtWork, sending
from trackkit.services.environment import MailEnvironment
from trackkit.services.machine import Machine
from trackkit.services.sealing import Sealer
from trackkit.services.sinks.event_log import EventLogSink, system_event_log
from trackkit.store import database
from trackkit.store.database import Store

MAIL: Final = b"m"
CHANGED: Final = b"c"
"""Something may be due; options or trust have changed."""

ALIVE: Final = b"."
ALIVE_EVERY_SECONDS: Final = 1.0


def run(data: Path) -> None:
    """Send mail until told to stop."""
    os.umask(0o077)
    folder = Folder(data)
    with ExitStack() as closing:
        machine = settings.load(folder.path)
        environment = mail_environment(
            closing,
            _store(closing, folder.database),
            _store(closing, folder.log_database),
            Sealer(folder.secret_key.read_bytes()),
            folder.startup_log,
            EventLogSink(lambda: system_event_log(machine.journal_socket, machine.syslog_socket)),
            now,
            get_localzone(),
            Machine(folder.path, mapi_library=""),
        )
        run_loop(_work(environment))


def _store(closing: ExitStack, path: Path) -> Store:
    store = database.sqlite(path, create=False)
    closing.callback(store.close)
    return store


async def _work(environment: MailEnvironment) -> None:
    stop = stop_signal()
    async with sending(environment, SECOND) as at_work:
        heard = await _listening(at_work, stop)
        living = asyncio.create_task(_live())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, living, at_work.task], return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        stopping.cancel()
        heard.close()


async def _listening(at_work: AtWork, stop: asyncio.Event) -> asyncio.BaseTransport:
    class Heard(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            if CHANGED in data:
                at_work.in_touch.look_soon()
            at_work.engine.wake()

        def connection_lost(self, error: Exception | None) -> None:
            stop.set()

    transport, _ = await asyncio.get_running_loop().connect_read_pipe(Heard, os.fdopen(0, "rb", closefd=False))
    return transport


async def _live() -> None:
    """Until nobody listens any more."""
    try:
        while True:
            os.write(1, ALIVE)
            await asyncio.sleep(ALIVE_EVERY_SECONDS)
    except OSError:
        return


if __name__ == "__main__":
    run(Path(sys.argv[1]))
