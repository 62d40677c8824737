"""Which server a command is for, and the log-in there.

``--server NAME|URL`` (TRACKKIT_SERVER) or ``--data DIR`` (TRACKKIT_DATA, through the local socket), before or after
the command; without either the one connection there is. Arguments win over the environment. User name and password
are asked for only at a terminal; without one they come from the environment.
"""

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli.asking import at_terminal
from trackkit.cli.output import note, plain
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server

ServerName = Annotated[
    str | None,
    typer.Option("--server", metavar="NAME|URL", help="A connection's name, or https://host:port. [TRACKKIT_SERVER]"),
]
DataFolder = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="The data folder of a server on this machine. [TRACKKIT_DATA]"),
]

_CHOICE = "trackkit.choice"


def remember(context: typer.Context, server: str | None, data: str | None) -> None:
    """What was given before the command, for the command."""
    context.meta[_CHOICE] = (server, data)


def on_server(
    command: Callable[..., None], reached: "Callable[[str | None, str | None], Server] | None" = None
) -> Callable[..., None]:
    """Make a command whose first parameter is a `Server`; the two options above are added to its own.

    Parameters
    ----------
    reached: how the server is reached; without it `opened`, which logs in.
    """
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    more = [
        inspect.Parameter("chosen_server", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ServerName),
        inspect.Parameter("chosen_data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=DataFolder),
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
    ]

    @wraps(command)
    def run(chosen_server: str | None, chosen_data: str | None, context: typer.Context, **given: Any) -> None:
        before = context.meta.get(_CHOICE, (None, None))
        reach = reached or opened
        with reach(chosen_server or before[0], chosen_data or before[1]) as server:
            command(server, **given)

    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([*keyword, *more])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*keyword, *more]}
    return run


def opened(server: str | None, data: str | None) -> "Server":
    """The chosen server, logged in."""
    server, data = _chosen(server, data)
    if data is not None:
        from trackkit.client import local

        return local(data, os.environ.get("TRACKKIT_USERNAME") or "admin")
    return _over_network(server or _only_connection())


def reached(server: str | None, data: str | None) -> "Server":
    """The chosen server without a log-in: for those who log in to a project."""
    from trackkit.client import reach, reach_local

    server, data = _chosen(server, data)
    if data is not None:
        return reach_local(data)
    return reach(server or _only_connection(), pin=ask_about_certificate if at_terminal() else None)


def _chosen(server: str | None, data: str | None) -> tuple[str | None, str | None]:
    if server is None and data is None:
        server, data = os.environ.get("TRACKKIT_SERVER") or None, os.environ.get("TRACKKIT_DATA") or None
    if server is not None and data is not None:
        raise InvalidInput.of("server", "is given together with a data folder", "Give --server or --data.")
    return server, data


def _only_connection() -> str:
    from trackkit.client.connections import Connections

    names = [connection.name for connection in Connections.load()]
    if len(names) == 1:
        return names[0]
    if names:
        raise InvalidInput(
            f"Which server? There are {len(names)} connections: {', '.join(names)}.", "Give --server NAME."
        )
    raise InvalidInput(
        "Which server? There is no connection yet.",
        "Add one (`trackkit connection add NAME ADDRESS`), or give --server https://host:port, "
        "or --data DIR on the server machine.",
    )


def _over_network(name_or_url: str) -> "Server":
    from trackkit.client import Connections, connect, reach

    environment = os.environ
    unattended = environment.get("TRACKKIT_TOKEN") or (
        environment.get("TRACKKIT_USERNAME") and environment.get("TRACKKIT_PASSWORD") is not None
    )
    pin = ask_about_certificate if at_terminal() else None
    remembered = Connections.load().remembers(name_or_url, environment.get("TRACKKIT_USERNAME"))
    if unattended or not at_terminal() or remembered:
        return connect(name_or_url, pin=pin)
    server = reach(name_or_url, pin=pin)
    try:
        username = environment.get("TRACKKIT_USERNAME") or typer.prompt(f"User name for {plain(server.name)}", err=True)
        server.log_in(username, typer.prompt("Password", hide_input=True, err=True))
    except BaseException:
        server.close()
        raise
    return server


def ask_about_certificate(fingerprint: str) -> bool:
    """First use of a server, at the terminal."""
    note("This server is not known yet. The fingerprint of its certificate is\n  " + fingerprint)
    return typer.confirm("Is it the one the server prints at its start?", default=False, err=True)
