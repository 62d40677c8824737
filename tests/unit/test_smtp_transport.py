"""The SMTP transport against real sockets: aiosmtpd where a host behaves, the scripted server where it does not."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop

from tests.fakes.smtp_server import ScriptedSmtp, babble, drop, first, say, stall, when
from tests.ports import free_port
from tests.unit.smtp_sending import (
    ONE,
    RAW,
    THREE,
    real_server,
    route_to,
    run,
    send,
    sent,
)
from trackkit.domain.message import Envelope, wire_form
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import ehlo_name
from trackkit.mail.transports import opening
from trackkit.mail.transports.smtp import LARGE, SmtpConnection, connect


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("raw", [RAW, b"\xff\x00 no header at all", b".", b"", (b"x" * 900 + b"\n.\n") * 400])
def test_real_host_gets_the_wire_form(loop: Callable[[], asyncio.AbstractEventLoop], raw: bytes) -> None:
    with real_server() as (sink, port):
        (result,) = run(sent(route_to(port), (THREE, raw)), loop)
    assert [o.verdict for o in result.outcomes.values()] == [Verdict.accepted] * 3
    assert result["one@example.com"].text == "2.0.0 taken"
    assert sink.messages == [("sender@example.com", list(THREE), wire_form(raw))]


def test_scripted_server_behaves_as_the_real_one() -> None:
    with ScriptedSmtp() as server:
        result = send(route_to(server.port), THREE)
    assert [o.verdict for o in result.outcomes.values()] == [Verdict.accepted] * 3
    assert [m.data for m in server.messages] == [wire_form(RAW)]


def test_many_messages_over_one_connection_and_eight_bit_and_null_sender() -> None:
    with ScriptedSmtp() as server:
        results = run(sent(route_to(server.port), (ONE, RAW), (THREE, "ü\r\n".encode()), (ONE, RAW), mail_from=""))
    assert all(o.verdict is Verdict.accepted for r in results for o in r.outcomes.values())
    assert server.connections == 1
    assert server.said("MAIL") == [
        f"MAIL FROM:<> SIZE={len(RAW)}",
        "MAIL FROM:<> SIZE=4 BODY=8BITMIME",
        f"MAIL FROM:<> SIZE={len(RAW)}",
    ]
    assert "message 2 on a connection to" in results[1].conversation
    assert not server.said("RSET")


def test_nothing_is_asked_for_that_the_host_does_not_offer() -> None:
    with ScriptedSmtp(extensions=()) as server:
        assert send(route_to(server.port), raw=b"\xfc\r\n").only.verdict is Verdict.accepted
    assert server.said("MAIL") == ["MAIL FROM:<sender@example.com>"]


def test_more_recipients_than_a_host_must_take_go_in_several_transactions() -> None:
    many = tuple(f"r{n}@example.com" for n in range(250))
    with ScriptedSmtp() as server:
        result = send(route_to(server.port), many)
    assert {o.verdict for o in result.outcomes.values()} == {Verdict.accepted}
    assert [len(m.rcpt_tos) for m in server.messages] == [100, 100, 50]
    assert tuple(a for m in server.messages for a in m.rcpt_tos) == many


def test_ehlo_refused_falls_back_to_helo() -> None:
    with ScriptedSmtp({"ehlo": say("502 5.5.1 what is EHLO?")}) as server:
        assert send(route_to(server.port)).only.verdict is Verdict.accepted
    assert [line for _, line in server.lines][:2] == ["EHLO client.example.com", "HELO client.example.com"]


def test_ehlo_name_is_one_a_host_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a3f09c", "my_machine", "localhost", "bad name.example.com", "x" * 300 + ".com"):
        monkeypatch.setattr(socket, "getfqdn", lambda name=name: name)
        assert ehlo_name().startswith("[")
        assert ehlo_name().endswith("]")
    monkeypatch.setattr(socket, "getfqdn", lambda: "mail.example.com")
    assert ehlo_name() == "mail.example.com"


@pytest.mark.spec("5: A recipient that failed for good (5xx) fails alone")
def test_one_refused_recipient_fails_alone() -> None:
    with ScriptedSmtp({"rcpt": when("two@", say("550-5.1.1 no such user\n550 5.1.1 here"))}) as server:
        result = send(route_to(server.port), THREE)
    assert result["two@example.com"] == Outcome(
        Verdict.permanent, Stage.recipient, Failure.replied, 550, "5.1.1", "5.1.1 no such user\n5.1.1 here"
    )
    assert result["one@example.com"].verdict is result["three@example.com"].verdict is Verdict.accepted
    assert server.messages[0].rcpt_tos == ("one@example.com", "three@example.com")


def test_commands_go_at_once_where_the_host_takes_them_so() -> None:
    with ScriptedSmtp(extensions=("PIPELINING",)) as server:
        results = run(sent(route_to(server.port), (THREE, RAW), (ONE, RAW)))
    assert [o.verdict for r in results for o in r.outcomes.values()] == [Verdict.accepted] * 4
    said = [line for line in results[0].conversation.splitlines() if line[0] in "<>"]
    begun = said.index("> MAIL FROM:<sender@example.com>")
    assert [line[:6] for line in said[begun : begun + 5]] == ["> MAIL", "> RCPT", "> RCPT", "> RCPT", "> DATA"]
    assert [line[:5] for line in said[begun + 5 : begun + 10]] == ["< 250"] * 4 + ["< 354"]
    assert [m.rcpt_tos for m in server.messages] == [THREE, ONE]


def test_many_recipients_and_a_refused_one_at_once() -> None:
    many = tuple(f"r{n}@example.com" for n in range(250))
    script = {"rcpt": when("r7@", say("550 5.1.1 no"))}
    with ScriptedSmtp(script, extensions=("PIPELINING",)) as server:
        result = send(route_to(server.port), many)
    assert result["r7@example.com"].verdict is Verdict.permanent
    assert sum(o.verdict is Verdict.accepted for o in result.outcomes.values()) == 249
    assert [len(m.rcpt_tos) for m in server.messages] == [99, 100, 50]


def test_a_host_that_asks_for_the_message_though_it_refused_everybody_gets_an_empty_one() -> None:
    """RFC 2920 §3.1; hosts of that time did so, and the connection stays in step."""
    conversation = b"".join(
        (
            b"220 old.test\r\n250-old.test\r\n250 PIPELINING\r\n",
            b"250 sender ok\r\n550 5.1.1 nobody\r\n354 go on\r\n554 5.5.1 no valid recipients\r\n",
            b"250 reset\r\n250 sender ok\r\n250 ok\r\n354 go on\r\n250 2.0.0 taken\r\n221 bye\r\n",
        )
    )
    with recited(conversation) as (port, heard):
        bad, good = run(sent(route_to(port), (ONE, RAW), (ONE, RAW)))
    assert (bad.only.verdict, bad.only.smtp_code) == (Verdict.permanent, 550)
    assert good.only.verdict is Verdict.accepted
    assert b"DATA\r\n.\r\nRSET\r\nMAIL" in heard()


@contextmanager
def recited(replies: bytes) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A host that says its replies one after the other, a line for each that comes (the message counts as one)."""
    heard = bytearray()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            queue = replies.splitlines(keepends=True)
            connection.sendall(queue.pop(0))
            in_message = False
            for line in lines:
                heard.extend(line)
                if in_message and line != b".\r\n":
                    continue
                in_message = False
                reply = queue.pop(0)
                while reply[3:4] == b"-":
                    connection.sendall(reply)
                    reply = queue.pop(0)
                connection.sendall(reply)
                in_message = reply.startswith(b"354")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], lambda: bytes(heard)
        thread.join(10)


