"""Licenses for test servers: a key pair of the tests' own, and serials made with it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trackkit.client import Server
from trackkit.domain.licenses import LicenseKind, checked_license, public_key_text, serial_of
from trackkit.server import settings
from trackkit.server.folder import prepare

KEY = Ed25519PrivateKey.from_private_bytes(b"the tests' own key, not a secret")
STRANGE = Ed25519PrivateKey.from_private_bytes(b"a key that no test server accept")
PUBLIC = public_key_text(KEY.public_key().public_bytes_raw())
_numbers = count(1)


def accept(data: Path) -> None:
    """Let the server of a data folder, which does not run, accept serials made here."""
    folder = prepare(data)
    settings.save(folder.path, settings.changed(settings.load(folder.path), "license-keys", PUBLIC))


def serial(
    kind: LicenseKind | str,
    seats: int = 1,
    server_id: str | None = None,
    until: date | None = None,
    issued_on: date | None = None,
    key: Ed25519PrivateKey = KEY,
    number: int | None = None,
) -> str:
    """A serial; each has a number of its own unless one is given."""
    made = checked_license(
        LicenseKind(kind),
        next(_numbers) if number is None else number,
        seats,
        issued_on or datetime.now(UTC).date(),
        until,
        UUID(server_id) if server_id else None,
    )
    return serial_of(made, key)


def give_seats(admin: Server, **seats: int) -> None:
    """Enter licenses: ``give_seats(admin, web=200, floating=20)``."""
    server_id = admin.licenses.list().server_id
    for kind, number in seats.items():
        admin.licenses.add(serial(kind, number, server_id))


def mistyped(serial: str) -> str:
    """The serial with one character changed, so that its check digits do not fit."""
    return serial[:-1] + ("0" if serial[-1] != "0" else "1")
