"""Secrets that the server has to read again: encrypted with its key, and bound to what they belong to.

Fernet (AES-128-CBC and HMAC-SHA256) under `secret.key`. Fails with `Unavailable` when the key does not fit.
"""

from __future__ import annotations

from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from trackkit.domain.errors import Unavailable

_RIGHT_KEY: Final = "Put the secret.key that belongs to the database into the data folder, from a copy of the folder."


class Sealer:
    """Seals and opens secrets; `key` is a Fernet key."""

    def __init__(self, key: bytes) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise Unavailable("secret.key holds no key: the file is damaged.", _RIGHT_KEY) from None

    def seal(self, name: str, secret: SecretStr) -> bytes:
        """The form in which a secret is stored; it opens only under the same name."""
        return self._fernet.encrypt(f"{name}\n{secret.get_secret_value()}".encode())

    def open(self, name: str, sealed: bytes) -> SecretStr:
        """The secret itself."""
        try:
            bound_to, _, value = self._fernet.decrypt(sealed).decode().partition("\n")
        except InvalidToken:
            bound_to, value = "", ""
        if bound_to != name:
            raise Unavailable(
                f"The secret of {name} cannot be read: secret.key does not fit this database. "
                "It was lost and made anew, or replaced.",
                _RIGHT_KEY,
            )
        return SecretStr(value)