@pytest.mark.parametrize("offered", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("code", ["450 4.2.0", "550 5.7.1"])
def test_after_a_failure_the_next_message_goes_only_after_rset(stage: str, code: str, offered: tuple[str, ...]) -> None:
    with ScriptedSmtp({stage: first(1, say(f"{code} not this one"))}, extensions=offered) as server:
        bad, good = run(sent(route_to(server.port), (ONE, RAW), (ONE, RAW)))
    assert bad.only.verdict is (Verdict.temporary if code.startswith("4") else Verdict.permanent)
    assert bad.only.smtp_code == int(code[:3])
    assert good.only.verdict is Verdict.accepted
    assert server.connections == 1
    assert [line for _, line in server.lines].count("RSET") == 1
    before = [line for _, line in server.lines][: [line for _, line in server.lines].index("RSET")]
    assert "DATA" not in before or stage in ("data", "dot") or offered


def test_recipients_before_and_after_a_421() -> None:
    script = {"rcpt": lambda line: say("550 5.1.1 no") if "one@" in line else drop("421 4.7.0 enough")}
    with ScriptedSmtp(script) as server:
        result = send(route_to(server.port), THREE)
    assert result["one@example.com"].verdict is Verdict.permanent
    assert (
        result["two@example.com"]
        == result["three@example.com"]
        == Outcome(Verdict.temporary, Stage.recipient, Failure.replied, 421, "4.7.0", "4.7.0 enough")
    )
    assert not server.messages


def test_a_reply_before_the_message_is_complete_is_never_taken_for_acceptance() -> None:
    with ScriptedSmtp({"data": babble(b"354 go on\r\n250 2.0.0 thanks\r\n")}) as server:
        result = send(route_to(server.port))
    assert (result.only.verdict, result.only.failure) == (Verdict.temporary, Failure.garbled)


def test_a_refusal_in_the_middle_of_the_message_is_the_hosts_answer() -> None:
    with ScriptedSmtp({"data": babble(b"354 go on\r\n552 5.3.4 too much\r\n")}) as server:
        result = send(route_to(server.port), raw=b"x" * 1_000_000)
    assert (result.only.verdict, result.only.stage, result.only.smtp_code) == (Verdict.permanent, Stage.data, 552)


def test_a_message_over_the_hosts_size_is_not_even_begun() -> None:
    with ScriptedSmtp(extensions=("SIZE 20",)) as server:
        result = send(route_to(server.port))
    assert (result.only.verdict, result.only.stage) == (Verdict.permanent, Stage.data)
    assert "takes at most 20" in result.only.text
    assert not server.said("MAIL")


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE x", "SIZE ²", "SIZE " + "9" * 5000])
def test_a_size_that_limits_nothing(size: str) -> None:
    with ScriptedSmtp(extensions=(size,)) as server:
        assert send(route_to(server.port)).only.verdict is not Verdict.permanent


@pytest.mark.parametrize("offered", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
def test_a_kept_connection_that_is_over_is_told_apart_from_a_failure(offered: tuple[str, ...]) -> None:
    async def work(server: ScriptedSmtp) -> tuple[bool, dict[str, Outcome]]:
        connection = await connect(route_to(server.port), ssl.create_default_context, "c.example.com", Conversation())
        assert isinstance(connection, SmtpConnection)
        outcomes: dict[str, Outcome] = {}
        assert await connection.deliver(Envelope("", ONE), RAW, outcomes)
        server.hang_up()
        outcomes = {}
        return await connection.deliver(Envelope("", ONE), RAW, outcomes), outcomes

    with ScriptedSmtp(extensions=offered) as server:
        assert run(work(server)) == (False, {})


def ahead(server: ScriptedSmtp, *messages: tuple[Envelope, bytes], told: tuple[Envelope, bytes]) -> list[object]:
    """Send the messages over one connection, the first of them with `told` as what comes next."""

    async def work() -> list[object]:
        connection = await connect(route_to(server.port), ssl.create_default_context, "c.example.com", Conversation())
        assert isinstance(connection, SmtpConnection)
        found: list[object] = []
        for number, (envelope, raw) in enumerate(messages):
            outcomes: dict[str, Outcome] = {}
            delivered = await connection.deliver(envelope, raw, outcomes, (lambda: told) if number == 0 else None)
            found.append({a: o.verdict for a, o in outcomes.items()} if delivered else delivered)
        found.append(connection.conversation.text)
        await connection.close()
        return found

    result: list[object] = run(work())
    return result


FIRST, SECOND = (Envelope("a@example.com", ONE), RAW), (Envelope("b@example.com", THREE), RAW + b"more\r\n")


def test_the_commands_of_the_next_message_go_with_the_content_of_this_one() -> None:
    with ScriptedSmtp(extensions=("PIPELINING",)) as server:
        first, second, said = ahead(server, FIRST, SECOND, told=SECOND)
        assert first == dict.fromkeys(ONE, Verdict.accepted)
        assert second == dict.fromkeys(THREE, Verdict.accepted)
        assert [(m.mail_from, m.data) for m in server.messages] == [
            ("a@example.com", RAW),
            ("b@example.com", SECOND[1]),
        ]
        assert server.connections == 1
    said = str(said)
    assert said.index("> RSET") < said.index("> MAIL FROM:<b@example.com>") < said.index("> DATA") < said.index("< 354")


def test_a_refused_message_does_not_harm_the_one_announced_after_it() -> None:
    with ScriptedSmtp({"dot": first(1, say("554 5.7.1 no"))}, extensions=("PIPELINING",)) as server:
        one, two, _ = ahead(server, FIRST, SECOND, told=SECOND)
        assert (one, two) == (dict.fromkeys(ONE, Verdict.permanent), dict.fromkeys(THREE, Verdict.accepted))


def test_another_message_than_was_announced_goes_over_another_connection() -> None:
    other = (Envelope("c@example.com", ONE), b"Subject: other\r\n\r\n")
    with ScriptedSmtp(extensions=("PIPELINING",)) as server:
        one, two, _ = ahead(server, FIRST, other, told=SECOND)
        assert (one, two) == (dict.fromkeys(ONE, Verdict.accepted), False)
        assert [m.mail_from for m in server.messages] == ["a@example.com"]


def test_what_was_announced_and_never_sent_is_no_message_for_the_host() -> None:
    with ScriptedSmtp(extensions=("PIPELINING",)) as server:
        ahead(server, FIRST, told=SECOND)
        assert [m.mail_from for m in server.messages] == ["a@example.com"]


@pytest.mark.parametrize(
    "told",
    [(Envelope("", ("ä@example.com",)), RAW), (Envelope("", ONE), b"x" * LARGE), (Envelope("", ONE), b"\xff\r\n")],
    ids=["beyond ASCII", "large", "to be converted"],
)
def test_what_needs_care_is_not_announced(told: tuple[Envelope, bytes]) -> None:
    with ScriptedSmtp(extensions=("PIPELINING",)) as server:
        ahead(server, FIRST, told=told)
        assert len([line for _, line in server.lines if line.startswith("MAIL")]) == 1


@pytest.mark.parametrize("offered", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
def test_cancelled_after_the_final_dot_is_unknown_and_before_it_untried(offered: tuple[str, ...]) -> None:
    async def work(server: ScriptedSmtp) -> dict[str, Outcome]:
        connection = await connect(route_to(server.port), ssl.create_default_context, "c.example.com", Conversation())
        assert isinstance(connection, SmtpConnection)
        outcomes: dict[str, Outcome] = {}
        task = asyncio.create_task(connection.deliver(Envelope("", THREE), RAW, outcomes))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return outcomes

    refused = when("one@", say("550 5.1.1 no"))
    with ScriptedSmtp({"rcpt": refused, "dot": stall()}, extensions=offered) as server:
        outcomes = run(work(server))
    assert outcomes["one@example.com"].verdict is Verdict.permanent
    assert outcomes["two@example.com"].verdict is Verdict.unknown
    with ScriptedSmtp({"rcpt": refused, "data": stall()}, extensions=offered) as server:
        assert set(run(work(server))) == {"one@example.com"}


def test_nobody_listens() -> None:
    result = send(route_to(free_port()))
    assert (result.only.verdict, result.only.stage, result.only.failure) == (
        Verdict.temporary,
        Stage.connect,
        Failure.refused,
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    result = send(route_to(25, host=host))
    assert (result.only.stage, result.only.failure) == (Stage.name, Failure.name_not_resolved)
    assert host in result.only.text


def test_a_host_that_takes_connections_but_never_greets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begun = time.monotonic()
        result = send(route_to(listener.getsockname()[1], connect_timeout=0.3))
        assert time.monotonic() - begun < 1.5
    assert (result.only.stage, result.only.failure) == (Stage.greeting, Failure.timed_out)


def test_a_host_that_does_not_answer_at_all() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            result = send(route_to(port, connect_timeout=0.4))
        finally:
            for filler in fillers:
                filler.close()
    assert (result.only.stage, result.only.failure) == (Stage.connect, Failure.timed_out)


def test_the_second_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSmtp() as server:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kind, ("127.0.0.1", free_port())), (*kind, ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        assert send(route_to(server.port, host="two.example.com")).only.verdict is Verdict.accepted


def test_a_machine_that_knows_no_ipv6_tries_the_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    made = socket.socket

    def without_ipv6(family: int = -1, *args: int, **more: object) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return made(family, *args, **more)  # type: ignore[arg-type]

    with ScriptedSmtp() as server:
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", server.port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        monkeypatch.setattr(opening.socket, "socket", without_ipv6)
        assert send(route_to(server.port, host="two.example.com")).only.verdict is Verdict.accepted
