"""What needs attention on this server, and what to do; used by `doctor`, the dashboards and reports."""

from __future__ import annotations

from collections.abc import Iterator

from trackkit.contract import server as contract
from trackkit.contract.operation import Nothing
from trackkit.contract.wire import API_VERSION
from trackkit.domain import options as declared
from trackkit.domain.databases import BACKUP_WANTED_AFTER
from trackkit.domain.expiry import stage_of
from trackkit.domain.licenses import maintenance_words
from trackkit.domain.log import Severity
from trackkit.domain.trust import where
from trackkit.services import licensing, machine, mail_workers, queue_health, tracking_health, trust
from trackkit.services.authentication import setup_open
from trackkit.services.disk import little_room
from trackkit.services.environment import Call, Environment
from trackkit.services.expiry import today
from trackkit.store import accounts, databases, tasks
from trackkit.store.database import Connection


def info(call: Call, request: Nothing) -> contract.ServerInfo:
    """Which server this is."""
    environment = call.environment
    return contract.ServerInfo(
        version=environment.version,
        api_version=API_VERSION,
        server_id=environment.server_id,
        setup_open=environment.store.read(setup_open),
        login_text=environment.options.current.server.login_text,
    )


def health(call: Call, request: Nothing) -> contract.Health:
    """Findings, most severe first."""
    findings = [*_accounts(call.environment), *_options(call.environment), *_mail(call)]
    findings += [*_databases(call), *_tasks(call.environment), *_disk(call.environment)]
    findings += [*_licenses(call.environment), *_certificates(call.environment)]
    findings += [*_mail_workers(call), *_listener(call.environment)]
    findings += [*_local_ways(call.environment), *_tracking(call.environment)]
    findings.sort(key=lambda finding: Severity.named(finding.severity))
    return contract.Health(findings=tuple(findings), checked_at=call.now)


def _finding(
    severity: Severity, subject: str, words: str, next_step: str, operation: str = "", option: str = ""
) -> contract.Finding:
    return contract.Finding(
        severity=severity.name, subject=subject, words=words, next_step=next_step, operation=operation, option=option
    )


def _accounts(environment: Environment) -> Iterator[contract.Finding]:
    for user in environment.store.read(accounts.all_users):
        if user.password_hash is None:
            yield _finding(
                Severity.warning,
                f"user {user.name}",
                f"{user.name} has no password: it can log in only on the server machine, as the data folder's owner.",
                "Set a password.",
                "user.edit",
            )


def _options(environment: Environment) -> Iterator[contract.Finding]:
    options = environment.options.current
    for warning in declared.troubles(options):
        yield _finding(Severity.warning, "options", warning, "Change the option if this is not wanted.", "options.set")
    if not options.sending.is_set_up:
        yield _finding(
            Severity.warning,
            "mail",
            "No SMTP host is set: no mail can leave.",
            "Enter the SMTP host.",
            "options.set",
            "sending.smtp.host",
        )


def _local_ways(environment: Environment) -> Iterator[contract.Finding]:
    """Ways that end on this machine, and are not there. Mail workers have machines of their own."""
    sending = environment.options.current.sending
    if sending.method == "pickup" and sending.pickup.folder is not None:
        try:
            machine.pickup_folder(environment.machine, sending.pickup.folder)
        except machine.NotUsable as refused:
            words = f"The pickup folder cannot be used: it {refused}."
            step = refused.advice or "Mend the folder, or name another one; mail waits in the queue."
            yield _finding(Severity.error, "mail", words, step, "options.set", "sending.pickup.folder")
    if sending.mapi.enabled and not environment.machine.mapi_library:
        step = "Switch MAPI off, and use Internet addresses."
        yield _finding(Severity.error, "mail", machine.NEEDS_WINDOWS, step, "options.set", "sending.mapi.enabled")


def _listener(environment: Environment) -> Iterator[contract.Finding]:
    options = environment.options.current.sending.listener
    if options.enabled and not environment.listener.open:
        words = (
            f"The SMTP listener is not open on {options.address} port {options.port}: other programs' mail is refused."
        )
        step = environment.listener.trouble or "It opens in a moment; the server log says why if it does not."
        yield _finding(Severity.error, "listener", words, step, "options.set", "sending.listener.port")


