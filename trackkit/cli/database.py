"""``trackkit database``: the project databases of a server."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import secrets, values, work
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, counted, fields, json_of, local_time, note, say, size, table

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.databases import DatabaseInfo

app = typer.Typer(no_args_is_help=True, help="The project databases.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Relative name, full path, or URL without password.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as description=… or active=no.")
]
Password = Annotated[
    str | None,
    typer.Option(
        "--database-password",
        metavar="SOURCE",
        help=f"Of the account in a PostgreSQL URL: {secrets.SOURCES}.",
        callback=secrets.option("database-password"),
    ),
]


@app.command("list")
@on_server
def list_databases(server: "Server", as_json: AsJson = False) -> None:
    """List the databases."""
    found = server.databases.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Name", "Description", "Active", "Available", "Web list", "Other list", "Size", "Last backup", "Location"),
        [
            (
                d.name,
                d.settings["description"],
                _yes(d.settings["active"]),
                "yes" if d.available else f"NO: {d.unavailable_reason}",
                _yes(d.settings["in_web_list"]),
                _yes(d.settings["in_other_list"]),
                size(d.size) if d.size is not None else "-",
                local_time(d.last_backup_at),
                d.location,
            )
            for d in found.databases
        ],
        empty="There are no databases.",
        wrap=("Description", "Available", "Location"),
    )


def _yes(value: object) -> str:
    return "yes" if value else "no"


@app.command()
@on_server
def show(server: "Server", name: Name, as_json: AsJson = False) -> None:
    """Show what is in a database."""
    _tell(server.databases.show(name), as_json)


def _tell(info: "DatabaseInfo", as_json: bool) -> None:
    from trackkit.domain.databases import DatabaseSettings
    from trackkit.domain.declared import fields_of

    if as_json:
        json_of(info)
        return
    declared = fields_of(DatabaseSettings)
    fields(
        [
            ("Name", info.name),
            ("Location", info.location),
            ("Available", "yes" if info.available else f"NO: {info.unavailable_reason}"),
            ("Size", size(info.size) if info.size is not None else "-"),
            *((f"Records: {kind.replace('_', ' ')}", f"{number:,}") for kind, number in info.records.items()),
            ("Users", f"{info.users:,}"),
            ("Open sessions", info.sessions),
            ("Schema version", info.schema_version),
            ("Last compacted", local_time(info.last_compacted_at)),
            ("Last backup", local_time(info.last_backup_at)),
            *((f"{field.title} ({n})", field.text(info.settings.get(n))) for n, field in declared.items()),
        ]
    )
    for warning in info.warnings:
        note(f"Warning: {warning}")


def _settings(given: list[str] | None) -> dict[str, Any]:
    from trackkit.domain.databases import DatabaseSettings
    from trackkit.domain.declared import fields_of

    return values.parsed(given or (), fields_of(DatabaseSettings))


def _ask(name: str, settings: dict[str, Any], yes: bool) -> None:
    """What a person should know before a database gets this place and these settings."""
    from trackkit.domain.databases import EVERY_START_WARNING, FULL_PATH_WARNING, Place, place_of

    warnings = [FULL_PATH_WARNING] if name and place_of(name) is not Place.relative else []
    warnings += [EVERY_START_WARNING] if settings.get("compact_every_start") else []
    for warning in warnings:
        confirm(f"{warning}\nGo on all the same?", yes)


def _secret(source: str | None, field: str) -> Any:
    return secrets.resolve(source, field) if source is not None else None


@app.command()
@on_server
def create(
    server: "Server",
    name: Name,
    setting: Setting = None,
    administrator: Annotated[str, typer.Option(help="Name of the first project user.")] = "administrator",
    password: Annotated[
        str | None,
        typer.Option(
            "--administrator-password",
            metavar="SOURCE",
            help=f"{secrets.SOURCES}; without it one is made and shown once.",
            callback=secrets.option("administrator-password"),
        ),
    ] = None,
    database_password: Password = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Create an empty database with its first project user."""
    settings = _settings(setting)
    _ask(name, settings, yes)
    made = server.databases.create(
        name,
        administrator=administrator,
        administrator_password=_secret(password, "administrator-password"),
        database_password=_secret(database_password, "database-password"),
        settings=settings,
    )
    _tell(made, as_json)
    if made.administrator_password and not as_json:
        say(f"Password of {made.administrator}, shown only now: {made.administrator_password}")


