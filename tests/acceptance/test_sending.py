"""Sending through a running server: to a host that misbehaves in every way, and of mail that is hard to send."""

from __future__ import annotations

import email
import email.policy
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.smtp_server import Action, Decision, ScriptedSmtp
from tests.ports import wait_until
from tests.running import RunningServer
from tests.unit.smtp_rules import HOWS, rules
from trackkit.domain.accounts import Role
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput, MessageTooLarge

ROUNDS = 6
STAGES = {"mail": "sender", "rcpt": "recipient", "data": "data", "dot": "final_dot", "taken": "taken"}


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    return start_for_module(options={"sending.timing.maximum_message_mb": 5})


@pytest.fixture
def server(shared: RunningServer) -> Iterator[RunningServer]:
    """One server for all; what a test leaves in the queue is deleted."""
    yield shared
    if left := shared.admin.mail.ids().queue_ids:
        shared.admin.mail.delete(left)


def relay_to(server: RunningServer, host: ScriptedSmtp) -> None:
    server.admin.options.set(
        {
            "sending.smtp.host": "127.0.0.1",
            "sending.smtp.port": host.port,
            "sending.smtp.encryption": "none",
            "sending.smtp.connect_timeout": 5,
            "sending.smtp.conversation_timeout": 3,
        }
    )


def marker(stage: str, how: str) -> str:
    return f"{stage}-{how.replace(' ', '_')}-"


def once_each(stage: str, *kinds: str) -> Decision:
    """At this stage, every misbehaviour once, for the message whose addresses name it."""
    left = {
        marker(kind, how): replace(action, takes=kind == "taken" and action.data is not None)
        for kind in kinds
        for how, (_, action) in HOWS.items()
    }

    def decide(line: str) -> Action | None:
        found = next((name for name in left if name + ("two" if stage == "rcpt" else "") in line), None)
        return left.pop(found) if found else None

    return decide


@pytest.mark.parametrize("offered", [("8BITMIME",), ("8BITMIME", "PIPELINING")], ids=["one by one", "pipelined"])
@pytest.mark.spec("5: an attempt whose outcome is unknown is tried again with the same Message-ID")
@pytest.mark.spec("5: a host that misbehaves at any stage, in any way: every recipient is accounted for")
def test_nobody_is_lost_at_a_host_that_misbehaves_in_every_way(server: RunningServer, offered: tuple[str, ...]) -> None:
    script: dict[str, Action | Decision] = {stage: once_each(stage, stage) for stage in ("mail", "rcpt", "data")}
    script["dot"] = once_each("dot", "dot", "taken")
    with ScriptedSmtp(script, extensions=offered) as host:
        relay_to(server, host)
        before = len(list(server.admin.mail.each_sent()))
        wanted = submit_all(server)
        after_one_try(server, wanted)
        everybody_is_sent_to(server)
        sent = Counter(line.recipient for line in list(server.admin.mail.each_sent())[: len(wanted) * 3])
        assert len(list(server.admin.mail.each_sent())) - before == len(wanted) * 3
        arrived = Counter(address for message in host.messages for address in message.rcpt_tos)
    for kind, how in wanted.values():
        for name in ("one", "two", "three"):
            address = f"{marker(kind, how)}{name}@x.test"
            assert sent[address] == 1
            # Twice only where the host took the message and its reply did not come, or was a refusal.
            twice = kind == "taken" or (kind == "dot" and rules()["final_dot", HOWS[how][0]] == "U")
            assert arrived[address] == 1 or (twice and arrived[address] == 2), (kind, how, arrived[address])
            if kind == "taken" and HOWS[how][0] != "slow":
                assert arrived[address] == 2, (how, arrived[address])
    for ids in by_recipient(host).values():
        assert len(ids) == 1, "tried again with another Message-ID"


