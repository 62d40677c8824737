"""Header fields in ASCII: what a header says beyond it, in the forms that every mail program reads (RFC 2047, 2231).

Words become encoded words, parameters such as file names become extended ones, domains become A-labels; everything else
of a field stays as it is. Octets that are no UTF-8 are encoded all the same, as of an unknown charset.

What cannot be written in ASCII at all (a name before an @, a message id) raises `NotInAscii` where that is asked for;
else it is shown with question marks. Nothing else here fails. Time and memory grow with the header's size only.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

from trackkit.domain.addresses import ascii_domain, needs_utf8

FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
"""A header field of a message in wire form (RFC 5322 §2.2), with its folded lines."""

MOST_FIELDS = 10_000
"""Of more than these a mail's fields are no longer rewritten, but show question marks."""

_ADDRESSES = frozenset(
    b"from sender reply-to to cc bcc return-path errors-to disposition-notification-to mail-followup-to".split()
    + b"resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc".split()
)
_PARAMETERS = frozenset({b"content-type", b"content-disposition"})
_IDS = frozenset({b"message-id", b"in-reply-to", b"references", b"content-id", b"resent-message-id"})
_NO_WORDS = frozenset({b"received", b"date", b"resent-date", b"mime-version", b"content-transfer-encoding"})
"""Fields in which an encoded word has no place."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?+|\((?:[^()\\]|\\.)*+\)?+|<[^<>]*+>?+|[^\s"(<,;:]++|\s++|.', re.DOTALL)
"""What is not closed goes on to the end, so that nothing is looked at twice."""

_PARAMETER = re.compile(
    r'(;\s{0,998})([!#$%&\'*+.^_`{|}~0-9A-Za-z-]{1,98})(\s{0,998}=\s{0,998})("(?:[^"\\]|\\.){0,998}"|[^;\s"]+)',
    re.DOTALL,
)
_WORD_OCTETS = 45
"""Octets in an encoded word, which may have 75 characters (RFC 2047 §2)."""


class NotInAscii(Exception):
    """A header field that only a host with SMTPUTF8 can be given; the text is for a person."""


def ascii_header(header: bytes, *, strict: bool) -> bytes:
    """A header in wire form, without the empty line at its end, in ASCII.

    Parameters
    ----------
    strict: raise `NotInAscii` for what has no other form; else it becomes question marks.
    """
    if header.isascii():
        return header
    parts: list[bytes] = []
    at = 0
    while len(parts) < MOST_FIELDS and (match := FIELD.match(header, at)):
        parts.append(match[0] if match[0].isascii() else _field(match, strict))
        at = match.end()
    # Lines that are no fields, and fields beyond any number that makes sense.
    parts.append(plain(header[at:]))
    return b"".join(parts)


def plain(octets: bytes) -> bytes:
    """The same in ASCII, a question mark for each other octet."""
    return octets if octets.isascii() else octets.translate(_QUESTION_MARKS)


_QUESTION_MARKS = bytes(octet if octet < 128 else ord("?") for octet in range(256))


def _field(match: re.Match[bytes], strict: bool) -> bytes:
    name, colon, value = match[0].partition(b":")
    kind = name.strip().lower()
    if not name.isascii() or kind in _NO_WORDS:
        return plain(match[0])
    if kind in _IDS and strict:
        raise NotInAscii(f"its {name.decode()} holds characters other than ASCII")
    if kind in _IDS:
        return plain(match[0])
    text = _Text.of(value[:-2])
    if kind in _ADDRESSES:
        rewritten = text.addresses(name.decode(), strict)
    elif kind in _PARAMETERS:
        if strict and text.has_a_boundary_beyond_ascii:
            return match[0]  # as it is, as the lines of the body that repeat it
        rewritten = text.parameters()
    else:
        rewritten = text.words()
    return name + colon + plain(text.octets(rewritten)) + b"\r\n"


class _Text:
    """The text of a field, and how its characters become octets again."""

    def __init__(self, text: str, codec: str, charset: str) -> None:
        self._text = text
        self._codec = codec
        self._charset = charset

    @classmethod
    def of(cls, value: bytes) -> _Text:
        try:
            return cls(value.decode(), "utf-8", "utf-8")
        except UnicodeDecodeError:
            return cls(value.decode("latin-1"), "latin-1", "unknown-8bit")

    @property
    def has_a_boundary_beyond_ascii(self) -> bool:
        """Which none may be (RFC 2046 §5.1.1), and which a reader finds all the same."""
        found = _PARAMETER.finditer(self._text)
        return any(one[2].lower() == "boundary" and not one[4].isascii() for one in found)

    def octets(self, text: str) -> bytes:
        """A text made of it, as octets."""
        return text.encode(self._codec, "replace")

    def words(self) -> str:
        """Every run of words beyond ASCII as encoded words."""
        return self._joined((piece, piece) for piece in re.findall(r"[ \t\r\n]+|[^ \t\r\n]+", self._text))

    def addresses(self, name: str, strict: bool) -> str:
        """Names and comments as encoded words, domains in ASCII."""
        return self._joined(self._address_tokens(name, strict))

    def parameters(self) -> str:
        """``name="ü"`` as ``name*=utf-8''%C3%BC`` (RFC 2231 §4)."""
        return _PARAMETER.sub(self._parameter, self._text)

    def _parameter(self, match: re.Match[str]) -> str:
        before, name, equals, value = match.groups()
        # A boundary has to be found again in the body, where its octets become question marks, too.
        if value.isascii() or name.lower() == "boundary" or name.endswith("*"):
            return match[0]
        content = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value.startswith('"') else value
        charset = self._charset if self._codec == "utf-8" else ""
        octets = content.replace("\r\n", "").encode(self._codec)
        return f"{before}{name}*{equals}{charset}''{quote_from_bytes(octets, safe='')}"

    def _address_tokens(self, name: str, strict: bool) -> Iterator[tuple[str, str]]:
        """Each token, and what of it is to be encoded where it is a word; of a comment the whole is made here."""
        tokens = _TOKEN.findall(self._text)
        for number, token in enumerate(tokens):
            is_local_part = number + 1 < len(tokens) and tokens[number + 1].startswith("@")
            if token.isascii():
                yield token, token
            elif token[0] == "(":
                inside = f"({self._encoded(token[1:].removesuffix(')'))})"
                yield inside, inside
            elif token[0] == '"' and not is_local_part:
                yield token, re.sub(r"\\(.)", r"\1", token[1:].removesuffix('"'), flags=re.DOTALL)
            elif "@" in token or token[0] == "<" or is_local_part:
                address = self._address(token, name, strict)
                yield address, address
            else:
                yield token, token

    def _address(self, token: str, name: str, strict: bool) -> str:
        before, inner, after = ("<", token[1:].removesuffix(">"), ">") if token[0] == "<" else ("", token, "")
        domain = ascii_domain(inner.rpartition("@")[2])
        if self._codec == "utf-8" and "@" in inner and domain and not needs_utf8(inner):
            return before + inner.rpartition("@")[0] + "@" + domain + after
        if strict:
            raise NotInAscii(f"its {name} holds an address with characters other than ASCII")
        return plain(token.encode(self._codec)).decode()

    def _joined(self, tokens: Iterator[tuple[str, str]]) -> str:
        """The tokens, runs of words beyond ASCII encoded; a blank stands between such a run and what is beside it."""
        done: list[str] = []
        run: list[str] = []
        blank = ""
        for token, content in tokens:
            if token.isspace():
                if run:
                    blank += token
                else:
                    done.append(token)
                continue
            if not token.isascii():
                run.append(blank.replace("\r\n", "") + content if run else content)
                blank = ""
                continue
            if run:
                done.append(self._run(run, done))
                done.append(blank or " ")
                run, blank = [], ""
            done.append(token)
        if run:
            done += [self._run(run, done), blank]
        return "".join(done)

    def _run(self, run: list[str], done: list[str]) -> str:
        beside = bool(done) and not done[-1].isspace()
        return " " * beside + self._encoded("".join(run))

    def _encoded(self, text: str) -> str:
        """Encoded words, folded; no character is divided between two of them (RFC 2047 §5)."""
        words = []
        word = b""
        for character in text.replace("\r\n", ""):
            octets = character.encode(self._codec)
            if len(word) + len(octets) > _WORD_OCTETS:
                words.append(word)
                word = b""
            word += octets
        words.append(word)
        return "\r\n ".join(f"=?{self._charset}?b?{b64encode(word).decode()}?=" for word in words)
