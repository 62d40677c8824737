"""`trackkit server run`: the process with API and mail engine, from start to ordered stop.

When it accepts requests it prints one line: ``ready`` and its URL, and with TLS the certificate's fingerprint.
SIGTERM and SIGINT stop it: no new requests, running ones end, mail under way is settled, stores are closed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from trackkit.api.app import create_app
from trackkit.domain.errors import InvalidInput, ServerFault
from trackkit.domain.hosts import host_and_port
from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import SERVER
from trackkit.server import compose, settings
from trackkit.server.compose import SOURCE
from trackkit.server.fetching import fetching
from trackkit.server.folder import Folder, fingerprint, locked, prepare
from trackkit.server.keeping_second import second_process
from trackkit.server.process import run_loop, stop_signal
from trackkit.server.receiving import receiving
from trackkit.server.sending import sending
from trackkit.server.testing import testing
from trackkit.server.web import LocalApp, listening, local_socket, web_server
from trackkit.services.authentication import end_idle_sessions
from trackkit.services.compacting import compact_at_start
from trackkit.services.disk import DiskWatch
from trackkit.services.environment import Environment
from trackkit.services.licensing import warn_of_maintenance
from trackkit.services.log_digest import mail_log
from trackkit.services.log_retention import LogRetention
from trackkit.services.mail_history import HistoryRetention
from trackkit.services.notifications import tell_overdue
from trackkit.services.project_outbox import flush_all
from trackkit.services.round_trip import send_due
from trackkit.services.sample import make_once
from trackkit.services.seats import reclaim_seats, sample_seats, tidy_history
from trackkit.services.tasks import begin_schedules, run_due
from trackkit.services.tracking_health import InboxWatch
from trackkit.services.trust import warn_of_certificates
from trackkit.services.upgrading import ListedUpgrades


def run(
    data: Path,
    *,
    port: int | None = None,
    address: str | None = None,
    database_url: str | None = None,
    sample: bool = True,
) -> None:
    """Serve until told to stop.

    Parameters
    ----------
    data: the data folder; made when missing.
    port: wins over the option `server.port`.
    address: wins over the machine's setting.
    database_url: a PostgreSQL database instead of SQLite in the folder.
    sample: a server that starts for the first time gets the sample database.

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
        with locked(folder), compose.environment(folder, machine, database_url, given_port=port) as environment:
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
            make_once(environment, wanted=sample)
            ListedUpgrades(environment).all()
            environment.projects.check()
            compact_at_start(environment)
            with listening(machine.address, port or options.port) as tcp, local_socket(folder) as local:
                run_loop(_serve(environment, folder, tcp, local))
    except Exception as error:
        compose.report_start_failure(folder, error)
        raise


async def _serve(environment: Environment, folder: Folder, tcp: socket.socket, local: socket.socket | None) -> None:
    app = create_app(environment)
    encrypt = environment.options.current.server.encrypt
    servers = [(web_server(app, folder if encrypt else None), tcp)]
    if local is not None:
        servers.append((web_server(LocalApp(app), None), local))
    stop = stop_signal()
    async with (
        sending(environment, SERVER, as_the_only_one=True, alone=environment.store.is_sqlite) as at_work,
        second_process(environment, folder, at_work) as second,
        testing(environment, at_work.engine.local),
        receiving(environment, folder) as listener,
        fetching(environment) as poller,
        _housekeeping(environment),
    ):
        tasks = [asyncio.create_task(server.serve(sockets=[opened])) for server, opened in servers]
        await asyncio.gather(*(server.accepting.wait() for server, _ in servers))
        await asyncio.to_thread(begin_schedules, environment)
        compose.warn_at_start(environment, is_service=started_as_service(os.environ, (os.getpid(), os.getppid())))
        where = host_and_port(*tcp.getsockname()[:2])
        ready = f"ready https://{where} {fingerprint(folder)}" if encrypt else f"ready http://{where}"
        print(ready, flush=True)  # noqa: T201 - for whoever started this process
        stopping = asyncio.create_task(stop.wait())
        # A part that ends by itself is a defect: stop in order and fail, rather than half live on.
        parts = [at_work.task, second, listener, poller]
        await asyncio.wait([stopping, *parts, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        ended_by_itself = not stopping.done()
        stopping.cancel()
    if ended_by_itself:
        raise ServerFault("The server stopped because a part of it ended by itself.", "The server log may say why.")
    environment.guard.tell(at_the_end=True)
    environment.submissions.tell(at_the_end=True)
    environment.log.write(Severity.information, SOURCE, "The server stopped.")


def started_as_service(environment: Mapping[str, str], processes: Collection[int]) -> bool:
    """Whether the system's service manager started one of these processes.

    systemd tells each service its invocation (systemd.exec(5)); so that a shell inside a desktop's terminal, which is
    a service itself, is not taken for one, the process it started has to be ours where it says which that was.
    """
    started = environment.get("SYSTEMD_EXEC_PID", "")
    return "INVOCATION_ID" in environment and (not started or started in map(str, processes))


def _chores(environment: Environment) -> tuple[tuple[float, Callable[[], None], str], ...]:
    """What the server does by itself: seconds between two times, what, and what the log says when it fails."""
    retention, history, disk = LogRetention(environment), HistoryRetention(environment), DiskWatch(environment)
    inbox = InboxWatch(environment)
    disk.look()
    warn_of_maintenance(environment)
    warn_of_certificates(environment)
    return (
        (30, partial(end_idle_sessions, environment), "Idle sessions could not be ended"),
        (10, partial(reclaim_seats, environment), "Project sessions that are over could not be ended"),
        (60, partial(sample_seats, environment), "The seats in use could not be counted"),
        (3600, partial(tidy_history, environment), "The history of seats could not be tidied"),
        (600, partial(warn_of_maintenance, environment), "Licenses could not be looked at"),
        (600, partial(warn_of_certificates, environment), "Trusted certificates could not be looked at"),
        (60, partial(send_due, environment), "Probe mails could not be sent"),
        (600, partial(tell_overdue, environment), "Overdue records could not be told of"),
        (10, environment.guard.tell, "Failed log-ins could not be summed up"),
        (10, environment.submissions.tell, "Submissions that were turned away could not be summed up"),
        (3, environment.projects.check, "The project databases could not be looked after"),
        (30, ListedUpgrades(environment).those_away, "Databases of an older version could not be looked after"),
        (1, environment.log_search.keep_up, "The log's search index could not be kept up to date"),
        (2, partial(run_due, environment), "Scheduled tasks could not be looked after"),
        (1, partial(mail_log, environment), "Log entries could not be e-mailed"),
        (2, retention.look, "Old log entries could not be deleted"),
        (5, partial(flush_all, environment), "Mail of projects could not be queued"),
        (2, history.look, "Old lines of the history of mail could not be deleted"),
        (30, disk.look, "The disk could not be looked at"),
        (60, inbox.look, "It could not be seen whether mail waits to be fetched"),
        (3600, inbox.tidy, "Old mail in the inbox could not be tidied up"),
    )


@asynccontextmanager
async def _housekeeping(environment: Environment) -> AsyncIterator[None]:
    """Does the chores, each in its own time, so that one that waits for a host holds up no other."""

    async def keep(seconds: float, chore: Callable[[], None], words: str) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await asyncio.to_thread(chore)
            except Exception as error:  # noqa: BLE001 - told, and tried again: a server must not lose a chore for good
                environment.log.write(Severity.error, SOURCE, f"{words}: {type(error).__name__}: {error}")

    tasks = [asyncio.create_task(keep(*chore)) for chore in await asyncio.to_thread(_chores, environment)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
