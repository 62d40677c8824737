"""Bytes from and to one mail client: bounded buffers, time-outs, TLS.

Replies are collected and leave when there is nothing more to read (RFC 2920 §3.2): a client that sends its commands at
once gets their replies in one packet. A client that does not read is waited for before it is read on.

Fails with `Gone` when the client is not there any more, `TimeoutError` when it is silent for too long, `LineTooLong`,
and `Interrupted` when it is to leave.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from trackkit.domain.smtp_commands import LONGEST_LINE, Reply

_MOST_UNREAD = 256 * 1024
"""Octets; beyond them the client has to wait."""
_MOST_REPLIES = 200
"""So many wait at most for the client to have said everything it has to say."""
_WRITE_SECONDS = 300.0
_LEAVE_SECONDS = 10.0


class Gone(Exception):
    """The client is not there any more."""


class LineTooLong(Exception):
    """The client sends a line without an end."""


class Interrupted(Exception):
    """`Wire.interrupt` was called, and the client has said nothing that still has to be answered."""


@lru_cache(maxsize=256)
def _octets(line: str | Reply) -> bytes:
    """A line as it goes; most are said again and again."""
    return f"{line}\r\n".encode("ascii", "replace")


class Wire(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    opened: called with it when the client is there.
    """

    def __init__(self, opened: Callable[[Wire], None]) -> None:
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._looked_at = 0
        self._out: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._at_once: Callable[[bytes], float | None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = self._lost = self._interrupted = self._reading_paused = self._writing_paused = False
        self._has_come = False
        """Whether something has come since it was last waited for."""
        self.encrypted = False

    # What the event loop calls ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """It sent something."""
        self._buffer += data
        self._has_come = True
        if self._at_once is not None and not self._writing_paused and self._is_taken(self._at_once):
            return
        if len(self._buffer) > _MOST_UNREAD and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """It sends no more; it may still read (TLS knows no such thing)."""
        self._ended = True
        self._wake()
        return not self.encrypted

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def pause_writing(self) -> None:
        """It does not read."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._writing_paused = False
        self._wake()

    # What the conversation uses --------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """The client's address."""
        found = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(found[0]) if found else ""

    @property
    def unread(self) -> bool:
        """Whether the client has sent more than was read."""
        return bool(self._buffer)

    async def line(self, seconds: float, at_once: Callable[[bytes], float | None] | None = None) -> bytes:
        """The next line with its end, complete in that time however slowly it comes.

        Parameters
        ----------
        at_once: is shown lines that come while this waits; it says how many seconds the next one may take when it has
            done what a line says, which is not returned then, and none when it has done nothing. To wake whoever waits
            takes longer than most commands.
        """
        if len(self._out) > _MOST_REPLIES:
            await self.flush()
        end = self._buffer.find(b"\n", self._looked_at)
        if end < 0:
            self._deadline, self._at_once = self._loop.time() + seconds, at_once
            try:
                while end < 0:
                    self._looked_at = len(self._buffer)
                    if self._looked_at > LONGEST_LINE:
                        raise LineTooLong
                    await self._more(self._deadline, interruptible=True)
                    end = self._buffer.find(b"\n", self._looked_at)
            finally:
                self._at_once = None
        if end >= LONGEST_LINE:
            raise LineTooLong
        self._looked_at = 0
        return self._cut(end + 1)

    def _cut(self, octets: int) -> bytes:
        """So much from the beginning of what came."""
        if octets == len(self._buffer):
            found, self._buffer = self._buffer, bytearray()
            return bytes(found)
        found = self._buffer[:octets]
        del self._buffer[:octets]
        return bytes(found)

    def _is_taken(self, at_once: Callable[[bytes], float | None]) -> bool:
        """Whether all that came were lines that were done with at once."""
        while (
            len(self._out) <= _MOST_REPLIES and 0 <= (end := self._buffer.find(b"\n", self._looked_at)) < LONGEST_LINE
        ):
            seconds = at_once(bytes(self._buffer[: end + 1]))
            if seconds is None:
                return False
            self._cut(end + 1)
            self._looked_at, self._deadline = 0, self._loop.time() + seconds
        if self._buffer:
            return False
        self._send()
        return True

    async def some(self, seconds: float) -> bytearray:
        """Whatever has come, at least one octet."""
        if not self._buffer:
            await self._more(self._loop.time() + seconds, interruptible=False)
        found, self._buffer, self._looked_at = self._buffer, bytearray(), 0
        return found

    def put_back(self, data: bytes) -> None:
        """What was read too far comes first again."""
        self._buffer[:0] = data

    def say(self, *lines: str | Reply) -> None:
        """Reply; it leaves when everything that came was read, or with `flush`."""
        for line in lines:
            self._out.append(_octets(line))

    def _send(self) -> None:
        if self._out and self._transport is not None and not self._lost:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    async def flush(self) -> None:
        """Let the replies leave, and wait until the client has room for more."""
        self._send()
        deadline = self._loop.time() + _WRITE_SECONDS
        while self._writing_paused:
            await self._wait(deadline)
            if self._lost:
                raise Gone

    async def encrypt(self, context: ssl.SSLContext, seconds: float) -> None:
        """Go on in TLS. What came in the open and was not read must have been looked at before: it is none of TLS."""
        transport = self._transport
        if transport is None or self._lost:
            raise Gone
        transport.write(b"".join(self._out))
        self._out.clear()
        self.encrypted = True
        try:
            # Takes over reading before anything else can come.
            self._transport = await self._loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            transport.abort()
            raise Gone from error

    def interrupt(self) -> None:
        """Let the conversation end where it waits for a command."""
        self._interrupted = True
        self._wake()

    def close(self) -> None:
        """Send what is left, then close; at once if the client does not read."""
        if self._transport is None or self._lost:
            return
        if self._writing_paused:
            self._transport.abort()
        else:
            self._transport.write(b"".join(self._out))
            self._out.clear()
            self._transport.close()
            # A client that reads no more would keep the connection for ever, and nobody counts it any longer.
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(_LEAVE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _more(self, deadline: float, *, interruptible: bool) -> None:
        """Wait until something comes."""
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        self._send()
        if self._writing_paused:
            await self.flush()
        self._has_come = False
        while not self._has_come:
            if self._ended or self._lost:
                raise Gone
            if interruptible and self._interrupted:
                raise Interrupted
            await self._wait(deadline)

    async def _wait(self, deadline: float) -> None:
        self._waiter, self._deadline = self._loop.create_future(), deadline
        # One timer serves many waits: most end long before their deadline.
        if self._timer is None or self._timer.when() > deadline:
            self._set_timer()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done() or self._lost:
            return  # the next wait sets it
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._waiter.set_exception(TimeoutError())
