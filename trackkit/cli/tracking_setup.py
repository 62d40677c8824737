"""``trackkit tracking check | settings | set | round-trip``: the set-up of a project's e-mail."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import values
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, fields, json_of, note, say, table
from trackkit.cli.tracking import Database

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.tracking import ProjectMailSettings

Project = Annotated[str, typer.Argument(metavar="DATABASE", help="The project, by the name of its database.")]


@on_server
def check(server: "Server", database: Project, as_json: AsJson = False) -> None:
    """Walk the eight steps of the set-up for a project; exit code 1 while something is missing."""
    found = server.tracking.check(database)
    if as_json:
        json_of(found)
    else:
        table(
            ("", "Step", "", "What was found", "What to do", "Where"),
            [
                (one.number, one.title, "done" if one.done else "MISSING", one.words, one.advice, one.option)
                for one in found.steps
            ],
            empty="",
            wrap=("Step", "What was found", "What to do"),
        )
    if not found.ready:
        raise typer.Exit(1)


@on_server
def settings(server: "Server", database: Project, as_json: AsJson = False) -> None:
    """Show the e-mail settings of a project; what its mailbox leaves empty is the server's."""
    _tell(server.tracking.settings(database), as_json)


def _tell(found: "ProjectMailSettings", as_json: bool) -> None:
    from trackkit.domain.declared import fields_of
    from trackkit.domain.tracking_options import MailSettings

    if as_json:
        json_of(found)
        return
    declared = fields_of(MailSettings)
    shown = []
    for name, field in declared.items():
        if field.secret:
            text = "set" if name in found.set_secrets else "not set"
        elif found.values.get(name) is None and name in found.inherited:
            text = f"{field.text(found.inherited[name]) or 'not set'} (the server's)"
        else:
            text = field.text(found.values.get(name))
        shown.append((f"{field.title} ({name})", text))
    fields([("Project", found.database), *shown, ("Revision", found.revision)])


@on_server
def set_(
    server: "Server",
    database: Project,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="tracking=yes, mailbox.host=pop.example.org, mailbox.password=- or env:NAME; empty = the server's",
        ),
    ],
    revision: Annotated[int | None, typer.Option(help="Only if the settings still have this revision.", min=0)] = None,
    as_json: AsJson = False,
) -> None:
    """Change the e-mail settings of a project."""
    from trackkit.domain.declared import fields_of
    from trackkit.domain.tracking_options import MailSettings

    found = server.tracking.set(database, values.parsed(changes, fields_of(MailSettings)), revision)
    _tell(found, as_json)


@on_server
def round_trip(server: "Server", database: Database = None, as_json: AsJson = False) -> None:
    """Send a probe mail to the tracking address; `trackkit tracking status` tells when it has come back."""
    sent = server.tracking.round_trip(database)
    if as_json:
        json_of(sent)
        return
    say(f"Probe mail {sent.queue_id} is on its way to the tracking address of {sent.mailbox}.")
    note("`trackkit tracking status` shows when it has come back.")


COMMANDS = {"check": check, "settings": settings, "set": set_, "round-trip": round_trip}
