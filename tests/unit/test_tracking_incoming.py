"""Taking incoming mail apart: what it says, whatever form it has; nothing raises, and work is bounded."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import nasty
from trackkit.domain.tracking import fields, incoming, parts
from trackkit.domain.tracking.incoming import Incoming, checked_date, parse, safe_name
from trackkit.domain.tracking.kinds import carriers, kind_of
from trackkit.domain.tracking.reply_text import trimmed

NOW = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)
MAIL = (
    "Return-Path: <ann@example.org>\n"
    "Received: from a by b;\n\tTue, 3 Mar 2026 14:00:00 +0100\n"
    "From: =?utf-8?q?Ann_L=C3=A9e?= <ann@example.org>\n"
    'To: Tracking <tracking@example.org>, "Ray, Bob" <bob@example.org>\n'
    "Cc: carl@example.org\n"
    "Subject: =?utf-8?b?w4RyZ2Vy?= =?utf-8?q?_im?= =?iso-8859-1?q?_B=FCro?= [x]\n"
    "Date: Tue, 3 Mar 2026 14:00:00 +0100\n"
    "MIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="=_out"\n\n'
    "preamble\n"
    "--=_out\n"
    "Content-Type: multipart/alternative; boundary=in\n\n"
    "--in\n"
    "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
    "Gr=FC=DFe=\n aus dem B=FCro\n"
    "--in\n"
    "Content-Type: text/html; charset=utf-8\n\n<p>Grüße</p>\n"
    "--in--\n"
    "--=_out\n"
    "Content-Type: application/pdf; name*0*=utf-8''%C3%BCber; name*1=sicht.pdf\n"
    "Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n"
    "JVBERi0x\nLjQ=\n"
    "--=_out\n"
    'Content-Type: text/plain\nContent-Disposition: attachment; filename="../../etc/passwd"\n\nroot\n'
    "--=_out--\nepilogue\n"
).encode()
FORMS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def read(raw: bytes) -> Incoming:
    """Everything that is done with a mail that comes in."""
    mail = parse(raw, NOW)
    for attachment in mail.attachments:
        attachment.content(mail)
    carriers(mail, kind_of(mail))
    trimmed(mail.readable)
    return mail


@pytest.mark.parametrize("form", FORMS)
def test_a_mail_is_read_in_every_form(form: str) -> None:
    mail = read(MAIL.replace(b"\n", FORMS[form]))
    assert mail.author == "ann@example.org"
    assert mail.fields.text("from").startswith("Ann Lée ")
    assert mail.fields.text("subject") == "Ärger im Büro [x]"
    assert mail.recipients == ("tracking@example.org", "bob@example.org", "carl@example.org")
    assert mail.text == "Grüße aus dem Büro"
    assert mail.html == "<p>Grüße</p>"
    assert [(one.name, one.type, one.content(mail).strip()) for one in mail.attachments] == [
        ("übersicht.pdf", "application/pdf", b"%PDF-1.4"),
        ("passwd", "text/plain", b"root"),
    ]
    assert mail.sent_at == datetime(2026, 3, 3, 13, tzinfo=UTC)
    assert mail.problems == ()


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("../x", "x"),
        ("..\\..\\x.exe", "x.exe"),
        ("/etc/passwd", "passwd"),
        ("C:\\a\\b.txt", "b.txt"),
        ("..", ""),
        (".bashrc", "bashrc"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ('a<b>:"|?*.txt', "a_b______.txt"),
        ("x" * 500 + ".pdf", "x" * 116 + ".pdf"),
        ("ü" * 500, "ü" * 60),
        ("a.txt. . ", "a.txt"),
        ("", ""),
    ],
)
def test_names_of_attachments_are_names_of_files(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(given_name: str) -> None:
    name = safe_name(given_name)
    assert not set(name) & set("/\\\x00\n:")
    assert not name.startswith(".")
    assert len(name.encode()) <= 120


def test_an_attachment_without_a_name_gets_one_by_its_type() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\nContent-ID: <i@x>\n\nx\n--b--\n"
    (one,) = parse(raw, NOW).attachments
    assert (one.name, one.content_id, one.inline) == ("attachment-1.png", "i@x", True)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "no date"),
        ("yesterday", "cannot be read"),
        ("Thu, 01 Jan 2015 00:00:00 +99999999", "cannot be read"),
        ("Tue, 3 Mar 2096 14:00:00 +0100", "cannot be true: 2096-03-03"),
        ("Thu, 1 Jan 1970 00:00:00 +0000", "cannot be true"),
    ],
)
def test_a_date_that_is_missing_or_wrong_is_replaced_and_said(value: str, problem: str) -> None:
    at, problems = checked_date(value, NOW)
    assert at == NOW
    assert problem in problems[0]


@pytest.mark.parametrize("zone", ["+0000", "-0000", "+0530", "-0800 (PST)", "+1959", "+2359", "GMT", "EST", "+0060"])
@pytest.mark.parametrize("day", ["Mon, 02 Mar 2026", "2 Mar 2026", "mon, 2 mar 26"])
def test_a_date_is_what_python_reads(day: str, zone: str) -> None:
    value = f"{day} 10:20:30 {zone}"
    read = parsedate_to_datetime(value)
    assert checked_date(value, NOW) == ((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC), [])


def test_a_folded_field_is_one_line_with_one_blank_where_it_was_folded() -> None:
    raw = b"Subject:\r\n One\r\n\t two \r\n \r\n  three\n four\x0b\n \x0bfive\n\n"
    assert parse(raw, NOW).fields.first("subject") == " One two three four \x0bfive"


def test_a_date_without_a_zone_and_one_slightly_ahead_are_taken() -> None:
    assert checked_date("Tue, 3 Mar 2026 14:00:00", NOW)[0] == datetime(2026, 3, 3, 14, tzinfo=UTC)
    assert checked_date((NOW + timedelta(hours=20)).strftime("%d %b %Y %H:%M:%S +0000"), NOW)[1] == []


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Subject: x\n\nGr\xfc\xdfe", "Grüße"),
        (b"Content-Type: text/plain; charset=no-such\n\nGr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b'Content-Type: text/plain; charset="shift_jis"\n\n\x93\xfa\x96{', "日本"),
        (b"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$BF|K\\\x1b(B", "日本"),
        (b"Content-Type: text/plain; charset=idna\n\nxn--4ca", "xn--4ca"),
        (b"Content-Type: text/plain; charset=utf-8\n\nab\xff", "abÿ"),
        (b"Content-Transfer-Encoding: base64\n\nR3L8 3+g=! =\n", "Grüßè"[:4] + "è"),
        (b"Content-Transfer-Encoding: base64\n\nYWJj*ZA", "abcd"),
        (b"From MAILER Tue Mar  3\nSubject: x\n\nbody", "body"),
        (b"Subject: x\nthis is no field\nFrom: a@b\n\nbody", "body"),
        (b"Subject: x\nbody without an empty line\n\nmore", "body without an empty line\n\nmore"),
        (b"Content-Type: multipart/mixed; boundary=missing\n\nall of it", "all of it"),
        (b"Content-Type: multipart/mixed\n\nall of it", "all of it"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut sho", "cut sho"),
        (b"Content-Type: nonsense\n\nbody", "body"),
        (b"Subject: only a header", ""),
        (b"", ""),
    ],
)
def test_what_others_get_wrong_is_read(raw: bytes, text: str) -> None:
    assert parse(raw, NOW).text == text


def test_addresses_and_ids_on_which_other_parsers_fail() -> None:
    mail = read(
        b"From: group:;\nTo: undisclosed-recipients:;, <>\nMessage-Id: <>\nIn-Reply-To:\nReferences: <<>> <\n\nx"
    )
    assert mail.author == ""
    assert mail.recipients == ()


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_line_above(form: str) -> None:
    """Above a mail it is passed over; above a part it ends a header without fields."""
    mail = read(b"\nSubject: x\n\ntext".replace(b"\n", FORMS[form]))
    assert (mail.fields.first("subject"), mail.text) == ("x", "text")
    part = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nNote: it crashes\n\nAlways\n--b--\n"
    assert read(part.replace(b"\n", FORMS[form])).text == "Note: it crashes\n\nAlways"


def _nested(depth: int, boundary: str) -> bytes:
    levels = (f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n" for n in range(depth))
    return "".join(level.replace("N", str(n)) for n, level in enumerate(levels)).encode() + b"\ntext"


BOMBS = {
    "nested": _nested(500, "bN"),
    "nested in the same boundary": _nested(500, "b"),
    "headers": b"".join(b"X-%d: %d\n" % (n, n) for n in range(100_000)) + b"\nbody",
    "large": b"Subject: x\n\n" + b"a" * 100 * 2**20,
    "boundary lines": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 500_000,
    "no boundary lines": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"x--b" * 500_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 200_000 + b"\n\nx",
    "words that do not end": b"Subject: " + b"=?utf-8?q?a" * 200_000 + b"\n\nx",
    "folds": b"Subject: a\n" + b" \n" * 1_000_000 + b"b\n\nx",
    "blanks": b"Subject: " + b" " * 3_000_000 + b"x\n\ny",
    "parameters": b"Content-Type: multipart/mixed" + b'; a="' * 100_000 + b"\n\nx",
    "addresses": b"From: " + b"a@" * 500_000 + b"\n\nx",
    "base64": b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b"AAAA" * 2_000_000,
    "attachments": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: a/b\n\nx\n" * 2000,
    "a bounce's recipients": b"From: mailer-daemon@x\nSubject: failure notice\n\n" + b"<a@b.cc>:\n550 x\n" * 10_000,
    "a report's recipients": (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@b.cc\nAction: failed\n\n" * 10_000
    ),
    "json": b'From: a@b\n\n{"notificationType": ' + b"[" * 100_000,
    "html": b"Content-Type: text/html\n\n" + b"<blockquote><p>" * 10_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_read_in_bounded_time(bomb: str) -> None:
    """In processor time, generously: unbounded readers take minutes, or fail."""
    before = time.process_time()
    mail = read(BOMBS[bomb])
    assert time.process_time() - before < 5
    assert len(mail.text) <= incoming.LONGEST_TEXT + 1
    assert sum(map(len, mail.fields.named.values())) <= fields.MOST
    assert len(mail.parts.parts) <= parts.MOST


def test_a_mail_of_any_size_takes_bounded_memory() -> None:
    raw = b"Content-Type: image/png\rContent-Transfer-Encoding: base64\r\r" + b"QUJD" * 25 * 2**20
    tracemalloc.start()
    try:
        read(raw)
        assert tracemalloc.get_traced_memory()[1] < 120 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("bomb", "problem"),
    [("nested", "deep"), ("headers", "header is larger"), ("large", "first 40 MB"), ("attachments", "parts")],
)
def test_what_was_not_read_is_said(bomb: str, problem: str) -> None:
    assert any(problem in one for one in parse(BOMBS[bomb], NOW).problems)


_LINE = st.sampled_from(
    [
        b"From: a@b.cc",
        b"From: <>",
        b"Content-Type: multipart/mixed; boundary=b",
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        b"Content-Type: message/delivery-status",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=utf-7",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Disposition: attachment; filename*=x'y'%ff%",
        b"Subject: =?x?b?/?= =?utf-8?q?=?=",
        b"Subject: Undelivered",
        b"Date: Tue, 3 Mar 99999 14:00:00 +0100",
        b"Final-Recipient: rfc822; a@b.cc",
        b"Status: 5.1.1",
        b"550 5.1.1 <a@b.cc> unknown",
        b'{"notificationType": "Bounce", "bounce": []}',
        b" folded",
        b"--b",
        b"--b--",
        b"",
        b"\r",
    ]
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(_LINE, st.binary(max_size=30)), max_size=40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
@example([b"Date: Tue, 3 Mar 2026 14:00:00 -9999"], b"\n")
def test_no_mail_makes_it_raise(lines: list[bytes], end: bytes) -> None:
    read(end.join(lines))


def test_nasty_mails_are_read() -> None:
    for raw in nasty.MAILS.values():
        read(raw)


@pytest.mark.corpus
def test_real_mails_are_read_quickly(corpus_messages: dict[str, bytes]) -> None:
    for number, (name, raw) in enumerate(corpus_messages.items()):
        end = list(FORMS.values())[number % len(FORMS)]
        before = time.process_time()
        read(raw.replace(b"\r\n", b"\n").replace(b"\n", end))
        assert time.process_time() - before < 3, name
