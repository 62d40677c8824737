"""Mail of projects as it is put together: Python's own reader gets back what went in, whatever that is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.text import line_of
from trackkit.domain.tracking.letter import MOST_REFERENCES, Attachment, Letter, Party, compose

LETTER = Letter(
    author=Party("ada@people.example", "Ada Lovelace"),
    to=[Party("x@people.example")],
    subject="Hello",
    text="text",
    date=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    message_id="<one@people.example>",
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=300)
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)


def read(letter: Letter) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(compose(letter), policy=policy.default))


def names(mail: EmailMessage) -> list[str]:
    return [name.lower() for name in mail]


@given(subject=st.text(max_size=300), name=st.text(max_size=60), file=st.text(min_size=1, max_size=80))
def test_no_value_makes_a_field_of_its_own_or_a_line_that_is_too_long(subject: str, name: str, file: str) -> None:
    letter = replace(
        LETTER,
        author=Party("ada@people.example", name),
        subject=subject.encode("utf-8", "replace").decode(),
        files=[Attachment(file, b"")],
    )
    raw = compose(letter)
    head, _, _ = raw.partition(b"\r\n\r\n")
    fields = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    wanted = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"]
    assert fields == wanted
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")


@given(text=TEXTS)
def test_the_text_comes_back(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = compose(replace(LETTER, text=text))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    content = message_from_bytes(raw, policy=policy.default).get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.decode().replace("\r\n", "\n") == lines + ("" if lines.endswith("\n") else "\n")


@given(subject=LINES, name=LINES)
def test_subject_and_name_come_back(subject: str, name: str) -> None:
    letter = replace(LETTER, subject=subject, author=Party("ada@people.example", name))
    assert line_of(str(read(letter)["Subject"])) == line_of(subject)
    # Not by `addresses`: it puts a blank between two encoded words of a name, where there is none (RFC 2047, 6.2).
    words, address = parseaddr(message_from_bytes(compose(letter))["From"])
    assert address == "ada@people.example"
    assert line_of(str(make_header(decode_header(words)))) == line_of(name)


@pytest.mark.parametrize(
    "name", ["plain.txt", "schön.txt", 'with "quotes";.txt', "很长的名字" * 12 + ".txt", "a b (1).txt", "it's"]
)
def test_files_come_back_under_their_names(name: str) -> None:
    content = bytes(range(256)) * 9
    text, one, other = read(replace(LETTER, files=[Attachment(name, content), Attachment("b", b"")])).iter_parts()
    assert text.get_content().strip() == "text"
    assert (one.get_filename(), one.get_content()) == (name, content)
    assert (other.get_filename(), other.get_content()) == ("b", b"")


def test_an_original_is_attached_byte_for_byte() -> None:
    original = b"Subject: \xff\r\nX: " + b"y" * 300 + b"\r\n\r\n--=_\r\nno\xe4h\n.\r\nend"
    raw = compose(replace(LETTER, original=original, automatic="auto-generated"))
    assert b"\r\n\r\n" + original + b"\r\n--=_" in raw
    mail = message_from_bytes(raw, policy=policy.default)
    assert [part.get_content_type() for part in mail.walk()][:3] == ["multipart/mixed", "text/plain", "message/rfc822"]
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_thread_is_named_by_its_ids_and_nothing_else() -> None:
    thread = ["<first@x>", "no id", "<a b@x>", "<evil@x>\r\nBcc: y@z", *(f"<{n}@x>" for n in range(50)), "<last@x>"]
    mail = read(replace(LETTER, references=thread))
    named = mail["References"].split()
    assert (named[0], named[-1], len(named)) == ("<first@x>", "<last@x>", MOST_REFERENCES)
    assert mail["In-Reply-To"] == "<last@x>"
    assert "bcc" not in names(mail)
    assert names(read(LETTER)) == [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        *names(read(LETTER))[6:],
    ]


def test_addresses_go_out_as_hosts_know_them() -> None:
    mail = compose(replace(LETTER, to=[Party("x@bücher.example", "Ü")], reply_to="t+c@bücher.example"))
    assert b"x@xn--bcher-kva.example" in mail
    assert b"Reply-To: t+c@xn--bcher-kva.example\r\n" in mail
    raw = compose(replace(LETTER, subject="Grüße", to=[Party("ü@people.example")]))
    assert "To: ü@people.example\r\n".encode() in raw  # it has no other form
    assert b"Subject: =?utf-8?" in raw
    assert compose(LETTER) == compose(LETTER)
