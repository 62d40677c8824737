"""Command lines out, replies in: the connection to a mail host once it is open.

Promises: a reply is read whole or not at all; its lines, their number and the time it takes are bounded, whatever
the host does; everything said is written into the current conversation; no argument can smuggle in a second command.

Fails with `Ended` only, which never leaves `trackkit.mail.transports`: the connection is of no use afterwards.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from trackkit.domain.replies import Failure
from trackkit.mail.conversation import Conversation

MAXIMUM_REPLY_LINE = 4096
"""Bytes; RFC 5321 §4.5.3.1.5 asks for 512."""

MAXIMUM_REPLY_LINES = 100

CHUNK = 65_536
"""Bytes handed over at a time: each must leave within the time-out, so that a slow line is no silence."""

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?\r*\n")


class Ended(Exception):
    """The conversation is over before its time."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


class Reply(NamedTuple):
    """A reply (RFC 5321 §4.2); the lines of `text` are separated by line feeds."""

    code: int
    text: str

    @property
    def positive(self) -> bool:
        """2xx: done."""
        return 200 <= self.code < 300

    @property
    def refusal(self) -> bool:
        """4xx or 5xx."""
        return 400 <= self.code < 600


@lru_cache(maxsize=128)
def _read(line: bytes) -> tuple[Reply, bool] | None:
    """What a line of a reply says, and whether it is the last; none when it is no such line.

    Hosts say the same few things all the time.
    """
    match = _REPLY_LINE.match(line)
    if match is None:
        return None
    code, mark, text = match.groups(b"")
    return Reply(int(code), text.decode("utf-8", "replace").rstrip()), mark != b"-"


def one_line_each(lines: Sequence[str]) -> str:
    """The command lines with CR LF between them; `ValueError` when one is none, since addresses are checked before."""
    if not all(map(str.isprintable, lines)):
        raise ValueError("a command line holds control characters")
    return "\r\n".join(lines)


