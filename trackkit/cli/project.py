"""``trackkit project``: one project, as one of its users.

Database, user and password come from ``--database`` and ``--user`` or from TRACKKIT_PROJECT_DATABASE,
TRACKKIT_PROJECT_USERNAME and TRACKKIT_PROJECT_PASSWORD; the password is asked for at a terminal, never an argument.
"""

import inspect
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import choosing, secrets, values, work
from trackkit.cli.asking import Yes, at_terminal, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import hand_over, read, write_new
from trackkit.cli.output import AsJson, fields, json_of, local_time, note, say, size, table
from trackkit.domain.errors import ImportRefused, InvalidInput
from trackkit.domain.project.kind import Kind

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.client.project import Project
    from trackkit.contract.project import Item
    from trackkit.domain.project.kinds import KindInfo

app = typer.Typer(no_args_is_help=True, help="One project, as one of its users.")

Database = Annotated[
    str | None, typer.Option("--database", "-d", help="The project's database. [TRACKKIT_PROJECT_DATABASE]")
]
User = Annotated[str | None, typer.Option("--user", "-u", help="The project user. [TRACKKIT_PROJECT_USERNAME]")]
KindOf = Annotated[
    Kind,
    typer.Argument(metavar="KIND", help=", ".join(kind for kind in Kind if kind is not Kind.tracked_email)),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A number for what is numbered, else the name.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", "-w", metavar="CONDITION", help="status=open, title~crash"),
]
Filter = Annotated[str | None, typer.Option("--filter", help="A saved filter that must hold, too.")]
Text = Annotated[str | None, typer.Option("--text", help="Found in one of the texts.")]
Changes = Annotated[
    list[str], typer.Argument(metavar="NAME=VALUE...", help="title='It stops' priority=high; a secret is - or env:NAME")
]


def _info(kind: Kind) -> "KindInfo":
    """What a kind is made of; loaded only when it is needed, because it takes pydantic."""
    from trackkit.domain.project.kinds import KINDS

    return KINDS[kind]


