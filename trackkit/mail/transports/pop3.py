"""POP3 (RFC 1939): the connection to a mailbox, from its name to a log-in and a polite end.

Promises: lines, their number and the time they take are bounded, whatever the host does; whenever encryption is used
the certificate proves the host's name; a password goes over an open line only where encryption is ``none``; nothing
that came before TLS counts after it; everything said is written into the conversation, passwords masked.

Commands used here are CAPA, STLS (RFC 2449, 2595), USER, PASS and QUIT; `maildrop` knows those about messages. APOP is
left out: it needs the password in clear at the host and rests on MD5, and whoever wants to hide it has TLS.

Fails with `PopFailed` only; the connection is of no use afterwards.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from trackkit.domain.replies import Failure, Stage
from trackkit.domain.trust import Seen
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import PopAccount, Proof

MAXIMUM_LINE: Final = 8192
"""Bytes; RFC 2449 §4 asks for 512."""

MAXIMUM_LINES: Final = 100
"""Of an answer that says what the host can do."""

_ANSWERS: Final = ("+OK", "-ERR")

_UNREAD: Final = 64 * 1024
"""Bytes that have come and are not read yet, beyond which the host has to wait."""


class PopFailed(Exception):
    """The mailbox cannot be used."""

    def __init__(self, failure: Failure, text: str, verification: ssl.SSLCertVerificationError | None = None) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text
        self.verification = verification
        """What is wrong with the host's certificate, if that is the matter."""
        self.seen: Seen | None = None
        """The same for the trust manager, from who watched the handshake."""


