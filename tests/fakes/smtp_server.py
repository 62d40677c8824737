"""A scripted SMTP server: well-behaved, except where the test's script tells it to misbehave.

    with ScriptedSmtp({"rcpt": when("nobody@", say("550 5.1.1 no such user"))}) as server:
        ... server.port, server.messages, server.lines ...

A script maps stages (``greeting ehlo helo starttls auth challenge mail rcpt data dot rset quit``) to an action, or to a
function of the line (of the recipients, for ``data`` and ``dot``) that returns an action or None for good behaviour. It
stands beside real servers (aiosmtpd, Postfix) because those cannot be told to drop, stall or babble at a given place;
`tests/unit/test_smtp_transport.py` runs the same good-behaviour test on it and on aiosmtpd.

Threads and blocking sockets, so that tests of any kind can use it.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from tests.fakes import smtp_auth


@dataclass(frozen=True)
class Action:
    """Send `data` (`pause` seconds between bytes if not 0), then go on, hang up, or fall silent.

    Parameters
    ----------
    data: none = what a well-behaved server says here.
    takes: at the final dot, the message counts as taken whatever is said.
    """

    data: bytes | None = b""
    then: str = "go on"
    pause: float = 0.0
    takes: bool = False


Decision = Callable[[str], Action | None]


def say(text: str) -> Action:
    """A reply, each of its lines as given."""
    return Action("".join(f"{line}\r\n" for line in text.split("\n")).encode())


def drop(text: str = "") -> Action:
    """Hang up, after a reply if one is given."""
    return Action(say(text).data if text else b"", "hang up")


def stall() -> Action:
    """Say nothing, keep the connection."""
    return Action(b"", "fall silent")


def babble(data: bytes, pause: float = 0.0) -> Action:
    """These very bytes."""
    return Action(data, "go on", pause)


def slowly(pause: float) -> Action:
    """The usual reply, byte by byte."""
    return Action(None, "go on", pause)


def when(part: str, action: Action) -> Decision:
    """`action` for lines that contain `part`."""
    return lambda line: action if part in line else None


def first(times: int, action: Action) -> Decision:
    """`action` for the first `times` lines (of all connections)."""
    left = iter(range(times))
    return lambda line: action if next(left, None) is not None else None


@dataclass(frozen=True)
class Received:
    """A message the server has said 250 to."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    data: bytes
    """As it came: CRLF, dots undoubled."""
    connection: int


@dataclass
class ScriptedSmtp:
    """The server; a context manager.

    Parameters
    ----------
    script: where to misbehave.
    extensions: lines of the EHLO reply. STARTTLS and AUTH do what they say when `tls` and `accounts` are given.
    tls: the server's context; with `implicit` the connection is encrypted from the start.
    """

    script: Mapping[str, Action | Decision] = field(default_factory=dict)
    extensions: Sequence[str] = ("8BITMIME", "SIZE 104857600")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    accounts: Mapping[str, str] = field(default_factory=dict)
    tokens: Collection[str] = ()
    """Access tokens that XOAUTH2 takes."""
    listener: socket.socket | None = None
    """Where to listen, when it is not a free port of this machine."""

    def __post_init__(self) -> None:
        self.messages: list[Received] = []
        self.lines: list[tuple[int, str]] = []
        """(connection, line) of every command line that came in, also those of a log-in."""
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._listener = self.listener or socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._stopping.set()
        # A thread blocked in accept() keeps the port open: wake it first.
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
        else:
            with socket.socket() as knock:
                knock.connect_ex(("127.0.0.1", self.port))
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._sockets:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def said(self, verb: str) -> list[str]:
        """The command lines that begin with `verb`."""
        return [line for _, line in self.lines if line.upper().startswith(verb)]

    def decide(self, stage: str, line: str) -> Action | None:
        """What the script wants here."""
        rule = self.script.get(stage)
        if rule is None or isinstance(rule, Action):
            return rule
        with self._lock:
            return rule(line)

    def ended(self, connection: socket.socket) -> None:
        """A session is over."""
        with self._lock:
            self.open -= 1
            self._sockets.discard(connection)

    def encrypted(self, connection: socket.socket) -> socket.socket:
        """The connection, encrypted."""
        assert self.tls is not None
        with self._lock:
            self._sockets.discard(connection)
        wrapped = self.tls.wrap_socket(connection, server_side=True)
        with self._lock:
            self._sockets.add(wrapped)
        return wrapped

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping.is_set():
                connection.close()
                return
            with self._lock:
                self.connections += 1
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                self._sockets.add(connection)
                number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        session = _Session(self, connection, number, self._stopping)
        try:
            session.run()
        except (OSError, _HungUp):
            pass
        finally:
            session.close()


class _HungUp(Exception):
    """The session is over."""


