"""People and programs who answer a mail, each in the way of a known mail program; what they answer is a mail's bytes.

`top`: the answer above the quoted mail, as Thunderbird and Gmail begin. `inline`: the answers between the quoted lines.
`outlook`: HTML beside plain text, the mail below a block of its header, nothing quoted by ">". `vacation` is an answer
as RFC 3834 wants it; `rude_vacation` one that bears no mark and answers whatever comes, from an ordinary address.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import cast


def read(raw: bytes) -> EmailMessage:
    """A mail as a mail program sees it."""
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def text_of(mail: EmailMessage) -> str:
    """Its plain text."""
    body = mail.get_body(("plain",))
    assert body is not None, mail
    return str(body.get_content())


def answered_to(mail: EmailMessage) -> str:
    """The address that an answer goes to."""
    return parseaddr(str(mail["Reply-To"] or mail["From"]))[1]


def _answer(raw: bytes, author: str, prefix: str = "Re: ") -> EmailMessage:
    """An answer without a text."""
    mail, answer = read(raw), EmailMessage()
    answer["From"] = author
    answer["To"] = answered_to(mail)
    answer["Subject"] = prefix + str(mail["Subject"])
    answer["Date"] = format_datetime(datetime.now(UTC))
    answer["Message-ID"] = make_msgid(domain=parseaddr(author)[1].rpartition("@")[2])
    if mail["Message-ID"]:
        answer["In-Reply-To"] = str(mail["Message-ID"])
        answer["References"] = f"{mail['References'] or ''} {mail['Message-ID']}".strip()
    return answer


def _intro(mail: EmailMessage) -> str:
    return f"On {mail['Date']}, {mail['From']} wrote:"


def top(raw: bytes, author: str, text: str) -> bytes:
    """The answer, then the mail quoted."""
    mail, answer = read(raw), _answer(raw, author)
    quoted = "".join(f"> {line}\n" for line in text_of(mail).splitlines())
    answer["User-Agent"] = "Mozilla Thunderbird"
    answer.set_content(f"{text}\n\n{_intro(mail)}\n{quoted}")
    return answer.as_bytes(policy=policy.SMTP)


def inline(raw: bytes, author: str, texts: Sequence[str]) -> bytes:
    """The mail quoted, and after each of its first lines an answer to it."""
    mail, answer = read(raw), _answer(raw, author)
    lines = [line for line in text_of(mail).splitlines() if line]
    said = dict(enumerate(texts))
    quoted = "".join(f"> {line}\n" + (f"\n{said[n]}\n\n" if n in said else "") for n, line in enumerate(lines))
    answer.set_content(f"{_intro(mail)}\n{quoted}")
    return answer.as_bytes(policy=policy.SMTP)


def outlook(raw: bytes, author: str, text: str) -> bytes:
    """Plain text and HTML, the mail below its header."""
    mail, answer = read(raw), _answer(raw, author, "RE: ")
    header = {"From": mail["From"], "Sent": mail["Date"], "To": mail["To"], "Subject": mail["Subject"]}
    named = "\n".join(f"{name}: {value}" for name, value in header.items())
    answer["Thread-Index"] = "AQHb0c3Zk2h6o0Ck5E2X2s0xv5w0rQ=="
    answer.set_content(f"{text}\n\n{named}\n\n{text_of(mail)}")
    bold = "<br>\n".join(f"<b>{name}:</b> {html.escape(str(value))}" for name, value in header.items())
    answer.add_alternative(
        _OUTLOOK.format(text=html.escape(text), header=bold, mail=html.escape(text_of(mail))), "html"
    )
    return answer.as_bytes(policy=policy.SMTP)


_OUTLOOK = """\
<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word">
<head><meta name="Generator" content="Microsoft Word 15 (filtered medium)">
<style><!-- p.MsoNormal {{margin:0cm;font-size:11.0pt;}} --></style></head>
<body lang="EN-GB" link="#0563C1" vlink="#954F72"><div class="WordSection1">
<p class="MsoNormal">{text}<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>
<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">
<p class="MsoNormal">{header}<o:p></o:p></p></div></div>
<p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">{mail}<o:p></o:p></p>
<img src="http://tracker.test/seen.gif"><script>alert(1)</script>
</div></body></html>
"""


def vacation(raw: bytes, author: str) -> bytes:
    """As RFC 3834 wants it; it goes to the envelope sender with the null sender of its own."""
    mail, answer = read(raw), _answer(raw, author, "Auto: ")
    returned = str(mail["Return-Path"] or "").strip(" <>")
    answer.replace_header("To", returned or answered_to(mail))
    answer["Auto-Submitted"] = "auto-replied (vacation)"
    answer["Precedence"] = "bulk"
    answer.set_content("I am away until Monday.\n")
    return answer.as_bytes(policy=policy.SMTP)


def rude_vacation(raw: bytes, author: str) -> bytes:
    """No mark but its words, to wherever an answer goes."""
    answer = _answer(raw, author, "Out of office: ")
    answer.set_content("I am out of the office until Monday and will read your mail then.\n")
    return answer.as_bytes(policy=policy.SMTP)


def changed(raw: bytes, *changes: Callable[[EmailMessage], object]) -> bytes:
    """A mail with its header changed on its way."""
    mail = read(raw)
    for change in changes:
        change(mail)
    return mail.as_bytes(policy=policy.SMTP)


def without_references(mail: EmailMessage) -> None:
    """A mail program that begins a new thread."""
    del mail["In-Reply-To"]
    del mail["References"]
    del mail["Thread-Index"]


def with_subject(subject: str) -> Callable[[EmailMessage], None]:
    """Somebody writes a subject of their own."""

    def change(mail: EmailMessage) -> None:
        mail.replace_header("Subject", subject)

    return change


def to(address: str) -> Callable[[EmailMessage], None]:
    """Somebody types the address."""

    def change(mail: EmailMessage) -> None:
        mail.replace_header("To", address)

    return change
