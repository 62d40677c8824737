"""The command ``trackkit``: every group of commands, and how errors end.

Exit codes: 0 done; 1 an error, or a question answered with No; 2 something given was refused. Errors go to stderr as
what happened, which fields were refused and why, and what to do; never as a traceback. Modules of commands load what
is heavy only when a command runs.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated

import typer

from trackkit import __version__
from trackkit.cli import (
    audit,
    choosing,
    connection,
    database,
    doctor,
    job,
    license,
    license_keys,
    license_seats,
    log,
    log_filter,
    log_tail,
    mail,
    mail_diagnoses,
    mail_groups,
    mail_suggest,
    mail_test,
    mail_workers,
    options,
    project,
    project_mail,
    project_template,
    report,
    server,
    session,
    task,
    token,
    tracking,
    tracking_replay,
    tracking_setup,
    trust,
    up,
    user,
    worker,
)
from trackkit.cli.output import note
from trackkit.domain.errors import InvalidInput, TrackkitError

app = typer.Typer(
    name="trackkit",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.add_typer(server.app, name="server")
app.command("worker")(worker.worker)
app.add_typer(connection.app, name="connection")
app.add_typer(database.app, name="database")
project.app.add_typer(project_mail.app, name="mail")
project.app.add_typer(project_template.app, name="template")
app.add_typer(project.app, name="project")
license.app.command("keygen")(license_keys.keygen)
license.app.command("issue")(license_keys.issue)
for command in license_seats.COMMANDS:
    license.app.command()(command)
app.add_typer(license.app, name="license")
app.add_typer(trust.app, name="trust")
app.add_typer(task.app, name="task")
app.add_typer(job.app, name="job")
mail.app.command()(mail_groups.groups)
mail.app.command()(mail_groups.fix)
mail.app.command()(mail_workers.workers)
mail.app.command()(mail_suggest.suggest)
mail.app.command("test")(mail_test.mail_test)
mail.app.command()(mail_diagnoses.diagnoses)
app.add_typer(mail.app, name="mail")
log.app.command("tail")(log_tail.tail)
log.app.add_typer(log_filter.app, name="filter")
for name, made in tracking_setup.COMMANDS.items():
    tracking.app.command(name)(made)
tracking.app.command()(tracking_replay.quarantine)
tracking.app.command()(tracking_replay.replay)
tracking.app.command()(tracking_replay.reprocess)
tracking.app.command()(tracking_replay.discard)
tracking.app.command("rotate-key")(tracking_replay.rotate_key)
app.add_typer(tracking.app, name="tracking")
app.add_typer(log.app, name="log")
app.add_typer(options.app, name="options")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(session.app, name="session")
app.add_typer(audit.app, name="audit")
app.add_typer(report.app, name="report")
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trackkit {__version__}")
        raise typer.Exit


@app.callback()
def trackkit(
    context: typer.Context,
    server: choosing.ServerName = None,
    data: choosing.DataFolder = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run issue-tracking servers: databases, mail queue, log, options, users."""
    choosing.remember(context, server, data)


@cache
def command_line() -> Callable[[], object]:
    """All commands, ready to run; made once in a process, because it takes longer than many a command."""
    return typer.main.get_command(app)


def main() -> None:
    """The entry point; ends the process with the exit code."""
    try:
        command_line()()
    except TrackkitError as error:
        note(f"Error: {error}")
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