@app.command("from-template")
@on_server
def from_template(
    server: "Server",
    name: Name,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="The database to take the definitions of.")],
    setting: Setting = None,
    database_password: Password = None,
    yes: Yes = False,
    no_wait: work.NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Create a database with users, groups and definitions of another, without its records."""
    settings = _settings(setting)
    _ask(name, settings, yes)
    secret = _secret(database_password, "database-password")
    running = server.databases.create_from_template(name, template, settings=settings, database_password=secret)
    work.finish(running, wait=not no_wait, as_json=as_json)


@app.command()
@on_server
def browse(
    server: "Server",
    folder: Annotated[str | None, typer.Argument(help="A folder on the server machine; none = where to begin.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for databases on the server machine."""
    listing = server.databases.browse(folder)
    if as_json:
        json_of(listing)
        return
    rows = [(entry.kind, entry.title, entry.reason or ("can be added" if entry.kind == "database" else ""), entry.name)
            for entry in listing.entries]  # fmt: skip
    table(("Kind", "Name", "", "Full name"), rows, empty="Nothing is in this folder.")


@app.command()
@on_server
def add(
    server: "Server",
    name: Name,
    setting: Setting = None,
    database_password: Password = None,
    yes: Yes = False,
    no_wait: work.NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Add a database that exists; an older one is backed up, then upgraded."""
    settings = _settings(setting)
    _ask(name, settings, yes)
    secret = _secret(database_password, "database-password")
    work.finish(
        server.databases.add(name, settings=settings, database_password=secret), wait=not no_wait, as_json=as_json
    )


@app.command("set")
@on_server
def set_(
    server: "Server",
    name: Name,
    changes: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="active=no description='…'")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change a database's settings, all or none."""
    settings = _settings(changes)
    seen = server.databases.show(name)
    if settings.get("active") is False and seen.sessions:
        confirm(f"{counted(seen.sessions, 'project session')} of {name} will end. Go on?", yes)
    _ask("", settings, yes)
    _tell(server.databases.edit(name, settings, seen.revision), as_json)


@app.command()
@on_server
def compact(server: "Server", name: Name, no_wait: work.NoWait = False, as_json: AsJson = False) -> None:
    """Give back the space of what was deleted, and rebuild the indexes."""
    work.finish(server.databases.compact(name), wait=not no_wait, as_json=as_json)


@app.command()
@on_server
def backup(
    server: "Server",
    name: Name,
    root: Annotated[str | None, typer.Option(help="One of the machine's backup-roots.")] = None,
    no_wait: work.NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Back a database up while it is in use; the backup is verified."""
    work.finish(server.databases.backup(name, root), wait=not no_wait, as_json=as_json)


@app.command()
@on_server
def backups(
    server: "Server",
    name: Annotated[str | None, typer.Argument(help="Only of this database.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the backups, newest first."""
    found = server.databases.backups(name)
    if as_json:
        json_of(found)
        return
    table(
        ("Id", "Database", "Made", "Size", "Rows", "Verified", "There", "Task", "Location"),
        [
            (
                b.backup_id,
                b.database,
                local_time(b.made_at),
                size(b.size),
                f"{b.rows:,}",
                _yes(b.verified),
                _yes(b.available),
                b.task,
                b.location,
            )
            for b in found.backups
        ],
        empty="There are no backups.",
        wrap=("Location",),
    )


@app.command()
@on_server
def restore(
    server: "Server",
    backup_id: Annotated[int, typer.Argument(metavar="BACKUP_ID", help="As `trackkit database backups` lists it.")],
    name: Name,
    setting: Setting = None,
    database_password: Password = None,
    yes: Yes = False,
    no_wait: work.NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup as a new database, with a new identity and sending switched off (asks first)."""
    settings = _settings(setting)
    confirm(f"Make the new database {name} of backup {backup_id}? Nothing existing is changed.", yes)
    _ask(name, settings, yes)
    secret = _secret(database_password, "database-password")
    running = server.databases.restore(backup_id, name, settings=settings, database_password=secret)
    work.finish(running, wait=not no_wait, as_json=as_json)


@app.command()
@on_server
def remove(server: "Server", name: Name, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a database out of the list (asks first); its files stay where they are."""
    seen = server.databases.remove(name, preview=True)
    confirm(
        f"Take {seen.name} out of the list? {counted(seen.sessions, 'project session')} of it will end. "
        f"Its files stay in {seen.location}; `trackkit database add` brings it back.",
        yes,
    )
    removed = server.databases.remove(name)
    if as_json:
        json_of(removed)
    else:
        say(f"{removed.name} is not in the list any more. Its files are in {removed.location}.")