def in_project(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command whose first parameter is a `Project` that was logged in to; it is logged out afterwards."""
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter("in_database", keyword, default=None, annotation=Database),
        inspect.Parameter("as_user", keyword, default=None, annotation=User),
    ]

    @wraps(command)
    def run(server: "Server", in_database: str | None, as_user: str | None, **given: Any) -> None:
        with _log_in(server, in_database, as_user) as project:
            command(project, **given)

    first = inspect.Parameter("server", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    kept = [parameter.replace(kind=keyword) for parameter in own]
    run.__signature__ = inspect.Signature([first, *kept, *more])  # type: ignore[attr-defined]
    return on_project_server(run)


def on_project_server(command: Callable[..., None]) -> Callable[..., None]:
    """As `on_server`, but without a log-in as a server user: a project user may have none."""
    return on_server(command, reached=choosing.reached)


def _log_in(server: "Server", database: str | None, username: str | None) -> "Project":
    environment = os.environ
    where = database or environment.get("TRACKKIT_PROJECT_DATABASE")
    if not where:
        raise InvalidInput("Which project? No database was given.", "Give --database, or TRACKKIT_PROJECT_DATABASE.")
    who = username or environment.get("TRACKKIT_PROJECT_USERNAME")
    password = environment.get("TRACKKIT_PROJECT_PASSWORD")
    if not who and at_terminal():
        who = typer.prompt(f"User name in {where}", err=True)
    if not who:
        raise InvalidInput("Who? No project user was given.", "Give --user, or TRACKKIT_PROJECT_USERNAME.")
    if password is None and at_terminal():
        password = typer.prompt("Password", hide_input=True, err=True)
    if password is None:
        raise InvalidInput("There is no terminal to ask for the password at.", "Set TRACKKIT_PROJECT_PASSWORD.")
    return server.project(where, who, password)


@app.command("databases")
@on_project_server
def databases(
    server: "Server",
    submissions: Annotated[
        bool, typer.Option("--submissions", help="Those that take defects without an account.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the databases that can be logged in to, or that take defects without an account."""
    found = server.submission_databases() if submissions else server.offered()
    if as_json:
        json_of(found)
        return
    table(("Name", "Description"), [(d.name, d.description) for d in found.databases], empty="None is offered.")


@app.command()
@on_project_server
def submit(
    server: "Server",
    title: Annotated[str, typer.Option("--title", help="The defect in a line.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="A text file with the description; none = standard input.")
    ] = None,
    submitter: Annotated[str, typer.Option("--name", help="Who submits it; nobody checks it.")] = "",
    email: Annotated[str, typer.Option("--email", help="An address for questions; nobody checks it.")] = "",
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Submit a defect without an account, where a database takes such."""
    where = database or os.environ.get("TRACKKIT_PROJECT_DATABASE") or _only_taking(server)
    if file is None and at_terminal():
        note("Describe the defect; end with Ctrl+D on a line of its own.")
    raw = sys.stdin.buffer.read() if file is None else read(file)
    try:
        description = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput.of("description", "is no text in UTF-8") from None
    done = server.submit_defect(where, title, description, submitter, email)
    if as_json:
        json_of(done)
    else:
        say(done.message)


def _only_taking(server: "Server") -> str:
    names = [database.name for database in server.submission_databases().databases]
    if len(names) == 1:
        return names[0]
    raise InvalidInput(
        f"Which database? {len(names) or 'None'} of this server take{'' if names else 's'} defects without an account.",
        "Give --database; `trackkit project databases --submissions` lists them.",
    )


@app.command("list")
@in_project
def list_items(
    project: "Project",
    kind: KindOf,
    where: Where = None,
    filter: Filter = None,
    text: Text = None,
    sort: Annotated[str, typer.Option(help="A field, or number.")] = "number",
    descending: Annotated[bool, typer.Option("--descending", help="The other way round.")] = False,
    after: Annotated[int | None, typer.Option(help="Go on after this number.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=5000)] = 200,
    as_json: AsJson = False,
) -> None:
    """List items of a kind."""
    page = project.list(
        kind, where or (), filter=filter, text=text, sort=sort, descending=descending, after=after, limit=limit
    )
    if as_json:
        json_of(page)
        return
    info = _info(kind)
    shown = [name for name, field in info.fields.items() if field.kind != "long text" and not field.secret]
    table(
        ("Number", *(info.fields[name].title for name in shown)),
        [(item.number, *(info.fields[name].text(item.values.get(name)) for name in shown)) for item in page.items],
        empty=f"There are no {info.titles.lower()} that match.",
        wrap=(info.fields[info.subject].title,),
    )
    if page.next_after is not None:
        note(f"{len(page.items):,} of {page.total:,}. Go on with --after {page.next_after}")


@app.command()
@in_project
def show(project: "Project", kind: KindOf, key: Key, as_json: AsJson = False) -> None:
    """Show one item."""
    _tell(project.show(kind, key), as_json)


def _tell(item: "Item", as_json: bool) -> None:
    if as_json:
        json_of(item)
        return
    info = _info(item.kind)
    fields(
        [
            (info.title, item.number),
            *((f.title, f.text(item.values.get(n))) for n, f in info.fields.items() if not f.secret),
            *((f.title, "(set)" if n in item.set_secrets else "(not set)") for n, f in info.fields.items() if f.secret),
            *([("Files", item.files)] if info.record else []),
            ("Created", f"{local_time(item.created_at)} by {item.created_by}"),
            ("Changed", f"{local_time(item.changed_at)} by {item.changed_by}"),
        ]
    )


@app.command()
@in_project
def add(project: "Project", kind: KindOf, changes: Changes, as_json: AsJson = False) -> None:
    """Add an item."""
    _tell(project.add(kind, **values.parsed(changes, _info(kind).fields)), as_json)


@app.command("set")
@in_project
def set_(project: "Project", kind: KindOf, key: Key, changes: Changes, as_json: AsJson = False) -> None:
    """Change an item."""
    given = values.parsed(changes, _info(kind).fields)
    seen = project.show(kind, key)
    _tell(project.edit(kind, key, given, seen.revision), as_json)


@app.command()
@in_project
def delete(project: "Project", kind: KindOf, key: Key, yes: Yes = False) -> None:
    """Delete an item (asks first); there is no undo."""
    info, item = _info(kind), project.show(kind, key)
    files = f" Its {item.files} attached files go with it." if item.files else ""
    confirm(f"Delete {info.title.lower()} {item.key} ({item.values[info.subject]})?{files} There is no undo.", yes)
    project.delete(kind, key)
    say(f"Deleted {info.title.lower()} {item.key}.")


@app.command("import")
@in_project
def import_(
    project: "Project",
    kind: KindOf,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8; its first line names the fields.", exists=True)],
    change: Annotated[bool, typer.Option("--change", help="Rows whose key or name exists change that item.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Check everything, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a CSV file: all rows or none; faulty cells are listed."""
    try:
        work.finish(project.import_csv(kind, read(file), change=change, preview=preview), as_json=as_json, project=True)
    except ImportRefused as error:
        note(f"Error: {error.message}")
        rows = [(*problem.field.partition(".")[::2], problem.message) for problem in error.problems]
        table(("Row", "Column", "What is wrong"), rows, empty="", wrap=("What is wrong",))
        raise typer.Exit(2) from None


@app.command()
@in_project
def export(
    project: "Project",
    kind: KindOf,
    file: Annotated[Path | None, typer.Argument(help="Where to write; none = standard output.")] = None,
    where: Where = None,
    filter: Filter = None,
    text: Text = None,
) -> None:
    """Export items of a kind as CSV; an existing file is not overwritten."""
    raw = project.export_csv(kind, where or (), filter=filter, text=text)
    hand_over(raw, file)
    if file is not None:
        say(f"Wrote {file}.")


@app.command("files")
@in_project
def list_files(project: "Project", kind: KindOf, key: Key, as_json: AsJson = False) -> None:
    """List the files attached to a record."""
    found = project.files(kind, key)
    if as_json:
        json_of(found)
        return
    rows = [(f.file_id, f.name, size(f.size), local_time(f.added_at), f.added_by) for f in found.files]
    table(("Id", "Name", "Size", "Added", "By"), rows, empty="No files are attached.")


@app.command()
@in_project
def attach(
    project: "Project", kind: KindOf, key: Key, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
) -> None:
    """Attach a file to a record."""
    added = project.attach(kind, key, file.name, read(file))
    say(f"Attached {added.name} ({size(added.size)}) as file {added.file_id}.")


@app.command("save-file")
@in_project
def save_file(
    project: "Project",
    file_id: Annotated[int, typer.Argument(metavar="FILE_ID")],
    file: Annotated[Path, typer.Argument(help="Where to write; an existing file is not overwritten.")],
) -> None:
    """Save an attached file."""
    content = project.file(file_id).content
    write_new(file, content)
    say(f"Wrote {file} ({size(len(content))}).")


@app.command()
@in_project
def detach(project: "Project", file_id: Annotated[int, typer.Argument(metavar="FILE_ID")], yes: Yes = False) -> None:
    """Remove an attached file (asks first); there is no undo."""
    confirm(f"Remove the attached file {file_id}? There is no undo.", yes)
    project.detach(file_id)
    say(f"Removed file {file_id}.")


@app.command("password")
@in_project
def change_password(
    project: "Project",
    new: Annotated[
        str, typer.Option("--new", metavar="SOURCE", help=f"From {secrets.SOURCES}.", callback=secrets.option("new"))
    ] = "-",
    present: Annotated[
        str,
        typer.Option("--present", metavar="SOURCE", help="The present password.", callback=secrets.option("present")),
    ] = "-",
) -> None:
    """Change one's own password in the project."""
    old = secrets.resolve(present, "present password")
    project.password(secrets.resolve(new, "new password", confirm=True), old)
    say("Changed the password; other sessions of yours have ended.")
