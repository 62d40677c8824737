"""A network of its own: addresses and ports below 1024 that are nobody else's, and a name server of the test's.

A process lives in a network and mount namespace (`unshare -rnm`), opens sockets there on request and passes them to the
test; programs are run in it by `prefix`, those that change their user by `prefix_of_peers`. Their resolv.conf names
127.0.0.1.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_SERVE = """
import json, os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", sys.argv[2], "/etc/resolv.conf"], check=True)
link = socket.socket(fileno=int(sys.argv[1]))
link.send(b"ready")
while request := link.recv(1000):
    family, kind, address, port = json.loads(request)
    one = socket.socket(family, socket.SOCK_DGRAM if kind == "bind" else socket.SOCK_STREAM)
    fds = [one.fileno()]
    if kind == "connect":
        fds = fds if one.connect_ex((address, port)) == 0 else []
    else:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
    if kind == "listen":
        one.listen(200)
    socket.send_fds(link, [b"here"], fds)
    one.close()
"""


def missing() -> str:
    """Why there can be none here; ``""`` when there can."""
    absent = [name for name in ("unshare", "nsenter", "ip", "mount") if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)}"
    tried = subprocess.run(["unshare", "-rnm", "true"], capture_output=True, text=True)
    return f"needs the right to make a network namespace: {tried.stderr.strip()}" if tried.returncode else ""


class Namespace:
    """The namespace, from its making to `close`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tk-ns-"))
        resolv_conf = self._folder / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.1\noptions timeout:2\n")
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = ["unshare", "-rnm", sys.executable, "-c", _SERVE, str(theirs.fileno()), str(resolv_conf)]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self._link.settimeout(20)
        try:
            assert self._link.recv(10) == b"ready", "the namespace could not be set up"
        except BaseException:
            self._process.kill()
            self.close()
            raise

    @property
    def prefix(self) -> tuple[str, ...]:
        """What runs a command in it."""
        return ("nsenter", "-t", str(self._process.pid), "-U", "-n", "-m", "--preserve-credentials")

    @property
    def prefix_of_peers(self) -> tuple[str, ...]:
        """The same for programs that change to another user, of whom the namespace knows but one. Only for root."""
        return ("nsenter", "-t", str(self._process.pid), "-n", "-m")

    def listen(self, address: str, port: int) -> socket.socket:
        """A listening socket."""
        return self._open("listen", address, port)

    def bind(self, address: str, port: int) -> socket.socket:
        """A socket for datagrams."""
        return self._open("bind", address, port)

    def add_address(self, address: str) -> None:
        """One more of this machine's own."""
        subprocess.run([*self.prefix, "ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)

    def connect(self, port: int, address: str = "127.0.0.1") -> socket.socket | None:
        """A connection; none when nothing listens there."""
        return self._asked("connect", address, port)

    def accepts(self, port: int) -> bool:
        """Whether something listens at that port of 127.0.0.1."""
        connection = self.connect(port)
        if connection is not None:
            connection.close()
        return connection is not None

    def close(self) -> None:
        """End it."""
        self._link.close()
        self._process.wait(20)
        shutil.rmtree(self._folder)

    def _open(self, kind: str, address: str, port: int) -> socket.socket:
        opened = self._asked(kind, address, port)
        assert opened is not None, f"{address} port {port} could not be opened in the namespace"
        return opened

    def _asked(self, kind: str, address: str, port: int) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._link.send(json.dumps([family, kind, address, port]).encode())
        _, fds, _, _ = socket.recv_fds(self._link, 10, 1)
        return socket.socket(fileno=fds[0]) if fds else None
