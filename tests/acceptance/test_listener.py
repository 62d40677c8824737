"""The SMTP listener of a running server, as programs meet it: real smtplib, and clients that break every rule.

One server for the module; sending is paused, so that what was taken can be looked at in the queue.
"""

from __future__ import annotations

import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import pytest

from tests.conftest import Start
from tests.ports import accepts, free_port, wait_until
from tests.running import RunningServer
from tests.smtp_talk import Talk, plain, trusting
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput
from trackkit.mail.listener import MOST_CLIENTS

PASSWORD = "correct horse battery"
MEGABYTE = 1024 * 1024
RECEIVED = re.compile(
    rb"Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n\tby \S+ \(trackkit\) with \S+ id (Q\d+)"
    rb"(?:\r\n\tfor <.*>)?;\r\n\t\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n"
)


class House:
    """The server and its listener's port."""

    def __init__(self, server: RunningServer, port: int) -> None:
        self.server, self.port = server, port

    def talk(self) -> Talk:
        return Talk(self.port).greeted()

    def newest(self) -> bytes:
        """The message that was queued last, without what the server puts on top."""
        queue_id = self.server.admin.mail.list(limit=1).messages[0].queue_id
        raw = self.server.admin.mail.raw(queue_id)
        received = RECEIVED.match(raw)
        assert received is not None, raw[:300]
        assert received[1].decode() == queue_id
        return raw[received.end() :]

    def queued(self) -> int:
        return sum(cause.messages for cause in self.server.admin.mail.summary().causes)

    def log(self, text: str) -> list[str]:
        return [entry.message for entry in self.server.admin.log.list(text=text).entries]


@pytest.fixture(scope="module")
def house(start_for_module: Start) -> House:
    port = free_port()
    options = {
        "sending.paused": True,
        "sending.timing.maximum_message_mb": 2,
        "sending.listener.port": port,
        "sending.listener.networks": "127.0.0.1/32",
        "sending.listener.enabled": True,
    }
    server = start_for_module(options=options, environment={"TZ": "UTC"})
    server.admin.users.add("Olga", Role.operator, PASSWORD)
    server.admin.users.add("Vera", Role.viewer, PASSWORD)
    wait_until(lambda: accepts(port), what="the listener")
    return House(server, port)


@pytest.fixture
def login_required(house: House) -> Iterator[None]:
    house.server.admin.options.set({"sending.listener.require_login": True})
    yield
    house.server.admin.options.set({"sending.listener.require_login": False})


# Taking mail ---------------------------------------------------------------------------------------------------------


@pytest.mark.spec("5: other programs' mail through the SMTP listener: 250 = on disk, then sent like the server's own")
def test_mail_of_a_program_is_queued_as_it_came_with_a_received_field_on_top(house: House) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@client.test", "b@host.test", "Hello from a program"
    mail.set_content("Ä line.\n.\n..two dots\n", cte="8bit")
    with smtplib.SMTP("127.0.0.1", house.port, local_hostname="client.test") as client:
        client.starttls(context=trusting())
        refused = client.send_message(mail, to_addrs=["b@host.test", "c@host.test"])
    assert refused == {}
    raw = house.newest()
    assert raw == mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    (message,) = house.server.admin.mail.list(limit=1).messages
    detail = house.server.admin.mail.show(message.queue_id)
    assert (message.subject, message.sender) == ("Hello from a program", "a@client.test")
    assert [recipient.address for recipient in detail.recipients] == ["b@host.test", "c@host.test"]
    assert detail.submitted_by == "trackkit/smtp 127.0.0.1"
    assert "with ESMTPS id" in detail.headers
    assert "for <" not in detail.headers, "of several recipients none is named"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"Subject: x\r\n\r\nbody\r\n", b"Subject: x\r\n\r\nbody\r\n"),
        (b"", b"\r\n"),
        (b"\r\n", b"\r\n"),
        (b"no header at all\r\n", b"\r\nno header at all\r\n"),
        (b"\tfolded: first\r\n\r\n", b"\r\n\tfolded: first\r\n\r\n"),
        (b"X: nul \x00 and \xff\xfe\r\n\r\n\x00\r\n", b"X: nul \x00 and \xff\xfe\r\n\r\n\x00\r\n"),
        (b"X: y\r\n\r\n" + b"l" * 5000 + b"\r\n", b"X: y\r\n\r\n" + b"l" * 5000 + b"\r\n"),
        (b"X: y\r\n\r\n..\r\n...dots\r\n", b"X: y\r\n\r\n.\r\n..dots\r\n"),
    ],
    ids=["usual", "empty", "empty line", "no header", "begins folded", "NUL and 8 bit", "long line", "dots"],
)
def test_bytes_stay_bytes(house: House, sent: bytes, kept: bytes) -> None:
    with house.talk().begun() as talk:
        talk.send(sent + b".\r\n")
        assert talk.reply().startswith("250 2.0.0 Ok: queued as Q")
        assert house.newest() == kept


