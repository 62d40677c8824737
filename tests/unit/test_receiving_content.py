"""A message while it arrives: whatever pieces it comes in, it is the same message."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.mail.receiving.content import Content

LIMIT = 1_000_000
OCTETS = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"x", b"\x00", b"\xff", b"\r\n."]), max_size=40)


def fed(data: bytes, cuts: list[int], limit: int = LIMIT) -> tuple[Content, bytes | None]:
    content, rest, begin = Content(limit), None, 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        assert rest is None or begin == end
        if rest is None and end > begin:
            rest = content.feed(data[begin:end])
            if rest is not None:
                return content, rest + data[end:]
        begin = end
    return content, rest


def stuffed(message: bytes) -> bytes:
    """As RFC 5321 §4.5.2 has it: a message that ends in CR LF, ready for the wire."""
    return b"".join(
        b"." + line if line.startswith(b".") else line for line in message.split(b"\r\n") for line in [line, b"\r\n"]
    )[:-2]


@given(OCTETS, st.lists(st.integers(0, 200), max_size=8), st.binary(max_size=20))
def test_any_message_in_any_pieces(parts: list[bytes], cuts: list[int], behind: bytes) -> None:
    message = b"".join(parts)
    if not message.endswith(b"\r\n") and message:
        message += b"\r\n"
    content, rest = fed(stuffed(message) + b".\r\n" + behind, cuts)
    assert rest == behind
    assert content.message() == message
    assert content.seen == len(stuffed(message)) + 3


@given(OCTETS, st.lists(st.integers(0, 200), max_size=8))
def test_only_crlf_dot_crlf_is_an_end(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    end = (b"\r\n" + data).find(b"\r\n.\r\n")
    _, rest = fed(data, cuts)
    assert (rest is None) is (end < 0)
    if rest is not None:
        assert rest == data[end + 3 :]


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000, 100_000])
def test_size_counts_without_the_dots_of_stuffing(size: int) -> None:
    message = (b".\r\n" * (size // 3 + 1))[: size - 2] + b"\r\n"
    assert len(message) == size
    wire, chosen = stuffed(message), random.Random(size)
    content, rest = fed(wire + b".\r\nNOOP\r\n", [chosen.randrange(len(wire)) for _ in range(20)], limit=1000)
    assert content.too_large is (size > 1000)
    assert rest == b"NOOP\r\n", "the end is found all the same"
    if size > 1000:
        assert content.held <= 10
    else:
        assert content.message() == message


def test_empty_lines_take_no_more_memory_than_their_octets() -> None:
    content = Content(10_000_000)
    for _ in range(90):
        assert content.feed(b"\r\n" * 50_000) is None
    assert content.held <= 9_000_010
    assert content.feed(b".\r\n") == b""
    assert content.message() == b"\r\n" * 4_500_000
