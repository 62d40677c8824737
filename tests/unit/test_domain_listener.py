"""Options of the SMTP listener, command lines, the Received field, and trouble that recurs: all pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.contract.mail import SUBMIT
from trackkit.domain import options, smtp_commands, trace
from trackkit.domain.errors import InvalidInput
from trackkit.domain.listener import ListenerOptions, is_loopback, login_needed, may_connect
from trackkit.domain.options import Options
from trackkit.domain.recurring import AGAIN_AFTER, MOST, Recurring
from trackkit.domain.smtp_commands import Refusal, Reply
from trackkit.domain.trace import Arrival
from trackkit.services.relaying import LEAST_ROLE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def changed(**values: object) -> ListenerOptions:
    return options.changed(Options(), {f"sending.listener.{name}": v for name, v in values.items()}).sending.listener


# Options -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "::ffff:192.0.2.1"])
def test_other_addresses_than_loopback_need_log_in(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(enabled=True, address=address)
    assert [problem.field for problem in caught.value.problems] == ["sending.listener.require_login"]
    assert login_needed(changed(enabled=True, address=address, require_login=True))
    assert login_needed(changed(address=address)), (
        "and should the options ever say otherwise, it is needed all the same"
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_addresses_do_not(address: str) -> None:
    assert is_loopback(address)
    assert not login_needed(changed(enabled=True, address=address))
    assert login_needed(changed(enabled=True, address=address, require_login=True))


def test_networks() -> None:
    chosen = changed(networks=" 192.0.2.0/24,2001:db8::/32 , 198.51.100.7")
    assert chosen.networks == "192.0.2.0/24, 2001:db8::/32, 198.51.100.7/32"
    for peer, may in {
        "192.0.2.200": True,
        "::ffff:192.0.2.200": True,
        "192.0.3.1": False,
        "2001:db8:1::1": True,
        "2001:db9::1": False,
        "fe80::1%eth0": False,
        "198.51.100.7": True,
        "127.0.0.1": False,
    }.items():
        assert may_connect(chosen, peer) is may, peer
    assert may_connect(ListenerOptions(), "127.0.0.1")
    assert may_connect(ListenerOptions(), "::1")
    assert not may_connect(ListenerOptions(), "192.0.2.1")


def test_networks_that_let_nobody_in_are_told() -> None:
    outside = {"sending.listener.enabled": True, "sending.listener.address": "192.0.2.1"}
    chosen = options.changed(Options(), {**outside, "sending.listener.require_login": True})
    assert any("lets only this machine connect" in words for words in options.troubles(chosen))
    assert not any("listener" in words for words in options.troubles(Options()))


def test_who_may_submit_by_the_api_may_submit_by_smtp() -> None:
    assert LEAST_ROLE is SUBMIT.role


# Commands ------------------------------------------------------------------------------------------------------------


def test_command_lines() -> None:
    assert smtp_commands.command(b"mail FROM:<a@b.test> SIZE=3\r\n") == ("MAIL", "FROM:<a@b.test> SIZE=3")
    assert smtp_commands.command(b"QUIT\r\n") == ("QUIT", "")
    assert smtp_commands.command(b"\r\n") == ("", "")
    for bad in (b"NOOP\n", b"NOOP\r", b"NO\rOP\r\n", b"NO\x00OP\r\n", b"NOOP \xc3\xa4\r\n", b"NOOP\t\r\n"):
        with pytest.raises(Refusal) as caught:
            smtp_commands.command(bad)
        assert caught.value.reply.code == 500


def test_senders() -> None:
    assert smtp_commands.sender("FROM:<>") == smtp_commands.Sender("", 0)
    assert smtp_commands.sender("from: <a@b.test> size=12 BODY=8bitmime AUTH=<>").size == 12
    assert smtp_commands.sender('FROM:<"a>b c\\""@d.test>').address == '"a>b c\\""@d.test'
    assert smtp_commands.sender("FROM:<@r.test,@s.test:a@b.test>").address == "a@b.test"
    for bad, code in {
        "FROM:a@b.test": 501,
        "TO:<a@b.test>": 501,
        "": 501,
        "FROM:<a@b.test>SIZE=1": 501,
        "FROM:<a@b.test> SIZE=x": 501,
        "FROM:<a@b.test> SIZE": 501,
        "FROM:<a@b.test> BODY=BINARYMIME": 501,
        "FROM:<a@b.test> =": 501,
        "FROM:<a@b.test> SMTPUTF8": 555,
        "FROM:<a>": 553,
    }.items():
        with pytest.raises(Refusal) as caught:
            smtp_commands.sender(bad)
        assert caught.value.reply.code == code, bad


@given(st.binary(max_size=200))
def test_nonsense_is_refused_and_nothing_else(line: bytes) -> None:
    argument = ""

    def command() -> None:
        nonlocal argument
        _, argument = smtp_commands.command(line + b"\r\n")

    for read in (command, lambda: smtp_commands.sender(argument), lambda: smtp_commands.recipient(argument)):
        reply = refused(read)
        assert str(reply).isprintable()
        assert reply is None or 500 <= reply.code < 600


def refused(read: Callable[[], object]) -> Reply | None:
    try:
        read()
    except Refusal as refusal:
        return refusal.reply
    return None


def test_an_address_with_open_quotes_costs_little() -> None:
    with pytest.raises(Refusal):
        smtp_commands.recipient("TO:<" + '"a' * 3000)
    with pytest.raises(Refusal):
        smtp_commands.recipient("TO:<" + "\\" * 6000)


# Received ------------------------------------------------------------------------------------------------------------


def test_the_received_field() -> None:
    arrival = Arrival("client.test", "192.0.2.1", "host.test", encrypted=True, logged_in=True)
    assert trace.received(arrival, "Q17", ("b@c.test",), trace.stamp(NOW)) == (
        b"Received: from client.test ([192.0.2.1])\r\n\tby host.test (trackkit) with ESMTPSA id Q17\r\n"
        b"\tfor <b@c.test>;\r\n\tSun, 01 Mar 2026 12:00:00 +0000\r\n"
    )
    strange = Arrival("not (a name);", "2001:db8::1", "host.test", extended=False)
    assert trace.received(strange, "Q1", ("a@b.test", "c@d.test"), trace.stamp(NOW)) == (
        b"Received: from unknown ([IPv6:2001:db8::1])\r\n\tby host.test (trackkit) with SMTP id Q1;\r\n"
        b"\tSun, 01 Mar 2026 12:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("raw", "separated"),
    [
        (b"Subject: x\r\n", False),
        (b"Subject : x\r\n", False),
        (b"\r\nbody", False),
        (b"\nbody", False),
        (b"From a@b Mon Jan  1 00:00:00 2026\r\nSubject: x\r\n", False),
        (b">From a@b Mon\r\nSubject: x\r\n", False),
        (b"just text\r\n", True),
        (b" Subject: folded\r\n", True),
        (b": no name\r\n", True),
        (b"", True),
    ],
)
def test_what_is_no_header_does_not_become_one(raw: bytes, separated: bool) -> None:
    assert trace.on_top(b"R: x\r\n", raw) == (b"R: x\r\n\r\n" if separated else b"R: x\r\n")


def test_hops_are_those_of_the_header() -> None:
    field = b"rEceived : by x\r\n\tvia y\r\n"
    assert trace.hops(field * 3 + b"X-Received: z\r\n\r\nReceived: in the body\r\n") == 3
    assert trace.hops(b"") == 0
    assert trace.hops(b"Received: y" + b"x" * 2_000_000) == 1


# Recurring trouble ---------------------------------------------------------------------------------------------------


def test_trouble_is_told_once_and_then_with_how_often_it_came() -> None:
    recurring = Recurring()
    assert recurring.note(NOW, "a") == 1
    assert [recurring.note(NOW + timedelta(seconds=second), "a") for second in range(5)] == [0] * 5
    assert recurring.note(NOW, "b") == 1
    assert recurring.note(NOW + AGAIN_AFTER, "a") == 6
    assert recurring.note(NOW + AGAIN_AFTER, "a") == 0
    assert recurring.note(NOW - timedelta(days=1), "a") == 2, "a clock that was set back silences nothing"


def test_many_kinds_do_not_fill_the_memory() -> None:
    recurring = Recurring()
    told = [recurring.note(NOW, f"address {number}") for number in range(MOST * 5)]
    assert sum(told) <= MOST + 1
    assert len(recurring._kinds) <= MOST + 1
    assert recurring.note(NOW + AGAIN_AFTER * 2, "address -1") == 1
    assert len(recurring._kinds) == 1
