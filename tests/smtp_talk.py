"""A mail client that says exactly what a test tells it to, octet by octet."""

from __future__ import annotations

import base64
import socket
import ssl
from types import TracebackType
from typing import Self


def trusting() -> ssl.SSLContext:
    """TLS that takes any certificate: what a test of the conversation needs."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def plain(username: str, password: str) -> bytes:
    """The initial response of AUTH PLAIN."""
    return base64.b64encode(f"\0{username}\0{password}".encode())


class Talk:
    """Connected to a port of 127.0.0.1; use it in a ``with``."""

    def __init__(self, port: int, *, seconds: float = 30, source: str = "127.0.0.1", host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=seconds, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        """The next reply, its lines without codes joined by LF behind the code; ``""`` when the host has closed."""
        texts = []
        while True:
            while b"\r\n" not in self._read:
                try:
                    more = self.socket.recv(65536)
                except ConnectionError:
                    more = b""
                if not more:
                    assert not self._read, self._read
                    return ""
                self._read += more
            line, _, self._read = self._read.partition(b"\r\n")
            texts.append(line[4:].decode())
            if line[3:4] != b"-":
                return f"{line[:3].decode()} " + "\n".join(texts)

    def say(self, line: bytes) -> str:
        """Send a line, get its reply."""
        self.send(line + b"\r\n")
        return self.reply()

    def greeted(self) -> Self:
        """Greeting and EHLO are done."""
        assert self.reply().startswith("220 ")
        assert self.say(b"EHLO client.test").startswith("250 ")
        return self

    def begun(self, *rcpt_tos: bytes) -> Self:
        """A mail is begun, and DATA answered with 354."""
        assert self.say(b"MAIL FROM:<a@client.test>").startswith("250 ")
        for address in rcpt_tos or (b"b@host.test",):
            assert self.say(b"RCPT TO:<" + address + b">").startswith("250 ")
        assert self.say(b"DATA").startswith("354 ")
        return self

    def starttls(self) -> Self:
        """STARTTLS, the handshake, and EHLO again."""
        assert self.say(b"STARTTLS").startswith("220 ")
        self.socket = trusting().wrap_socket(self.socket)
        assert self.say(b"EHLO client.test").startswith("250 ")
        return self

    def closed(self) -> bool:
        """Whether the host has closed the connection."""
        return self.reply() == ""
