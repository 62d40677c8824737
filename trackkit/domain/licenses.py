"""Licenses: what a serial says, how it is written, and which licenses may stand together on a server.

A serial is 161 characters of Crockford's alphabet without its aliases (no I, L, O, U), in groups of seven:

| part | bytes | holds |
| --- | --- | --- |
| payload | 32 | format, kind, seats, issued on, maintenance until, number, server id |
| signature | 64 | Ed25519 (RFC 8032) by the owner's key over the payload |
| check digits | 7 characters | CRC-32 of the characters before them |

Case, dashes and blanks do not matter. The check digits are looked at first: a CRC-32 finds every change of one
character and of two neighbours, so what fails there was mistyped (`SerialMistyped`); what passes and whose signature
does not hold was made by somebody else (`SerialForged`). Pure: keys and the day are passed in.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trackkit.domain.errors import Conflict, InvalidInput, SerialForged, SerialMistyped
from trackkit.domain.expiry import Stage


class LicenseKind(StrEnum):
    """Who a license lets in."""

    dedicated = "dedicated"
    """One person with a native client; on that person's computer, valid on any server."""
    floating = "floating"
    """So many native clients at once."""
    web = "web"
    """So many people in the web client, and API clients, at once."""
    solosubmit = "solosubmit"
    """People without an account may submit a defect; one a server."""


MOST_SEATS: Final = 65_535
AHEAD: Final = timedelta(days=1)
"""A serial may be so much younger than the server's clock: time zones differ."""

EVALUATION_SEATS: Final = {LicenseKind.floating: 5, LicenseKind.web: 5, LicenseKind.solosubmit: 1}
"""What a fresh server comes with, so that its sample works."""


