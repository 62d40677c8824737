"""`trackkit worker`: a process that only sends mail, for the server whose PostgreSQL database it is given.

When it sends it prints one line: ``ready`` and its name. SIGTERM and SIGINT stop it: mail under way is settled, what it
held is given back. It refuses to start, changing nothing, on a database that holds no server of this very version, with
a key that is not the server's, and on a machine whose clock differs: what is due and what left in the last minute are
counted by the clocks of all workers together. When the server is upgraded under it, it stops.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal import get_localzone

from trackkit.domain.errors import Conflict, InvalidInput, NotFound, ServerFault, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.mail_workers import LONGEST_NAME, SERVER
from trackkit.server.mail_parts import KEY_CHECK, TIME_ZONE, mail_environment
from trackkit.server.process import now, run_loop, stop_signal
from trackkit.server.sending import sending
from trackkit.server.settings import checked_roots
from trackkit.services.environment import MailEnvironment
from trackkit.services.machine import Machine
from trackkit.services.mail import SOURCE
from trackkit.services.sealing import Sealer
from trackkit.services.sinks.event_log import JOURNAL_SOCKET, SYSLOG_SOCKET, EventLogSink, system_event_log
from trackkit.store import database, mail_workers, records
from trackkit.store.database import Store
from trackkit.store.migrate import Schema, standing

CLOCKS_DIFFER: Final = timedelta(seconds=10)
_UPGRADED_EVERY_SECONDS: Final = 10.0
_SCHEMAS: Final[tuple[Schema, ...]] = ("main", "log")


def run(database_url: str, key_file: Path, name: str | None = None, pickup_roots: Sequence[str] = ()) -> None:
    """Send mail until told to stop.

    Parameters
    ----------
    database_url: the server's PostgreSQL database.
    key_file: a copy of the server's ``secret.key``.
    name: what it is called; else the host's name and the number of the process.
    pickup_roots: folders of this machine in which the pickup folder may lie; without any it hands over no such mail.

    Raises `TrackkitError` when it cannot start, and when the server was upgraded.
    """
    if not database_url.startswith(("postgresql://", "postgres://")):
        words = "is no PostgreSQL database; a server on SQLite sends its mail alone"
        raise InvalidInput.of("database-url", words, "Give the URL that `trackkit server run` was started with.")
    called = _checked_name(name)
    machine = Machine(pickup_roots=checked_roots("pickup-root", pickup_roots))
    with _environment(database_url, key_file, machine) as environment:
        run_loop(_work(environment, called))


async def _work(environment: MailEnvironment, name: str) -> None:
    stop = stop_signal()
    log = environment.log
    host = socket.gethostname() or "an unnamed host"
    async with sending(environment, name) as at_work:
        log.write(Severity.information, SOURCE, f"The mail worker {name} started on {host}.")
        print(f"ready {name}", flush=True)  # noqa: T201 - for whoever started this process
        stopping = asyncio.create_task(stop.wait())
        upgraded = asyncio.create_task(_until_upgraded(environment.store))
        await asyncio.wait([stopping, upgraded, at_work.task], return_when=asyncio.FIRST_COMPLETED)
        in_order, failure = stopping.done(), upgraded.exception() if upgraded.done() else None
        is_upgraded = upgraded.done() and failure is None
        stopping.cancel()
        upgraded.cancel()
    if not in_order:
        why, advice = "a part of it ended by itself", "The server log may say why."
        if is_upgraded:
            why, advice = "the server was upgraded", "Start it again, with the server's version of trackkit."
        log.write(Severity.error, SOURCE, f"The mail worker {name} stopped: {why}.", repr(failure) if failure else "")
        raise ServerFault(f"The mail worker stopped: {why}.", advice)
    log.write(Severity.information, SOURCE, f"The mail worker {name} stopped.")


async def _until_upgraded(store: Store) -> None:
    """Returns when the schema is not this version's any more; while the database is away nothing is known."""
    while True:
        await asyncio.sleep(_UPGRADED_EVERY_SECONDS)
        try:
            found = await asyncio.to_thread(_standings, store)
        except Unavailable:
            continue  # the engine reports it
        if set(found.values()) != {"current"}:
            return


@contextmanager
def _environment(database_url: str, key_file: Path, machine: Machine) -> Iterator[MailEnvironment]:
    key = _key(key_file)
    with ExitStack() as closing:
        store = database.postgresql(database_url)
        closing.callback(store.close)
        _refuse_unfit(store)
        sealer = _sealer(store, key, key_file)
        zone = store.read(lambda connection: records.get_fact(connection, TIME_ZONE))
        log_store = database.postgresql(database_url)
        closing.callback(log_store.close)
        yield mail_environment(
            closing,
            store,
            log_store,
            sealer,
            Path(os.devnull),  # there is no data folder here: what the server log does not take is on stderr
            EventLogSink(lambda: system_event_log(JOURNAL_SOCKET, SYSLOG_SOCKET)),
            now,
            _zone(zone),
            machine,
        )


def _standings(store: Store) -> dict[Schema, str]:
    return store.read(lambda connection: {schema: standing(connection, schema) for schema in _SCHEMAS})


def _refuse_unfit(store: Store) -> None:
    """Refuse a database without a server, or of another version, or whose clock is another."""
    found = set(_standings(store).values())
    if "newer" in found:
        raise Conflict("The server's database is of a newer trackkit.", "Start the worker with the server's version.")
    if found & {"empty", "foreign"} or store.read(lambda c: records.get_fact(c, "server_id")) is None:
        raise NotFound(
            "There is no trackkit server in this database.",
            "Look at the URL; start `trackkit server run --database-url` with it first.",
        )
    if "older" in found:
        advice = "Start the server with this version first: it brings the database up to date."
        raise Conflict("The server's database is of an older trackkit.", advice)
    differ = abs(store.read(mail_workers.clock) - now())
    if differ > CLOCKS_DIFFER:
        raise Conflict(
            f"The clocks of this machine and of the database's differ by {differ.total_seconds():.0f} seconds.",
            "Set them by NTP: workers share what is due and how much left in the last minute.",
        )


def _sealer(store: Store, key: bytes, path: Path) -> Sealer:
    """What opens the server's secrets."""
    sealed = store.read(lambda connection: records.get_fact(connection, KEY_CHECK))
    try:
        sealer = Sealer(key)
        sealer.open(KEY_CHECK, (sealed or "").encode())
    except Unavailable as error:
        words = f"The key in {path} is not the server's, or the file is damaged."
        raise Unavailable(words, "Copy secret.key from the server's data folder again.") from error
    return sealer


def _zone(name: str | None) -> tzinfo:
    """The server's time zone, or this machine's where the server's has no name."""
    try:
        return ZoneInfo(name or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return get_localzone()


def _checked_name(name: str | None) -> str:
    if name is None:
        number = f"-{os.getpid()}"
        return f"{(socket.gethostname() or 'worker')[: LONGEST_NAME - len(number)]}{number}"
    if not name.isprintable() or not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidInput.of("name", f"has 1 to {LONGEST_NAME} printable characters")
    if name == SERVER:
        raise InvalidInput.of("name", f"is {SERVER!r}, which is the name of the server's own worker")
    return name


def _key(path: Path) -> bytes:
    """The key's file, which nobody else may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(1000)
    except OSError as error:
        raise Unavailable(
            f"The key file {path} cannot be read: {error.strerror}.", "Copy secret.key from the server's data folder."
        ) from error
    if os.name == "posix" and mode & 0o077:
        raise Unavailable(f"Other accounts can read the key file {path}.", f"Run: chmod 600 {path}")
    return key
