"""Command lines out, replies in: the connection to a mail host once it is open.

Promises: a reply is read whole or not at all; its lines, their number and the time it takes are bounded, whatever
the host does; everything said is written into the current conversation; no argument can smuggle in a second command.

Fails with `Ended` only, which never leaves `trackkit.mail.transports`: the connection is of no use afterwards.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from trackkit.domain.replies import Failure
from trackkit.mail.conversation import Conversation

T = TypeVar("T")

MAXIMUM_REPLY_LINE = 4096
"""Bytes; RFC 5321 §4.5.3.1.5 asks for 512."""

MAXIMUM_REPLY_LINES = 100

CHUNK = 65_536
"""Bytes handed over at a time: each must leave within the time-out, so that a slow line is no silence."""

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?\Z", re.DOTALL)


class Ended(Exception):
    """The conversation is over before its time."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


@dataclass(frozen=True, slots=True)
class Reply:
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


class Wire:
    """An open connection in the state after EHLO, encryption and log-in.

    Parameters
    ----------
    transport: what carries it; this takes it over.
    silence: seconds the host has for a reply, and for taking in a chunk of a message.
    conversation: where to write down what is said; replaced for each message.
    """

    def __init__(self, transport: asyncio.Transport, silence: float, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        self.conversation = conversation
        self.message_complete = False
        """Whether all bytes of the last message have been handed over: from then on the host may have it."""
        self._silence = silence
        self._reader = asyncio.StreamReader(limit=MAXIMUM_REPLY_LINE, loop=loop)
        protocol = asyncio.StreamReaderProtocol(self._reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._transport = transport
        self._writer = asyncio.StreamWriter(transport, protocol, self._reader, loop)

    @property
    def closed(self) -> bool:
        """Whether either side has ended it, as far as is known."""
        return self._transport.is_closing() or self._reader.at_eof()

    async def command(self, line: str) -> Reply:
        """Send a command line, return its reply.

        Raises `Ended`; `ValueError` for a line that would be more than one (a defect: addresses are checked).
        """
        self.say(line)
        return await self.reply()

    def say(self, *lines: str) -> None:
        """Send command lines without waiting for their replies (RFC 2920 §3.1); raises as `command` does."""
        for line in lines:
            if not line.isprintable():
                raise ValueError("a command line holds control characters")
            self.conversation.sent(line)
        if self.closed:
            raise self._ended(Failure.dropped, "the host has closed the connection")
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def reply(self) -> Reply:
        """The next reply; raises `Ended`."""
        reply = await self._in_time(self._reply(), "did not answer")
        self.conversation.received(reply.code, reply.text)
        return reply

    async def content(self, stuffed: bytes) -> Reply:
        """Send a message (in wire form, its dots doubled) and the final dot, return the reply.

        A host may refuse before the message is complete (`message_complete` tells); it may not accept so early, since
        such a reply would belong to something else: that is `Ended`.
        """
        self.message_complete = False
        answer = asyncio.create_task(self._reply())
        try:
            # A reply that waits already is seen before the first byte leaves.
            await asyncio.sleep(0)
            for start in range(0, len(stuffed), CHUNK):
                if answer.done():
                    return self._early(answer)
                self.message_complete = start + CHUNK >= len(stuffed)
                chunk = stuffed[start : start + CHUNK]
                self._writer.write(chunk + b".\r\n" if self.message_complete else chunk)
                try:
                    await self._in_time(self._writer.drain(), "took in nothing")
                except Ended:
                    await asyncio.sleep(0)
                    if self.message_complete or not answer.done():
                        raise
                    return self._early(answer)
            self.conversation.sent_content(len(stuffed))
            reply = await self._in_time(answer, "did not answer")
        finally:
            await _cancelled(answer)
        self.conversation.received(reply.code, reply.text)
        return reply

    async def quit(self, seconds: float) -> None:
        """Take leave (RFC 5321 §4.1.1.10) and close, within `seconds`; what the host makes of it does not matter."""
        if not self.closed:
            self._writer.write(b"QUIT\r\n")
            try:
                async with asyncio.timeout(seconds):
                    await self._reply()
            except (Ended, TimeoutError):
                self.abort()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; bytes not yet sent are lost."""
        self._transport.abort()

    def _early(self, answer: asyncio.Task[Reply]) -> Reply:
        """The reply that came before the message was complete."""
        try:
            reply = answer.result()
        except Ended as ended:
            self.conversation.note(ended.text)
            raise
        self.conversation.received(reply.code, reply.text)
        if not reply.refusal:
            raise self._ended(Failure.garbled, f"the host answered {reply.code} before the message was complete")
        return reply

    async def _in_time(self, what: Awaitable[T], silent: str) -> T:
        """`what`, within the silence allowed; every way in which a connection ends becomes `Ended`."""
        try:
            async with asyncio.timeout(self._silence):
                return await what
        except TimeoutError:
            raise self._ended(Failure.timed_out, f"the host {silent} within {self._silence:g} seconds") from None
        except OSError as error:
            raise self._ended(Failure.dropped, f"the connection broke: {error}") from None
        except Ended as ended:
            self.conversation.note(ended.text)
            raise

    def _ended(self, failure: Failure, text: str) -> Ended:
        self.conversation.note(text)
        return Ended(failure, text)

    async def _reply(self) -> Reply:
        lines = []
        for _ in range(MAXIMUM_REPLY_LINES):
            line = await self._line()
            match = _REPLY_LINE.match(line)
            if match is None:
                shown = line[:200].decode("utf-8", "replace")
                raise Ended(Failure.garbled, f"the host answered something that is no SMTP reply: {shown}")
            lines.append((match[3] or b"").decode("utf-8", "replace").rstrip())
            if match[2] != b"-":
                return Reply(int(match[1]), "\n".join(lines))
        raise Ended(Failure.garbled, f"the host's reply has more than {MAXIMUM_REPLY_LINES} lines")

    async def _line(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\n")).rstrip(b"\r\n")
        except asyncio.IncompleteReadError:
            raise Ended(Failure.dropped, "the host closed the connection") from None
        except asyncio.LimitOverrunError:
            raise Ended(Failure.garbled, f"the host sent a line of more than {MAXIMUM_REPLY_LINE} bytes") from None
        except OSError as error:
            raise Ended(Failure.dropped, f"the connection broke: {error}") from None


async def _cancelled(task: asyncio.Task[Reply]) -> None:
    """End a task nobody waits for any more, so that neither it nor its error is left behind."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