def _tracking(environment: Environment) -> Iterator[contract.Finding]:
    for one in tracking_health.findings(environment):
        operation = "options.set" if one.option else "tracking.status"
        yield _finding(one.severity, one.subject, one.words, one.next_step, operation, one.option)


def _mail(call: Call) -> Iterator[contract.Finding]:
    for one in queue_health.troubles(call):
        yield _finding(one.severity, "mail", one.words, one.next_step, one.operation, one.option)


def _mail_workers(call: Call) -> Iterator[contract.Finding]:
    for row in mail_workers.lost_lately(call.environment, call.now):
        yield _finding(
            Severity.warning,
            f"mail worker {row.name}",
            f"{row.name} was lost at {row.lost_at:%Y-%m-%d %H:%M} UTC: nothing was heard of it any more. What it held "
            "was given to the others.",
            "Look at its machine and its connection to the database, and start it again if it is wanted.",
            "mail.workers",
        )


def _databases(call: Call) -> Iterator[contract.Finding]:
    environment = call.environment
    for row in environment.store.read(databases.all_databases):
        subject = f"database {row.name}"
        if reason := environment.projects.availability(row):
            words = f"{row.name} is not available: {reason}"
            yield _finding(Severity.severe_error, subject, words, "Bring its drive or host back; it returns by itself.")
        since = row.last_backup_at or row.created_at
        if call.now - since >= BACKUP_WANTED_AFTER:
            last = (
                f"its last backup is {(call.now - since).days} days old" if row.last_backup_at else "it has no backup"
            )
            words = f"{row.name}: {last}."
            yield _finding(Severity.warning, subject, words, "Back it up, or schedule a backup.", "database.backup")


def _tasks(environment: Environment) -> Iterator[contract.Finding]:
    def work(connection: Connection) -> list[tuple[tasks.TaskRow, tasks.RunRow | None]]:
        return [(row, tasks.last_run(connection, row.task.name)) for row in tasks.all_tasks(connection)]

    for row, last in environment.store.read(work):
        if last is not None and last.state == "failed":
            words = f"The last run of the task {row.task.name} failed: {last.words}"
            yield _finding(Severity.warning, f"task {row.task.name}", words, "Mend the cause, then run it.", "task.run")


def _licenses(environment: Environment) -> Iterator[contract.Finding]:
    entered, uses = environment.store.read(
        lambda connection: (licensing.entered(environment, connection), licensing.pool_uses(environment, connection))
    )
    for one in entered:
        license = one.license
        name = f"license {license.name}" if license else f"license {one.row.id}"
        if one.problem:
            words = f"The {name} gives no seats here: {one.problem}"
            yield _finding(Severity.warning, name, words, "Replace its serial, or delete it.", "license.edit")
        elif license and license.maintenance_until:
            stage = stage_of(license.maintenance_until, today(environment))
            if stage:
                step = "Ask for a renewed serial, then replace this one."
                yield _finding(Severity.warning, name, maintenance_words(license, stage), step, "license.edit")
    for use in uses:
        if use.seats and use.in_use >= use.seats:
            words = f"All {use.seats} {use.pool} seats are taken: the next log-in is refused."
            yield _finding(Severity.warning, "seats", words, "End a session, or enter more seats.", "license.seats")


def _certificates(environment: Environment) -> Iterator[contract.Finding]:
    for row, until in trust.ending(environment):
        stage, place = stage_of(until, today(environment)), where(row.host, row.port)
        if stage:
            words = trust.ending_words(row, until, stage)
            step = "Upload its successor, or remove it when its host shows another one."
            yield _finding(Severity.warning, f"certificate of {place}", words, step, "trust.list")


def _disk(environment: Environment) -> Iterator[contract.Finding]:
    if words := little_room(environment.data):
        yield _finding(Severity.warning, "disk", words, "Make room.")
