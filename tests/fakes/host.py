"""A host of the tests' own on a free port of 127.0.0.1: a thread for each connection, until it is left."""

from __future__ import annotations

import socket
import ssl
import threading
from types import TracebackType
from typing import Self


class Host:
    """A context manager; `talk` is what each kind of host does with a connection.

    Parameters
    ----------
    tls: makes each connection an encrypted one from the start.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._from_the_start = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.faults: list[BaseException] = []
        """What went wrong in a session but that it broke off: a test's own checks, too."""

    def talk(self, connection: socket.socket) -> None:
        """Until the session is over; it may break off with `OSError` or `EOFError`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopping.set()
        with socket.socket() as knock:  # a thread that waits for a connection keeps the port open
            knock.connect_ex(("127.0.0.1", self.port))
        self._accepting.join(20)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._from_the_start is not None:
                connection = self._from_the_start.wrap_socket(connection, server_side=True)
            self.talk(connection)
        except (OSError, EOFError):
            pass
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            connection.close()
