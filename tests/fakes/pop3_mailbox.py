"""A POP3 host with mailboxes that hold messages, and that breaks off wherever a test wants it.

    with MailboxHost() as host:
        host.boxes["ann"] = Box([b"Subject: a\r\n\r\nHello\r\n"])
        ... host.port ...

A session sees the messages that were there at its log-in; what it deletes goes at QUIT (RFC 1939 §6). It stands beside
a real Dovecot, which cannot be told to break off at a given place.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5

from tests.fakes.host import Host

PASSWORD = "open sesame"


@dataclass
class Box:
    """A mailbox.

    Parameters
    ----------
    messages: as they are sent, less the dots; each ends with CR LF.
    uidl: names messages; None = the host knows no UIDL.
    cut_after_commands: the next session ends when so many commands have come, the last one not carried out.
    loses_answer: that command is carried out, and only its answer is lost.
    cut_after_bytes: the next session ends when so many bytes were sent.
    refuses: answers by the command's first word, instead of the usual.
    deleted: called with each message before it goes.
    """

    messages: list[bytes] = field(default_factory=list)
    uidl: Callable[[bytes], str] | None = lambda raw: md5(raw).hexdigest()
    pipelining: bool = True
    cut_after_commands: int | None = None
    loses_answer: bool = False
    cut_after_bytes: int | None = None
    refuses: dict[str, str] = field(default_factory=dict)
    sizes: Callable[[bytes], int] = len
    line_end: bytes = b"\r\n"
    deleted: Callable[[bytes], None] = lambda raw: None
    commands: list[str] = field(default_factory=list)
    sent: int = 0
    sessions: int = 0


class MailboxHost(Host):
    """The host, with TLS from the start if with any."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.boxes: dict[str, Box] = {}

    def talk(self, connection: socket.socket) -> None:
        _Talk(self, connection).run()


class _Talk:
    def __init__(self, host: MailboxHost, connection: socket.socket) -> None:
        self.host, self.connection = host, connection
        self.box = Box()
        self.messages: list[bytes] = []
        self.marked: set[int] = set()

    def run(self) -> None:
        self._say(b"+OK ready\r\n")
        reader = self.connection.makefile("rb")
        while line := reader.readline().decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            if verb == "USER":
                self.box = self.host.boxes[rest]
                self.box.sent = 0
                self.box.sessions += 1
                self.messages = list(self.box.messages)
            self.box.commands.append(line)
            cut = self._counted()
            if cut and not self.box.loses_answer:
                raise EOFError
            answer = self._answer(verb, rest)
            if cut:
                raise EOFError
            self._say(answer)
            if verb == "QUIT":
                return

    def _counted(self) -> bool:
        if self.box.cut_after_commands is None:
            return False
        self.box.cut_after_commands -= 1
        if self.box.cut_after_commands > 0:
            return False
        self.box.cut_after_commands = None
        return True

    def _answer(self, verb: str, rest: str) -> bytes:
        box, end = self.box, self.box.line_end
        numbered = list(enumerate(self.messages, 1))
        if verb in box.refuses:
            return box.refuses[verb].encode() + end
        if verb == "PASS":
            return b"+OK" + end if rest == PASSWORD else b"-ERR [AUTH] no" + end
        if verb == "STAT":
            return b"+OK %d %d" % (len(numbered), sum(map(len, self.messages))) + end
        if verb == "CAPA":
            return end.join([b"+OK", *([b"PIPELINING"] if box.pipelining else []), b"UIDL", b".", b""])
        if verb == "LIST":
            return end.join([b"+OK", *(b"%d %d" % (n, box.sizes(raw)) for n, raw in numbered), b".", b""])
        if verb == "UIDL":
            if box.uidl is None:
                return b"-ERR what?" + end
            return end.join([b"+OK", *(f"{n} {box.uidl(raw)}".encode() for n, raw in numbered), b".", b""])
        if verb == "RETR":
            return b"+OK" + end + _stuffed(self.messages[int(rest) - 1], end) + b"." + end
        if verb == "DELE":
            self.marked.add(int(rest))
        if verb == "QUIT":
            for number in sorted(self.marked):
                raw = self.messages[number - 1]
                box.deleted(raw)
                box.messages.remove(raw)
        return b"+OK" + end

    def _say(self, data: bytes) -> None:
        room = self.box.cut_after_bytes
        if room is not None and self.box.sent + len(data) >= room:
            self.connection.sendall(data[: room - self.box.sent])
            self.box.cut_after_bytes = None
            raise EOFError
        self.box.sent += len(data)
        self.connection.sendall(data)


def _stuffed(raw: bytes, end: bytes) -> bytes:
    lines = raw.split(end)
    return end.join(b"." + line if line.startswith(b".") else line for line in lines)
