"""The parts of a mail (RFC 2045, 2046): where each begins and ends, found within bounds and without ever raising.

A mail nests at most `DEEPEST` deep and has at most `MOST` parts here; what goes beyond is left as it stands in the part
around it, and said in `problems`. Only places are kept: what a part holds is decoded when somebody asks for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from trackkit.domain.tracking.fields import Fields, read_fields, words
from trackkit.domain.tracking.octets import decoded, transferred

DEEPEST: Final = 20
MOST: Final = 500
LONGEST_BOUNDARY: Final = 200

_STRAY: Final = 20_000
"""Places that look like a boundary and are none, after which no more are looked for."""

_VALUE: Final = 4_000
_EMPTY_LINE = re.compile(rb"\r?\n|\r")
_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80})", re.IGNORECASE)
_END_OF_LINE = re.compile(rb"(--)?[ \t]{0,99}\r?(?:\n|\Z)")
_PARAMETER = re.compile(
    r';\s*([^\s=;*"]{1,80}+)(?:\*(\d{1,3}))?+(\*)?+\s*=\s*("(?:[^"\\]|\\.)*+"?|[^;\s]*+)', re.DOTALL
)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that holds no others, or a whole message that is attached: its header, and where its body stands."""

    fields: Fields
    type: str
    parameters: dict[str, str]
    start: int
    end: int

    def octets(self, raw: bytes, most: int | None = None) -> bytes:
        """What it holds, the transfer encoding taken off; of no more than `most` octets as they were sent."""
        end = self.end if most is None else min(self.end, self.start + most)
        encoding = self.fields.first("content-transfer-encoding")
        return transferred(memoryview(raw)[self.start : end], encoding.partition(";")[0])

    def text(self, raw: bytes, most: int) -> str:
        """What it holds as text, with \\n at the ends of lines."""
        text = decoded(self.octets(raw, most), self.parameters.get("charset", ""))
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def disposition(self) -> tuple[str, dict[str, str]]:
        """``attachment`` or ``inline`` or nothing, and its parameters (RFC 2183)."""
        value = self.fields.first("content-disposition")
        return value.partition(";")[0].strip().lower(), parameters(value)


@dataclass(slots=True)
class Parts:
    """All of a mail: its header, its parts in their order, and what went wrong."""

    fields: Fields
    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def take_apart(raw: bytes, start: int = 0, end: int | None = None) -> Parts:
    """The parts of the mail that stands in `raw` from `start` to `end`, its lines ended by LF or CRLF."""
    end = len(raw) if end is None else end
    fields, body, whole = header(raw, start, end)
    kind, given = content_type(fields, "text/plain")
    found = Parts(fields)
    if not whole:
        found.problems.append("The header is larger than what is read of one.")
    # What is to be looked at: the header, where the body stands, and how deep.
    waiting = [(fields, kind, given, body, end, 0)]
    while waiting:
        fields, kind, given, body, end, depth = waiting.pop()
        boundary = given.get("boundary", "") if kind.startswith("multipart/") else ""
        places = _places(raw, body, end, boundary.encode("utf-8", "replace")) if boundary else []
        if not places or depth >= DEEPEST or len(found.parts) + len(waiting) + len(places) > MOST:
            if boundary:
                found.problems.append(_why(places, depth))
            shown = "text/plain" if kind.startswith("multipart/") else kind
            found.parts.append(Part(fields, shown, given, body, end))
            continue
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for begins, ends in reversed(places):
            inner, inner_body, _ = read_fields(raw, begins, ends)
            inner_kind, inner_given = content_type(inner, default)
            waiting.append((inner, inner_kind, inner_given, inner_body, ends, depth + 1))
    return found


def header(raw: bytes, start: int = 0, end: int | None = None) -> tuple[Fields, int, bool]:
    """The header of a message, where its body begins, and whether all of the header was read."""
    end = len(raw) if end is None else end
    # Some leave an empty line above a message; in a part it says that there is no header.
    above = _EMPTY_LINE.match(raw, start, end)
    return read_fields(raw, above.end() if above else start, end)


def content_type(fields: Fields, default: str) -> tuple[str, dict[str, str]]:
    """Type and parameters of a Content-Type (RFC 2045 §5), the default where there is none or nonsense."""
    value = fields.first("content-type")
    match = _TYPE.match(value)
    return (match[1].lower() if match else default), parameters(value)


def parameters(value: str) -> dict[str, str]:
    """The parameters of a field, also in pieces and with charsets of their own (RFC 2231)."""
    plain: dict[str, str] = {}
    if ";" not in value:
        return plain
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, number, extended, given in _PARAMETER.findall(value[:_VALUE]):
        text = _QUOTED.sub(r"\1", given[1:].removesuffix('"')) if given[:1] == '"' else given
        if number or extended:
            pieces.setdefault(name.lower(), []).append((int(number or 0), bool(extended), text))
        else:
            plain.setdefault(name.lower(), text)
    return {name: words(text) for name, text in plain.items()} | {
        name: _pieced(parts) for name, parts in pieces.items()
    }


def _pieced(pieces: list[tuple[int, bool, str]]) -> str:
    pieces.sort(key=lambda piece: piece[0])
    charset = "utf-8"
    octets = b""
    for number, extended, text in pieces:
        if extended and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
    return decoded(octets, charset)


def _places(raw: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts between lines of that boundary begin and end; at most one more than `MOST`."""
    mark = b"--" + boundary.rstrip()[:LONGEST_BOUNDARY]
    places: list[tuple[int, int]] = []
    begins = -1
    stray = 0
    at = raw.find(mark, start, end)
    while at >= 0 and len(places) <= MOST and stray < _STRAY:
        next_at = at + len(mark)
        rest = _END_OF_LINE.match(raw, next_at, end)
        if rest and (at == start or raw[at - 1 : at] == b"\n"):
            if begins >= 0:
                places.append((begins, _before_line_end(raw, begins, at)))
            if rest[1]:
                return places
            begins = next_at = rest.end()
        else:
            stray += 1
        at = raw.find(mark, next_at, end)
    if begins >= 0 and at < 0:
        # The last line is missing: the mail was cut.
        places.append((begins, end))
    return places


def _before_line_end(raw: bytes, begins: int, at: int) -> int:
    """The line end before a boundary belongs to it (RFC 2046 §5.1.1)."""
    at -= raw[at - 1 : at] == b"\n"
    at -= raw[at - 1 : at] == b"\r"
    return max(begins, at)


def _why(places: list[tuple[int, int]], depth: int) -> str:
    if not places:
        return "A part of several says what stands between them, and that stands nowhere."
    if depth >= DEEPEST:
        return f"Parts within parts, more than {DEEPEST} deep; the innermost are shown as they stand."
    return f"More than {MOST} parts; the further ones are shown as they stand."
