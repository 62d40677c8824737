"""One message while it arrives: where it ends, how large it is, dot-stuffing undone (RFC 5321 §4.5.2). No I/O.

Only CR LF . CR LF ends it: a bare CR or LF is a byte like any other, so that nothing behind one is ever taken for a
command. What is held is bounded; a message over the limit is read to its end and not kept.
"""

from __future__ import annotations

_END = b"\r\n.\r\n"
_STUFFED = b"\r\n."


class Content:
    """Feed it what comes after DATA's reply.

    Parameters
    ----------
    limit: octets, without the dots that stuffing adds (RFC 1870 §3).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray(b"\r\n")  # as if a line had ended before: a first line is one like any other
        self._dots = 0
        self._kept = True
        self.seen = 0
        """Octets that came, whether they were kept or not."""
        self.too_large = False

    @property
    def held(self) -> int:
        """Octets in memory."""
        return len(self._data)

    def feed(self, chunk: bytes | bytearray) -> bytes | None:
        """Take what came; when the message ends in it, what stands behind the end, else none."""
        before = len(self._data)
        self._data += chunk
        self.seen += len(chunk)
        end = self._data.find(_END, max(before - len(_END) + 1, 0))
        if end >= 0:
            rest = bytes(self._data[end + len(_END) :])
            self.seen -= len(rest)
            del self._data[end + 2 :]
        else:
            rest = None
        if self._kept:
            self._dots += self._data.count(_STUFFED, max(before - 2, 0))
            if len(self._data) - 2 - self._dots > self._limit:
                self.too_large = True
                self.drop()
        else:
            del self._data[: -len(_END)]
        return rest

    def drop(self) -> None:
        """Keep nothing of it any more, but go on looking for its end."""
        self._kept = False
        del self._data[: -len(_END)]

    def message(self) -> bytes:
        """The whole message, once it has ended."""
        data = self._data.replace(_STUFFED, b"\r\n") if self._dots else self._data
        return bytes(memoryview(data)[2:])
