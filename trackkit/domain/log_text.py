"""What a text has to become before a database, a terminal, the event log or a mail may get it.

Entries quote what strangers sent: file names, addresses, replies of mail hosts. So texts are bounded, stored as every
database takes them, shown without control characters, and without the secrets that are known.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

MAXIMUM_TEXT: Final = 1_000_000
"""Characters of one message or details that are kept."""

REMOVED: Final = "[secret removed]"
SHORTEST_SECRET: Final = 6
"""Shorter values ("true", "none") would be found everywhere; passwords have eight characters at least."""

_TOKEN: Final = r"\btk[stp]_[A-Za-z0-9_-]{20,}"  # as `services.passwords` makes them
_URL_PASSWORD: Final = r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"


def storable(text: str, limit: int = MAXIMUM_TEXT) -> str:
    """Text that every database takes: no NUL, no lone surrogates, not endless."""
    text = text[:limit].replace("\x00", "\N{SYMBOL FOR NULL}")
    return text.encode("utf-8", "replace").decode("utf-8")


def harmless(text: str, keep: str = "") -> str:
    """Text without what a terminal obeys or an eye is misled by; line breaks stay where they are in `keep`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(*texts: str) -> str:
    """Texts as one line that cannot pass for two, their lines with bars between."""
    lines = [line for text in texts for line in text.replace("\r\n", "\n").split("\n")]
    return harmless(" | ".join(lines).rstrip(" |").replace("\t", " "))


def cut(text: str, limit: int, note: str = "…") -> bytes:
    """The text in UTF-8, at most `limit` bytes, no character torn; `note` ends it where something is missing."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data
    end = note.encode()
    return data[: limit - len(end)].decode("utf-8", "ignore").encode() + end


def secret_pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Finds these secrets in every way they may be written; none when there are none."""
    known = sorted(set(secrets), key=len, reverse=True)
    parts = [re.escape(form) for secret in known for form in _forms(secret)]
    return re.compile("|".join(parts)) if parts else None


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, without anything that looks like a token, without passwords in URLs."""
    pattern = secret_pattern(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
    if pattern is not None:
        text = pattern.sub(REMOVED, text)
    return re.sub(_URL_PASSWORD, REMOVED, re.sub(_TOKEN, REMOVED, text))


def _forms(secret: str) -> list[str]:
    """The secret as it is, and as HTML, JSON, Python, addresses and base64 write it; the longest first."""
    data = secret.encode("utf-8", "surrogatepass")  # an environment may hold what is no text
    forms = {
        secret,
        escape(secret),
        escape(secret, quote=False),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        quote(data, safe=""),
        quote_plus(data),
        b64encode(data).decode().rstrip("="),
    }
    return sorted(forms, key=len, reverse=True)
