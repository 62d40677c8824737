"""`trackkit server`: run one, and what only its machine decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run a server, and set what only its machine decides.", no_args_is_help=True)

DataOption = Annotated[
    Path, typer.Option("--data", envvar="TRACKKIT_DATA", help="The server's data folder.", show_default=False)
]


@app.command()
def run(
    data: DataOption,
    port: Annotated[int | None, typer.Option(help="Port (1-65535); wins over the option server.port.")] = None,
    address: Annotated[
        str | None, typer.Option(help="IP address to listen on; wins over the machine's setting.")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="PostgreSQL instead of SQLite: a URL without password, env:NAME or file:PATH."),
    ] = None,
    no_sample: Annotated[
        bool, typer.Option("--no-sample", help="Make no sample database at the very first start.")
    ] = False,
) -> None:
    """Run the server until it is told to stop (SIGTERM, Ctrl+C)."""
    from trackkit.server.run import run as run_server

    url = None if database_url is None else database_url_of(database_url)
    run_server(data, port=port, address=address, database_url=url, sample=not no_sample)


def database_url_of(source: str) -> str:
    """The URL itself where it holds no password; else it comes from where secrets come from."""
    from urllib.parse import parse_qs, urlsplit

    from trackkit.cli.secrets import resolve

    parts = urlsplit(source) if "://" in source else None
    if parts is None or parts.password or "password" in parse_qs(parts.query):
        return resolve(source if parts is None else "", "database URL").get_secret_value()
    return source


@app.command()
def init(data: DataOption) -> None:
    """Make a data folder with its keys and certificate."""
    from trackkit.server.folder import fingerprint, prepare

    folder = prepare(data)
    typer.echo(f"The data folder {folder.path} is ready. The server's certificate: {fingerprint(folder)}")


@app.command("set")
def set_(data: DataOption, name: str, value: str) -> None:
    """Change a setting of this machine; it counts from the next start of the server."""
    from trackkit.server import settings
    from trackkit.server.folder import prepare

    folder = prepare(data)
    settings.save(folder.path, settings.changed(settings.load(folder.path), name, value))
    typer.echo(f"{name} is {value} from the next start of the server.")


@app.command()
def show(data: DataOption, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the settings of this machine."""
    from json import dumps

    from trackkit.server import settings

    values = settings.shown(settings.load(data))
    if json:
        typer.echo(dumps(values))
        return
    for name, value in values.items():
        typer.echo(f"{name} = {value}    {settings.TITLES[name]}")
