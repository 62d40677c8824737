"""``trackkit license``: the serials on a server, and one's own dedicated license on this computer.

A serial is pasted at the prompt, comes on standard input or from a file, in no case as an argument: a dedicated one
lets its bearer in.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.license_seats import tell_pools
from trackkit.cli.output import AsJson, json_of, local_time, note, say, table
from trackkit.domain.errors import NotFound

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.licenses import License

app = typer.Typer(no_args_is_help=True, help="Licenses, their seats, and making serials.")

Serial = Annotated[
    str,
    typer.Option("--serial", metavar="SOURCE", help=f"From {secrets.SOURCES}.", callback=secrets.option("serial")),
]
Written = Annotated[
    str | None, typer.Argument(hidden=True, metavar="--serial SOURCE", callback=secrets.argument("serial"))
]
Id = Annotated[int, typer.Argument(metavar="ID", help="From `trackkit license list`.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only say what it is; change nothing.")]


@app.command("list")
@on_server
def list_licenses(server: "Server", as_json: AsJson = False) -> None:
    """List the licenses, and how many seats are taken."""
    from trackkit.frames.licenses import seats_words

    found = server.licenses.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Id", "Number", "Seats", "Maintenance until", "Entered", "By", "Problem"),
        [
            (
                one.license_id,
                one.number or "evaluation",
                seats_words(one.seats),
                one.maintenance_until or ("-" if one.evaluation else "without"),
                local_time(one.added_at),
                one.added_by,
                one.problem,
            )
            for one in found.licenses
        ],
        empty="There are no licenses, so nobody can log in to a project.",
        wrap=("Problem",),
    )
    tell_pools(found.pools)
    note(f"Serials for this server name its id: {found.server_id}")


@app.command()
@on_server
def add(
    server: "Server", written: Written = None, serial: Serial = "-", preview: Preview = False, as_json: AsJson = False
) -> None:
    """Enter the serial of a license."""
    added = server.licenses.add(secrets.resolve(serial, "serial"), preview=preview)
    _tell(added, "This is" if preview else "Entered", as_json)


@app.command()
@on_server
def edit(
    server: "Server",
    license_id: Id,
    written: Written = None,
    serial: Serial = "-",
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Put another serial in the place of one."""
    changed = server.licenses.edit(license_id, secrets.resolve(serial, "serial"), preview=preview)
    _tell(changed, "This is" if preview else "Entered in its place", as_json)


def _tell(license: "License", words: str, as_json: bool) -> None:
    if as_json:
        json_of(license)
        return
    from trackkit.client.license_words import described

    say(f"{words}: {described(license)}.")


@app.command()
@on_server
def remove(server: "Server", license_id: Id, yes: Yes = False) -> None:
    """Delete a license (asks first)."""
    from trackkit.client.license_words import described, name_of, who_stays

    gone = server.licenses.delete(license_id, preview=True)
    confirm(f"Delete the {described(gone.license)}? {who_stays(gone)}", yes)
    server.licenses.delete(license_id)
    say(f"Deleted the {name_of(gone.license)}.")


@app.command()
def remember(written: Written = None, serial: Serial = "-") -> None:
    """Keep your dedicated license on this computer; native log-ins present it."""
    from trackkit.client import dedicated

    dedicated.remember(secrets.resolve(serial, "serial"))
    say(f"Your dedicated license is kept in {dedicated.path()}, which only you can read.")


@app.command()
def forget(yes: Yes = False) -> None:
    """Take your dedicated license away from this computer (asks first)."""
    from trackkit.client import dedicated

    if not dedicated.path().exists():
        raise NotFound("No dedicated license is kept on this computer.")
    confirm("Take your dedicated license away from this computer? To use it again its serial is needed.", yes)
    dedicated.forget()
    say("Your dedicated license is not on this computer any more.")
