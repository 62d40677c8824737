"""Every way a mail host can misbehave, at every stage of a conversation: what becomes of each recipient.

The rule is a table, `tests.unit.smtp_rules`. All of it runs at the same time, since most of it is waiting; each test
looks at one case.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
import trustme
import uvloop

from tests.fakes.smtp_server import Action, Decision, ScriptedSmtp, say, when
from tests.unit.smtp_rules import FAILURES, HOWS, rules
from tests.unit.smtp_sending import CANARY, RAW, THREE, USER, login, route_to
from trackkit.domain.message import Envelope
from trackkit.domain.replies import Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Route
from trackkit.mail.transports.smtp import connect

SILENCE_SECONDS = 3.0
AT_A_TIME = 60

SCRIPTED = {
    "greeting": "greeting",
    "ehlo": "ehlo",
    "starttls": "starttls",
    "login": "auth",
    "sender": "mail",
    "recipient": "rcpt",
    "data": "data",
    "final_dot": "dot",
    "taken": "dot",
    "reset": "rset",
    "reset_between": "rset",
    "quit": "quit",
}
MANY = tuple(f"r{number}@example.com" for number in range(150))
FIRST_HUNDRED = 100


@dataclass(frozen=True)
class Case:
    """One cell of the table, in one of the ways to get there."""

    stage: str
    how: str
    way: str

    @property
    def name(self) -> str:
        return f"{self.stage}-{self.how}-{self.way}"

    @property
    def rule(self) -> str:
        return rules()[self.stage, HOWS[self.how][0]]

    @property
    def action(self) -> Action:
        """A 354 is another class everywhere but after DATA; a 2xx is one there."""
        if self.stage == "data" and self.how == "a code of another class":
            return say("250 2.0.0 fine")
        action = HOWS[self.how][1]
        return Action(action.data, action.then, action.pause, takes=self.stage == "taken" and action.data is not None)

    @property
    def recipients(self) -> tuple[str, ...]:
        return MANY if self.stage == "reset_between" else THREE


AHEAD = ("sender", "recipient", "data", "final_dot", "taken")
CASES = [
    Case(stage, how, way)
    for stage in SCRIPTED
    for how in HOWS
    for way in ("one by one", "pipelined", "ahead")
    # Nothing is pipelined before the extensions are known; only a message has one after it.
    if way == "one by one"
    or (way == "pipelined" and stage not in ("greeting", "ehlo", "starttls", "login"))
    or (way == "ahead" and stage in AHEAD)
]


@dataclass(frozen=True)
class Ending:
    """What one case came to."""

    outcomes: Mapping[str, Outcome]
    conversation: str
    taken: Sequence[str]
    """Every recipient of every message the host took."""
    connections: int


def server_for(case: Case, tls: ssl.SSLContext) -> ScriptedSmtp:
    """A host that misbehaves in this one way."""
    script: dict[str, Action | Decision] = {SCRIPTED[case.stage]: case.action}
    if case.way == "ahead":  # what the message before said and got is as it should be
        script[SCRIPTED[case.stage]] = when("second@" if case.stage == "sender" else "two@", case.action)
    extensions = ["8BITMIME"] + ["PIPELINING"] * (case.way != "one by one")
    if case.stage == "recipient":
        script["rcpt"] = when("two@", case.action)
    elif case.stage == "ehlo" and case.rule != "A":
        script["helo"] = case.action
    elif case.stage == "reset":
        script["rcpt"] = when("nobody@", say("550 5.1.1 no"))
    elif case.stage == "reset_between":
        early = tuple(f"<{address}>" for address in MANY[:FIRST_HUNDRED])
        script["rcpt"] = lambda line: say("550 5.1.1 no") if line.endswith(early) else None
    elif case.stage == "starttls":
        extensions.append("STARTTLS")
    elif case.stage == "login":
        extensions.append("AUTH PLAIN")
    return ScriptedSmtp(script, extensions=extensions, tls=tls, accounts={USER: CANARY})


def route_for(case: Case, port: int) -> Route:
    changes = {"starttls": {"encryption": "starttls"}, "login": {"login": login()}}.get(case.stage, {})
    return route_to(port, connect_timeout=SILENCE_SECONDS, conversation_timeout=SILENCE_SECONDS, **changes)


async def play(case: Case, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> Ending:
    """Send to such a host, as a lane of the engine does it."""
    with server_for(case, server_tls) as server:
        route = route_for(case, server.port)
        messages = [Envelope("", case.recipients)]
        if case.stage == "reset":
            messages = [Envelope("", ("nobody@example.com",)), Envelope("", THREE)]
        elif case.way == "ahead":
            messages = [Envelope("first@example.com", ("before@example.com",)), Envelope("second@example.com", THREE)]
        connection: object = None
        outcomes: dict[str, Outcome] = {}
        for envelope in messages:
            rcpt_tos = envelope.rcpt_tos
            following = (lambda: (messages[1], RAW)) if case.way == "ahead" and envelope is messages[0] else None
            delivered, outcomes = False, {}
            while not delivered:
                if connection is None:
                    conversation = Conversation()
                    connection = await connect(route, lambda: trusting, "client.example.com", conversation)
                if isinstance(connection, Outcome):
                    return Ending(dict.fromkeys(rcpt_tos, connection), conversation.text, [], server.connections)
                delivered = await connection.deliver(envelope, RAW, outcomes, following)  # type: ignore[attr-defined]
                conversation = connection.conversation  # type: ignore[attr-defined]
                if connection.over:  # type: ignore[attr-defined]
                    connection = None
        if connection is not None:
            await connection.close()  # type: ignore[attr-defined]
        # The host takes a message before it answers: nothing more comes.
        taken = [address for message in server.messages for address in message.rcpt_tos]
        return Ending(outcomes, conversation.text, taken, server.connections)


@pytest.fixture(scope="module")
def endings() -> Mapping[Case, Ending]:
    """All of them, a bounded number at a time."""
    authority = trustme.CA()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def all_of_them() -> dict[Case, Ending]:
        places = asyncio.Semaphore(AT_A_TIME)

        async def one(case: Case) -> Ending:
            async with places:
                return await play(case, server_tls, trusting)

        return dict(zip(CASES, await asyncio.gather(*map(one, CASES)), strict=True))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_of_them())


def expected(case: Case) -> dict[str, Verdict]:
    """The verdict for each recipient, from the table."""
    verdicts = {"A": Verdict.accepted, "T": Verdict.temporary, "P": Verdict.permanent, "U": Verdict.unknown}
    if case.rule in ("r", "a"):
        others = Verdict.temporary if case.rule == "r" else Verdict.accepted
        return {a: Verdict.permanent if n < FIRST_HUNDRED else others for n, a in enumerate(MANY)}
    if case.rule in ("t", "p"):
        return {a: verdicts[case.rule.upper()] if "two@" in a else Verdict.accepted for a in THREE}
    return dict.fromkeys(case.recipients, verdicts[case.rule])


@pytest.mark.spec("5: an attempt whose outcome is unknown (connection lost after the final dot) is tried again")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_misbehaviour_at_every_stage(endings: Mapping[Case, Ending], case: Case) -> None:
    ending = endings[case]
    assert {a: o.verdict for a, o in ending.outcomes.items()} == expected(case), ending.conversation
    # Nothing is lost, and nothing that has arrived is sent again, unless the host did not say that it has.
    for address, outcome in ending.outcomes.items():
        arrived = ending.taken.count(address)
        if outcome.verdict is Verdict.accepted or case.stage == "taken":
            assert arrived == 1
        elif outcome.verdict is not Verdict.unknown:
            assert arrived == 0
    assert CANARY not in ending.conversation
    assert "\x1b" not in ending.conversation


@pytest.mark.parametrize("case", [c for c in CASES if c.rule in "TPUtp"], ids=lambda case: case.name)
def test_the_outcome_says_what_happened_and_where(endings: Mapping[Case, Ending], case: Case) -> None:
    outcome = endings[case].outcomes[THREE[1]]
    stage = Stage("final_dot" if case.stage == "taken" else case.stage)
    assert (outcome.stage, outcome.failure, outcome.smtp_code) == (stage, *FAILURES[HOWS[case.how][0]])
    assert outcome.text
    assert all(line.isprintable() for line in outcome.text.split("\n"))


def test_a_connection_is_opened_anew_where_the_old_one_cannot_be_reset(endings: Mapping[Case, Ending]) -> None:
    for case, ending in endings.items():
        if case.stage == "reset":
            assert ending.connections == (1 if HOWS[case.how][0] == "slow" else 2), case.name
        elif case.way == "ahead" and case.stage == "sender":
            # Nothing was said to this message: whether the host means it is found out over a new connection.
            assert ending.connections in (1, 2), case.name
        else:
            assert ending.connections == 1, case.name
