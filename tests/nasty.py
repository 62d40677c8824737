"""Mails that break mail software, made by code: the same bytes every time.

They stand for what arrives in practice and for what an attacker tries; none is well-formed in every respect.
"""

from __future__ import annotations

import random

HEADER = b"From: a@nasty.test\r\nTo: b@nasty.test\r\nSubject: nasty\r\nMessage-ID: <%s@nasty.test>\r\n"


def _mail(name: str, body: bytes, more: bytes = b"") -> bytes:
    return HEADER % name.encode() + more + b"\r\n" + body


def _nested(depth: int) -> bytes:
    """Multiparts within multiparts: parsers that recurse run out of stack."""
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    closing = b"".join(b"\r\n--b%d--" % level for level in reversed(range(depth)))
    return b"Subject: deep\r\n" + opening + b"Content-Type: text/plain\r\n\r\ndeep\r\n" + closing + b"\r\n"


def _line_ends() -> dict[str, bytes]:
    crlf = _mail("line-ends", b"one\r\ntwo\r\n\r\nthree\r\n")
    return {
        "only LF": crlf.replace(b"\r\n", b"\n"),
        "only CR": crlf.replace(b"\r\n", b"\r"),
        "mixed line ends": b"Subject: mixed\nFrom: a@nasty.test\r\n\none\rtwo\r\nthree\nfour\r\r\nfive\n\r\nsix",
        "CR before CR LF": _mail("crcrlf", b"one\r\r\ntwo\r\r\r\nthree\r\n"),
        "stray CR": _mail("stray-cr", b"one\rtwo\rthree\r\n\rfour\r\n"),
        "stray CR in a header": b"Subject: a\rBcc: x@nasty.test\r\n\r\nbody\r\n",
        "stray LF in a header": b"Subject: a\nBcc: x@nasty.test\r\n\r\nbody\r\n",
        "stray CR at the very end": _mail("cr-end", b"one\r\ntwo\r"),
        "no line end at the end": _mail("no-end", b"one\r\ntwo"),
        "many empty lines at the end": _mail("empty-lines", b"one" + b"\r\n" * 40),
    }


