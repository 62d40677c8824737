"""The raw sink answers as a real Postfix does, and finds out clients that a lenient server would let through."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.peers.postfix import DOMAIN, Postfix
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until

GOOD, BAD = f"RCPT TO:<bob@{DOMAIN}>", f"RCPT TO:<nobody@{DOMAIN}>"
CONVERSATIONS = [
    ["EHLO x", "MAIL FROM:<a@b.test>", GOOD, "DATA", "Subject: x\r\n\r\nbody\r\n.", "QUIT"],
    ["EHLO x", "MAIL FROM:<>", BAD, GOOD, "DATA", ".", "MAIL FROM:<a@b.test>", GOOD, "RSET", "QUIT"],
    ["EHLO x", "MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>", "NOOP", "QUIT"],
    ["EHLO x", GOOD, "MAIL FROM:<a@b.test> BODY=8BITMIME SIZE=10", BAD, "RSET", GOOD, "QUIT"],
    ["EHLO x", "MAIL FROM:<a@b.test>", "RSET", "MAIL FROM:<a@b.test>", GOOD, "QUIT"],
    ["HELO x", "NONSENSE", "QUIT"],
]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def codes(port: int, words: list[str]) -> list[str]:
    """The reply code to the greeting and to each line."""
    with connected(port) as connection, connection.makefile("rb") as replies:

        def reply() -> str:
            while (line := replies.readline())[3:4] == b"-":
                continue
            return line[:3].decode()

        found = [reply()]
        for word in words:
            connection.sendall(word.encode() + b"\r\n")
            found.append(reply())
        return found


@pytest.mark.peers
@pytest.mark.parametrize("words", CONVERSATIONS)
def test_the_sink_answers_as_postfix_does(postfix: Postfix, raw_sink: RawSink, words: list[str]) -> None:
    raw_sink.refuse[f"nobody@{DOMAIN}"] = "550 5.1.1 User unknown"
    ours, theirs = codes(raw_sink.port, words), codes(postfix.port, words)
    # Which 5xx a command out of order or unknown gets is each server's own choice.
    assert [code[:1] if code not in ("550", "503") else code for code in ours] == [
        code[:1] if code not in ("550", "503") else code for code in theirs
    ]


def taken(sink: RawSink, data: bytes) -> bytes:
    """What the sink makes of octets that follow DATA."""
    with connected(sink.port) as connection:
        connection.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.test>\r\nDATA\r\n" + data)
        wait_until(lambda: sink.taken, what="a message")
    return sink.taken[0].content


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b".\r\n", b""),
        (b"one\r\n.\r\n", b"one\r\n"),
        (b"..one\r\n...\r\n.\r\n", b".one\r\n..\r\n"),
        (b".unstuffed\r\n.\r\n", b"unstuffed\r\n"),
        (b"bare\n.\nand\r.\rand\n.\r\nand\r\n.\nand\r\n.\r\n", b"bare\n.\nand\r.\rand\n.\r\nand\r\n\nand\r\n"),
    ],
)
def test_only_cr_lf_dot_cr_lf_ends_a_message(raw_sink: RawSink, data: bytes, content: bytes) -> None:
    assert taken(raw_sink, data) == content