class _Session:
    """One connection."""

    def __init__(self, server: ScriptedSmtp, connection: socket.socket, number: int, stopping: threading.Event) -> None:
        self._server = server
        self._socket = connection
        self._number = number
        self._stopping = stopping
        self._buffer = b""
        self._mail_from: str | None = None
        self._rcpt_tos: list[str] = []
        self._encrypted = False

    def run(self) -> None:
        if self._server.implicit:
            self._encrypt()
        self._answer("greeting", "", "220 scripted.test ESMTP")
        while True:
            line = self._line().decode("utf-8", "replace")
            self._server.lines.append((self._number, line))
            self._command(line)

    def close(self) -> None:
        self._server.ended(self._socket)
        self._socket.close()

    def _command(self, line: str) -> None:
        verb = line.split(" ")[0].upper()
        if verb == "EHLO":
            offered = [e for e in self._server.extensions if not (e == "STARTTLS" and self._encrypted)]
            names = ["scripted.test", *offered]
            self._answer("ehlo", line, "\n".join([*(f"250-{n}" for n in names[:-1]), f"250 {names[-1]}"]))
        elif verb == "HELO":
            self._answer("helo", line, "250 scripted.test")
        elif verb == "STARTTLS":
            if self._answer("starttls", line, "220 2.0.0 ready"):
                self._encrypt()
        elif verb == "AUTH":
            self._auth(line)
        elif verb == "MAIL":
            nested = self._mail_from is not None
            if self._answer("mail", line, "503 5.5.1 nested MAIL command" if nested else "250 2.1.0 Ok") and not nested:
                self._mail_from, self._rcpt_tos = _address(line), []
        elif verb == "RCPT":
            if self._mail_from is None:
                self._act(say("503 5.5.1 need MAIL command"))
            elif self._answer("rcpt", line, "250 2.1.5 Ok"):
                self._rcpt_tos.append(_address(line))
        elif verb == "DATA":
            self._data(line)
        elif verb == "RSET":
            if self._answer("rset", line, "250 2.0.0 Ok"):
                self._mail_from, self._rcpt_tos = None, []
        elif verb == "QUIT":
            self._answer("quit", line, "221 2.0.0 Bye")
            raise _HungUp
        else:
            self._act(say("500 5.5.2 what?"))

    def _data(self, line: str) -> None:
        if not self._rcpt_tos:
            self._act(say("503 5.5.1 need RCPT command"))
            return
        if not self._answer("data", " ".join(self._rcpt_tos), "354 End data with <CR><LF>.<CR><LF>"):
            return
        lines = []
        while (received := self._line(keep_end=True)) != b".\r\n":
            lines.append(received[1:] if received.startswith(b".") else received)
        mail_from, self._mail_from = self._mail_from or "", None
        message = Received(mail_from, tuple(self._rcpt_tos), b"".join(lines), self._number)
        to = " ".join(self._rcpt_tos)
        self._answer("dot", to, "250 2.0.0 Ok: queued", accept=lambda: self._server.messages.append(message))

    def _auth(self, line: str) -> None:
        """Against `accounts` and `tokens`; scripted replies come at the end."""
        _, method, *rest = line.split(" ")
        initial = smtp_auth.decoded(rest[0]) if rest else None
        accounts, tokens = self._server.accounts, self._server.tokens
        ok = False
        if method == "PLAIN":
            ok = smtp_auth.plain(accounts, initial, self._challenge)
        elif method == "LOGIN":
            ok = smtp_auth.login(accounts, initial, self._challenge)
        elif method == "CRAM-MD5":
            ok = smtp_auth.cram_md5(accounts, initial, self._challenge)
        elif method == "NTLM":
            ok = smtp_auth.ntlm(accounts, initial, self._challenge)
        elif method == "XOAUTH2":
            ok = smtp_auth.xoauth2(tokens, initial, self._challenge)
        self._answer("auth", line, "235 2.7.0 Welcome" if ok else "535 5.7.8 wrong name or password")

    def _challenge(self, text: bytes) -> bytes:
        usual = f"334 {base64.b64encode(text).decode()}"
        self._answer("challenge", text.decode("latin-1"), usual)
        line = self._line().decode()
        self._server.lines.append((self._number, line))
        return smtp_auth.decoded(line)

    def _answer(self, stage: str, line: str, usual: str, accept: Callable[[], None] | None = None) -> bool:
        """Do what the script says, else say the usual; whether the usual (or another 2xx/3xx) was said."""
        action = self._server.decide(stage, line) or say(usual)
        if action.data is None:
            action = replace(action, data=say(usual).data)
        agreed = (action.data or b"")[:1] in (b"2", b"3") and action.then == "go on"
        if (agreed or action.takes) and accept is not None:
            accept()
        self._act(action)
        return agreed

    def _act(self, action: Action) -> None:
        data = action.data or b""
        if action.pause:
            for byte in data:
                if self._stopping.is_set():
                    raise _HungUp
                self._socket.sendall(bytes([byte]))
                time.sleep(action.pause)
        else:
            self._socket.sendall(data)
        if action.then == "hang up":
            raise _HungUp
        if action.then == "fall silent":
            self._stopping.wait()
            raise _HungUp

    def _line(self, *, keep_end: bool = False) -> bytes:
        while b"\n" not in self._buffer:
            received = self._socket.recv(65536)
            if not received:
                raise _HungUp
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n" if keep_end else line.rstrip(b"\r")

    def _encrypt(self) -> None:
        # Plaintext that came along with STARTTLS is thrown away (RFC 3207 §4.2).
        self._buffer = b""
        self._socket = self._server.encrypted(self._socket)
        self._encrypted = True
        self._mail_from, self._rcpt_tos = None, []


def _address(line: str) -> str:
    return line[line.index("<") + 1 : line.index(">")]
