"""``trackkit session``: who is logged in now, and ending a session."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, say, table
from trackkit.domain.errors import NotFound

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Who is logged in now.")


@app.command("list")
@on_server
def list_sessions(server: "Server", as_json: AsJson = False) -> None:
    """List your sessions; an operator sees those of projects, too, an admin all."""
    found = server.sessions.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Id", "User", "Role or project", "From", "Opened", "Last used", "This one"),
        [
            (
                s.session_id,
                s.username,
                s.role or f"{s.database} ({s.client})",
                "local socket" if s.local else s.client_address,
                local_time(s.opened_at),
                local_time(s.last_used_at),
                "yes" if s.current else "",
            )
            for s in found.sessions
        ],
        empty="Nobody is logged in.",
    )


@app.command()
@on_server
def end(
    server: "Server",
    session_id: Annotated[str, typer.Argument(metavar="ID", help="From `trackkit session list`.")],
    yes: Yes = False,
) -> None:
    """End a session (asks first); what is not saved there is lost."""
    found = next((s for s in server.sessions.list().sessions if s.session_id == session_id), None)
    if found is None:
        raise NotFound(f"There is no session {session_id!r} (any more).", "`trackkit session list` shows them.")
    of = f"{found.username} in the project {found.database}" if found.database else found.username
    where = "the local socket" if found.local else found.client_address
    confirm(
        f"End the session of {of} from {where}, opened {local_time(found.opened_at)}? What is not saved there is lost.",
        yes,
    )
    server.sessions.end(session_id)
    say(f"Ended the session of {of}.")
