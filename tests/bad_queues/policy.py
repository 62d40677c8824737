"""What Postfix asks about each recipient (https://www.postfix.org/SMTPD_POLICY_README.html): greylisting and SPF.

A stand-in for postgrey and a policy daemon for SPF, with the replies that those give: who writes to an address that
begins with ``grey`` waits until `GREY_SECONDS` after the first try, and a sender's domain whose SPF record ends in
``-all`` and does not name 127.0.0.1 does not pass.
"""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

GREY_SECONDS = 0.5
OWN = "ip4:127.0.0.1"


class PolicyService:
    """At a Unix socket, until `close`; `zone` is the DNS as the test's server has it."""

    def __init__(self, path: Path, zone: Mapping[tuple[str, str], list[str]]) -> None:
        self._zone = zone
        self._first_seen: dict[str, float] = {}
        service = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(ConnectionError):
                    while asked := _question(self):
                        self.wfile.write(f"action={service.action(asked)}\n\n".encode())

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Conversation)
        self._server.daemon_threads = True
        path.chmod(0o666)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def action(self, asked: Mapping[str, str]) -> str:
        """What Postfix is to do."""
        record = "".join(self._zone.get((asked["sender"].rpartition("@")[2], "TXT"), ()))
        if record.startswith('"v=spf1') and record.endswith('-all"') and OWN not in record:
            return "550 5.7.23 Message rejected due to: SPF fail - not authorized"
        first = self._first_seen.setdefault(asked["recipient"], time.monotonic())
        if asked["recipient"].startswith("grey") and time.monotonic() - first < GREY_SECONDS:
            return "DEFER_IF_PERMIT 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/postfix.test.html"
        return "DUNNO"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _question(conversation: socketserver.StreamRequestHandler) -> dict[str, str]:
    """The attributes that are asked about; none when Postfix has hung up."""
    found: dict[str, str] = {}
    while line := conversation.rfile.readline().decode().strip():
        name, _, value = line.partition("=")
        found[name] = value
    return found
