"""``trackkit connection``: the servers this person knows (SPEC §1). Only `test`, `pin`, `remember` reach a server."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, at_terminal, confirm
from trackkit.cli.choosing import ask_about_certificate
from trackkit.cli.output import AsJson, fields, json_rows, note, say, table

if TYPE_CHECKING:
    from trackkit.client import Connections

app = typer.Typer(no_args_is_help=True, help="The servers you know, kept in order in connections.toml.")

Name = Annotated[str, typer.Argument(help="The connection's name.", metavar="NAME")]
Port = Annotated[int, typer.Option("--port", help="1 to 65535.")]


def _connections() -> "Connections":
    from trackkit.client import Connections

    return Connections.load()


@app.command("list")
def list_connections(as_json: AsJson = False) -> None:
    """List the connections, in order."""
    found = list(_connections())
    if as_json:
        names = ("name", "address", "port", "encrypted", "fingerprint", "remembered")
        json_rows([{name: getattr(connection, name) for name in names} for connection in found])
        return
    table(
        ("Name", "Address", "Port", "Encrypted", "Remembers", "Pinned certificate"),
        [(c.name, c.address, c.port, "yes" if c.encrypted else "no", c.remembered, c.fingerprint) for c in found],
        empty="There is no connection yet. Add one: trackkit connection add NAME ADDRESS",
    )


@app.command()
def add(
    name: Name,
    address: Annotated[str, typer.Argument(help="IP address (a static one is recommended) or DNS name.")],
    port: Port = 8470,
    encrypted: Annotated[bool, typer.Option("--encrypt/--no-encrypt", help="Whether the server encrypts.")] = True,
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", help="Reach the server now and pin its certificate, if it is this.")
    ] = None,
) -> None:
    """Add a connection at the end."""
    connections = _connections()
    connections.add(name, address, port, encrypted=encrypted)
    say(f"Added {name}.")
    if fingerprint is not None:
        say(f"Pinned {connections.pin(name, fingerprint).fingerprint}.")


@app.command()
def edit(
    name: Name,
    address: Annotated[str | None, typer.Option("--address", help="IP address or DNS name.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="1 to 65535.")] = None,
    encrypted: Annotated[
        bool | None, typer.Option("--encrypt/--no-encrypt", help="Whether the server encrypts.")
    ] = None,
) -> None:
    """Change address, port or encryption; the name and the pinned certificate stay."""
    connection = _connections().edit(name, address=address, port=port, encrypted=encrypted)
    say(f"{name} is now {connection.endpoint.url}.")


@app.command()
def delete(name: Name, yes: Yes = False) -> None:
    """Delete a connection (asks first; there is no undo)."""
    connections = _connections()
    place = connections[name].endpoint.url
    also = " and remembered password" if connections[name].remembered else ""
    confirm(f"Delete the connection {name} ({place}) and its pinned certificate{also}? There is no undo.", yes)
    connections.delete(name)
    say(f"Deleted {name}. The server itself is untouched.")


@app.command()
def up(name: Name) -> None:
    """Move a connection one place up."""
    _connections().move(name, up=True)


@app.command()
def down(name: Name) -> None:
    """Move a connection one place down."""
    _connections().move(name, up=False)


@app.command()
def pin(
    name: Name,
    fingerprint: Annotated[
        str | None,
        typer.Argument(help="The certificate's SHA-256 fingerprint; without it, you are shown it and asked."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Pin the certificate the server shows now: at first use, or after it was renewed."""
    connections = _connections()
    if fingerprint is None:
        from trackkit.client import diagnose

        connection = connections[name]
        fingerprint = diagnose.fingerprint_of_pem(diagnose.certificate_of(connection.endpoint))
        before = connection.fingerprint or "none"
        confirm(f"Pinned now: {before}\nShown:      {fingerprint}\nPin the certificate that is shown for {name}?", yes)
    say(f"Pinned {connections.pin(name, fingerprint).fingerprint}.")


@app.command()
def remember(
    name: Name,
    username: Annotated[str, typer.Option("--user", "-u", help="Whose password it is.")],
    source: Annotated[
        str,
        typer.Option(
            "--password", metavar="SOURCE", help=f"From {secrets.SOURCES}.", callback=secrets.option("password")
        ),
    ] = "-",
) -> None:
    """Remember a password in this system's keyring, after logging in with it once."""
    from trackkit.client import connect

    secret = secrets.resolve(source, f"Password of {username}")
    with connect(name, username=username, password=secret, pin=ask_about_certificate if at_terminal() else None) as on:
        _connections().remember(name, on.username, secret)
        say(f"The password of {on.username} on {name} is in the keyring of this system.")


@app.command()
def forget(name: Name) -> None:
    """Take the remembered password out of this system's keyring."""
    before = _connections()[name].remembered
    _connections().forget(name)
    say(f"Forgot the password of {before} on {name}." if before else f"No password was remembered for {name}.")


@app.command()
def test(name: Name) -> None:
    """Reach the server without logging in: certificate, version, and what is wrong if it cannot be reached."""
    from trackkit.client import reach

    with reach(name, pin=ask_about_certificate if at_terminal() else None) as server:
        info = server.info()
        fields(
            [
                ("Server", server.url),
                ("Certificate", server.fingerprint or "none: the connection is not encrypted"),
                ("Version", info.version),
                ("Server id", info.server_id),
            ]
        )
        if info.setup_open:
            note("The admin has no password yet: complete the set-up with the set-up code.")
    say("The connection works.")
