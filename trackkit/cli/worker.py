"""``trackkit worker``: another process that sends the mail of a server on PostgreSQL."""

from pathlib import Path
from typing import Annotated

import typer

from trackkit.cli.server import database_url_of


def worker(
    database_url: Annotated[
        str, typer.Option(help="The server's PostgreSQL database: a URL without password, env:NAME or file:PATH.")
    ],
    key_file: Annotated[
        Path, typer.Option(help="A copy of secret.key from the server's data folder, readable by its owner only.")
    ],
    name: Annotated[
        str | None,
        typer.Option(help="What it is called in `trackkit mail workers`; else host name and process number."),
    ] = None,
    pickup_roots: Annotated[
        list[str] | None,
        typer.Option(
            "--pickup-root",
            help="A folder of this machine in which the pickup folder may lie; repeat for more. Without any, this "
            "worker puts no mail into one.",
        ),
    ] = None,
) -> None:
    """Send mail for a server on PostgreSQL, from this machine, until told to stop (SIGTERM, Ctrl+C)."""
    from trackkit.server.worker import run

    run(database_url_of(database_url), key_file, name, pickup_roots or ())
