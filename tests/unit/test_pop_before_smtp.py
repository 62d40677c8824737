"""POP before SMTP: the log-in that opens a mail host's door, at a scripted POP3 host; Dovecot is among the peers."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trustme
import uvloop
from pydantic import SecretStr

from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.pop3_server import ScriptedPop3
from tests.fakes.smtp_server import Action, ScriptedSmtp, babble, drop, say, slowly, stall
from tests.ports import free_port
from tests.unit.engine_running import RAW, all_in, options_for, running, until
from tests.unit.engine_running import run as run_in
from tests.unit.smtp_sending import CANARY, run
from trackkit.domain.delivery import State
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of, wants_login
from trackkit.mail.conversation import Conversation
from trackkit.mail.pop_before_smtp import VALID_SECONDS, Door
from trackkit.mail.route import PopAccount

USER = "mail box"
ACCOUNTS = {USER: CANARY}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = ssl.create_default_context()
        authority.configure_trust(made)
        return made

    return context


def account(port: int, **changes: Any) -> PopAccount:
    return replace(PopAccount("127.0.0.1", port, "none", USER, SecretStr(CANARY), 1, 1), **changes)


def opened(
    at: PopAccount, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context, loop: Any = None
) -> tuple[bool | Outcome, str]:
    """What opening the door came to, and what was said."""

    async def work() -> tuple[bool | Outcome, str]:
        conversation = Conversation()
        return await Door(at, tls).open(conversation), conversation.text

    result, said = run(work(), loop)
    shown = said + (result.text if isinstance(result, Outcome) else "")
    assert CANARY not in shown
    assert base64.b64encode(CANARY.encode()).decode() not in shown
    assert all(line.isprintable() for line in shown.split("\n"))
    return result, said


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("encryption", ["none", "starttls", "starttls-if-offered", "tls"])
def test_logs_in_and_touches_nothing(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext], encryption: str, loop: Any
) -> None:
    with ScriptedPop3(accounts=ACCOUNTS, tls=server_tls, implicit=encryption == "tls") as host:
        result, said = opened(account(host.port, encryption=encryption), trusting, loop)
    assert result is True, said
    before = {"none": [], "tls": [], "starttls": ["STLS"], "starttls-if-offered": ["CAPA", "STLS"]}[encryption]
    assert host.lines == [*before, f"USER {USER}", f"PASS {CANARY}", "QUIT"]
    assert "> PASS ***" in said
    assert ("certificate verified for 127.0.0.1" in said) == (encryption != "none")


GARBAGE = babble(b"\x00\xff\xfe garbage \x1b[31m\r\n")
ANSWERS: dict[str, tuple[Action, Failure | None]] = {
    "-ERR": (say("-ERR [IN-USE] not now"), Failure.pop_refused),
    "gone": (drop(), Failure.pop_unreachable),
    "silence": (stall(), Failure.pop_unreachable),
    "silence within a line": (Action(b"+OK", "fall silent"), Failure.pop_unreachable),
    "garbage": (GARBAGE, Failure.pop_unreachable),
    "another protocol": (say("220 mail.test ESMTP"), Failure.pop_unreachable),
    "an endless line": (babble(b"+OK " + b"x" * 300_000), Failure.pop_unreachable),
    "+OKAY": (say("+OKAY"), Failure.pop_unreachable),
    "slow": (slowly(0.0), None),
    "the password back": (say(f"-ERR you said {CANARY}"), Failure.pop_refused),
}


@pytest.mark.parametrize("stage", ["greeting", "user", "pass"])
@pytest.mark.parametrize("how", ANSWERS)
def test_a_host_that_misbehaves(stage: str, how: str) -> None:
    action, failure = ANSWERS[how]
    with ScriptedPop3({stage: action}, accounts=ACCOUNTS) as host:
        result, _ = opened(account(host.port, connect_timeout=0.3, conversation_timeout=0.3))
    if failure is None:
        assert result is True
        return
    if stage == "greeting" and failure is Failure.pop_refused:
        failure = Failure.pop_unreachable
    assert isinstance(result, Outcome)
    assert (result.verdict, result.stage, result.failure) == (Verdict.temporary, Stage.pop, failure)
    assert f"127.0.0.1:{host.port}" in result.text
    assert len(result.text) < 1100
    if stage != "pass":
        assert not [line for line in host.lines if line.startswith("PASS")]


@pytest.mark.parametrize("action", [drop(), say("-ERR no"), GARBAGE])
def test_what_a_host_says_to_quit_does_not_matter(action: Action) -> None:
    with ScriptedPop3({"quit": action}, accounts=ACCOUNTS) as host:
        assert opened(account(host.port))[0] is True


def test_a_password_is_masked_before_a_long_line_is_cut() -> None:
    for length in range(100, 300, len(CANARY) - 1):  # so that a cut at any place would be in the password once
        with ScriptedPop3({"user": say("x" * length + CANARY)}, accounts=ACCOUNTS) as host:
            result, _ = opened(account(host.port))
        assert isinstance(result, Outcome)
        assert "x" + CANARY[0] not in result.text


def test_a_long_answer_has_the_time_of_one_line(server_tls: ssl.SSLContext) -> None:
    """Line by line it would be in time."""
    with ScriptedPop3({"capa": slowly(0.05)}, accounts=ACCOUNTS, tls=server_tls) as host:
        result, _ = opened(account(host.port, encryption="starttls-if-offered", conversation_timeout=0.5))
    assert isinstance(result, Outcome)
    assert result.failure is Failure.pop_unreachable
    assert "did not answer within 0.5 seconds" in result.text


def test_nobody_is_there() -> None:
    for at in (account(free_port()), account(110, host="no-such-host.invalid")):
        result, _ = opened(at)
        assert isinstance(result, Outcome)
        assert (result.stage, result.failure) == (Stage.pop, Failure.pop_unreachable)


@pytest.mark.parametrize(
    ("encryption", "changes", "failure"),
    [
        ("starttls", {"script": {"stls": say("-ERR no")}}, Failure.pop_not_encrypted),
        ("starttls-if-offered", {"capabilities": ("USER",)}, Failure.pop_not_encrypted),
        ("starttls-if-offered", {"script": {"capa": say("-ERR what?")}}, Failure.pop_not_encrypted),
        ("starttls", {"script": {"stls": babble(b"+OK begin\r\n+OK injected\r\n")}}, Failure.pop_unreachable),
        ("starttls", {"script": {"stls": babble(b"+OK begin\r\n" + b"no TLS at all\r\n" * 50)}}, None),
        ("starttls-if-offered", {"script": {"capa": babble(b"+OK\r\n" + b"X\r\n" * 1000)}}, Failure.pop_unreachable),
        ("tls", {"implicit": False}, None),
    ],
)
def test_a_password_never_goes_openly_where_encryption_is_wanted(
    server_tls: ssl.SSLContext,
    trusting: Callable[[], ssl.SSLContext],
    encryption: str,
    changes: dict[str, Any],
    failure: Failure | None,
) -> None:
    with ScriptedPop3(accounts=ACCOUNTS, tls=server_tls, **changes) as host:
        result, _ = opened(account(host.port, encryption=encryption), trusting)
    assert isinstance(result, Outcome)
    assert result.failure in (failure or (Failure.pop_not_encrypted, Failure.pop_unreachable))
    assert not [line for line in host.lines if line.startswith(("USER", "PASS"))]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_an_untrusted_certificate_ends_it(server_tls: ssl.SSLContext, encryption: str, loop: Any) -> None:
    with ScriptedPop3(accounts=ACCOUNTS, tls=server_tls, implicit=encryption == "tls") as host:
        result, _ = opened(account(host.port, encryption=encryption), loop=loop)
    assert isinstance(result, Outcome)
    assert result.failure is Failure.pop_untrusted
    assert "certificate" in result.text
    assert [line.split(" ")[0] for line in host.lines] == ([] if encryption == "tls" else ["STLS"])


def test_a_log_in_counts_for_some_minutes_and_for_all_connections() -> None:
    now = [0.0]

    async def work() -> None:
        door = Door(account(host.port), ssl.create_default_context, lambda: now[0])
        assert sorted(await asyncio.gather(*(door.open(Conversation()) for _ in range(4)))) == [False] * 3 + [True]
        now[0] = VALID_SECONDS - 1
        assert await door.open(Conversation()) is False
        now[0] = VALID_SECONDS
        assert await door.open(Conversation()) is True
        door.shut()
        assert await door.open(Conversation()) is True

    with ScriptedPop3(accounts=ACCOUNTS) as host:
        run(work())
    assert host.logged_in == 3


@pytest.mark.parametrize(
    ("stage", "code", "text", "expected"),
    [
        (Stage.sender, 530, "5.7.0 Must issue a STARTTLS command first", True),
        (Stage.recipient, 550, "5.7.1 relaying denied", True),
        (Stage.recipient, 554, "5.7.1 <a@b.test>: Relay access denied", True),
        (Stage.recipient, 550, "authentication required", True),
        (Stage.recipient, 553, "sorry, that domain isn't in my list; check your mail first (POP)", True),
        (Stage.recipient, 550, "5.1.1 User unknown", False),
        (Stage.final_dot, 550, "5.7.1 spam, relayed by a botnet", False),
        (Stage.recipient, 250, "relayed", False),
    ],
)
def test_what_says_that_a_log_in_is_wanted(stage: Stage, code: int, text: str, expected: bool) -> None:
    assert wants_login(outcome_of(stage, code, text)) is expected


def pop_options(pop: ScriptedPop3, smtp: ScriptedSmtp) -> Any:
    return options_for(
        smtp.port,
        sending__pop_before_smtp__enabled=True,
        sending__pop_before_smtp__host="127.0.0.1",
        sending__pop_before_smtp__port=pop.port,
        sending__pop_before_smtp__encryption="none",
        sending__pop_before_smtp__username=USER,
        sending__pop_before_smtp__password=SecretStr(CANARY),
        sending__timing__connections=1,
    )


def test_the_engine_logs_in_before_it_sends_and_again_when_the_door_is_shut() -> None:
    """The host knows who has logged in; it forgets that while the connection is kept."""
    forgotten = 0

    def relays(line: str) -> Action | None:
        return None if pop.logged_in > forgotten else say("550 5.7.1 relaying denied; POP first")

    async def work() -> None:
        nonlocal forgotten
        queue = MemoryQueue(pop_options(pop, smtp))
        queue.submit(RAW, "one@example.com")
        async with running(queue) as engine:
            await until(all_in(queue, State.sent))
            assert pop.logged_in == 1
            forgotten = 1
            queue.submit(RAW, "two@example.com")
            engine.wake()
            await until(all_in(queue, State.sent))
            assert pop.logged_in == 2
            # A host that refuses right after a log-in means it.
            forgotten = 99
            queue.submit(RAW, "three@example.com")
            engine.wake()
            await until(all_in(queue, State.sent, State.failed))
        assert queue.states() == [State.sent, State.sent, State.failed]
        assert CANARY not in "".join(attempt.conversation for attempt in queue.attempts)
        assert "the log-in by POP3 is repeated" in queue.attempts[1].conversation

    with ScriptedPop3(accounts=ACCOUNTS) as pop, ScriptedSmtp({"rcpt": relays}) as smtp:
        run_in(work())
    assert len(smtp.messages) == 2
    assert pop.logged_in == 3


def test_nothing_is_sent_while_the_pop_host_refuses() -> None:
    async def work() -> None:
        queue = MemoryQueue(pop_options(pop, smtp))
        queue.submit(RAW, "one@example.com")
        async with running(queue):
            await until(all_in(queue, State.deferred))
        outcome = queue.rows[1].last
        assert outcome is not None
        assert (outcome.stage, outcome.failure) == (Stage.pop, Failure.pop_refused)

    with ScriptedPop3(accounts={}) as pop, ScriptedSmtp() as smtp:
        run_in(work())
    assert smtp.connections == 0
