"""A mailbox at a POP3 host, logged in to: what waits there, fetching it, deleting it (RFC 1939, RFC 2449).

Promises
- Any bytes come through as the host sends them, lines of any length among them; only the dots that it put before lines
  with a dot are taken off. A message beyond `most` bytes is read to its end and not kept, so that the conversation goes
  on after it.
- Commands go together where the host offers PIPELINING, one by one elsewhere.
- Hosts that end their lines with LF alone are understood; one kind of line end counts for a whole answer, so that a
  message with the other kind inside is not taken for its end.
- Message content never gets into the conversation.

A message that the host refuses is told in its place, and the others come all the same. Fails with `PopFailed` as
`Pop3` does; what has been fetched until then is whole.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from trackkit.domain.replies import Failure
from trackkit.domain.tracking.mailbox import Listed
from trackkit.mail.transports.pop3 import Pop3, PopFailed

MOST_MESSAGES: Final = 200_000
"""Of a listing."""

_TOGETHER: Final = 200
"""Commands without an answer yet; more could fill the buffers on both sides, so that each waits for the other."""

LONGEST_MESSAGE_SECONDS: Final = 1800.0
"""A message may take this long, however steadily it comes."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What came of fetching a message.

    Parameters
    ----------
    raw: none = it is larger than what is taken, or was refused: then `refused` says how.
    """

    number: int
    size: int
    raw: bytes | None
    refused: str = ""


class Maildrop(Pop3):
    """A connection to a mailbox; `begin` and `log_in` come first, then `look`."""

    pipelining = False

    @property
    def label(self) -> str:
        """The host as reports name it."""
        return self._account.label

    def _is_encrypted(self) -> None:
        """Whoever watched the handshake has told of the certificate already."""
        self._encrypted = True
        self._conversation.note(f"encrypted, {self._proof} for {self._account.host}")

    async def look(self) -> list[Listed]:
        """What waits here, in the host's order."""
        said, words = await self._asked("STAT")
        if not said:
            raise PopFailed(Failure.pop_unreachable, f"the host does not say what is in the mailbox: {words}")
        if words.split(" ")[0] == "0":
            return []
        self.pipelining = await self._offers("PIPELINING")
        sizes = await self._listed("LIST")
        if sizes is None:
            raise PopFailed(Failure.pop_unreachable, "the host does not list what is in the mailbox")
        names = {number: _name(words) for number, words in await self._listed("UIDL") or ()}
        seen = Counter(names.values())  # one that several messages have tells none of them
        return [
            Listed(number, _size(words), name if seen[name := names.get(number, "")] == 1 else "")
            for number, words in sizes
        ]

    async def retrieve(self, numbers: Sequence[int], most: int) -> AsyncIterator[Retrieved]:
        """Fetch these messages, in order; of each at most so many bytes are kept."""
        came = octets = 0
        async for number in self._answers("RETR", numbers):
            line = await self._line()
            if not line.startswith(b"+OK"):
                _, words = self._read(line)
                yield Retrieved(number, 0, None, words or "the host gives no reason")
                continue
            is_there = self._end(begun=False) >= 0
            size, raw = await (self._content(most) if is_there else self._in_the_end(number, most))
            came, octets = came + 1, octets + size
            yield Retrieved(number, size, raw)
        self._conversation.note(f"{came:,} messages came, {octets:,} bytes")

    async def delete(self, numbers: Sequence[int]) -> list[int]:
        """Mark these for deletion, which happens at `quit`; those that the host lets go of."""
        deleted = []
        for at in range(0, len(numbers), _TOGETHER):
            async for number in self._answers("DELE", numbers[at : at + _TOGETHER]):
                line = await self._line()
                if line.startswith(b"+OK"):
                    deleted.append(number)
                else:
                    self._read(line)
        return deleted

    async def _answers(self, verb: str, numbers: Sequence[int]) -> AsyncIterator[int]:
        """Say a command about each, all together if that may be; the numbers in the order of the answers."""
        if not numbers:
            return
        many = f"{verb} {numbers[0]} … {verb} {numbers[-1]} [{len(numbers):,} messages]"
        self._conversation.sent(many if len(numbers) > 1 else f"{verb} {numbers[0]}")
        if self.pipelining:
            self._write(b"".join(b"%s %d\r\n" % (verb.encode(), number) for number in numbers))
        for number in numbers:
            if not self.pipelining:
                self._write(b"%s %d\r\n" % (verb.encode(), number))
            yield number

    async def _in_the_end(self, number: int, most: int) -> tuple[int, bytes | None]:
        try:
            async with asyncio.timeout(LONGEST_MESSAGE_SECONDS):
                return await self._content(most)
        except TimeoutError:
            words = f"message {number} did not come within {LONGEST_MESSAGE_SECONDS / 60:.0f} minutes"
            raise PopFailed(Failure.pop_unreachable, words) from None

    async def _content(self, most: int) -> tuple[int, bytes | None]:
        """The size of the message that follows, and its bytes; does not wait when all of it is there."""
        unread, end = self._arrivals.unread, self._arrivals.line_end
        closing = len(end) * 2 + 1
        parts: list[bytes] = []
        size = 0
        while (at := self._end(begun=size > 0)) < 0:
            if len(unread) > _PIECE:
                take = len(unread) - closing  # what is left may be the beginning of the end
                size += take
                parts.append(bytes(unread[:take]))
                del unread[:take]
            if size > most:
                parts.clear()
            async with self._in_time():
                await self._arrivals.more(len(unread))
        size += at
        parts.append(bytes(unread[:at]))
        del unread[: at + 1 + len(end)]
        return size, _unstuffed(b"".join(parts), end) if size <= most else None

    def _end(self, *, begun: bool) -> int:
        """Where in what is unread the line with a dot alone begins; -1 = it has not come.

        Parameters
        ----------
        begun: something of the message has been read.
        """
        unread, end = self._arrivals.unread, self._arrivals.line_end
        if not begun and unread.startswith(b"." + end):
            return 0
        at = unread.find(end + b"." + end)
        return at + len(end) if at >= 0 else -1

    async def _listed(self, command: str) -> list[tuple[int, str]] | None:
        """The numbers and words of a listing; none where the host does not know the command."""
        if not (await self._asked(command))[0]:
            return None
        found: list[tuple[int, str]] = []
        for line in await self._lines(MOST_MESSAGES):
            number, _, words = line.decode("ascii", "backslashreplace").strip().partition(" ")
            if number.isdecimal() and number.isascii():
                found.append((int(number), words.strip()))
        self._conversation.note(f"{len(found):,} messages listed")
        return found


_PIECE: Final = 60 * 1024
"""Bytes; below `pop3._UNREAD`, at which the host has to wait."""


_LONGEST_NAME: Final = 500
"""Characters; RFC 1939 §7 allows 70."""


def _name(words: str) -> str:
    """A unique-id as every database can keep it."""
    if len(words) <= _LONGEST_NAME and words.isprintable():
        return words
    return f"long:{sha256(words.encode()).hexdigest()}"


def _size(words: str) -> int:
    """Of a message, as far as the host tells: nothing but a bound that turns out when it comes."""
    digits = words.split(" ")[0]
    return int(digits[:15]) if digits.isascii() and digits.isdecimal() else 0


def _unstuffed(raw: bytes, end: bytes) -> bytes:
    """Without the dots that the host put before lines with a dot (RFC 1939 §3).

    Only two dots become one: a host that forgets to put one loses nothing.
    """
    if raw.startswith(b".."):
        raw = raw[1:]
    return raw.replace(end + b"..", end + b".")
