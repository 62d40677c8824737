"""The replies that a bounce quotes, as far as its form tells: fields of RFC 3464 first, else the words for people.

For scoring the recogniser of replies only. Forms are recognised, never files; whatever is not found is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from itertools import pairwise

LARGEST = 2_000_000
PARTS = 200
_TEXT = 20_000
"""Characters of the words for people that are looked at."""

_OF_THE_PARSER = (AttributeError, LookupError, TypeError, ValueError)
"""What Python's own parser is known to raise on such mail."""

_ORIGINAL = re.compile(
    r"^[ \t>|=*_-]{0,80}(?:(?:this is |below is |below this line is |included is |here is )?(?:a |the )?"
    r"(?:copy of |header of |text of )?(?:the |your )?(?:original|returned|unsent|undelivered|failed)? ?"
    r"(?:message|mail)(?: info| headers?| text)?(?: follows?| is following| is attached)?[:., ]*[-_=*|:. ]*$"
    r"|(?:--- below this line|------ this is a copy|included is a copy|message headers follow))"
    r"|^(?:received|return-path|delivered-to|x-original-to|dkim-signature): ?.",
    re.IGNORECASE | re.MULTILINE,
)
_REPLY_LINE = re.compile(r"(?:^|[\s'\"\[(>:<])([45]\d\d)(?:[ -]+| *: *)(?:([245]\.\d{1,3}\.\d{1,3})\b)?")
_ADDRESS_FIRST = re.compile(
    r"^(?:[ \t*>\"<]{0,8}|5\d\d <)(?<![\w.])([^\s\"<>@,:;]{1,80}@[\w.-]{1,200}\w)", re.MULTILINE
)
_ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")


@dataclass(frozen=True)
class Quoted:
    """What a bounce says about one recipient: the status it states, and words to look at, the surest first."""

    status: str
    words: Sequence[str]


def read(raw: bytes) -> list[Quoted]:
    """What a bounce says of each recipient, in its order; empty where nothing was found."""
    raw = raw[:LARGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        parts = list(_parts(message_from_bytes(raw)))
        text = _own_words(parts)
    except (RecursionError, *_OF_THE_PARSER):
        parts, text = [], _cut(raw[-_TEXT:].decode("latin-1"))
    blocks = [block for part in parts for block in _blocks(part)] or _blocks_in(text)
    others = [address for block in blocks if (address := _address(block))]
    told = [_from_fields(block, text, others) for block in blocks]
    return told or _from_words(text)


def code_of(words: str) -> int | None:
    """The reply code that these words begin with, or quote first."""
    found = _REPLY_LINE.search(words[:500])
    return int(found[1]) if found else None


def enhanced_of(words: str) -> str:
    """The last enhanced code near the beginning: what a relay says comes before what it was told."""
    found = _ENHANCED.findall(words[:500])
    return str(found[-1]) if found else ""


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= PARTS:
            return
        yield part


def _own_words(parts: Sequence[Message]) -> str:
    """The first words for people, without the message that comes back."""
    for part in parts:
        if part.get_content_maintype() == "multipart" and isinstance(whole := part.get_payload(), str):
            return _cut(whole[:_TEXT])  # its boundary is broken
        if part.get_content_type() in ("text/plain", "text/html", "text/rfc822-headers") and not part.is_multipart():
            text = _decoded(part)
            if part.get_content_type() == "text/html":
                text = re.sub(r"<[^<>@]{0,200}>", " ", text)
            if text.strip():
                return _cut(text)
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")[:_TEXT]
    except LookupError:
        return payload.decode("latin-1")[:_TEXT]


def _cut(text: str) -> str:
    found = next((m for m in _ORIGINAL.finditer(text) if text[: m.start()].strip()), None)
    return text[: found.start()] if found else text


def _blocks(part: Message) -> list[dict[str, str]]:
    """The groups of fields about recipients in a ``message/delivery-status``."""
    if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
        return []
    payload = part.get_payload()
    groups = payload if isinstance(payload, list) else []
    blocks = [{name.lower(): " ".join(str(value).split()) for name, value in group.items()} for group in groups]
    return _of_recipients(blocks)


def _of_recipients(blocks: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [
        block
        for block in blocks
        if {"final-recipient", "original-recipient", "status", "action"} & set(block)
        and block.get("action", "failed").lower() not in ("delivered", "relayed", "expanded")
    ]


def _blocks_in(text: str) -> list[dict[str, str]]:
    """The same fields where a program writes them into the words for people."""
    if not re.search(r"^(?:final-recipient|diagnostic-code):", text, re.IGNORECASE | re.MULTILINE):
        return []
    blocks = []
    for group in re.split(r"\n\s*\n", text):
        unfolded = re.sub(r"\n[ \t]+", " ", group)
        fields = re.findall(r"^([A-Za-z-]{4,40}): ?(.*)$", unfolded, re.MULTILINE)
        blocks.append({name.lower(): value.strip() for name, value in fields})
    return _of_recipients(blocks)


def _address(block: dict[str, str]) -> str:
    return block.get("final-recipient", "").rpartition(";")[2].strip(" <>")


def _from_fields(block: dict[str, str], text: str, addresses: Sequence[str]) -> Quoted:
    said = re.sub(r"^[\w-]{1,20};\s*", "", block.get("diagnostic-code", ""))
    status, _, comment = block.get("status", "").partition("(")
    about = _about(text, _address(block), addresses)
    words = [said, comment.rstrip(")"), *_replies(about), *(() if said else (about,)), *_replies(text)]
    return Quoted(enhanced_of(status), [w for w in words if w.strip()])


def _from_words(text: str) -> list[Quoted]:
    """A paragraph for each address that a line begins with, or a reply is about; the whole where there is none."""
    found: dict[str, int] = {}
    for match in _ADDRESS_FIRST.finditer(text):
        found.setdefault(match[1].lower(), match.start())
    starts = sorted(found.values())
    pieces = [text[a:b] for a, b in pairwise([*starts, len(text)])]
    told = [[*_replies(piece), piece] for piece in pieces if len(piece.split()) > 1]
    before = text[: starts[0]] if starts else text
    rest = [w for w in (*_replies(text), before) if w.strip()]
    if not text.strip():
        return []
    return [Quoted("", [*words, *rest]) for words in told] or [Quoted("", [*_replies(text), text])]


def _about(text: str, address: str, addresses: Sequence[str]) -> str:
    """What the words say from where they name this address to where they name another."""
    at = text.find(address) if address else -1
    if at < 0:
        return ""
    piece = text[at + len(address) : at + 1000]
    others = [found for other in addresses if other != address and (found := piece.find(other)) >= 0]
    return piece[: min(others)] if others else piece


def _replies(text: str) -> list[str]:
    """The replies that words quote, each with its further lines."""
    kept: list[str] = []
    goes_on = False
    for line in text.splitlines():
        found = _REPLY_LINE.search(line)
        if found and not goes_on:
            kept.append(line[found.start(1) :])
        elif kept and (found or line.startswith((" ", "\t"))):
            kept[-1] = f"{kept[-1]} {line.strip()}"[:2000]
        if found:
            goes_on = line[found.end(1) :].startswith("-")
    return kept[:20]
