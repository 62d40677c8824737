"""Octets of a mail to octets and text: transfer encodings and charsets, as tolerant as what real mails get wrong."""

from __future__ import annotations

import codecs
import re
from binascii import a2b_base64, a2b_qp
from functools import lru_cache
from typing import Final

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(octet for octet in range(256) if octet not in _BASE64)
_PIECE: Final = 2**20
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}\Z", re.ASCII)

_CALLED: Final = {
    "": "utf-8",
    "ascii": "utf-8",
    "us-ascii": "utf-8",
    "default": "utf-8",
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
}
"""What charsets are called in mails, and the codec that reads them: the wider one that the name is used for."""

_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
"""Codecs of Python's that are no charsets of mails, some of them slow on what is hostile."""


def transferred(octets: memoryview, encoding: str) -> bytes:
    """What a Content-Transfer-Encoding stands for; with an unknown one the octets as they are."""
    match encoding.strip().lower():
        case "base64":
            return from_base64(octets)
        case "quoted-printable":
            return a2b_qp(octets)
    return bytes(octets)


def from_base64(octets: memoryview) -> bytes:
    """Base 64 without regard to anything else that stands between, and to what is missing at the end."""
    found = bytearray()
    rest = b""
    # In pieces, since of a large attachment there shall not be many copies at a time.
    for at in range(0, len(octets), _PIECE):
        plain = rest + bytes(octets[at : at + _PIECE]).translate(None, _NOT_BASE64)
        whole = len(plain) // 4 * 4
        found += a2b_base64(plain[:whole])
        rest = plain[whole:]
    if len(rest) > 1:
        found += a2b_base64(rest + b"=" * (4 - len(rest)))
    return bytes(found)


def decoded(octets: bytes, charset: str) -> str:
    """The text in octets: in their charset, else in UTF-8, else as western Windows would read them."""
    codec = _codec(charset)
    for name in (codec, "utf-8"):
        if name:
            try:
                return octets.decode(name)
            except UnicodeError:
                continue
    # Most of it in the charset that is named is better than all of it in a wrong one.
    return octets.decode(codec if codec and codec != "utf-8" else "cp1252", "replace")


@lru_cache(maxsize=64)
def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    name = _CALLED.get(name, name)
    if not _CHARSET.match(name):
        return ""
    try:
        found = codecs.lookup(name).name
        b"a".decode(found)
    except (LookupError, UnicodeError):
        return ""
    return "" if found.replace("_", "-") in _NO_CHARSETS else found
