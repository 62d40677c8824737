"""An SMTP server in a thread that keeps exactly the octets it was sent, and misbehaves on command.

It takes RFC 5321 at its word: only CR LF ends a line, only CR LF . CR LF ends a message, and what is kept is what
stood between DATA's reply and that dot, dot-stuffing undone (§4.5.2), nothing else touched.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

END = b"\r\n.\r\n"
CARELESS = {b"\r\n": re.compile(rb"\r\n|\r|\n"), END: re.compile(rb"(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)")}


@dataclass(frozen=True)
class Taken:
    """One message as it arrived."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: bytes
    connection: int
    """Which connection brought it, counted from 0."""


@dataclass
class RawSink:
    """Start with ``with RawSink() as sink``. Everything but `port` may be changed while it runs.

    Parameters
    ----------
    refuse: reply to RCPT by address, such as ``{"x@y.test": "550 5.1.1 no such user"}``.
    delay: seconds before the reply to each message.
    pipelining: whether EHLO offers PIPELINING (RFC 2920).
    careless: take a lone CR or LF for a line end, too, as hosts do through which mails are smuggled.
    """

    refuse: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pipelining: bool = True
    careless: bool = False
    taken: list[Taken] = field(default_factory=list)
    """Every message that was answered with 250, in that order."""
    stray_lines: list[bytes] = field(default_factory=list)
    """Command lines that held a bare CR or LF: a client that lets those through can be made to smuggle."""
    port: int = 0

    def __enter__(self) -> Self:
        self._closing = False
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for open_socket in (self._listener, *self._connections):
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was first
                continue
            finally:
                open_socket.close()

    def arrived(self) -> Counter[str]:
        """How often something came for each recipient, by the local part."""
        return Counter(address.partition("@")[0] for taken in list(self.taken) for address in taken.rcpt_tos)

    def contents(self) -> dict[str, list[bytes]]:
        """What arrived, by the local part of each recipient."""
        found: dict[str, list[bytes]] = {}
        for message in list(self.taken):
            for address in message.rcpt_tos:
                found.setdefault(address.rpartition("@")[0], []).append(message.content)
        return found

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            number = len(self._connections) - 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            _Conversation(self, connection, number).run()
        except OSError:  # the client went away, or the test is over
            return
        finally:
            connection.close()


class _Conversation:
    """One connection."""

    def __init__(self, sink: RawSink, connection: socket.socket, number: int) -> None:
        self.sink, self.connection, self.number = sink, connection, number
        self.buffer = b""
        self.mail_from: str | None = None
        self.rcpt_tos: list[str] = []

    def run(self) -> None:
        self._say("220 sink.test ESMTP")
        while (line := self._until(b"\r\n")) is not None:
            if b"\r" in line or b"\n" in line:
                self.sink.stray_lines.append(line)
            verb, _, argument = line.decode("latin-1").partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 2.0.0 bye")
                return
            if verb.upper() == "DATA":
                self._data()
            else:
                self._say(self._reply(verb.upper(), argument))

    def _reply(self, verb: str, argument: str) -> str:
        if verb in ("EHLO", "HELO"):
            offered = ["8BITMIME", "SIZE 104857600", "ENHANCEDSTATUSCODES"] + ["PIPELINING"] * self.sink.pipelining
            return "\r\n".join([f"250-{word}" for word in ("sink.test", *offered[:-1])] + [f"250 {offered[-1]}"])
        if verb == "MAIL":
            if self.mail_from is not None:
                return "503 5.5.1 a transaction is open"
            self.mail_from, self.rcpt_tos = _address(argument), []
            return "250 2.1.0 ok"
        if verb == "RCPT":
            address = _address(argument)
            if self.mail_from is None:
                return "503 5.5.1 MAIL first"
            if address in self.sink.refuse:
                return self.sink.refuse[address]
            self.rcpt_tos.append(address)
            return "250 2.1.5 ok"
        if verb == "RSET":
            self.mail_from, self.rcpt_tos = None, []
        return "250 2.0.0 ok" if verb in ("RSET", "NOOP") else "502 5.5.1 not here"

    def _data(self) -> None:
        if self.mail_from is None or not self.rcpt_tos:
            return self._say("503 5.5.1 MAIL and RCPT first")
        self._say("354 go on")
        # The CR LF before the dot may be that of the DATA line itself: an empty message.
        self.buffer = b"\r\n" + self.buffer
        content = self._until(END)
        if content is None:
            return None
        time.sleep(self.sink.delay)
        # A leading dot goes whatever follows it, so that a client that forgot to stuff is found out.
        plain = (content + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        self.sink.taken.append(Taken(self.mail_from, tuple(self.rcpt_tos), plain, self.number))
        self.mail_from, self.rcpt_tos = None, []
        return self._say("250 2.0.0 taken")

    def _until(self, end: bytes) -> bytes | None:
        """What comes before `end`; none when the client has hung up."""
        searched = 0
        while (found := self._found(end, searched)) is None:
            searched = max(len(self.buffer) - len(end), 0)
            received = self.connection.recv(1 << 16)
            if not received:
                return None
            self.buffer += received
        before, self.buffer = self.buffer[: found[0]], self.buffer[found[1] :]
        return before

    def _found(self, end: bytes, start: int) -> tuple[int, int] | None:
        """Where `end` stands."""
        if not self.sink.careless:
            at = self.buffer.find(end, start)
            return (at, at + len(end)) if at >= 0 else None
        match = CARELESS[end].search(self.buffer, start)
        # A CR that came last may be half of a CR LF.
        unsure = match is None or (match.end() == len(self.buffer) and self.buffer.endswith(b"\r"))
        return None if match is None or unsure else match.span()

    def _say(self, text: str) -> None:
        self.connection.sendall(text.encode() + b"\r\n")


def _address(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]
