"""Passwords in the operating system's keyring, for those who asked for it (SPEC §1): an opt-in, one a connection.

The keyring is reached through the library `keyring`, an extra of trackkit. Fails with `Unavailable`, saying what to
do, when the library is not installed, the system has no keyring, or it refuses (locked, cancelled by the person).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from pydantic import SecretStr

from trackkit.domain.errors import Unavailable

SERVICE: Final = "trackkit"


def of(connection: str) -> str:
    """What the password of a connection is filed under."""
    return f"{SERVICE} {connection}"


def keep(service: str, username: str, password: str | SecretStr) -> None:
    """Put a password into the keyring, in place of the one before."""
    secret = password.get_secret_value() if isinstance(password, SecretStr) else password
    with _keyring() as keyring:
        keyring.set_password(service, username, secret)


def recall(service: str, username: str) -> SecretStr | None:
    """The password; none when there is none (any more)."""
    with _keyring() as keyring:
        found = keyring.get_password(service, username)
    return None if found is None else SecretStr(found)


def forget(service: str, username: str) -> None:
    """Take a password out; one that is not there is forgotten already."""
    with _keyring() as keyring:
        if keyring.get_password(service, username) is not None:
            keyring.delete_password(service, username)


@contextmanager
def _keyring() -> Iterator[ModuleType]:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise Unavailable(
            "The operating system's keyring cannot be used: the library keyring is not installed.",
            "Install it: pip install 'trackkit[keyring]'. Everything else works without it.",
        ) from None
    try:
        yield keyring
    except KeyringError as error:
        raise Unavailable(
            f"The operating system's keyring refused ({type(error).__name__}).",
            "Is there a keyring on this system, and is it unlocked? `keyring diagnose` tells which one is used. On a "
            "machine without one use TRACKKIT_PASSWORD or TRACKKIT_TOKEN.",
        ) from error
