"""``trackkit user``: the accounts that administer the server. Passwords come by reference or from the prompt."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, at_terminal, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, say, table
from trackkit.domain.accounts import WITHOUT_PASSWORD, Role
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import SecretStr

    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="The accounts that administer the server.")

Username = Annotated[str, typer.Argument(metavar="NAME", help="The user's name; case does not matter.")]
Password = Annotated[
    str | None,
    typer.Option("--password", metavar="SOURCE", help=f"From {secrets.SOURCES}.", callback=secrets.option("password")),
]


@app.command("list")
@on_server
def list_users(server: "Server", as_json: AsJson = False) -> None:
    """List the server users."""
    found = server.users.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Name", "Role", "Password", "Created", "Last log-in"),
        [
            (
                u.username,
                u.role,
                "yes" if u.password_set else "NONE",
                local_time(u.created_at),
                local_time(u.last_login_at),
            )
            for u in found.users
        ],
        empty="There are no users.",
    )
    for user in found.users:
        if not user.password_set:
            note(f"Warning: {user.username} has no password. {WITHOUT_PASSWORD}")


@app.command()
@on_server
def add(
    server: "Server",
    name: Username,
    role: Annotated[Role, typer.Option("--role", help="What the user may do.")],
    password: Password = None,
    no_password: Annotated[bool, typer.Option("--no-password", help=WITHOUT_PASSWORD)] = False,
    as_json: AsJson = False,
) -> None:
    """Add a user."""
    user = server.users.add(name, role, _new_password(password, no_password))
    if as_json:
        json_of(user)
    else:
        say(f"Added {user.username} ({user.role}).")
    if not user.password_set:
        note(f"Warning: {WITHOUT_PASSWORD}")


@app.command()
@on_server
def edit(
    server: "Server",
    name: Username,
    role: Annotated[Role | None, typer.Option("--role", help="What the user may do.")] = None,
    password: Password = None,
    as_json: AsJson = False,
) -> None:
    """Change a user's role or password; ends that user's sessions and revokes the tokens."""
    if role is None and password is None:
        raise InvalidInput("Nothing to change was given; nothing was changed.", "Give --role or --password.")
    new = secrets.resolve(password, "password", confirm=True) if password is not None else None
    user = server.users.edit(name, role, new)
    if as_json:
        json_of(user)
    else:
        say(f"Changed {user.username} ({user.role}).")


@app.command()
@on_server
def delete(server: "Server", name: Username, yes: Yes = False) -> None:
    """Delete a user (asks first); ends that user's sessions and revokes the tokens."""
    confirm(f"Delete the user {name}? Their sessions end and their API tokens are revoked.", yes)
    server.users.delete(name)
    say(f"Deleted {name}.")


@app.command("password")
@on_server
def change_password(
    server: "Server",
    new: Annotated[
        str,
        typer.Option("--new", metavar="SOURCE", help=f"From {secrets.SOURCES}.", callback=secrets.option("new")),
    ] = "-",
    present: Annotated[
        str | None,
        typer.Option(
            "--present",
            metavar="SOURCE",
            help="The present password; asked for where there is one.",
            callback=secrets.option("present"),
        ),
    ] = None,
) -> None:
    """Change your own password."""
    if present is None and server.session().password_set:
        if not at_terminal():
            raise InvalidInput.of(
                "present", "is needed: the account has a password", f"Give --present {secrets.SOURCES}."
            )
        present = "-"
    old = secrets.resolve(present, "present password") if present is not None else None
    server.users.password(secrets.resolve(new, "new password", confirm=True), old)
    say(f"Changed the password of {server.username}.")


def _new_password(source: str | None, without: bool) -> "SecretStr | None":
    if source is not None and without:
        raise InvalidInput.of("password", "is given together with --no-password", "Give one of the two.")
    if without:
        return None
    if source is None and not at_terminal():
        raise InvalidInput.of("password", "is missing", f"Give --password {secrets.SOURCES}, or --no-password.")
    return secrets.resolve(source or "-", "password", confirm=True)
