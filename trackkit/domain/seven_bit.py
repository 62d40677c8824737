"""A message in a form that every mail host takes: body parts beyond ASCII, or with lines too long, are encoded.

Promises: a part's content is what it was once its encoding is undone (RFC 2045 §6); only parts that need it are
touched, and what labels them; multiparts and enclosed messages are gone through to any depth, without recursion; time
and memory grow with the size only. The outcome is in wire form, with no line over `LONGEST_LINE`, and in ASCII unless
`eight_bit`. What belongs to no part (preambles, boundaries, headers too long to be folded) shows question marks, or
line breaks, where there is no other way. It never fails.

A signature over what is changed here does not hold any more, as with every host that converts (RFC 6152 §3).
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import a2b_qp, b2a_qp
from collections.abc import Iterator
from dataclasses import dataclass

from trackkit.domain.header_words import FIELD, MOST_FIELDS, ascii_header, plain

LONGEST_LINE = 998
"""Octets, without CR LF (RFC 5321 §4.5.3.1.6)."""

_TYPE = re.compile(rb"[^:]*:\s*([\w.+-]+)/([\w.+-]+)")
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,998})"|([^;\s"]{1,998}))', re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(rb'[^:]*:\s*"?([\w-]+)')
_TYPE_SCAN = 16_384
_OPENING = re.compile(rb"(?:>?From [^\n]*\n)?(?:[ \t][^\n]*\n)*")
"""What stands before the first field of some mails: the line of an mbox file, lines that continue nothing."""
_DENSE = 6
"""Base64 makes four octets of three, quoted-printable three of each one beyond ASCII: it is shorter below a sixth."""


def has_long_lines(wire: bytes) -> bool:
    """Whether a line of a message in wire form is longer than a host has to take. Quick: it looks at line ends only."""
    at, end = 0, len(wire)
    while end - at > LONGEST_LINE:
        found = wire.rfind(b"\r\n", at, at + LONGEST_LINE + 2)
        if found < 0:
            return True
        at = found + 2
    return False


def header_span(wire: bytes) -> tuple[int, int]:
    """Where the header of a message in wire form begins and ends: before the first line that is none of it."""
    start = at = _opening_end(wire)
    while match := FIELD.match(wire, at):
        at = match.end()
    return start, at


def converted(wire: bytes, *, eight_bit: bool) -> bytes:
    """The message for a host; the same object where the host takes it as it is.

    Parameters
    ----------
    wire: the message in wire form.
    eight_bit: the host takes octets beyond ASCII in a body (8BITMIME).
    """
    if (eight_bit or wire.isascii()) and not has_long_lines(wire):
        return wire
    return b"".join(_Conversion(wire, eight_bit).pieces())


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a message or part: its fields, and what they say about the body."""

    fields: list[bytes]
    body_at: int
    separated: bool
    """An empty line follows."""
    kind: bytes
    subtype: bytes
    boundary: bytes | None
    encoding: bytes

    @property
    def is_message(self) -> bool:
        """Its body is a message whose parts have encodings of their own."""
        return self.kind == b"message" and self.subtype in (b"rfc822", b"global")


