"""``trackkit license keygen | issue``: the owner's key pair, and serials signed with it. No server is asked.

The private key stays in its file (mode 0600, never over one that exists); a server gets only the public key, on its
machine: ``trackkit server set license-keys KEY``.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trackkit.cli.files import read, write_new
from trackkit.cli.output import counted, note, say
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Kind(StrEnum):
    """Of a license; the same words as `domain.licenses.LicenseKind`, which takes cryptography to load."""

    dedicated = "dedicated"
    floating = "floating"
    web = "web"
    solosubmit = "solosubmit"


def keygen(file: Annotated[Path, typer.Argument(help="Where the private key goes; nothing may be there.")]) -> None:
    """Make a key pair. The public key is printed on standard output and nothing else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from trackkit.domain.licenses import public_key_text

    key = Ed25519PrivateKey.generate()
    write_new(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    note(
        f"The private key is in {file}: whoever has it can make serials. Servers get the public key, on their machine:"
    )
    note("trackkit server set license-keys KEY")
    say(public_key_text(key.public_key().public_bytes_raw()))


def issue(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=", ".join(Kind))],
    key: Annotated[Path, typer.Option("--key", help="The file of the private key.")],
    seats: Annotated[int, typer.Option("--seats", help="Of floating and web licenses.", min=1)] = 1,
    server_id: Annotated[
        str | None, typer.Option("--server-id", help="Of the one server it is for; `trackkit license list` shows it.")
    ] = None,
    maintenance_until: Annotated[
        str | None, typer.Option("--maintenance-until", metavar="DATE", help="The last day; without: no maintenance.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new file for the serial; else it is printed.")] = None,
) -> None:
    """Make a serial."""
    import secrets

    from trackkit.domain import licenses

    until = _day("maintenance-until", maintenance_until)
    number = secrets.randbits(64)
    today = datetime.now(UTC).date()
    made = licenses.checked_license(licenses.LicenseKind(kind), number, seats, today, until, _server(server_id))
    serial = licenses.serial_of(made, _private_key(key))
    note(f"License {made.name}: {counted(made.seats, f'{made.kind} seat')}.")
    if out is None:
        say(serial)
    else:
        write_new(out, f"{serial}\n".encode(), mode=0o600)
        note(f"Its serial is in {out}.")


def _day(field: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput.of(field, f"is {text!r}; write a date as YYYY-MM-DD") from None


def _server(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput.of("server-id", f"{text!r} is no server's id; `trackkit license list` shows it") from None


def _private_key(file: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read(file), None)
    except (ValueError, TypeError):
        raise InvalidInput.of("key", f"{file} holds no private key", "`trackkit license keygen` makes one.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput.of("key", f"{file} holds a key of another kind than Ed25519")
    return key