class _Line(asyncio.Protocol):
    """The near end of a connection: what has come and is not read yet, and whether the far end takes more.

    One coroutine at a time waits here, for anything to happen. A time-out costs nothing unless it comes: one timer
    stays, and looks at the time that is up by then.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.unread = bytearray()
        self.full = False
        """The transport holds as much as it should; wait before writing more."""
        self.ended = ""
        """How the connection ended; empty while it has not."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bool] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._held_back = False

    def data_received(self, data: bytes) -> None:
        self.unread += data
        # A host that talks without end is not read without end.
        if len(self.unread) > CHUNK and not self._held_back:
            self._held_back = True
            self._transport.pause_reading()
        self._wake(True)

    def eof_received(self) -> None:
        self.ended = self.ended or "the host closed the connection"
        self._wake(True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.ended or (f"the connection broke: {exc}" if exc else "the host closed the connection")
        self.full = False
        if self._timer is not None:
            self._timer.cancel()
        self._wake(True)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._wake(True)

    def drop(self, length: int) -> None:
        """These octets are read."""
        del self.unread[:length]
        if self._held_back and len(self.unread) <= CHUNK and not self._transport.is_closing():
            self._held_back = False
            self._transport.resume_reading()

    async def event(self, until: float) -> bool:
        """Wait until anything has happened; False when that was the time given."""
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._waiter = waiter
        self._until = until
        if self._timer is None or self._timer.when() > until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(until, self._on_time)
        try:
            return await waiter
        finally:
            self._waiter = None

    def _on_time(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._on_time)
        else:
            self._wake(False)

    def _wake(self, happened: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(happened)


class Wire:
    """An open connection in the state after EHLO, encryption and log-in.

    Parameters
    ----------
    transport: what carries it; this takes it over.
    silence: seconds the host has for a reply, and for taking in a chunk of a message.
    conversation: where to write down what is said; replaced for each message.
    """

    def __init__(self, transport: asyncio.Transport, silence: float, conversation: Conversation) -> None:
        self.conversation = conversation
        self.message_complete = False
        """Whether all bytes of the last message have been handed over: from then on the host may have it."""
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._begun: list[str] = []
        """The lines of a reply that is not whole yet."""
        self._line = _Line(transport)
        transport.set_protocol(self._line)

    @property
    def closed(self) -> bool:
        """Whether either side has ended it, as far as is known."""
        return bool(self._line.ended) or self._transport.is_closing()

    def say(self, *lines: str) -> None:
        """Send command lines without waiting for their replies (RFC 2920 §3.1).

        Raises `Ended`; `ValueError` for a line that would be more than one (a defect: addresses are checked).
        """
        commands = one_line_each(lines)
        self.conversation.sent(commands)
        if self.closed:
            raise self._ended(Failure.dropped, "the host has closed the connection")
        self._transport.write((commands + "\r\n").encode())

    async def reply(self) -> Reply:
        """The next reply; raises `Ended`."""
        line, until = self._line, self._loop.time() + self._silence
        while not line.unread or (reply := self.reply_at_hand()) is None:
            if line.ended:
                raise self._ended(Failure.dropped, line.ended)
            if not await line.event(until):
                raise self._ended(Failure.timed_out, f"the host did not answer within {self._silence:g} seconds")
        return reply

    def reply_at_hand(self) -> Reply | None:
        """The next reply, if all of it has come; raises `Ended`."""
        unread = self._line.unread
        while (end := unread.find(b"\n", 0, MAXIMUM_REPLY_LINE + 1) + 1) > 0:
            line = bytes(unread[:end])
            read = _read(line)
            if read is None:
                # Masked whole, then cut: half of a secret would not be known for one.
                shown = self.conversation.clean(line.rstrip(b"\r\n").decode("utf-8", "replace"))[:200]
                raise self._ended(Failure.garbled, f"the host answered something that is no SMTP reply: {shown}")
            self._line.drop(end)
            reply, is_last = read
            if self._begun or not is_last:
                self._begun.append(reply.text)
            if is_last:
                if self._begun:
                    reply = Reply(reply.code, "\n".join(self._begun))
                    self._begun.clear()
                self.conversation.received(reply.code, reply.text)
                return reply
            if len(self._begun) >= MAXIMUM_REPLY_LINES:
                raise self._ended(Failure.garbled, f"the host's reply has more than {MAXIMUM_REPLY_LINES} lines")
        if len(unread) > MAXIMUM_REPLY_LINE:
            raise self._ended(Failure.garbled, f"the host sent a line of more than {MAXIMUM_REPLY_LINE} bytes")
        return None

    async def content(self, stuffed: bytes, ahead: Sequence[str] = ()) -> Reply:
        """Send a message (in wire form, its dots doubled) and the final dot, return the reply.

        Parameters
        ----------
        ahead: command lines that go with it, if it is sent whole: the next message's (RFC 2920 §3.1). What they are is
            for that message's conversation.

        A host may refuse before the message is complete (`message_complete` tells); it may not accept so early, since
        such a reply would belong to something else: that is `Ended`.
        """
        self.message_complete = False
        size = len(stuffed)
        ending = f".\r\n{one_line_each(ahead)}\r\n".encode() if ahead else b".\r\n"
        for start in range(0, size, CHUNK):
            if self._line.unread:
                return await self._early()
            if self.closed:
                raise self._ended(Failure.dropped, self._line.ended or "the connection is closed")
            self.message_complete = start + CHUNK >= size
            chunk = stuffed[start : start + CHUNK]
            self._transport.write(chunk + ending if self.message_complete else chunk)
            if self._line.full:
                await self._taken_in()
        self.conversation.sent_content(size)
        return await self.reply()

    async def quit(self, seconds: float) -> None:
        """Take leave (RFC 5321 §4.1.1.10) and close, within `seconds`; what the host makes of it does not matter."""
        if not self.closed:
            self._transport.write(b"QUIT\r\n")
            # What is said now belongs to no message.
            self.conversation, self._silence = self.conversation.fresh(), seconds
            try:
                await self.reply()
            except Ended:
                self.abort()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; bytes not yet sent are lost."""
        self._transport.abort()

    async def _taken_in(self) -> None:
        """Wait until the transport takes more, or the host has something to say before the message is complete."""
        until = self._loop.time() + self._silence
        while self._line.full and (self.message_complete or not self._line.unread):
            if not await self._line.event(until):
                raise self._ended(Failure.timed_out, f"the host took in nothing within {self._silence:g} seconds")

    async def _early(self) -> Reply:
        """The reply that came before the message was complete."""
        reply = await self.reply()
        if not reply.refusal:
            raise self._ended(Failure.garbled, f"the host answered {reply.code} before the message was complete")
        return reply

    def _ended(self, failure: Failure, text: str) -> Ended:
        self.conversation.note(text)
        return Ended(failure, text)
