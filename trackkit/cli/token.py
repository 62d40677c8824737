"""``trackkit token``: API tokens for scripts."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, say, table
from trackkit.domain.accounts import Role

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="API tokens for scripts.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]


@app.command("list")
@on_server
def list_tokens(server: "Server", as_json: AsJson = False) -> None:
    """List your tokens; an admin sees everybody's. The secrets are never shown again."""
    found = server.tokens.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Owner", "Name", "Role", "Created", "Expires", "Last used"),
        [
            (
                t.username,
                t.name,
                t.role,
                local_time(t.created_at),
                local_time(t.expires_at) if t.expires_at else "never",
                local_time(t.last_used_at),
            )
            for t in found.tokens
        ],
        empty="There are no tokens.",
    )


@app.command()
@on_server
def add(
    server: "Server",
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="No higher than your own.")],
    days: Annotated[int | None, typer.Option("--days", help="Days until it expires; never without.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token. Its secret is printed on standard output, this once and nothing else."""
    made = server.tokens.add(name, role, days)
    if as_json:
        json_of(made)
        return
    note(f"Token {made.name} of {made.username} ({made.role}). Its secret is shown this once:")
    say(made.secret)


@app.command()
@on_server
def delete(
    server: "Server",
    name: Name,
    owner: Annotated[str | None, typer.Option("--owner", help="Whose token; yours without.")] = None,
    yes: Yes = False,
) -> None:
    """Revoke a token (asks first). Scripts that use it stop working."""
    username = owner or server.username
    confirm(f"Revoke the token {name} of {username}? Scripts that use it stop working.", yes)
    server.tokens.delete(username, name)
    say(f"Revoked {name} of {username}.")
