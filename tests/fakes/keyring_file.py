"""A keyring as the library `keyring` knows them, kept in a file that TEST_KEYRING names.

``PYTHON_KEYRING_BACKEND=tests.fakes.keyring_file.FileKeyring`` makes other processes use it, too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """What is kept, by service and user name."""

    priority = -1  # taken only where it is named

    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def kept(self) -> dict[str, str]:
        """Everything in it, as ``service/username`` -> password."""
        return dict(json.loads(self._path.read_text())) if self._path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps({**self.kept(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self.kept()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not found")
        self._path.write_text(json.dumps(kept))
