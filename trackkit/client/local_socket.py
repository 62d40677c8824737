"""HTTP through the owner-only socket in a data folder.

The address of a Unix socket has room for about a hundred bytes; on Linux a longer path is reached through the open
folder in `/proc/self/fd`. Elsewhere a longer one is refused.

Raises `NotFound` (no such folder), `PortClosed` (no server runs on it), `NotAllowed` (somebody else's folder),
`InvalidInput` (path too long for this system), `Unavailable` (no local sockets on this system).
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import httpx

from trackkit.client import diagnose, tls
from trackkit.client.call import LIMITS
from trackkit.domain.errors import InvalidInput, NotAllowed, NotFound, Unavailable

SOCKET_NAME = "local.sock"

_LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes in `sun_path` less the one that ends it."""


def transport(folder: Path) -> httpx.BaseTransport:
    """A transport to the server that runs on `folder`, after making sure that one answers."""
    if sys.platform == "win32":
        raise Unavailable("Windows has no local sockets here.", "Connect over the network: trackkit.connect.")
    try:
        if not folder.is_dir():
            raise NotFound(
                f"There is no data folder {folder}.", "Is it the folder the server was started with (--data)?"
            )
        made = _Transport(folder)
    except PermissionError:
        raise _somebody_elses(folder) from None
    try:
        _probe(folder, made.path)
    except BaseException:
        made.close()
        raise
    return made


class _Transport(httpx.HTTPTransport):
    """Keeps the folder open for as long as its socket's path leads through it."""

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        self.path = str(folder.absolute() / SOCKET_NAME)
        if len(os.fsencode(self.path)) > _LIMIT:
            if sys.platform != "linux":
                raise InvalidInput.of(
                    "data", f"has a path too long for a local socket on this system (over {_LIMIT} bytes)"
                )
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self.path = f"/proc/self/fd/{self._descriptor}/{SOCKET_NAME}"
        super().__init__(uds=self.path, verify=tls.any_certificate(), limits=LIMITS)  # no TLS here; nothing to load

    def close(self) -> None:
        super().close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _probe(folder: Path, path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(diagnose.CONNECT_TIMEOUT)
        try:
            sock.connect(path)
        except PermissionError:
            raise _somebody_elses(folder) from None
        except OSError as error:
            raise diagnose.not_running(str(folder), error) from None


def _somebody_elses(folder: Path) -> NotAllowed:
    return NotAllowed(
        f"The data folder {folder} belongs to another account.",
        "Only the account that runs the server can use its local socket. Connect over the network instead.",
    )
