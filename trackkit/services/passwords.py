"""Hashing of passwords and tokens.

Passwords: argon2id with OWASP's second profile (19 MiB, 2 passes), because the library's default (64 MiB) takes
gigabytes when many log in at once; at most `CONCURRENT` hashes run at a time, a few wait, and the rest is told to try
again. Tokens are random and long, so a plain SHA-256 is enough for them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from trackkit.domain.errors import Unavailable

_MEMORY_KIB: Final = 19_456
_PASSES: Final = 2
CONCURRENT: Final = 2
WAITING: Final = 24
"""Who comes after these is turned away at once: the API has 40 threads, and log-ins must not take all of them."""


class Passwords:
    """The bounded hasher."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._slots = threading.BoundedSemaphore(CONCURRENT)
        self._line = threading.BoundedSemaphore(CONCURRENT + WAITING)
        self._nobody = _of_no_password()

    def hash(self, password: str) -> str:
        """The form in which a password is stored."""
        with self._slot():
            return self._hasher.hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. Takes as long without a hash, so that nobody learns which users exist."""
        with self._slot():
            try:
                self._hasher.verify(password_hash or self._nobody, password)
            except (VerifyMismatchError, InvalidHashError):
                return False
        return password_hash is not None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._line.acquire(blocking=False):
            raise Unavailable("Too many people are logging in at once.", "Try again in a moment.")
        try:
            with self._slots:
                yield
        finally:
            self._line.release()


def _of_no_password() -> str:
    """What takes as long to verify as a hash; made up at random, so that no password is right."""
    salt, digest = (base64.b64encode(secrets.token_bytes(octets)).decode().rstrip("=") for octets in (16, 32))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p=1${salt}${digest}"


SESSION_PREFIX: Final = "tks_"
TOKEN_PREFIX: Final = "tkt_"
PROJECT_PREFIX: Final = "tkp_"


def new_secret(prefix: str) -> str:
    """A fresh token: the prefix tells what it is for, 256 random bits follow."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The form in which a token is stored and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_setup_code() -> str:
    """A code a person can type: 100 random bits in five groups of four."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(5))


def setup_code_hash(code: str) -> str:
    """The form in which a set-up code is stored; case, dashes and blanks do not matter."""
    return token_hash("".join(c for c in code.upper() if c.isalnum()))
