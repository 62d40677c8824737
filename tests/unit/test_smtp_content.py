"""What goes over the wire to hosts that offer more or less, and that nothing in a message can end it early."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import nasty
from tests.fakes.smtp_server import Action, ScriptedSmtp, first, say
from tests.peers.raw_sink import RawSink
from tests.unit.smtp_sending import ONE, RAW, route_to, run, send
from trackkit.domain.message import Envelope, wire_form
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports.content import Content, prepared
from trackkit.mail.transports.smtp import SmtpConnection, connect

EIGHT_BIT = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n".encode()
WORDS = "From: Jürgen <j@b.test>\r\nSubject: Grüße\r\n\r\nbody\r\n".encode()
ADDRESS = "From: Jürgen <jürgen@b.test>\r\nSubject: Grüße\r\n\r\nbody\r\n".encode()
LEGACY = b"Subject: Gr\xfc\xdfe\r\n\r\nbody\r\n"


def test_a_body_goes_as_it_is_or_is_converted() -> None:
    with ScriptedSmtp(extensions=("8BITMIME",)) as server:
        result = send(route_to(server.port), raw=EIGHT_BIT)
        assert server.messages[0].data == EIGHT_BIT
        assert server.said("MAIL") == ["MAIL FROM:<sender@example.com> BODY=8BITMIME"]
        assert "encoding" not in result.conversation
    with ScriptedSmtp(extensions=("SIZE 1000",)) as server:
        result = send(route_to(server.port), raw=EIGHT_BIT)
        (message,) = server.messages
        assert server.said("MAIL") == [f"MAIL FROM:<sender@example.com> SIZE={len(message.data)}"]
    assert result.only.verdict is Verdict.accepted
    assert "the message goes in another encoding" in result.conversation
    assert message.data.isascii()
    assert email.message_from_bytes(message.data).get_payload(decode=True) == "Grüße\r\n".encode()


@pytest.mark.parametrize("offered", [(), ("8BITMIME",), ("8BITMIME", "SMTPUTF8")])
def test_words_of_a_header_ask_no_host_for_smtputf8(offered: tuple[str, ...]) -> None:
    with ScriptedSmtp(extensions=offered) as server:
        assert send(route_to(server.port), raw=WORDS).only.verdict is Verdict.accepted
        (message,) = server.messages
        assert "SMTPUTF8" not in server.said("MAIL")[0]
    parsed = email.message_from_bytes(message.data, policy=email.policy.default)
    assert message.data.isascii()
    assert (parsed["From"], parsed["Subject"]) == ("Jürgen <j@b.test>", "Grüße")


def test_a_header_in_no_known_charset_is_left_alone_where_that_is_possible() -> None:
    with ScriptedSmtp(extensions=("8BITMIME", "SMTPUTF8")) as server:
        send(route_to(server.port), raw=LEGACY)
        assert server.messages[0].data == LEGACY
    with ScriptedSmtp(extensions=()) as server:
        send(route_to(server.port), raw=LEGACY)
        assert server.messages[0].data == b"Subject: =?unknown-8bit?b?R3L832U=?=\r\n\r\nbody\r\n"


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_a_boundary_beyond_ascii_is_found_again(charset: str) -> None:
    mark = "grün".encode(charset)
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="' + mark + b'"\r\n\r\n--' + mark
    part = b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    raw = head + part + "Äpfel\r\n--".encode() + mark + b"--\r\n"
    as_it_is = prepared(raw, {"8bitmime": ""})
    assert isinstance(as_it_is, Content)
    assert as_it_is.stuffed == raw
    changed = prepared(raw, {})
    assert isinstance(changed, Content)
    assert changed.stuffed.isascii()
    (inside,) = email.message_from_bytes(changed.stuffed).get_payload()
    assert inside.get_payload(decode=True).strip() == "Äpfel".encode()


def test_an_address_in_a_header_needs_a_host_with_smtputf8() -> None:
    with ScriptedSmtp(extensions=("8BITMIME", "SMTPUTF8")) as server:
        assert send(route_to(server.port), raw=ADDRESS).only.verdict is Verdict.accepted
        assert server.messages[0].data == ADDRESS
        assert server.said("MAIL")[0].endswith("BODY=8BITMIME SMTPUTF8")
    for offered in ((), ("8BITMIME",), ("SMTPUTF8",)):  # the last has no meaning without 8BITMIME
        with ScriptedSmtp(extensions=offered) as server:
            outcome = send(route_to(server.port), raw=ADDRESS).only
            assert (outcome.verdict, outcome.smtp_code, outcome.enhanced_code) == (Verdict.permanent, 550, "5.6.9")
            assert "its From holds an address" in outcome.text
            assert not server.said("MAIL")


MIXED = ("one@example.com", "jürgen@example.com", "two@bücher.example", "世@bücher.example")


def test_addresses_beyond_ascii_go_where_they_are_taken_and_apart_from_the_others() -> None:
    with ScriptedSmtp(extensions=("8BITMIME", "SMTPUTF8")) as server:
        result = send(route_to(server.port), MIXED)
        assert {o.verdict for o in result.outcomes.values()} == {Verdict.accepted}
        assert server.said("MAIL") == ["MAIL FROM:<sender@example.com>", "MAIL FROM:<sender@example.com> SMTPUTF8"]
        assert [m.rcpt_tos for m in server.messages] == [
            ("one@example.com", "two@xn--bcher-kva.example"),
            ("jürgen@example.com", "世@xn--bcher-kva.example"),
        ]


@pytest.mark.parametrize("offered", [("8BITMIME",), ("8BITMIME", "PIPELINING"), ("SMTPUTF8",)])
def test_a_recipient_beyond_ascii_fails_alone_where_it_is_not_taken(offered: tuple[str, ...]) -> None:
    with ScriptedSmtp(extensions=offered) as server:
        result = send(route_to(server.port), MIXED)
        assert [m.rcpt_tos for m in server.messages] == [("one@example.com", "two@xn--bcher-kva.example")]
    for address in ("jürgen@example.com", "世@bücher.example"):
        outcome = result[address]
        assert (outcome.verdict, outcome.stage) == (Verdict.permanent, Stage.recipient)
        assert (outcome.smtp_code, outcome.enhanced_code) == (553, "5.6.7")
        assert address in outcome.text
    assert result["one@example.com"].verdict is result["two@bücher.example"].verdict is Verdict.accepted


def test_a_sender_beyond_ascii_needs_smtputf8_for_everybody() -> None:
    with ScriptedSmtp(extensions=("8BITMIME",)) as server:
        result = send(route_to(server.port), ("one@example.com", "ü@example.com"), mail_from="ü@b.test")
        assert {(o.verdict, o.stage, o.enhanced_code) for o in result.outcomes.values()} == {
            (Verdict.permanent, Stage.sender, "5.6.7")
        }
        assert not server.said("MAIL")
    with ScriptedSmtp(extensions=("8BITMIME", "SMTPUTF8")) as server:
        assert send(route_to(server.port), mail_from="ü@bücher.test").only.verdict is Verdict.accepted
        assert server.said("MAIL") == ["MAIL FROM:<ü@xn--bcher-kva.test> SMTPUTF8"]


def test_a_kept_connection_that_is_over_has_failed_nobody() -> None:
    """Also not those whose address the host would not have taken."""

    async def work(server: ScriptedSmtp) -> tuple[bool, dict[str, Outcome]]:
        connection = await connect(route_to(server.port), ssl.create_default_context, "c.example.com", Conversation())
        assert isinstance(connection, SmtpConnection)
        assert await connection.deliver(Envelope("", ONE), RAW, {})
        server.hang_up()
        outcomes: dict[str, Outcome] = {}
        return await connection.deliver(Envelope("", MIXED), RAW, outcomes), outcomes

    with ScriptedSmtp(extensions=("8BITMIME",)) as server:
        assert run(work(server)) == (False, {})


def test_size_counts_what_is_sent() -> None:
    raw = b"Subject: x\r\n\r\n" + "ü".encode() * 100
    with ScriptedSmtp(extensions=("8BITMIME", "SIZE 230")) as server:
        assert send(route_to(server.port), raw=raw).only.verdict is Verdict.accepted
    with ScriptedSmtp(extensions=("SIZE 230",)) as server:
        outcome = send(route_to(server.port), raw=raw).only
        assert (outcome.verdict, outcome.smtp_code, outcome.enhanced_code) == (Verdict.permanent, 552, "5.3.4")


def test_a_large_message_arrives_whole() -> None:
    raw = b"Subject: large\r\n\r\n" + (b"." + b"x" * 97 + b"\r\n") * 60_000
    with ScriptedSmtp() as server:
        assert send(route_to(server.port), raw=raw).only.verdict is Verdict.accepted
        assert server.messages[0].data == raw


def test_the_rest_of_the_recipients_is_tried_again_when_a_host_cannot_reset() -> None:
    """A 5xx to RSET says nothing about them."""
    many = tuple(f"r{n}@example.com" for n in range(101))
    with ScriptedSmtp({"rcpt": first(100, say("550 5.1.1 no")), "rset": say("502 5.5.1 what?")}) as server:
        result = send(route_to(server.port), many)
    assert [o.verdict for o in result.outcomes.values()] == [Verdict.permanent] * 100 + [Verdict.temporary]


PIECES = [b"\r", b"\n", b"\r\n", b".", b"..", b"a", b" ", b"\x00", b"\xff", b"MAIL FROM:<evil@x.test>", b"DATA"]
bodies = st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


@pytest.fixture(scope="module", params=[False, True], ids=["strict", "careless"])
def deliver(request: pytest.FixtureRequest) -> Iterator[Callable[[bytes], bytes]]:
    """Sends a message over one kept connection to a raw sink; gives what arrived."""
    with RawSink(careless=request.param) as sink, asyncio.Runner() as runner:
        connection = runner.run(connect(route_to(sink.port), ssl.create_default_context, "c.test", Conversation()))
        assert isinstance(connection, SmtpConnection)

        def deliver(raw: bytes) -> bytes:
            before, outcomes = len(sink.taken), dict[str, Outcome]()
            assert runner.run(connection.deliver(Envelope("", ONE), raw, outcomes))
            assert outcomes[ONE[0]].verdict is Verdict.accepted
            assert len(sink.taken) == before + 1, "a second message came out of one"
            assert sink.taken[-1].mail_from == ""
            assert sink.stray_lines == []
            return sink.taken[-1].content

        yield deliver
        runner.run(connection.close())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies)
def test_no_body_ends_the_message_early_or_changes(deliver: Callable[[bytes], bytes], body: bytes) -> None:
    raw = b"Subject: x\r\n\r\n" + body
    assert deliver(raw) == wire_form(raw)


@pytest.mark.parametrize("name", nasty.MAILS)
def test_nasty_mails_arrive_as_one_message(deliver: Callable[[bytes], bytes], name: str) -> None:
    deliver(nasty.MAILS[name])


def test_a_host_that_takes_in_nothing_more_is_given_up() -> None:
    with ScriptedSmtp({"data": Action(b"354 go on\r\n", "fall silent")}) as server:
        result = send(route_to(server.port, conversation_timeout=0.5), raw=b"x" * 70 + (b"\r\n" + b"y" * 70) * 400_000)
    assert (result.only.verdict, result.only.stage) == (Verdict.temporary, Stage.data)
    assert result.only.failure is Failure.timed_out
    assert "took in nothing" in result.only.text


def test_a_host_that_takes_in_slowly_is_waited_for() -> None:
    """Longer in all than the time-out, which is for silence."""
    raw = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 100_000

    def slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 slow.test\r\n")
            for _ in range(3):
                lines.readline()
                connection.sendall(b"250 ok\r\n")
            lines.readline()
            connection.sendall(b"354 go on\r\n")
            left = len(raw) + 3
            while left > 0:
                left -= len(lines.read(min(left, 500_000)))
                time.sleep(0.2)
            connection.sendall(b"250 2.0.0 taken\r\n")
            lines.readline()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        thread = threading.Thread(target=slowly, args=(listener,), daemon=True)
        thread.start()
        result = send(route_to(listener.getsockname()[1], conversation_timeout=1.5), raw=raw)
        thread.join(10)
    assert result.only.verdict is Verdict.accepted


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"a" * 900]), max_size=12), end=st.booleans())
def test_the_quick_look_lets_nothing_through_that_is_to_be_changed(parts: list[bytes], end: bool) -> None:
    raw = b"".join(parts) + b"\r\n" * end
    wire = wire_form(raw)
    content = prepared(raw, {})
    assert isinstance(content, Content)
    if max(map(len, wire.split(b"\r\n"))) <= 998:
        assert content == (
            b"\r\n".join(b"." * line.startswith(b".") + line for line in wire.split(b"\r\n")),
            *content[1:],
        )
        assert content.size == len(wire)
    else:
        assert max(map(len, content.stuffed.split(b"\r\n"))) <= 999
