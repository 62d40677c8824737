"""The transcript of a conversation with a mail host: complete, masked, printable, bounded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.fakes.smtp_server import ScriptedSmtp, say, when
from tests.unit.smtp_sending import (
    CANARY,
    USER,
    login,
    route_to,
    send,
)
from trackkit.domain.smtp_options import SmtpOptions
from trackkit.mail.conversation import MAXIMUM_HEAD, MAXIMUM_LINE, MAXIMUM_TAIL, Conversation
from trackkit.mail.route import relay_route


def test_the_conversation_tells_the_story_without_the_content() -> None:
    with ScriptedSmtp({"rcpt": when("two@", say("550 5.1.1 no"))}, extensions=("8BITMIME",)) as server:
        result = send(route_to(server.port), ("one@example.com", "two@example.com"), raw=b"Subject: SECRETBODY\r\n\r\n")
    lines = result.conversation.split("\n")
    assert lines[0].startswith(f"* connected to 127.0.0.1:{server.port}")
    assert lines[1:] == [
        "< 220 scripted.test ESMTP",
        "> EHLO client.example.com",
        "< 250-scripted.test",
        "< 250 8BITMIME",
        "> MAIL FROM:<sender@example.com>",
        "< 250 2.1.0 Ok",
        "> RCPT TO:<one@example.com>",
        "< 250 2.1.5 Ok",
        "> RCPT TO:<two@example.com>",
        "< 550 5.1.1 no",
        "> DATA",
        "< 354 End data with <CR><LF>.<CR><LF>",
        "> [23 bytes of message]",
        "< 250 2.0.0 Ok: queued",
    ]


@settings(max_examples=150, deadline=None)
@given(
    secret=st.text(min_size=1, max_size=20),
    lines=st.lists(st.text(max_size=3000), max_size=60),
    where=st.integers(0, 59),
)
def test_a_conversation_is_masked_printable_and_bounded(secret: str, lines: list[str], where: int) -> None:
    conversation = Conversation([secret])
    for number, line in enumerate(lines):
        conversation.received(550, line + secret if number == where else line)
    text = conversation.text
    assert all(line.isprintable() for line in text.split("\n"))
    assert len(text) < MAXIMUM_HEAD + MAXIMUM_TAIL + 2 * MAXIMUM_LINE
    if len(secret) > 6 and secret.isprintable() and "\n" not in secret and "*" not in secret:
        assert secret not in text or secret in "* [0123456789, lines left out]"


def test_what_was_written_down_before_a_secret_was_known_is_masked_too() -> None:
    conversation = Conversation()
    conversation.received(250, "your password is kanary")
    later = conversation.fresh()
    conversation.hide("kanary")
    assert conversation.text == "< 250 your password is ***"
    conversation.sent("DATA")
    assert conversation.text.endswith("\n> DATA"), "it goes on after it was read"
    assert later.text == "", "and another one is another one"


def test_a_long_conversation_keeps_beginning_and_end() -> None:
    conversation = Conversation()
    for number in range(5000):
        conversation.sent(f"RCPT TO:<r{number}@example.com>")
    text = conversation.text
    assert "<r0@" in text
    assert "<r4999@" in text
    assert "lines left out" in text
    assert len(text) <= MAXIMUM_HEAD + MAXIMUM_TAIL + 100


def test_routes_never_show_the_password() -> None:
    options = SmtpOptions(host="h", authentication="basic", username=USER, password=SecretStr(CANARY))
    route = relay_route(options)
    assert route is not None
    assert route.login == login()
    assert CANARY not in repr(route)
    assert relay_route(SmtpOptions()) is None