class _Arrivals(asyncio.Protocol):
    """What has come and is not read yet."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.ended = ""
        """How the connection ended; empty while it has not."""
        self.transport: asyncio.Transport | None = None
        self.line_end = b"\r\n"
        """How the last line ended: some hosts leave the CR out, everywhere."""
        self._came = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.unread += data
        if len(self.unread) > _UNREAD and self.transport is not None:
            self.transport.pause_reading()
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = f"the connection broke: {exc}" if exc else "the host closed the connection"
        self._came.set()

    @property
    def has_line(self) -> bool:
        """Whether the next line is there: then `line` does not wait."""
        return self.unread.find(b"\n", 0, MAXIMUM_LINE + 1) >= 0

    async def line(self) -> bytes:
        """The next line without its end; `PopFailed` when none will come. Cancel it to give up."""
        while (end := self.unread.find(b"\n", 0, MAXIMUM_LINE + 1)) < 0:
            if len(self.unread) > MAXIMUM_LINE:
                raise PopFailed(Failure.pop_unreachable, f"the host sent a line of more than {MAXIMUM_LINE} bytes")
            if self.ended:
                raise PopFailed(Failure.pop_unreachable, self.ended)
            self._came.clear()
            self._room()
            await self._came.wait()
        found = bytes(self.unread[:end]).rstrip(b"\r")
        self.line_end = b"\r\n" if self.unread[end - 1 : end] == b"\r" else b"\n"
        del self.unread[: end + 1]
        return found

    async def more(self, than: int) -> None:
        """Wait until more than so many bytes are unread; `PopFailed` when no more will come."""
        while len(self.unread) <= than:
            if self.ended:
                raise PopFailed(Failure.pop_unreachable, self.ended)
            self._came.clear()
            self._room()
            await self._came.wait()

    def _room(self) -> None:
        """There is room again for what the host sends."""
        if self.transport is not None and len(self.unread) <= _UNREAD and not self.transport.is_closing():
            self.transport.resume_reading()


class Pop3:
    """A connection to a POP3 host; `begin` comes first.

    Parameters
    ----------
    context: proves the host; none with encryption ``none``.
    proof: what the context makes it prove.
    """

    def __init__(
        self,
        account: PopAccount,
        context: ssl.SSLContext | None,
        conversation: Conversation,
        proof: Proof = Proof.authority,
    ) -> None:
        self._account, self._proof = account, proof
        self._context = context
        self._conversation = conversation
        self._arrivals = _Arrivals()
        self._encrypted = False

    async def begin(self, sock: socket.socket, deadline: float) -> None:
        """Take over a connected socket: TLS where that comes first, the greeting, STLS where it is wanted."""
        loop, account = asyncio.get_running_loop(), self._account
        context = self._context if account.encryption == "tls" else None
        silent = f"the host did not greet within {account.connect_timeout:g} seconds"
        self._conversation.reached(Stage.starttls if context else Stage.greeting, account.label)
        try:
            async with asyncio.timeout_at(deadline):
                name = account.host if context else None
                await loop.create_connection(lambda: self._arrivals, sock=sock, ssl=context, server_hostname=name)
                if context is not None:
                    self._is_encrypted()
                    self._conversation.reached(Stage.greeting, account.label)
                said, words = self._read(await self._arrivals.line())
        except TimeoutError:
            raise PopFailed(Failure.pop_unreachable, silent) from None
        except OSError as error:
            raise _tls_failed(error) from None
        if not said:
            raise PopFailed(Failure.pop_unreachable, f"the host turns the connection away: {words}")
        if account.encryption.startswith("starttls"):
            await self._stls()

    async def log_in(self) -> None:
        """USER and PASS."""
        account = self._account
        self._conversation.reached(Stage.login, account.label)
        if not self._encrypted and account.encryption != "none":
            words = "the host offers no encryption, and a password is sent unencrypted only where encryption is 'none'"
            raise PopFailed(Failure.pop_not_encrypted, words)
        password = account.password.get_secret_value()
        self._conversation.hide(password)
        for line, shown in ((f"USER {account.username}", None), (f"PASS {password}", "PASS ***")):
            said, words = await self._asked(line, shown)
            if not said:
                raise PopFailed(Failure.pop_refused, words or "the host gives no reason")

    async def quit(self) -> bool:
        """Take leave; whether the host has said that all is well."""
        try:
            said, _ = await self._asked("QUIT")
        except PopFailed:
            self.abort()
            return False
        if self._arrivals.transport is not None:
            self._arrivals.transport.close()
        return said

    def abort(self) -> None:
        """Close at once."""
        if self._arrivals.transport is not None:
            self._arrivals.transport.abort()

    async def _stls(self) -> None:
        """Encrypt if the host offers it; if it does not, `log_in` will say so."""
        if self._account.encryption == "starttls-if-offered" and not await self._offers("STLS"):
            return
        self._conversation.reached(Stage.starttls, self._account.label)
        said, words = await self._asked("STLS")
        if not said:
            raise PopFailed(Failure.pop_not_encrypted, f"the host does not start encryption: {words}")
        if self._arrivals.unread:
            raise PopFailed(Failure.pop_unreachable, "the host said more than it was asked before encryption began")
        loop, arrivals = asyncio.get_running_loop(), self._arrivals
        assert arrivals.transport is not None  # noqa: S101 - it has just answered
        assert self._context is not None  # noqa: S101 - only with encryption none there is none
        try:
            transport = await loop.start_tls(
                arrivals.transport,
                arrivals,
                self._context,
                server_hostname=self._account.host,
                ssl_handshake_timeout=self._account.conversation_timeout,
            )
        except OSError as error:
            raise _tls_failed(error) from None
        if transport is None:
            raise PopFailed(Failure.pop_unreachable, "the host closed the connection")
        arrivals.transport = transport
        self._is_encrypted()

    async def _offers(self, what: str) -> bool:
        """Whether CAPA names it (RFC 2449 §5); a host that does not know the command offers nothing."""
        if not (await self._asked("CAPA"))[0]:
            return False
        lines = await self._lines(MAXIMUM_LINES)
        for line in lines:
            self._conversation.heard(line.decode("utf-8", "replace"))
        return any(line.split(b" ")[0].upper() == what.encode() for line in lines)

    async def _lines(self, most: int) -> list[bytes]:
        """The lines of an answer, up to the one with a dot alone."""
        found: list[bytes] = []
        async with self._in_time():
            while len(found) <= most:
                line = await self._arrivals.line()
                if line == b".":
                    return found
                found.append(line)
        raise PopFailed(Failure.pop_unreachable, f"the host's answer has more than {most:,} lines")

    async def _asked(self, line: str, shown: str | None = None) -> tuple[bool, str]:
        """Whether the host says +OK to a command, and its words. `shown` is what is written down."""
        if not line.isprintable():
            raise ValueError("a command line holds control characters")
        self._conversation.sent(shown or line)
        self._write(f"{line}\r\n".encode())
        return self._read(await self._line())

    async def _line(self) -> bytes:
        """The next line, in time; none is measured where it is there already."""
        if self._arrivals.has_line:
            return await self._arrivals.line()
        async with self._in_time():
            return await self._arrivals.line()

    def _write(self, commands: bytes) -> None:
        transport = self._arrivals.transport
        if transport is None or transport.is_closing():
            raise PopFailed(Failure.pop_unreachable, self._arrivals.ended or "the host closed the connection")
        transport.write(commands)

    def _read(self, answer: bytes) -> tuple[bool, str]:
        """Whether an answer is +OK, and its words."""
        line = answer.decode("utf-8", "replace")
        self._conversation.heard(line)
        word, _, words = line.partition(" ")
        if word not in _ANSWERS:
            said = self._conversation.clean(line)[:200]  # masked whole, then cut
            raise PopFailed(Failure.pop_unreachable, f"the host answered something that is no POP3: {said}")
        return word == "+OK", words.strip()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """The time that the host has for what is read inside."""
        seconds = self._account.conversation_timeout
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            words = f"the host did not answer within {seconds:g} seconds"
            raise PopFailed(Failure.pop_unreachable, words) from None

    def _is_encrypted(self) -> None:
        self._encrypted = True
        self._conversation.reached(Stage.certificate, self._account.label)
        self._conversation.note(f"encrypted, {self._proof} for {self._account.host}")


def _tls_failed(error: OSError) -> PopFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return PopFailed(Failure.pop_untrusted, error.verify_message or str(error), error)
    if isinstance(error, ssl.SSLError):
        return PopFailed(Failure.pop_not_encrypted, f"the encryption could not be set up: {error.reason or error}")
    return PopFailed(Failure.pop_unreachable, f"the connection broke: {error}")
