"""The main job on real input: every mail goes in through the API and comes out of SMTP as it is, once.

Each mail has a recipient of its own (m001, m002 …), so that nothing inside a mail is needed to tell which one it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests import nasty
from tests.conftest import Start
from tests.peers.postfix import DOMAIN, Postfix
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.message import wire_form
from trackkit.mail.transports.content import Content, prepared

SENDER = "sender@trackkit.test"
SECONDS = 120


@dataclass(frozen=True)
class Mail:
    """One mail on its way."""

    name: str
    raw: bytes
    queue_id: str


@pytest.fixture(params=[pytest.param("corpus", marks=pytest.mark.corpus), "nasty"])
def mails(request: pytest.FixtureRequest) -> Mapping[str, bytes]:
    """All real mails, or all nasty ones, by name."""
    return request.getfixturevalue("corpus_messages") if request.param == "corpus" else nasty.MAILS


def submit_all(server: RunningServer, mails: Mapping[str, bytes], domain: str) -> dict[str, Mail]:
    """Hand every mail to the queue; what was accepted, by the local part of its recipient."""
    sent = {}
    for number, (name, raw) in enumerate(mails.items(), 1):
        recipient = f"m{number:03}"
        accepted = server.admin.mail.submit(raw, sender=SENDER, recipients=[f"{recipient}@{domain}"])
        assert accepted.size == len(raw), name
        sent[recipient] = Mail(name, raw, accepted.queue_id)
    return sent


def everything_left(server: RunningServer, count: int) -> None:
    """Wait until the queue is empty, then hold the history against what was submitted."""
    wait_until(lambda: not server.admin.mail.list(limit=1).messages, seconds=SECONDS, what="an empty queue")
    history = list(server.admin.mail.each_sent())
    assert len(history) == count
    assert len({line.recipient for line in history}) == count


def relay(port: int) -> dict[str, object]:
    return {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": port, "sending.smtp.encryption": "none"}


CONVERTED = frozenset(
    {
        # Lines over 998 octets.
        "flanker/long-links.eml",
        "binary",
        "line of 999 octets",
        "line of 5000 octets full of dots",
        "line of 100,000 octets",
        "header line of 2000 octets",
        # UTF-8 in the header, without a host having been asked for SMTPUTF8.
        "flanker/outlook-express.eml",
        "mikel-errors/content_transfer_encoding_empty.eml",
        "mikel-errors/encoding_madness.eml",
        "mikel-errors/must_supply_encoding.eml",
        "mikel-errors/trademark_character_in_subject.eml",
    }
)
"""What no host has to take as it is (RFC 5321 §4.5.3.1.6, RFC 6531 §3.1)."""


def on_the_wire(mail: Mail) -> bytes:
    """What is sent to a host that offers 8BITMIME: the wire form, but for the few in `CONVERTED`.

    Tests of `trackkit.domain.seven_bit` hold what becomes of those against the original.
    """
    content = prepared(mail.raw, {"8bitmime": ""})
    assert isinstance(content, Content), mail.name
    assert content.was_converted == (mail.name in CONVERTED), mail.name
    if not content.was_converted:
        return wire_form(mail.raw)
    return (b"\r\n" + content.stuffed).replace(b"\r\n.", b"\r\n")[2:]


@pytest.mark.spec("5: Accepted = on disk; with a healthy host a message leaves within seconds")
def test_raw_bytes_come_back_as_they_were_submitted(start: Start, mails: Mapping[str, bytes]) -> None:
    server = start(options={"sending.paused": True})
    sent = submit_all(server, mails, DOMAIN)
    for mail in sent.values():
        assert server.admin.mail.raw(mail.queue_id) == mail.raw, mail.name
        assert server.admin.mail.show(mail.queue_id).message.size == len(mail.raw), mail.name
    assert server.admin.mail.list(limit=1).total == len(sent)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.spec("5: everything the server sends goes through one durable queue")
def test_identical_on_the_wire(start: Start, raw_sink: RawSink, mails: Mapping[str, bytes], pipelining: bool) -> None:
    raw_sink.pipelining = pipelining
    server = start(options=relay(raw_sink.port))
    sent = submit_all(server, mails, "sink.test")
    everything_left(server, len(sent))
    arrived = raw_sink.contents()
    assert sorted(arrived) == sorted(sent), "lost, or sent to somebody it was not for"
    for recipient, mail in sent.items():
        assert len(arrived[recipient]) == 1, f"{mail.name}: arrived {len(arrived[recipient])} times"
        assert arrived[recipient][0] == on_the_wire(mail), mail.name
    assert {message.mail_from for message in raw_sink.taken} == {SENDER}
    assert raw_sink.stray_lines == []


@pytest.mark.peers
@pytest.mark.spec("5: everything the server sends goes through one durable queue")
def test_identical_in_the_maildir_of_a_real_postfix(start: Start, postfix: Postfix, mails: Mapping[str, bytes]) -> None:
    server = start(options=relay(postfix.port))
    sent = submit_all(server, mails, DOMAIN)
    everything_left(server, len(sent))
    wait_until(lambda: postfix.in_queue() == 0, seconds=SECONDS, what="an empty queue at Postfix")
    arrived = postfix.delivered()
    assert sorted(arrived) == sorted(sent), "lost, or sent to somebody it was not for"
    for recipient, mail in sent.items():
        assert len(arrived[recipient]) == 1, f"{mail.name}: arrived {len(arrived[recipient])} times"
        assert without_postfix_lines(arrived[recipient][0]) == as_postfix_stores(on_the_wire(mail)), mail.name


OWN_LINES = re.compile(
    rb"\AReturn-Path: <[^\n]*>\nDelivered-To: [^\n]*\nReceived: from [^\n]*\n\tby mx\.[^\n]*\n\tfor <[^\n]*\n"
)


def without_postfix_lines(stored: bytes) -> bytes:
    """The mail without the three header fields that Postfix puts before every mail it delivers (RFC 5321 §4.4)."""
    assert OWN_LINES.match(stored), stored[:500]
    return OWN_LINES.sub(b"", stored)


HEADER_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def as_postfix_stores(wire: bytes) -> bytes:
    """What a mail on the wire becomes in a Maildir. Postfix changes these things and nothing else:

    - CR LF becomes LF: a Maildir file has the line ends of Unix.
    - A leading mbox line ("From x Mon Jan 1 ...", with any ">" before it) becomes a field X-Mailbox-Line.
    - Where the header ends without an empty line, one is put there: Postfix ends a header at the first line that is
      neither a field nor the continuation of one.
    - A header line is cut at a NUL: header lines are C strings to it.
    """
    lines = wire.split(b"\r\n")
    stored: list[bytes] = []
    in_field = False
    for number, line in enumerate(lines):
        if not in_field and re.match(rb">*From ", line):
            stored.append(b"X-Mailbox-Line: " + line)
        elif HEADER_FIELD.match(line) or (in_field and line.startswith((b" ", b"\t"))):
            stored.append(line.partition(b"\0")[0])
            in_field = True
        else:
            return b"\n".join([*stored, *([b""] if line else []), *lines[number:]])
    raise AssertionError("a wire form ends with an empty piece")