def submit_all(server: RunningServer) -> dict[str, tuple[str, str]]:
    """A message with three recipients for every misbehaviour at every stage, by queue id."""
    wanted = {}
    server.admin.options.set({"sending.paused": True})
    for kind in STAGES:
        for how in HOWS:
            name = marker(kind, how)
            raw = f"Message-ID: <{name}@x.test>\r\nSubject: {name}\r\n\r\nbody\r\n".encode()
            to = [f"{name}{number}@x.test" for number in ("one", "two", "three")]
            sender = f"{name}request@x.test"  # of a program, by its name: nobody is told of failures
            queue_id = server.admin.mail.submit(raw, sender=sender, recipients=to).queue_id
            wanted[queue_id] = (kind, how)
    server.admin.options.set({"sending.paused": False})
    return wanted


def settled(server: RunningServer) -> bool:
    """Nothing is under way or due."""
    messages = server.admin.mail.list(limit=1000).messages
    return all(message.state in (State.deferred, State.failed) for message in messages)


def after_one_try(server: RunningServer, wanted: dict[str, tuple[str, str]]) -> None:
    """What the table says is what the queue shows."""
    states = {"T": State.deferred, "U": State.deferred, "t": State.deferred, "P": State.failed, "p": State.failed}
    wait_until(lambda: settled(server), seconds=60, what="one try of each")
    left = {message.queue_id: message for message in server.admin.mail.list(limit=1000).messages}
    for queue_id, (kind, how) in wanted.items():
        rule = rules()[STAGES[kind], HOWS[how][0]]
        if kind == "data" and how == "a code of another class":
            rule = "A"  # the 354 that is right there
        # A kept connection that turns out to be over before anything was begun is tried anew at once.
        if not (kind == "mail" and HOWS[how][0] in ("421", "gone", "silent", "nonsense")):
            assert (queue_id in left) == (rule != "A"), (kind, how)
        if queue_id in left:
            detail = server.admin.mail.show(queue_id)
            assert left[queue_id].state is states[rule], (kind, how)
            waiting = [r for r in detail.recipients if r.state is states[rule]]
            assert len(waiting) == (1 if rule in "tp" else 3), (kind, how)
            assert {a.verdict for a in detail.attempts if a.recipient == waiting[0].address} == {
                {"T": "temporary", "t": "temporary", "U": "unknown", "P": "permanent", "p": "permanent"}[rule]
            }


def everybody_is_sent_to(server: RunningServer) -> None:
    """Ask for new tries until the queue is empty."""
    for _ in range(ROUNDS):
        ids = [message.queue_id for message in server.admin.mail.list(limit=1000).messages]
        if not ids:
            return
        server.admin.mail.reattempt(ids)
        wait_until(lambda: settled(server), seconds=60, what="the next try")
    raise AssertionError("mail is left over")


def by_recipient(host: ScriptedSmtp) -> dict[str, set[str]]:
    """The Message-IDs that came for each recipient."""
    found: dict[str, set[str]] = {}
    for message in host.messages:
        for address in message.rcpt_tos:
            found.setdefault(address, set()).add(email.message_from_bytes(message.data)["Message-ID"])
    return found


JURGEN, BUCHER = "Jürgen@b.test", "a@bücher.example"