_FORMAT: Final = 1
_PAYLOAD: Final = struct.Struct(">BBHHHQ16s")
_SIGNATURE: Final = 64
_KINDS: Final = (LicenseKind.dedicated, LicenseKind.floating, LicenseKind.web, LicenseKind.solosubmit)
_EPOCH: Final = date(2000, 1, 1)
_NO_SERVER: Final = bytes(16)

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PLAIN: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)  # from RFC 4648's alphabet …
_BASE32: Final = str.maketrans(_ALPHABET, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")  # … and back
_CAPITALS: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LEFT_OUT: Final = frozenset("-\N{NON-BREAKING HYPHEN}\N{HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{SOFT HYPHEN}")
_LOOKALIKES: Final = {"O": "0 (zero)", "I": "1 (one)", "L": "1 (one)", "U": "V"}
_CHECK: Final = 7
_GROUP: Final = 7
LENGTH: Final = -(-(_PAYLOAD.size + _SIGNATURE) * 8 // 5) + _CHECK
"""Characters of a serial without its dashes."""


@dataclass(frozen=True, slots=True)
class License:
    """What a serial says.

    Parameters
    ----------
    number: makes the serial the only one of its kind.
    seats: 1 for a dedicated and for a solosubmit license.
    maintenance_until: the last day of maintenance; none = a license without maintenance.
    server_id: the one server it is valid on; none = a dedicated one, valid on any.
    """

    kind: LicenseKind
    number: int
    seats: int
    issued_on: date
    maintenance_until: date | None
    server_id: UUID | None

    @property
    def with_maintenance(self) -> bool:
        """Of which sort it is; the two do not stand together on a server."""
        return self.maintenance_until is not None

    @property
    def name(self) -> str:
        """The number as people say it: never enough to make the serial of."""
        return number_name(self.number)


def number_name(number: int) -> str:
    """A license's number as it is shown, in hexadecimal."""
    text = f"{number:016X}"
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def checked_license(
    kind: LicenseKind,
    number: int,
    seats: int,
    issued_on: date,
    maintenance_until: date | None,
    server_id: UUID | None,
) -> License:
    """A license that can be issued, or `InvalidInput` naming what cannot."""
    if not 1 <= seats <= MOST_SEATS:
        raise InvalidInput.of("seats", f"is {seats}; from 1 to {MOST_SEATS} are possible")
    if kind in (LicenseKind.dedicated, LicenseKind.solosubmit) and seats != 1:
        raise InvalidInput.of("seats", f"is {seats}; a {kind} license has one")
    if kind is LicenseKind.dedicated and server_id is not None:
        raise InvalidInput.of("server_id", "is given, but a dedicated license is valid on any server")
    if kind is not LicenseKind.dedicated and server_id is None:
        raise InvalidInput.of(
            "server_id",
            f"is missing: a {kind} license is valid on one server, which it names",
            "The server shows its id beside its licenses (`trackkit license list`).",
        )
    if server_id is not None and server_id.bytes == _NO_SERVER:
        raise InvalidInput.of("server_id", "is no server's id")
    if maintenance_until is not None and maintenance_until < issued_on:
        raise InvalidInput.of("maintenance_until", f"is {maintenance_until}, before the license is issued")
    if not _EPOCH < issued_on < _EPOCH + timedelta(days=65_000):
        raise InvalidInput.of("issued_on", f"is {issued_on}; serials can hold days from 2000 to 2177")
    if maintenance_until is not None and maintenance_until >= _EPOCH + timedelta(days=65_000):
        raise InvalidInput.of("maintenance_until", f"is {maintenance_until}; serials can hold days from 2000 to 2177")
    return License(kind, number, seats, issued_on, maintenance_until, server_id)


def serial_of(license: License, key: Ed25519PrivateKey) -> str:
    """The serial of a license, signed with the owner's key."""
    payload = _PAYLOAD.pack(
        _FORMAT,
        _KINDS.index(license.kind),
        license.seats,
        _days(license.issued_on),
        _days(license.maintenance_until) if license.maintenance_until else 0,
        license.number,
        license.server_id.bytes if license.server_id else _NO_SERVER,
    )
    return written(payload + key.sign(payload))


def written(octets: bytes) -> str:
    """Payload and signature as a serial: check digits added, in groups."""
    text = base64.b32encode(octets).decode().rstrip("=").translate(_PLAIN)
    text += _check_digits(text)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read_serial(text: str, keys: Iterable[bytes]) -> License:
    """What a serial says.

    Parameters
    ----------
    keys: the raw public keys (32 bytes each) that may have signed it.

    Raises
    ------
    SerialMistyped: the check digits do not fit, or it is no serial at all.
    SerialForged: none of the keys signed it.
    InvalidInput: it was made for a newer trackkit.
    """
    octets = _octets(normal_form(text))
    payload, signature = octets[: _PAYLOAD.size], octets[_PAYLOAD.size :]
    if not any(_signed(key, payload, signature) for key in keys):
        raise SerialForged(
            "The serial is typed right, but none of the keys this server accepts signed it; nothing was changed.",
            "Ask whoever issues licenses for this server; `trackkit server show` lists the keys it accepts.",
        )
    version, kind, seats, issued, maintenance, number, server = _PAYLOAD.unpack(payload)
    if version != _FORMAT or kind >= len(_KINDS):
        raise InvalidInput.of("serial", "was made for a newer trackkit", "Update the server, then enter it again.")
    return License(
        _KINDS[kind],
        number,
        seats,
        _EPOCH + timedelta(days=issued),
        _EPOCH + timedelta(days=maintenance) if maintenance else None,
        None if server == _NO_SERVER else UUID(bytes=server),
    )


def normal_form(text: str) -> str:
    """A serial as it is compared and kept: capitals without dashes and blanks; `SerialMistyped` names what is wrong."""
    plain = "".join(c for c in text if not c.isspace() and c not in _LEFT_OUT).translate(_CAPITALS)
    for place, character in enumerate(plain, 1):
        if character not in _ALPHABET:
            meant = _LOOKALIKES.get(character)
            hint = f"; {meant} is meant" if meant else ""
            raise _mistyped(f"Character {place} (dashes not counted) cannot stand in a serial{hint}.")
    if len(plain) != LENGTH:
        more = "too few" if len(plain) < LENGTH else "too many"
        raise _mistyped(f"It has {len(plain)} characters (dashes not counted), {more}: a serial has {LENGTH}.")
    return plain


def checked_digits(text: str) -> str:
    """The normal form of a serial whose check digits fit; `SerialMistyped`. Says nothing about its signature."""
    plain = normal_form(text)
    _octets(plain)
    return plain


def _octets(plain: str) -> bytes:
    body, check = plain[:-_CHECK], plain[-_CHECK:]
    if check != _check_digits(body):
        raise _mistyped("Its check digits do not fit: a character is wrong, or two are swapped.")
    padded = body.translate(_BASE32)
    octets = base64.b32decode(padded + "=" * (-len(padded) % 8))
    if base64.b32encode(octets).decode().rstrip("=") != padded:  # bits that carry nothing have to be 0
        raise _mistyped("Its check digits do not fit: a character is wrong.")
    return octets


def _check_digits(body: str) -> str:
    crc = zlib.crc32(body.encode()) << 3
    return "".join(_ALPHABET[crc >> 5 * place & 31] for place in reversed(range(_CHECK)))


def _mistyped(reason: str) -> SerialMistyped:
    return SerialMistyped(
        f"The serial is mistyped; nothing was changed. {reason}", "Paste it whole, or read it from its file."
    )


def _signed(key: bytes, payload: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, payload)
    except InvalidSignature:
        return False
    return True


def _days(day: date) -> int:
    return (day - _EPOCH).days


def public_key(text: str, field: str = "license-keys") -> bytes:
    """A public key as `trackkit license keygen` prints it (base64 of its 32 bytes); `InvalidInput`."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise InvalidInput.of(
            field, f"{text.strip()!r} is no public key; `trackkit license keygen` prints one (44 characters)"
        ) from None
    return raw


def public_key_text(raw: bytes) -> str:
    """A public key as it is shown."""
    return base64.b64encode(raw).decode()


def check_usable(license: License, server_id: UUID, today: date) -> None:
    """Whether a server may take the license by itself; `InvalidInput` says why not.

    Maintenance that has ended is no reason at a log-in (seats stay), only when a serial is entered: `check_entered`.
    """
    if license.server_id is not None and license.server_id != server_id:
        raise InvalidInput.of(
            "serial",
            f"is valid on the server {license.server_id}; this one is {server_id}",
            "Ask for a serial that names this server's id.",
        )
    if license.issued_on > today + AHEAD:
        raise InvalidInput.of(
            "serial",
            f"was issued on {license.issued_on}, but the server's clock says {today}",
            "Set the server's clock, then try again.",
        )


def check_entered(license: License, server_id: UUID, today: date, present: Sequence[License]) -> None:
    """Whether a serial may be entered beside those that are `present`; `InvalidInput` or `Conflict` says why not."""
    if license.kind is LicenseKind.dedicated:
        raise InvalidInput.of(
            "serial",
            "is that of a dedicated license, which is kept on its person's computer and not on a server",
            "There: `trackkit license remember`, or the log-in form.",
        )
    check_usable(license, server_id, today)
    if license.maintenance_until is not None and license.maintenance_until < today:
        raise InvalidInput.of(
            "serial",
            f"its maintenance ended on {license.maintenance_until}",
            "Ask for a renewed one. Licenses that are here already keep their seats.",
        )
    if any(other.number == license.number for other in present):
        raise Conflict("This serial is entered already; nothing was changed.")
    check_sort(license, present)
    if license.kind is LicenseKind.solosubmit and any(other.kind is LicenseKind.solosubmit for other in present):
        raise Conflict(
            "There is a solosubmit license already, and a server has one; nothing was changed.",
            "Replace its serial instead, or delete it first.",
        )


def check_sort(license: License, present: Iterable[License]) -> None:
    """Licenses with and without maintenance cannot be mixed on a server; `Conflict` names those of the other sort."""
    others = [other for other in present if other.with_maintenance != license.with_maintenance]
    if others:
        ours, theirs = ("with", "without") if license.with_maintenance else ("without", "with")
        raise Conflict(
            f"This is a license {ours} maintenance, and {', '.join(other.name for other in others)} on this server "
            f"{'are' if len(others) > 1 else 'is'} {theirs}; the two cannot be mixed. Nothing was changed.",
            f"Delete the licenses {theirs} maintenance first, or use a serial {theirs} it.",
        )


def maintenance_words(license: License, stage: Stage) -> str:
    """The warning."""
    what = f"The maintenance of the {license.kind} license {license.name}"
    if stage is Stage.ended:
        return f"{what} ended on {license.maintenance_until}. Its seats stay; ask for a renewed serial."
    if stage is Stage.last_day:
        return f"{what} ends today. Its seats stay; ask for a renewed serial."
    return f"{what} ends on {license.maintenance_until}. Its seats stay; ask for a renewed serial in time."
