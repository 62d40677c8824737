"""Replies as they come: in pieces, several at once, more than is held at a time."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from tests.unit.smtp_sending import run
from trackkit.domain.replies import Failure
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports.wire import CHUNK, MAXIMUM_REPLY_LINES, Ended, Reply, Wire

LONG = [b"250-" + b"x" * 4000] * (MAXIMUM_REPLY_LINES - 1) + [b"250 last"]


def wired() -> tuple[Wire, asyncio.Protocol, Mock]:
    """A wire, its near end, and what stands for its transport."""
    transport = Mock()
    transport.is_closing.return_value = False
    wire = Wire(transport, 5, Conversation())
    return wire, transport.set_protocol.call_args.args[0], transport


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_reply_in_pieces_is_read_whole_and_the_next_ones_with_it(size: int) -> None:
    async def work() -> None:
        wire, line, _ = wired()
        said = b"250-one\r\n250-two \r\n250 three\r\n354 go on\n250\r\n"
        reading = asyncio.create_task(wire.reply())
        for start in range(0, len(said), size):
            await asyncio.sleep(0)
            line.data_received(said[start : start + size])
        assert await reading == Reply(250, "one\ntwo\nthree")
        assert [wire.reply_at_hand() for _ in range(3)] == [Reply(354, "go on"), Reply(250, ""), None]
        assert wire.conversation.text == "< 250-one\n< 250-two\n< 250 three\n< 354 go on\n< 250 "

    run(work())


def test_a_reply_longer_than_what_is_held_at_a_time_holds_nothing_up() -> None:
    async def work() -> None:
        wire, line, transport = wired()
        reading = asyncio.create_task(wire.reply())
        said = b"\r\n".join(LONG) + b"\r\n"
        for start in range(0, len(said), CHUNK + 1):
            await asyncio.sleep(0)
            assert transport.pause_reading.call_count == transport.resume_reading.call_count, "it is read on"
            line.data_received(said[start : start + CHUNK + 1])
            await asyncio.sleep(0)
        assert (await reading).text.endswith("\nlast")

    run(work())


@pytest.mark.parametrize("said", [b"250-x\r\n" * MAXIMUM_REPLY_LINES, b"2" * 5000, b"hello\r\n", b"2500 x\r\n"])
def test_what_is_no_reply_ends_it(said: bytes) -> None:
    async def work() -> None:
        wire, line, _ = wired()
        line.data_received(said)
        with pytest.raises(Ended) as ended:
            await wire.reply()
        assert ended.value.failure is Failure.garbled
        assert wire.conversation.text.endswith(f"* {ended.value.text}")

    run(work())