def _dots() -> dict[str, bytes]:
    return {
        "only a dot": b".",
        "only dots": b".\r\n..\r\n...\r\n",
        "lines beginning with dots": _mail("dots", b".one\r\n..two\r\n. three\r\n...\r\n"),
        "a dot alone in the middle": _mail("dot", b"before\r\n.\r\nafter\r\n"),
        "a dot as the last line": _mail("dot-last", b"before\r\n."),
        "a header line that begins with a dot": b".Subject: x\r\nFrom: a@nasty.test\r\n\r\nbody\r\n",
        "a command after a dot": _mail("command", b"x\r\n.\r\nQUIT\r\nMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling LF . CR LF": _mail("smuggle1", b"x\n.\r\nMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling CR . CR": _mail("smuggle2", b"x\r.\rMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling LF . LF": _mail("smuggle3", b"x\n.\nMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling CR LF . CR": _mail("smuggle4", b"x\r\n.\rMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling CR . CR LF": _mail("smuggle5", b"x\r.\r\nMAIL FROM:<evil@nasty.test>\r\n"),
        "smuggling CR CR LF . CR CR LF": _mail("smuggle6", b"x\r\r\n.\r\r\nMAIL FROM:<evil@nasty.test>\r\n"),
    }


def _shapes() -> dict[str, bytes]:
    return {
        "nothing at all": b"",
        "one line end": b"\r\n",
        "no header": b"\r\nonly a body\r\n",
        "no body": HEADER % b"no-body",
        "no header and no separator": b"just words, no colon anywhere\r\nand more\r\n",
        "no separator before the body": b"Subject: x\r\nthis line is no header\r\nnor this\r\n",
        "a header without a colon": b"From: a@nasty.test\r\nnonsense\r\nSubject: x\r\n\r\nbody\r\n",
        "a folded first line": b" folded into nothing\r\nSubject: x\r\n\r\nbody\r\n",
        "mbox From_ line first": b"From a@nasty.test Mon Jan  1 00:00:00 2024\r\nSubject: mbox\r\n\r\nbody\r\n",
        "quoted mbox From_ line first": b">From a@nasty.test Mon Jan  1 00:00:00 2024\r\nSubject: mbox\r\n\r\nbody\r\n",
        "From_ in the body": _mail("from-body", b"\r\nFrom here on\r\n>From there\r\n"),
        "blanks only as separator": b"Subject: x\r\n \t \r\nbody\r\n",
        "headers of the next host": b"Return-Path: <x@nasty.test>\r\nDelivered-To: y@nasty.test\r\n"
        b"Bcc: z@nasty.test\r\nContent-Length: 3\r\nX-Original-To: q@nasty.test\r\nSubject: x\r\n\r\nbody\r\n",
        "Message-Id without an id": b"Message-Id: <>\r\nSubject: x\r\n\r\nbody\r\n",
        "several Message-IDs": b"Message-ID: <one@nasty.test>\r\nMessage-ID: <two@nasty.test>\r\n\r\nbody\r\n",
        "same Message-ID, one": b"Message-ID: <same@nasty.test>\r\nSubject: one\r\n\r\none\r\n",
        "same Message-ID, two": b"Message-ID: <same@nasty.test>\r\nSubject: two\r\n\r\ntwo\r\n",
        "group address": b"To: a group: ;\r\nFrom: (comment (nested\r\nSubject: x\r\n\r\nbody\r\n",
        "500 nested multiparts": _nested(500),
        "a boundary that never comes": b'Content-Type: multipart/mixed; boundary="never"\r\n\r\nbody\r\n',
    }


def _octets() -> dict[str, bytes]:
    chosen = random.Random(20240101)
    return {
        "NUL bytes": _mail("nul", b"a\x00b\x00\x00\r\n\x00\r\n", b"X-Nul: a\x00b\r\n"),
        "all control characters": _mail("control", bytes(c for c in range(32) if c not in (10, 13)) + b"\x7f\r\n"),
        "8-bit body": _mail("8bit", "Grüße, 世界, 🙂\r\n".encode()),
        "8-bit header": b"Subject: Gr\xc3\xbc\xc3\x9fe \xff\xfe\r\nFrom: \xe9@nasty.test\r\n\r\nbody\r\n",
        "invalid UTF-8": _mail("utf8", b"\xc3\x28 \xff\xfe \xed\xa0\x80 \xf5\r\n"),
        "binary": _mail("binary", chosen.randbytes(100_000), b"Content-Transfer-Encoding: binary\r\n"),
        "unknown charset": b"Subject: =?x-kl?B?AAEC?=\r\nContent-Type: text/plain; charset=x-kl\r\n\r\nbody\r\n",
        "charset that is a codec but no charset": b"Subject: =?rot13?Q?uryyb?= =?zlib?B?eJw=?=\r\n\r\nbody\r\n",
        "broken encoded words": b"Subject: =?utf-8?B?!!!!?= =?utf-8?Q?=ZZ?= =?utf-8?X?a?= =?=\r\n\r\nbody\r\n",
        "many encoded words": b"Subject:" + b" =?utf-8?B?8J+Zgg==?=\r\n" * 5000 + b"\r\nbody\r\n",
        "byte order mark first": b"\xef\xbb\xbfSubject: bom\r\n\r\nbody\r\n",
        "UTF-16": "Subject: wide\r\n\r\nbody\r\n".encode("utf-16-le"),
    }


def _sizes() -> dict[str, bytes]:
    chosen = random.Random(20240102)
    lines = b"\r\n".join(chosen.randbytes(36).hex().encode() for _ in range(70_000))
    return {
        "line of 998 octets": _mail("998", b"a" * 998 + b"\r\n"),
        "line of 999 octets": _mail("999", b"a" * 999 + b"\r\n"),
        "line of 5000 octets full of dots": _mail("5000", b"." * 5000 + b"\r\n"),
        "line of 100,000 octets": _mail("100000", b"b" * 100_000 + b"\r\n"),
        "header line of 2000 octets": b"Subject: " + b"c" * 2000 + b"\r\n\r\nbody\r\n",
        "header of 200,000 octets, folded": b"X-Long: x\r\n" + b"\tfolded again and again\r\n" * 8000 + b"\r\nbody\r\n",
        "10,000 headers": b"".join(b"X-%d: value\r\n" % n for n in range(10_000)) + b"\r\nbody\r\n",
        "200 Received headers": b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" * 200 + b"\r\nbody\r\n",
        "5 MB": _mail("5mb", lines + b"\r\n"),
    }


MAILS: dict[str, bytes] = {**_line_ends(), **_dots(), **_shapes(), **_octets(), **_sizes()}
"""Every nasty mail by what is nasty about it."""
