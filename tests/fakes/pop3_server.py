"""A scripted POP3 server: a mailbox that can be logged in to, except where the test's script tells it to misbehave.

    with ScriptedPop3({"pass": say("-ERR no")}) as host:
        ... host.port, host.lines, host.logged_in ...

A script maps stages (``greeting capa stls user pass quit``) to an action or a function of the line, as that of
`smtp_server` does. It stands beside a real Dovecot, which cannot be told to misbehave at a given place.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.fakes.host import Host
from tests.fakes.smtp_server import Action, Decision, say


@dataclass
class ScriptedPop3(Host):
    """The server; a context manager. Parameters as those of `ScriptedSmtp`."""

    script: Mapping[str, Action | Decision] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    capabilities: tuple[str, ...] = ("USER", "STLS")

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        self.logged_in = 0
        super().__init__(self.tls if self.implicit else None)

    def talk(self, connection: socket.socket) -> None:
        self._answer(connection, "greeting", "", "+OK ready <1.2@scripted.test>")
        reader, user = connection.makefile("rb"), ""
        while line := reader.readline().decode("utf-8", "replace").rstrip("\r\n"):
            self.lines.append(line)
            verb, _, rest = line.partition(" ")
            if verb == "CAPA":
                self._answer(connection, "capa", line, "\n".join(["+OK", *self.capabilities, "."]))
            elif verb == "STLS" and self.tls is not None:
                if self._answer(connection, "stls", line, "+OK begin"):
                    connection = self.tls.wrap_socket(connection, server_side=True)
                    reader = connection.makefile("rb")
            elif verb == "USER":
                user = rest
                self._answer(connection, "user", line, "+OK")
            elif verb == "PASS":
                right = self.accounts.get(user) == rest
                if self._answer(connection, "pass", line, "+OK" if right else "-ERR [AUTH] wrong"):
                    self.logged_in += 1
            elif verb == "QUIT":
                self._answer(connection, "quit", line, "+OK bye")
                return
            else:
                connection.sendall(b"-ERR what?\r\n")

    def _answer(self, connection: socket.socket, stage: str, line: str, usual: str) -> bool:
        rule = self.script.get(stage)
        action = (rule if isinstance(rule, Action) or rule is None else rule(line)) or say(usual)
        if action.data is None:
            action = replace(action, data=say(usual).data)
        data = action.data or b""
        for part in [bytes([byte]) for byte in data] if action.pause else [data]:
            connection.sendall(part)
            time.sleep(action.pause)
        if action.then == "hang up":
            raise EOFError
        if action.then == "fall silent":
            self._stopping.wait(30)
            raise EOFError
        return data.startswith(b"+OK")