@pytest.mark.spec(
    "5: addresses beyond ASCII: taken, shown, sent where the host takes them, else failed with the reason"
)
def test_addresses_beyond_ascii(server: RunningServer, database_url: str | None, start: Start, tmp_path: Path) -> None:
    if database_url:
        server = start(database_url=database_url)
    server.admin.users.add("Ann", Role.admin, "correct horse battery")
    environment = {
        "TRACKKIT_SERVER": server.url,
        "TRACKKIT_FINGERPRINT": server.fingerprint,
        "TRACKKIT_USERNAME": "Ann",
        "TRACKKIT_PASSWORD": "correct horse battery",
    }
    trackkit = CommandLine(tmp_path, environment)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Jürgen <Jürgen@b.test>", BUCHER, "Grüße"
    message.set_content("Grüße\n")
    with ScriptedSmtp(extensions=("8BITMIME",)) as host:
        relay_to(server, host)
        raw = b"Subject: x\r\n\r\nbody\r\n"
        to = ["Ju\u0308rgen@b.test", "a@BÜCHER.example"]
        queue_id = server.admin.mail.submit(raw, sender="", recipients=to).queue_id
        wait_until(lambda: server.admin.mail.show(queue_id).message.state is State.failed, what="the failure")
        assert [m.rcpt_tos for m in host.messages] == [("a@xn--bcher-kva.example",)]
        detail = json.loads(trackkit("mail", "show", queue_id, "--json"))
        failed = next(r for r in detail["recipients"] if r["address"] == JURGEN)
        assert (failed["state"], failed["smtp_code"], failed["enhanced_code"]) == ("failed", 553, "5.6.7")
        assert failed["diagnosis"]["cause"] == "not_ascii"
        assert JURGEN in trackkit("mail", "show", queue_id)
        assert queue_id in trackkit("mail", "list", "--state", "failed")
    with ScriptedSmtp(extensions=("8BITMIME", "SMTPUTF8")) as host:
        relay_to(server, host)
        server.admin.mail.reattempt(queue_id)
        wait_until(lambda: host.messages, what="the second try")
        assert host.messages[0].rcpt_tos == (JURGEN,)
        assert host.said("MAIL")[-1].endswith(" SMTPUTF8")
        server.admin.mail.submit(message, sender=JURGEN, recipients=[BUCHER])
        wait_until(lambda: len(host.messages) == 2, what="the mail from Jürgen")
        assert host.messages[1].mail_from == JURGEN
        parsed = email.message_from_bytes(host.messages[1].data, policy=email.policy.SMTPUTF8)
        assert (parsed["From"], parsed["Subject"]) == ("Jürgen <Jürgen@b.test>", "Grüße")
    wait_until(lambda: not server.admin.mail.list(limit=1).messages, what="an empty queue")
    assert {JURGEN, BUCHER} <= {line.recipient for line in server.admin.mail.each_sent()}
    assert JURGEN in trackkit("mail", "history")
    assert JURGEN in set(server.admin.mail.sent_frame()["recipient"])


@pytest.mark.spec("5: bad input: nothing of an address or a subject becomes a command or a header of its own")
@pytest.mark.parametrize("stray", ["\r\n", "\n", "\r", "\x00", "\x85", "\u2028", "\u202e"], ids=ascii)
def test_what_could_end_a_command_is_refused(server: RunningServer, stray: str) -> None:
    evil = f"a@b.test>{stray}RCPT TO:<evil@b.test"
    for sender, to in ((evil, "x@y.test"), ("", evil), ("", f"x{stray}@y.test"), ("", f"x@y{stray}.test")):
        with pytest.raises(InvalidInput):
            server.admin.mail.submit(b"Subject: x\r\n\r\n", sender=sender, recipients=[to])


@pytest.mark.spec("5: bad input: 1,000 recipients, no body, the largest message; a larger one is refused unstored")
def test_what_is_just_possible_is_sent_and_what_is_more_is_refused(server: RunningServer) -> None:
    many = [f"r{number}@many.test" for number in range(1000)]
    largest = b"Subject: large\r\n\r\n" + b"." * 5 * 1024 * 1024
    largest = largest[: 5 * 1024 * 1024]
    with ScriptedSmtp(extensions=("8BITMIME", "PIPELINING")) as host:
        relay_to(server, host)
        server.admin.mail.submit(b"", sender="", recipients=many)
        wait_until(lambda: sum(len(m.rcpt_tos) for m in host.messages) == 1000, what="a thousand recipients")
        assert sorted(a for m in host.messages for a in m.rcpt_tos) == sorted(many)
        assert {m.data for m in host.messages} == {b"\r\n"}
        with pytest.raises(InvalidInput):
            server.admin.mail.submit(b"", sender="", recipients=[*many, "one-more@many.test"])
        host.messages.clear()
        for raw in (largest + b".", largest * 8):
            with pytest.raises(MessageTooLarge):
                server.admin.mail.submit(raw, sender="", recipients=["a@b.test"])
        server.admin.mail.submit(largest, sender="", recipients=["a@b.test"])
        wait_until(lambda: host.messages, what="the largest message")
        # It is one line of five million octets, which no host has to take: it goes quoted-printable.
        parsed = email.message_from_bytes(host.messages[0].data)
        assert parsed.get_payload(decode=True) == largest.partition(b"\r\n\r\n")[2] + b"\r\n"
        wait_until(lambda: not server.admin.mail.list(limit=1).messages, what="an empty queue")
