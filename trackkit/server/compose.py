"""Puts a server together: stores, migrations, options, log; and takes it apart again in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address
from uuid import uuid4

from tzlocal import get_localzone

from trackkit.domain.accounts import ADMIN, Role
from trackkit.domain.errors import TrackkitError
from trackkit.domain.licenses import public_key
from trackkit.domain.log import LogEntry, Severity
from trackkit.mail.suggest import look
from trackkit.server.folder import Folder
from trackkit.server.mail_parts import mail_environment, tell_workers
from trackkit.server.process import now
from trackkit.server.settings import MachineSettings
from trackkit.services import sample
from trackkit.services.database_places import Places
from trackkit.services.environment import Environment
from trackkit.services.jobs import Jobs
from trackkit.services.log_search import LogSearch
from trackkit.services.log_writer import say
from trackkit.services.login_guard import LoginGuard
from trackkit.services.machine import MAPI_LIBRARY, Machine
from trackkit.services.passwords import Passwords
from trackkit.services.probe_runs import ProbeRuns
from trackkit.services.project_stores import ProjectStores
from trackkit.services.reading import Readers
from trackkit.services.sealing import Sealer
from trackkit.services.sinks.event_log import EventLogSink, system_event_log
from trackkit.services.sinks.startup_log import StartupLog
from trackkit.services.submission_gate import SubmissionGate
from trackkit.services.suggest_gate import SuggestGate
from trackkit.store import accounts, database, records
from trackkit.store.database import Connection, Store
from trackkit.store.log_search import SqliteSearch
from trackkit.store.log_search_postgresql import PostgresqlSearch
from trackkit.store.migrate import upgrade

SOURCE = "server"


@contextmanager
def environment(
    folder: Folder,
    settings: MachineSettings,
    database_url: str | None,
    clock: Callable[[], datetime] = now,
    *,
    given_port: int | None = None,
) -> Iterator[Environment]:
    """Everything the use cases need, on SQLite in the folder or on PostgreSQL; closed again on the way out."""
    with ExitStack() as closing:
        main = database.postgresql(database_url) if database_url else database.sqlite(folder.database)
        closing.callback(main.close)
        log_store = database.postgresql(database_url) if database_url else database.sqlite(folder.log_database)
        closing.callback(log_store.close)
        upgrade(main, "main")
        upgrade(log_store, "log")
        sealer = Sealer(folder.secret_key.read_bytes())
        zone = get_localzone()
        event_log = EventLogSink(lambda: system_event_log(settings.journal_socket, settings.syslog_socket))
        machine = Machine(folder.path.resolve(), settings.pickup_roots, settings.mapi_library or MAPI_LIBRARY)
        mail = mail_environment(closing, main, log_store, sealer, folder.startup_log, event_log, clock, zone, machine)
        log = mail.log
        log_search = LogSearch(
            PostgresqlSearch(log_store) if database_url else SqliteSearch(folder.log_search, folder.log_database),
            log_store,
            log,
        )
        closing.callback(log_search.close)
        places = Places(folder.path, settings.allow_full_paths, settings.backup_roots)
        projects = ProjectStores(main, sealer, places, log)
        closing.callback(projects.close)
        jobs = Jobs(main, clock, log)
        closing.callback(jobs.close)
        readers = Readers(log)
        closing.callback(readers.close)
        if database_url:
            tell_workers(main, sealer, zone)
        yield Environment(
            version=version("trackkit"),
            data=folder.path,
            store=main,
            log_store=log_store,
            log=log,
            log_search=log_search,
            digest=mail.digest,
            options=mail.options,
            trust=mail.trust,
            passwords=Passwords(),
            guard=LoginGuard(log, clock),
            submissions=SubmissionGate(log, clock),
            suggesting=SuggestGate(look, clock),
            clock=clock,
            zone=zone,
            server_id=_first_start(main, clock()),
            places=places,
            sending=mail.sending,
            machine=machine,
            projects=projects,
            jobs=jobs,
            sealer=sealer,
            license_keys=tuple(map(public_key, settings.license_keys)),
            plain_allowed=settings.allow_plain or ip_address(settings.address).is_loopback,
            given_port=given_port,
            probes=ProbeRuns(clock, log),
            readers=readers,
        )


def _first_start(store: Store, at: datetime) -> str:
    """The server's id; at the very first start it is made, together with the built-in admin."""

    def work(connection: Connection) -> str:
        server_id = records.get_fact(connection, "server_id")
        if server_id is None:
            server_id = str(uuid4())
            records.set_fact(connection, "server_id", server_id)
            accounts.add_user(connection, ADMIN, Role.admin, None, at)
            records.set_fact(connection, sample.FACT, sample.WANTED)
        return server_id

    return store.write(work)


def warn_at_start(environment: Environment, *, is_service: bool) -> None:
    """What every start tells the log."""
    log = environment.log
    log.write(Severity.information, SOURCE, f"trackkit {environment.version} started.")
    for user in environment.store.read(accounts.all_users):
        if user.password_hash is None:
            log.write(
                Severity.warning,
                SOURCE,
                f"User {user.name} has no password and can log in only on the server machine. Set a password.",
            )
    if environment.options.current.log.warn_not_a_service and not is_service:
        log.write(Severity.warning, SOURCE, "The server was not started by the system's service manager.")


def report_start_failure(folder: Folder, error: Exception) -> None:
    """A start-up error always goes to startup.log: nobody may be watching."""
    reason = str(error) if isinstance(error, TrackkitError) else f"{type(error).__name__}: {error}"
    entry = LogEntry(now(), Severity.severe_error, SOURCE, f"The server could not start: {reason}")
    try:
        StartupLog(folder.startup_log).write([entry])
    except OSError as lost:
        say(f"startup.log cannot be written to: {lost}")