@pytest.mark.parametrize(
    "trick", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r\n\x00.\r\n"]
)
@pytest.mark.spec("5: SMTP listener: only CRLF.CRLF ends a message; nothing in one is obeyed as a command")
def test_only_crlf_dot_crlf_ends_a_message(house: House, trick: bytes) -> None:
    smuggled = b"MAIL FROM:<evil@client.test>\r\nRCPT TO:<victim@host.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
    before = house.queued()
    body = b"Subject: outer\r\n\r\nfirst" + trick + smuggled
    with house.talk().begun() as talk:
        talk.send(body + b".\r\n")
        assert talk.reply().startswith("250 ")
        assert talk.say(b"NOOP").startswith("250 ")
    assert house.queued() == before + 1
    # "CR LF dot" is a dot that stuffing would have doubled; a receiver takes one away (RFC 5321, 4.5.2).
    assert house.newest() == body.replace(b"\r\n.", b"\r\n")


def test_commands_at_once_are_answered_in_order_also_behind_a_message(house: House) -> None:
    one = b"MAIL FROM:<a@client.test>\r\nRCPT TO:<b@host.test>\r\nDATA\r\n"
    with house.talk() as talk:
        talk.send(one)
        assert [talk.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        talk.send(b"Subject: 1\r\n\r\n\r\n.\r\nRSET\r\n" + one)
        assert [talk.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
        talk.send(b"Subject: 2\r\n\r\n\r\n.\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(2)] == ["250", "221"]
        assert talk.closed()


def test_the_lines_of_a_message_whose_data_was_refused_are_no_commands(house: House) -> None:
    before = house.queued()
    with house.talk() as talk:
        talk.send(b"DATA\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@host.test>\r\nDATA\r\nx\r\n.\r\n")
        assert talk.reply().startswith("554 5.5.0")
        assert talk.closed()
    assert house.queued() == before


def test_octet_by_octet(house: House) -> None:
    with Talk(house.port) as talk:
        assert talk.reply().startswith("220 ")
        conversation = (
            b"EHLO client.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@host.test>\r\nDATA\r\nSubject: slow\r\n\r\n.\r\nQUIT\r\n"
        )
        for octet in conversation:
            talk.send(bytes([octet]))
        assert [talk.reply()[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
    assert house.newest() == b"Subject: slow\r\n\r\n"


def test_what_is_not_complete_is_not_taken(house: House) -> None:
    before = house.queued()
    for end in (b"", b".", b".\r", b".\n"):
        with house.talk().begun() as talk:
            talk.send(b"Subject: cut off\r\n\r\nhalf\r\n" + end)
            talk.socket.shutdown(socket.SHUT_WR)
            assert talk.closed()
    assert house.queued() == before


def test_who_sends_no_more_still_gets_the_replies(house: House) -> None:
    with house.talk().begun() as talk:
        talk.send(b"Subject: half closed\r\n\r\n.\r\n")
        talk.socket.shutdown(socket.SHUT_WR)
        assert talk.reply().startswith("250 2.0.0")
        assert talk.closed()


# Refusing ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("5: SMTP listener: messages over the maximum size are refused")
def test_too_large_is_refused_when_announced_and_while_it_comes(house: House) -> None:
    before = house.queued()
    with house.talk() as talk:
        assert talk.say(b"MAIL FROM:<a@client.test> SIZE=2097153").startswith("552 5.3.4 ")
        assert talk.say(b"MAIL FROM:<a@client.test> SIZE=2097152 BODY=8BITMIME").startswith("250 ")
        assert talk.say(b"RSET").startswith("250 ")
        talk.begun()
        talk.send((b"." + b"x" * 60 + b"\r\n") * (2 * MEGABYTE // 62) + b"y" * 200 + b"\r\n.\r\n")
        assert talk.reply().startswith("552 5.3.4 ")
        talk.begun()
        talk.send(b"..\r\n" * (2 * MEGABYTE // 3) + b".\r\n")
        assert talk.reply().startswith("250 "), "dots that stuffing adds do not count"
    assert house.queued() == before + 1
    assert len(house.log("over the maximum size")) == 1, "once, not for each mail"


def test_40_megabytes_where_2_are_taken_end_the_connection_and_nothing_is_kept(house: House) -> None:
    before = house.queued()
    with house.talk().begun() as talk:
        try:
            for _ in range(40):
                talk.send(b"\r\n" * (MEGABYTE // 2))
        except ConnectionError:
            pass
        else:
            pytest.fail("the whole of it was read")
    assert house.queued() == before


def test_bad_addresses_do_the_others_no_harm(house: House) -> None:
    bad = {
        b"RCPT TO:<nobody>": "553 5.1.3",
        b"RCPT TO:<>": "553 5.1.3",
        b"RCPT TO:<a@b@c.test>": "553 5.1.3",
        b"RCPT TO:<" + b"x" * 300 + b"@host.test>": "553 5.1.3",
        b"RCPT TO:<\xc3\xa4@host.test>": "553 5.6.7",
        b"RCPT TO:b@host.test": "501 5.5.2",
        b"RCPT TO:<b@host.test": "501 5.5.2",
        b"RCPT TO:<b@host.test>\rRCPT TO:<c@host.test>": "500 5.5.2",
        b"RCPT TO:<b@host.test> NOTIFY=NEVER": "555 5.5.4",
    }
    with house.talk() as talk:
        assert talk.say(b"MAIL FROM:<a@client.test>").startswith("250 ")
        for line, code in bad.items():
            assert talk.say(line).startswith(code), line
        for good in (b'"a b>c"@host.test', b"@one.test,@two.test:routed@host.test", b"b@[192.0.2.1]"):
            assert talk.say(b"RCPT TO:<" + good + b">").startswith("250 2.1.5"), good
        assert talk.say(b"DATA").startswith("354 ")
        talk.send(b".\r\n")
        assert talk.reply().startswith("250 ")
    (message,) = house.server.admin.mail.list(limit=1).messages
    addresses = [recipient.address for recipient in house.server.admin.mail.show(message.queue_id).recipients]
    assert addresses == ['"a b>c"@host.test', "routed@host.test", "b@[192.0.2.1]"]


def test_a_thousand_recipients_and_no_more(house: House) -> None:
    lines = b"".join(b"RCPT TO:<r%d@host.test>\r\n" % number for number in range(1002))
    with house.talk() as talk:
        assert talk.say(b"MAIL FROM:<a@client.test>").startswith("250 ")
        talk.send(lines + b"RCPT TO:<r0@host.test>\r\n")
        codes = [talk.reply()[:9] for _ in range(1003)]
        assert codes == ["250 2.1.5"] * 1000 + ["452 4.5.3"] * 2 + ["250 2.1.5"]
        assert talk.say(b"DATA").startswith("354 ")
        talk.send(b"Subject: many\r\n\r\n.\r\n")
        assert talk.reply().startswith("250 ")
    assert house.server.admin.mail.list(limit=1).messages[0].recipients == 1000


def test_commands_in_the_wrong_order_or_unknown(house: House) -> None:
    with Talk(house.port) as talk:
        assert talk.reply().startswith("220 ")
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("503 5.5.1")
        assert talk.say(b"HELO client.test").startswith("250 ")
        assert talk.say(b"RCPT TO:<a@b.test>").startswith("503 5.5.1")
        assert talk.say(b"DATA").startswith("503 5.5.1")
        assert talk.say(b"AUTH PLAIN").startswith("503 5.5.1")
        assert talk.say(b"MAIL FROM:<a@b.test> FUTURE=1").startswith("555 5.5.4")
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("250 ")
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("503 5.5.1")
        assert talk.say(b"VRFY a").startswith("252 ")
        assert talk.say(b"HELP").startswith("214 ")
        talk.send(b"NOOP\n")
        assert talk.reply().startswith("500 5.5.2"), "a bare LF ends no command"


def test_garbage_is_shown_out(house: House) -> None:
    with house.talk() as talk:
        talk.send(b"".join(b"\x16\x03\x01 %d\r\n" % number for number in range(100)))
        replies = [talk.reply()[:3] for _ in range(22)]
        assert replies == ["500"] * 21 + ["421"]
        assert talk.closed()
    with house.talk() as talk:
        talk.send(b"x" * 20_000)
        assert talk.reply().startswith("500 5.5.2")
        assert talk.closed()


def test_a_browser_is_shown_out_before_it_can_say_anything_else(house: House) -> None:
    before = house.queued()
    mail = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx\r\n.\r\n"
    with Talk(house.port) as talk:
        assert talk.reply().startswith("220 ")
        talk.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + mail)
        assert talk.reply().startswith("521 ")
        assert talk.closed()
    assert house.queued() == before
    assert house.log("web browser")


@pytest.mark.spec("5: SMTP listener: mail that goes in circles is refused")
def test_mail_that_goes_in_circles_is_refused(house: House) -> None:
    for hops, code in ((50, "250"), (51, "554 5.4.6")):
        with house.talk().begun() as talk:
            talk.send(b"Received: from a\r\n\tby b\r\n" * hops + b"\r\nReceived: in the body\r\n.\r\n")
            assert talk.reply().startswith(code)
    assert house.log("goes in circles")


# Who may -------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("5: SMTP listener: no open relay; off loopback only with TLS and log-in")
def test_options_that_make_an_open_relay_are_refused(house: House) -> None:
    options = house.server.admin.options
    for address in ("0.0.0.0", "192.0.2.7", "::"):
        with pytest.raises(InvalidInput) as caught:
            options.set({"sending.listener.address": address})
        assert [problem.field for problem in caught.value.problems] == ["sending.listener.require_login"]
        assert "anybody" in str(caught.value)
    for name, value in (("address", "localhost"), ("networks", "10.0.0.1/8"), ("networks", ""), ("port", 0)):
        with pytest.raises(InvalidInput):
            options.set({f"sending.listener.{name}": value})


def test_on_other_addresses_mail_is_taken_only_after_tls_and_log_in(house: House) -> None:
    options = house.server.admin.options
    options.set({"sending.listener.address": "0.0.0.0", "sending.listener.require_login": True})
    try:
        wait_until(lambda: house.log("open on 0.0.0.0"), what="the listener on all addresses")
        with house.talk() as talk:
            assert talk.say(b"MAIL FROM:<a@b.test>") == "530 5.7.0 STARTTLS first, then log in"
            assert talk.say(b"RCPT TO:<a@b.test>").startswith("503 ")
            talk.starttls()
            assert talk.say(b"AUTH PLAIN " + plain("Olga", PASSWORD)).startswith("235 ")
            talk.begun()
        with pytest.raises(InvalidInput):
            options.set({"sending.listener.require_login": False})
        words = [finding.words for finding in house.server.admin.health().findings]
        assert any("lets only this machine connect" in told for told in words)
    finally:
        options.set({"sending.listener.address": "127.0.0.1", "sending.listener.require_login": False})
    wait_until(lambda: house.log("open on 127.0.0.1")[1:], what="the listener on loopback again")


@pytest.mark.spec("5: SMTP listener: only the networks that may connect")
def test_other_networks_are_turned_away_and_logged_once(house: House) -> None:
    for _ in range(3):
        with Talk(house.port, source="127.0.0.5") as talk:
            assert talk.reply().startswith("554 5.7.1 ")
            assert talk.closed()
    entries = house.server.admin.log.list(text="127.0.0.5 may not connect").entries
    assert [(entry.level, entry.client_address) for entry in entries] == [("unusual_activity", "127.0.0.5")]


@pytest.mark.usefixtures("login_required")
@pytest.mark.spec("5: SMTP listener: log-in of server users, by password or API token, after TLS only")
def test_log_in_by_password_or_token_after_tls_only(house: House) -> None:
    olga = house.server.connect("Olga", PASSWORD)
    token = olga.tokens.add("mailer", Role.operator).secret
    with house.talk() as talk:
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("530 5.7.0")
        assert talk.say(b"AUTH PLAIN " + plain("Olga", PASSWORD)).startswith("538 5.7.11")
        talk.starttls()
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("530 5.7.0")
        assert talk.say(b"AUTH PLAIN !!!").startswith("501 5.5.2")
        assert talk.say(b"AUTH PLAIN " + plain("olga", token)).startswith("235 ")
        assert talk.say(b"AUTH PLAIN " + plain("olga", token)).startswith("503 ")
        talk.begun()
        talk.send(b"Subject: by token\r\n\r\n.\r\n")
        assert talk.reply().startswith("250 ")
        (message,) = house.server.admin.mail.list(limit=1).messages
        detail = house.server.admin.mail.show(message.queue_id)
        assert (detail.submitted_by, "with ESMTPSA id" in detail.headers) == ("Olga", True)

        olga.tokens.delete("Olga", "mailer")
        talk.begun()
        talk.send(b"Subject: too late\r\n\r\n.\r\n")
        assert talk.reply().startswith("530 5.7.0"), "a log-in holds as long as what it was made with"
    with smtplib.SMTP("127.0.0.1", house.port) as client:
        client.starttls(context=trusting())
        client.login("OLGA", PASSWORD)
        assert client.sendmail("a@b.test", ["c@d.test"], b"Subject: by password\r\n\r\n") == {}


@pytest.mark.usefixtures("login_required")
def test_wrong_log_ins_are_refused_logged_and_shown_out(house: House) -> None:
    with house.talk().starttls() as talk:
        assert talk.say(b"AUTH PLAIN " + plain("Vera", PASSWORD)).startswith("535 5.7.8"), "a viewer may not submit"
        assert talk.say(b"AUTH PLAIN " + plain("admin", "")).startswith("535 5.7.8"), "no password, no log-in"
        assert talk.say(b"AUTH LOGIN").startswith("334 VXNlcm5hbWU6")
        assert talk.say(b"T2xnYQ==").startswith("334 UGFzc3dvcmQ6")
        assert talk.say(b"d3Jvbmc=").startswith("535 5.7.8")
        assert talk.reply().startswith("421 4.7.0")
        assert talk.closed()
    with house.talk().starttls() as talk:
        assert talk.say(b"AUTH PLAIN " + plain("Olga", "tkt_wrong")).startswith("535 5.7.8")
        assert talk.say(b"AUTH PLAIN " + plain("x" * 1000, PASSWORD)).startswith("535 5.7.8"), "nobody has such a name"
        assert talk.say(b"AUTH PLAIN").startswith("334")
        assert talk.say(b"*").startswith("501 5.7.0")
    entries = house.server.admin.log.list(text="Failed log-in as 'Olga'").entries
    assert [(entry.level, entry.client_address) for entry in entries] == [("unusual_activity", "127.0.0.1")] * 2
    assert not house.log("wrong")


@pytest.mark.spec("5: SMTP listener: nothing said before STARTTLS counts after it")
def test_what_is_sent_in_the_open_behind_starttls_is_never_obeyed(house: House) -> None:
    with house.talk() as talk:
        talk.send(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<a@b.test>\r\n")
        assert talk.reply().startswith("554 5.5.0")
        assert talk.closed()
    with house.talk() as talk:
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("250 ")
        talk.send(b"STARTTLS\r\n")
        assert talk.reply().startswith("220 ")
        talk.socket = trusting().wrap_socket(talk.socket)
        assert talk.say(b"RCPT TO:<a@b.test>").startswith("503 "), "the mail begun in the open is forgotten"
        assert talk.say(b"MAIL FROM:<a@b.test>").startswith("503 "), "and so is the name"
        assert talk.say(b"STARTTLS").startswith("503 ")
    with house.talk() as talk:
        assert talk.say(b"STARTTLS").startswith("220 ")
        talk.send(b"EHLO in the open\r\n")
        assert talk.socket.recv(1000)[:3] not in (b"250", b"500"), "what is no TLS is not answered in the open"


# Many, and following the options -------------------------------------------------------------------------------------


@pytest.mark.spec("5: SMTP listener: simultaneous connections are bounded")
def test_a_hundred_connections_and_the_next_is_asked_to_come_again(house: House) -> None:
    talks: list[Talk] = []
    try:
        for _ in range(MOST_CLIENTS):
            talks.append(Talk(house.port))
            assert talks[-1].reply().startswith("220 ")
        with Talk(house.port) as one_more:
            assert one_more.reply().startswith("421 4.3.2")
            assert one_more.closed()
        assert talks[0].say(b"QUIT").startswith("221 ")
        assert talks[0].closed()
        talks[0] = wait_until(lambda: _taken(house.port), what="room for the next one")
        assert house.log("were connected at once")
    finally:
        for talk in talks:
            talk.socket.close()


def _taken(port: int) -> Talk | None:
    talk = Talk(port)
    if talk.reply().startswith("220 "):
        return talk
    talk.socket.close()
    return None


def test_many_at_once_each_with_its_own_envelope(house: House) -> None:
    def hand_over(number: int) -> str:
        with house.talk().begun(b"r%d@many.test" % number) as talk:
            talk.send(b"Subject: number %d\r\n\r\n%s\r\n.\r\n" % (number, b"x" * number))
            return talk.reply().partition("queued as ")[2]

    with ThreadPoolExecutor(20) as threads:
        ids = list(threads.map(hand_over, range(100)))
    assert len(set(ids)) == 100
    for number, queue_id in enumerate(ids):
        detail = house.server.admin.mail.show(queue_id)
        assert detail.message.subject == f"number {number}"
        assert [recipient.address for recipient in detail.recipients] == [f"r{number}@many.test"]
        assert f"for <r{number}@many.test>;" in detail.headers.replace("\n", " ")


@pytest.mark.spec("5: SMTP listener: follows its options without a restart; a port that cannot be opened is told")
def test_it_follows_the_options_and_a_port_that_is_taken_is_told(house: House) -> None:
    options, other = house.server.admin.options, free_port()
    with house.talk() as talk:
        options.set({"sending.listener.port": other})
        wait_until(lambda: accepts(other), what="the new port")
        assert talk.reply().startswith("421 4.3.2"), "who was connected is told"
    assert not accepts(house.port)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options.set({"sending.listener.port": taken.getsockname()[1]})
        finding = wait_until(lambda: _finding(house), what="the finding")
        assert "not open" in finding
        (entry,) = house.server.admin.log.list(text="cannot be opened on").entries
        assert (entry.level, "Choose another one" in entry.details) == ("error", True)
    options.set({"sending.listener.enabled": False})
    wait_until(lambda: not _finding(house), what="the end of the finding")
    for _ in range(5):  # the place it has just left can be opened again at once
        options.set({"sending.listener.port": house.port, "sending.listener.enabled": True})
        options.set({"sending.listener.enabled": False})
    options.set({"sending.listener.enabled": True})
    wait_until(lambda: accepts(house.port) and not _finding(house), what="the listener")
    assert len(house.log("cannot be opened on")) == 1


def _finding(house: House) -> str:
    found = [finding for finding in house.server.admin.health().findings if finding.subject == "listener"]
    return found[0].words if found and "cannot be opened" in found[0].next_step else ""


def test_the_server_stops_in_order_with_clients_connected(house: House) -> None:
    with house.talk() as idle, house.talk().begun() as busy:
        stopping = threading.Thread(target=house.server.stop)
        stopping.start()
        assert idle.reply().startswith("421 4.3.2")
        busy.send(b"Subject: in time\r\n\r\n.\r\n")
        assert busy.reply().startswith("250 "), "what is under way is answered"
        stopping.join()
    house.server.restart()
    assert house.newest() == b"Subject: in time\r\n\r\n"
    wait_until(lambda: accepts(house.port), what="the listener after the restart")