class _Conversion:
    """One pass from the beginning to the end, with the boundaries that are open."""

    def __init__(self, wire: bytes, eight_bit: bool) -> None:
        self._wire = wire
        self._eight_bit = eight_bit
        self._open: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._digests: list[bool] = []
        self._at = 0
        self._rewritten = 0

    def pieces(self) -> Iterator[bytes]:
        """The new message."""
        self._at = _opening_end(self._wire)
        yield self._loose(self._wire[: self._at])
        yield from self._entity(b"MIME-Version: 1.0\r\n")
        while self._at < len(self._wire):
            line_end = self._wire.index(b"\n", self._at) + 1
            line = self._wire[self._at : line_end]
            self._at = line_end
            yield self._loose(line)
            if self._close_or_stay(line):
                yield from self._entity()
            else:
                yield self._loose(self._until_boundary())

    def _entity(self, version: bytes = b"") -> Iterator[bytes]:
        """A message or part, up to the next boundary."""
        header = self._header(enclosed_by_default=self._in_digest)
        while header.is_message and header.encoding in (b"", b"7bit", b"8bit", b"binary"):
            self._at = header.body_at
            yield self._container(header)
            version, header = b"", self._header()
        self._at = header.body_at
        if header.kind == b"multipart" and header.boundary is not None:
            self._places.setdefault(header.boundary, len(self._open))
            self._open.append(header.boundary)
            self._digests.append(header.subtype == b"digest")
            yield self._container(header)
            yield self._loose(self._until_boundary())
        else:
            yield from self._leaf(header, self._until_boundary(), version)

    def _leaf(self, header: _Header, body: bytes, version: bytes) -> Iterator[bytes]:
        if (self._eight_bit or body.isascii()) and not has_long_lines(body):
            yield from map(self._field, header.fields)
            yield b"\r\n" * header.separated + body
            return
        # The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
        inside = self._at < len(self._wire)
        label, content = _encoded(body.removesuffix(b"\r\n") if inside else body, header.encoding)
        ending = b"\r\n" if inside or label == b"base64" else b""
        names = [_name(field) for field in header.fields]
        for name, field in zip(names, header.fields, strict=True):
            if name != b"content-transfer-encoding":
                yield self._field(field)
        if version and b"mime-version" not in names:
            yield version
        if b"content-type" not in names:
            yield b"Content-Type: text/plain; charset=" + _charset(body) + b"\r\n"
        yield b"Content-Transfer-Encoding: " + label + b"\r\n\r\n" + content + ending

    def _container(self, header: _Header) -> bytes:
        """Its header; a label that promises octets beyond ASCII goes where none are left."""
        drop = not self._eight_bit and header.encoding in (b"8bit", b"binary")
        kept = (f for f in header.fields if not (drop and _name(f) == b"content-transfer-encoding"))
        return b"".join(map(self._field, kept)) + b"\r\n" * header.separated

    def _field(self, field: bytes) -> bytes:
        if not self._eight_bit and not field.isascii():
            self._rewritten += 1
            field = ascii_header(field, strict=False) if self._rewritten <= MOST_FIELDS else plain(field)
        return _folded(field) if len(field) > LONGEST_LINE else field

    def _loose(self, text: bytes) -> bytes:
        """Text that belongs to no part."""
        if not self._eight_bit:
            text = plain(text)
        return _folded(text) if has_long_lines(text) else text

    @property
    def _in_digest(self) -> bool:
        return bool(self._digests) and self._digests[-1]

    def _header(self, *, enclosed_by_default: bool = False) -> _Header:
        fields = []
        at = self._at
        while match := FIELD.match(self._wire, at):
            if self._open and match[0].startswith(b"--") and self._place(match[0]) is not None:
                break
            fields.append(match[0])
            at = match.end()
        separated = self._wire.startswith(b"\r\n", at)
        # Without a type a part of a digest is a message (RFC 2046 §5.1.5); the empty line is what ends its own header.
        kind, subtype = (b"message", b"rfc822") if enclosed_by_default and separated else (b"text", b"plain")
        boundary, encoding = None, b""
        for field in fields:
            name = _name(field)
            if name == b"content-type" and (found := _TYPE.match(field[:_TYPE_SCAN])):
                kind, subtype = found[1].lower(), found[2].lower()
                marked = _BOUNDARY.search(field[:_TYPE_SCAN])
                boundary = (marked[1] or marked[2]).rstrip() if marked else None
            elif name == b"content-transfer-encoding" and (found := _LABEL.match(field)):
                encoding = found[1].lower()
        return _Header(fields, at + 2 * separated, separated, kind, subtype, boundary, encoding)

    def _until_boundary(self) -> bytes:
        """What comes before the next line that is an open boundary, or the end."""
        start = at = self._at
        while self._open:
            if not self._wire.startswith(b"--", at):
                found = self._wire.find(b"\n--", at)
                if found < 0:
                    break
                at = found + 1
            line_end = self._wire.index(b"\n", at) + 1
            if self._place(self._wire[at:line_end]) is not None:
                self._at = at
                return self._wire[start:at]
            at = line_end
        self._at = len(self._wire)
        return self._wire[start:]

    def _place(self, line: bytes) -> int | None:
        """Which open boundary a line is, if it is one, of the beginning or the end of a part."""
        marker = line[2:].rstrip()
        place = self._places.get(marker)
        return self._places.get(marker[:-2]) if place is None and marker.endswith(b"--") else place

    def _close_or_stay(self, line: bytes) -> bool:
        """What was within is over; whether another part begins."""
        place = self._place(line)
        if place is None:  # text after the last part of all
            return False
        begins = line[2:].rstrip() == self._open[place]
        keep = place + begins
        for boundary in self._open[keep:]:
            if self._places.get(boundary, -1) >= keep:
                del self._places[boundary]
        del self._open[keep:], self._digests[keep:]
        return begins


def _opening_end(wire: bytes) -> int:
    found = _OPENING.match(wire)
    return found.end() if found else 0


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def _charset(body: bytes) -> bytes:
    """What a body without a label is in."""
    if body.isascii():
        return b"us-ascii"
    try:
        body.decode()
    except UnicodeDecodeError:
        return b"unknown-8bit"
    return b"utf-8"


def _encoded(body: bytes, encoding: bytes) -> tuple[bytes, bytes]:
    """The label and the octets of a body; one that is encoded already, though wrongly, keeps its encoding."""
    if encoding == b"base64":
        kept = re.sub(rb"[^A-Za-z0-9+/=]", b"", body)
        return b"base64", b"\r\n".join(kept[at : at + 76] for at in range(0, len(kept), 76))
    if encoding == b"quoted-printable":
        body = a2b_qp(body)
    elif len(body.translate(None, _BEYOND_ASCII)) < len(body) - len(body) // _DENSE:
        return b"base64", encodebytes(body).rstrip().replace(b"\n", b"\r\n")
    quoted = b2a_qp(body, istext=True)
    # Without a line end in the text its own are of one octet.
    return b"quoted-printable", quoted if b"\r\n" in quoted else quoted.replace(b"\n", b"\r\n")


_BEYOND_ASCII = bytes(range(128, 256))


def _folded(text: bytes) -> bytes:
    """Lines that are too long, broken at a blank where there is one; what follows begins with a blank."""
    return b"\r\n".join(part for line in text.split(b"\r\n") for part in _broken(line))


def _broken(line: bytes) -> Iterator[bytes]:
    at, lead = 0, b""
    while len(line) - at > LONGEST_LINE - len(lead):
        most = at + LONGEST_LINE - len(lead)
        blank = line.rfind(b" ", at + 1, most)
        cut = blank if blank > 0 and line[at:blank].strip() else most
        yield lead + line[at:cut]
        at, lead = cut, b"" if cut == blank else b" "
    yield lead + line[at:]
