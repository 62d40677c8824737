"""The tracking cookie: which e-mail about which record a reply answers, signed.

A cookie names the server, the project, the record, the tracked e-mail and its recipient, and carries an HMAC over all
of them (RFC 2104, SHA-256, truncated to 96 bits: RFC 2104 §5 wants 80 at least, and guesses can be tried by sending
mails only). It **locates** a record and proves nothing about who wrote: it travels in the open.

It is written in small letters and digits that survive a change of case, so that it can stand before an @::

    tk1 | key and kind | server (3) | project (4) | record | e-mail | recipient | mac (12)

One octet holds the key's id (5 bits) and the record's kind (3 bits); server and project are the beginnings of hashes of
their identities; the three numbers take seven bits an octet, most significant first. There is one spelling of each
cookie only. `read` never raises, whatever it is given; `make` raises ValueError for numbers that no cookie can hold.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from trackkit.domain.project.kind import RECORD_KINDS, Kind

PREFIX: Final = "tk1"
"""What a cookie begins with; the digit is the version of what follows."""

LONGEST: Final = 55
"""Characters of the longest cookie."""

KEY_IDS: Final = 32
"""Ids of keys are below this; after so many rotations the first id is used again."""

LARGEST: Final = 2**31 - 1
"""The largest number of a record or an e-mail."""

MOST_RECIPIENTS: Final = 2**14 - 1

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS: Final = frozenset(_ALPHABET)
_DIGITS: Final = str.maketrans(_ALPHABET, string.digits + string.ascii_lowercase[:22])
"""Our letters to the digits that Python reads in base 32, and to ours from those of RFC 4648."""
_WRITTEN: Final = str.maketrans(string.ascii_uppercase + "234567", _ALPHABET)
_SERVER, _PROJECT, _MAC = 3, 4, 12
_SHORTEST_KEY: Final = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one server: the one that signs, and those that signed before and are still taken."""

    current: int
    secrets: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.secrets:
            raise ValueError(f"there is no key {self.current}")
        if any(not 0 <= number < KEY_IDS or len(key) < _SHORTEST_KEY for number, key in self.secrets.items()):
            raise ValueError(f"a key has an id below {KEY_IDS} and at least {_SHORTEST_KEY} octets")

    def rotated(self, key: bytes, kept: int = KEY_IDS - 1) -> Keys:
        """The keys after a rotation: `key` signs, the last `kept` of the others are still taken."""
        number = (self.current + 1) % KEY_IDS
        newest_first = sorted(self.secrets, key=lambda old: (self.current - old) % KEY_IDS)
        return Keys(number, {old: self.secrets[old] for old in newest_first[:kept] if old != number} | {number: key})


class Tracked(NamedTuple):
    """What a cookie names; `recipient` is the number of the recipient in the e-mail, 0 when it is for all of them."""

    project: str
    kind: Kind
    record: int
    email: int
    recipient: int


class Valid(NamedTuple):
    """A cookie of this server; `project` is the hash that `project_tag` gives."""

    project: bytes
    kind: Kind
    record: int
    email: int
    recipient: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """A cookie of another server."""


@dataclass(frozen=True, slots=True)
class Forged:
    """It names this server, and this server has not signed it, or with a key that is no longer taken."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """It names this server and is not whole: cut short, or with something behind it."""


def make(tracked: Tracked, keys: Keys, server: str) -> str:
    """The cookie that names `tracked`, signed with the current key of the server with that identity."""
    numbers = (tracked.record, tracked.email, tracked.recipient)
    for number, largest in zip(numbers, (LARGEST, LARGEST, MOST_RECIPIENTS), strict=True):
        if not 0 <= number <= largest:
            raise ValueError(f"a cookie cannot hold the number {number}")
    head = keys.current << 3 | RECORD_KINDS.index(tracked.kind)
    named = bytes([head]) + _tag(server, _SERVER) + project_tag(tracked.project) + b"".join(map(_packed, numbers))
    return PREFIX + _written(named + _mac(keys.secrets[keys.current], server, named))


def read(cookie: str, keys: Keys, server: str) -> Valid | Foreign | Forged | Damaged | None:
    """What `cookie` is to the server with that identity and those keys; none when it is no cookie at all."""
    octets, only_spelling = _octets(cookie)
    if len(octets) < 1 + _SERVER:
        return None
    if octets[1 : 1 + _SERVER] != _tag(server, _SERVER):
        return Foreign()
    numbers, end = _numbers(octets, 1 + _SERVER + _PROJECT)
    if numbers is None or len(octets) - end != _MAC or not only_spelling:
        return Damaged()
    key = keys.secrets.get(octets[0] >> 3)
    if key is None or not hmac.compare_digest(octets[end:], _mac(key, server, octets[:end])):
        return Forged()
    # What is signed was made here: its kind is one of ours.
    record, email, recipient = numbers
    project = octets[1 + _SERVER : 1 + _SERVER + _PROJECT]
    return Valid(project, RECORD_KINDS[octets[0] & 7], record, email, recipient)


def project_tag(identity: str) -> bytes:
    """How a cookie names the project with that identity."""
    return _tag(identity, _PROJECT)


def _tag(identity: str, octets: int) -> bytes:
    return _hash(identity)[:octets]


@lru_cache(maxsize=1024)
def _hash(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()


def _mac(key: bytes, server: str, named: bytes) -> bytes:
    return hmac.digest(key, b"trackkit cookie 1\0" + server.encode() + b"\0" + named, "sha256")[:_MAC]


def _packed(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _numbers(octets: bytes, at: int) -> tuple[tuple[int, int, int] | None, int]:
    """The three numbers that begin at `at`, and where they end; none when they do not end."""
    found: list[int] = []
    number = 0
    for end, octet in enumerate(octets[at:], start=at + 1):
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            found.append(number)
            number = 0
        if len(found) == 3:
            return (found[0], found[1], found[2]), end
    return None, len(octets)


def _written(octets: bytes) -> str:
    """The octets in base 32, the last letter filled up with zeros."""
    return base64.b32encode(octets).decode().rstrip("=").translate(_WRITTEN)


def _octets(cookie: str) -> tuple[bytes, bool]:
    """The octets that are written so, as far as they are whole, none for what is no cookie; and whether it is their
    one spelling: bits that fill up the last letter are zero, and no letter is there for nothing."""
    text = cookie.lower()
    letters = text[len(PREFIX) :]
    if not text.startswith(PREFIX) or len(text) > 2 * LONGEST or not _LETTERS.issuperset(letters):
        return b"", False
    value = int(letters.translate(_DIGITS) or "0", 32)
    whole, more = divmod(len(letters) * 5, 8)
    return (value >> more).to_bytes(whole), more < 5 and not value & ((1 << more) - 1)
