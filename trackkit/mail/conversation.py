"""What the client and the mail host said to each other, for a person to read.

Lines begin with ``> `` (we), ``< `` (the host) or ``* `` (what happened besides). Secrets are masked always, wherever
they turn up; control characters are escaped; message content is never taken in; length is bounded, the beginning
and the end being kept. Nothing here fails.

Writing down is cheap, since of a message that is sent nobody asks what was said: lines, masks and cuts are made when
somebody does, or when much has come together.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Iterable

from trackkit.domain.replies import Outcome, Stage

MAXIMUM_LINE = 1000
"""Characters of one line that are kept; a host may send any number."""

MAXIMUM_HEAD = 20_000
MAXIMUM_TAIL = 12_000
"""Characters kept of the beginning and of the end of a conversation."""

MAXIMUM_UNREAD = 64
"""Sayings kept as they came, if they are short."""

SHORT = 500
"""Characters."""

MASK = "***"


class Conversation:
    """A growing transcript. `secrets` are masked in everything, also in what the host sends back."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._unread: list[tuple[str | int, str]] = []
        """Texts as they came, after their mark, or after the code that is on each line of a reply."""
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = self._tail_size = self._left_out = 0
        if secrets:
            self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Mask these, and their base64 form; what has been read is as it is."""
        for secret in filter(None, secrets):
            self._secrets = self._secrets | {secret, base64.b64encode(secret.encode()).decode()}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None

    def fresh(self) -> Conversation:
        """An empty one that masks the same."""
        other = Conversation()
        other._secrets, other._pattern = self._secrets, self._pattern
        return other

    def hide_response(self, response: str) -> None:
        """Mask what was sent inside AUTH, as it went and decoded: a CRAM-MD5 digest is as good as a hash to crack."""
        self.hide(response)
        try:
            decoded = base64.b64decode(response, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        self.hide(*(part for part in decoded.rpartition(" ")[2:] if len(part) == _MD5_DIGITS))

    def clean(self, text: str) -> str:
        """Text of the host, fit to be shown and stored: secrets masked, every line printable and of bounded length."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if len(text) <= MAXIMUM_LINE and text.isprintable():
            return text
        lines = [_printable(line) for line in text[: 4 * MAXIMUM_LINE].split("\n")]
        return "\n".join(lines)

    def sent(self, commands: str) -> None:
        """Command lines of ours, with CR LF between them."""
        self._add("> ", commands)

    def sent_content(self, size: int) -> None:
        """The message went: how many bytes, never which."""
        self._add("> ", f"[{size:,} bytes of message]")

    def received(self, code: int, text: str) -> None:
        """A reply; LF is between its lines."""
        self._add(code, text)

    def heard(self, line: str) -> None:
        """A line of the host that is no SMTP reply, as it is."""
        self._add("< ", line)

    def received_secret(self, code: int) -> None:
        """A challenge inside AUTH: nothing but its code is shown."""
        self._add("< ", f"{code} {MASK}")

    def note(self, text: str) -> None:
        """What nobody said but explains the rest."""
        self._add("* ", text)

    def reached(self, stage: Stage, whom: str) -> None:
        """A step on the way begins, with that host. Nothing is made of it here; a test of the settings shows it."""

    def refused(self, outcome: Outcome) -> None:
        """The step that was begun last has failed; as `reached`."""

    def encrypted(self, certificate: bytes) -> None:
        """The host has proved to hold this certificate (DER); as `reached`."""

    @property
    def text(self) -> str:
        """The transcript so far."""
        self._read()
        middle = [f"* [{self._left_out:,} lines left out]"] if self._left_out else []
        return "\n".join([*self._head, *middle, *self._tail])

    def _add(self, mark: str | int, text: str) -> None:
        unread = self._unread
        unread.append((mark, text))
        if len(text) > SHORT or len(unread) > MAXIMUM_UNREAD:
            self._read()

    def _read(self) -> None:
        for mark, text in self._unread:
            if isinstance(mark, str):
                for line in text.split("\r\n"):
                    self._keep(mark + self.clean(line).replace("\n", "\\n"))
                continue
            *first, last = text.split("\n")
            for line in (*(f"{mark}-{line}" for line in first), f"{mark} {last}"):
                self._keep("< " + self.clean(line).replace("\n", "\\n"))
        self._unread.clear()

    def _keep(self, line: str) -> None:
        """Keep the beginning and the end."""
        if not self._tail and self._head_size + len(line) < MAXIMUM_HEAD:
            self._head.append(line)
            self._head_size += len(line) + 1
            return
        self._tail.append(line)
        self._tail_size += len(line) + 1
        while self._tail_size > MAXIMUM_TAIL:
            self._tail_size -= len(self._tail.popleft()) + 1
            self._left_out += 1


_MD5_DIGITS = 32


def _printable(line: str) -> str:
    cut = line[:MAXIMUM_LINE]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)[:MAXIMUM_LINE]
    return cut if len(line) <= MAXIMUM_LINE else f"{cut}… [cut]"
