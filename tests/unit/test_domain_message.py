"""Envelopes and the wire form: nothing that could end a line or a message gets through."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import nasty
from trackkit.domain import message
from trackkit.domain.errors import InvalidInput

octets = st.binary(max_size=300)
# Raw bytes seldom hold what matters here; these do.
line_ends = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b" ", b"\x00", b"\xff"])).map(b"".join)


@given(octets | line_ends)
@example(b"")
@example(b"\r")
@example(b"x\n.\r\ny")
def test_wire_form_has_no_stray_line_end_and_ends_its_last_line(raw: bytes) -> None:
    wire = message.wire_form(raw)
    assert wire.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", wire)


@given(octets | line_ends)
def test_wire_form_of_a_wire_form_is_itself(raw: bytes) -> None:
    once = message.wire_form(raw)
    assert message.wire_form(once) == once


@given(octets | line_ends)
def test_wire_form_changes_nothing_but_line_ends(raw: bytes) -> None:
    def without(text: bytes) -> bytes:
        return re.sub(rb"[\r\n ]", b"", text)

    assert without(message.wire_form(raw)) == without(raw)


@given(st.lists(st.text("ab. ").map(str.encode)))
def test_lines_survive_in_whichever_form_they_came(lines: list[bytes]) -> None:
    expected = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    for end in (b"\r\n", b"\n", b"\r"):
        assert message.wire_form(end.join([*lines, b""])) == expected


def test_a_cr_that_ends_no_line_becomes_a_blank() -> None:
    assert message.wire_form(b"a\rb\r\n\rc\r\r\nd\n") == b"a b\r\n c \r\nd\r\n"


def test_an_envelope_names_every_refused_address() -> None:
    with pytest.raises(InvalidInput) as caught:
        message.checked_envelope("a@b.test\r\n", ["ok@b.test", "bad", "worse@"])
    assert [problem.field for problem in caught.value.problems] == ["sender", "recipients[1]", "recipients[2]"]


def test_an_envelope_holds_each_address_once_in_its_normal_form() -> None:
    envelope = message.checked_envelope("Ü@BÜCHER.test", ["a@ü.test", "a@u\u0308.test", "a@Ü.test", "A@b.test"])
    assert envelope.mail_from == "Ü@bücher.test"
    assert envelope.rcpt_tos == ("a@ü.test", "A@b.test")


def test_an_envelope_without_recipients_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        message.checked_envelope("a@b.test", [])
    assert caught.value.problems[0].field == "recipients"


def test_too_many_recipients_are_refused() -> None:
    most = [f"r{number}@b.test" for number in range(message.MAXIMUM_RECIPIENTS)]
    assert len(message.checked_envelope("", most).rcpt_tos) == message.MAXIMUM_RECIPIENTS
    with pytest.raises(InvalidInput):
        message.checked_envelope("", [*most, "one-more@b.test"])


def test_the_null_sender_is_taken_and_a_recipient_is_taken_once() -> None:
    envelope = message.checked_envelope("", ["a@b.test", "c@b.test", "a@b.test"])
    assert envelope.mail_from == ""
    assert envelope.rcpt_tos == ("a@b.test", "c@b.test")


@pytest.mark.parametrize("name", nasty.MAILS)
def test_nasty_mails_can_be_shown_quickly(name: str) -> None:
    raw, began = nasty.MAILS[name], time.perf_counter()
    shown = (message.subject(raw), message.message_id(raw), message.text_preview(raw))
    assert time.perf_counter() - began < 1
    assert all(isinstance(text, str) for text in shown)
    assert shown[0].isprintable()
    assert len(shown[0]) <= 200
    assert len(shown[1]) <= 998


@pytest.mark.corpus
def test_real_mails_can_be_shown_quickly(corpus_messages: dict[str, bytes]) -> None:
    for name, raw in corpus_messages.items():
        began = time.perf_counter()
        assert message.subject(raw).isprintable(), name
        assert len(message.message_id(raw)) <= 998, name
        assert len(message.text_preview(raw)) <= 4000, name
        assert time.perf_counter() - began < 1, name


@given(octets | st.sampled_from(list(nasty.MAILS.values())))
def test_showing_never_raises(raw: bytes) -> None:
    assert message.subject(raw).isprintable()
    assert isinstance(message.header_values(raw, "subject"), list)
    assert isinstance(message.text_preview(raw), str)


def test_headers_are_read_as_rfc_5322_writes_them() -> None:
    raw = b"subject: one\r\n folded\r\nSUBJECT : two\r\nX: y\r\nMessage-ID:\r\n <a@b>\r\n\r\nSubject: body\r\n"
    assert message.header_values(raw, "Subject") == ["one folded", "two"]
    assert message.subject(raw) == "one folded"
    assert message.message_id(raw) == "<a@b>"


def test_an_encoded_subject_is_decoded_and_a_broken_one_shown_as_it_is() -> None:
    assert message.subject(b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\n") == "Grüße"
    assert message.subject(b"Subject: =?x-kl?B?AAEC?=\r\n\r\n") == "=?x-kl?B?AAEC?="
