"""The header fields of a mail or of one of its parts, read within bounds and without ever raising.

Python's own parser raises on about one real mail in a hundred and takes seconds for hostile ones, so this is a reader
of its own: of RFC 5322 and 2047 it knows what is needed to find out what a mail is, and takes what others have got
wrong: lines that are no fields, octets of any charset, a missing empty line, what stands before the first field.

At most `MOST` fields in the first `LONGEST` octets are read; a value is at most `LONGEST_VALUE` characters long.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from trackkit.domain.tracking.octets import decoded, from_base64

MOST: Final = 2_000
LONGEST: Final = 262_144
LONGEST_VALUE: Final = 20_000

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*")
_MBOX = re.compile(rb">?From [^\r\n]*\r?\n")
_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_ADDRESS = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@(?:\[[^\]\s]{1,60}\]|[^\s<>()\[\],:;\"@]{1,255})")


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields by their names in small letters, the values of each in their order, unfolded."""

    named: dict[str, list[str]] = field(default_factory=dict)

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field, encoded words as they are."""
        return self.named.get(name, ())

    def first(self, name: str) -> str:
        """The first value of a field; ``""`` without one."""
        values = self.named.get(name)
        return values[0] if values else ""

    def text(self, name: str) -> str:
        """The first value of a field, for people: encoded words made readable."""
        return words(self.first(name))

    def addresses(self, name: str) -> list[str]:
        """The addresses in all values of a field."""
        return [address for value in self.named.get(name, ()) for address in addresses(value)]

    def __contains__(self, name: str) -> bool:
        return name in self.named


def read_fields(raw: bytes, start: int, end: int) -> tuple[Fields, int, bool]:
    """The fields that begin at `start`, where the body begins, and whether all of them were read."""
    at = start
    while mbox := _MBOX.match(raw, at, end):
        at = mbox.end()
    named: dict[str, list[str]] = {}
    left = MOST
    limit = min(end, start + LONGEST)
    while at < limit and left:
        line_end = raw.find(b"\n", at, end) + 1 or end
        begins = _FIELD.match(raw, at, line_end)
        if begins:
            while line_end < limit and raw[line_end] in b" \t":
                line_end = raw.find(b"\n", line_end, end) + 1 or end
            named.setdefault(begins[1].decode("ascii").lower(), []).append(_value(raw[begins.end() : line_end]))
            left -= 1
        elif _empty(raw, at, end):
            return Fields(named), line_end, True
        elif not _FIELD.match(raw, line_end, end):
            # Neither a field nor a stray line between two: the empty line is missing.
            return Fields(named), at, True
        at = line_end
    if at >= end:
        return Fields(named), end, True
    return Fields(named), _body(raw, max(start, at - 2), end), False


def words(value: str) -> str:
    """A value with its encoded words made readable (RFC 2047); those that cannot be read stay as they are."""
    if "=?" not in value:
        return value
    joined = _BETWEEN_WORDS.sub("", value)
    parts: list[str] = []
    at = 0
    pending, charset = b"", ""
    for word in _WORD.finditer(joined):
        octets = from_base64(memoryview(word[3].encode())) if word[2] in "bB" else a2b_qp(word[3].encode(), header=True)
        # A character may be divided between words that stand side by side.
        if word.start() != at or word[1].lower() != charset:
            parts += [decoded(pending, charset), joined[at : word.start()]]
            pending = b""
        pending, charset, at = pending + octets, word[1].lower(), word.end()
    return "".join([*parts, decoded(pending, charset), joined[at:]])


def addresses(value: str) -> list[str]:
    """The mail addresses that stand in a value, in their order."""
    return _ADDRESS.findall(value[:LONGEST_VALUE])


def _value(octets: bytes) -> str:
    octets = octets[:LONGEST_VALUE].rstrip()
    text = octets.decode("ascii") if octets.isascii() else decoded(octets, "utf-8")
    return _unfolded(text) if "\n" in text else text


def _unfolded(text: str) -> str:
    """In one line, with one blank where it was folded."""
    first, *others, last = text.split("\n")
    between = [line for one in others if (line := one.strip(" \t").rstrip())]
    return " ".join([first.rstrip(), *between, last.lstrip(" \t")])


def _empty(raw: bytes, at: int, end: int) -> bool:
    return raw[at : min(end, at + 2)] in (b"\r\n", b"\r") or raw[at : at + 1] == b"\n"


def _body(raw: bytes, at: int, end: int) -> int:
    found = [place + size for mark, size in ((b"\n\n", 2), (b"\n\r\n", 3)) if (place := raw.find(mark, at, end)) >= 0]
    return min(found, default=end)
