"""A message as a file for a pickup folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.message import Envelope
from trackkit.mail.transports.pickup_file import pickup_file

TO = Envelope("a@a.test", ("b@b.test", "c@c.test"))
TOP = b"X-Sender: a@a.test\r\nX-Receiver: b@b.test\r\nX-Receiver: c@c.test\r\n"


def test_the_envelope_stands_on_top_and_the_message_stays_as_it_is() -> None:
    raw = b"From: x@a.test\r\nTo: b@b.test\r\nSubject: hi\r\n\r\nhello\r\n.\r\n..dots\r\n"
    assert pickup_file(TO, raw) == TOP + raw


def test_the_null_sender_and_a_domain_beyond_ascii() -> None:
    assert pickup_file(Envelope("", ("b@bücher.test",)), b"A: b\n\n") == (
        b"X-Sender: <>\r\nX-Receiver: b@xn--bcher-kva.test\r\nA: b\r\n\r\n"
    )


@pytest.mark.spec("7: pickup folder: blind copies and a message's own words change no envelope")
def test_no_blind_copy_and_no_field_that_services_obey_is_in_the_file() -> None:
    raw = (
        b"x-receiver: evil@z.test\nX-SENDER : boss@z.test\nBcc: secret@z.test,\n\tother@z.test\n"
        b"Resent-Bcc: more@z.test\n"
        b"Subject: hi\nX-HeloDomain: z.test\nX-Sender-Id: kept\n\nBcc: this is text\n"
    )
    assert pickup_file(TO, raw) == TOP + b"Subject: hi\r\nX-Sender-Id: kept\r\n\r\nBcc: this is text\r\n"


@pytest.mark.parametrize(
    "raw", [b"no header at all\n", b" X-Receiver: folded@z.test\n\nx\n", b"\nbody\n", b"", b"From a@b Thu\n", b"A: b"]
)
def test_what_does_not_begin_with_a_field_ends_the_header(raw: bytes) -> None:
    head, empty_line, _ = pickup_file(TO, raw).partition(b"\r\n\r\n")
    assert empty_line
    assert [line for line in head.split(b"\r\n") if line.lower().startswith(b"x-receiver")] == TOP.split(b"\r\n")[1:3]
    assert b"folded" not in head


@given(
    st.lists(
        st.sampled_from(
            [b"X-Receiver: z@z.test", b"Bcc:", b" ", b"\t", b"\n", b"\r", b"\r\n", b":", b"A: b", b"\0\xff", b"From "]
        )
    )
)
def test_rubbish_names_nobody(parts: list[bytes]) -> None:
    made = pickup_file(TO, b"".join(parts))
    assert made.startswith(TOP)
    assert made.endswith(b"\r\n")
    head = made.partition(b"\r\n\r\n")[0]
    assert sum(line.lower().startswith(b"x-receiver") for line in head.split(b"\r\n")) == 2
    assert not any(line[:1] in b" \t" for line in made[len(TOP) :].split(b"\r\n", 1)[:1] if line)
