"""Everything that can be wrong with the settings for sending (SPEC §7, Test), each as a mail host that is so.

A `Fault` says how the host is, what the settings are, and what a test has to come to: the step that fails first, what
is recognised, and the fix that is offered first. `tests/unit/test_probe_faults.py` runs them; ``python -m
tests.faults_table`` prints them as a table.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.certificate_faults import FAULTS as CERTIFICATE_FAULTS
from tests.certificate_faults import ROOT
from tests.certificates import certificate, trusting
from tests.fakes.delivery_queue import MemoryQueue, utc_now
from tests.fakes.smtp_server import Action, ScriptedSmtp, babble, drop, say, stall, when
from tests.ports import free_port
from tests.unit.engine_running import options_for
from trackkit.contract.fixes import FixView
from trackkit.domain.fixes import Fix
from trackkit.domain.options import Options, changed
from trackkit.domain.probe_findings import Habits, Other
from trackkit.domain.probe_steps import Ending, Step, StepKind, StepState
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.direct import Hosts
from trackkit.mail.local_ways import LocalPlaces
from trackkit.mail.probe import Probe
from trackkit.mail.way import Surroundings
from trackkit.services.machine import Machine
from trackkit.services.probe_runs import MailWanted

PASSWORD = "kAnArY-pa55 wörd/9"
SENDER, RECIPIENT = "sender@here.test", "recipient@there.test"
ACCOUNT = {"authentication": "basic", "username": "mailer", "password": PASSWORD}
MESSAGE = b"Subject: test\r\nMessage-ID: <1@here.test>\r\n\r\nhello\r\n"
GOOD = certificate(issuer=ROOT)
"""What this machine trusts."""


NOBODY = Habits(usual=())
"""Nothing else listens."""


@dataclass(frozen=True)
class World:
    """A host, its settings, and what else listens there."""

    options: Options
    habits: Habits = NOBODY
    host: ScriptedSmtp | None = None
    trust_of: int = 0
    """The port whose certificate is to be trusted."""


Make = Callable[[ExitStack], World]


@dataclass(frozen=True)
class Fault:
    """What is wrong, and what a test of the settings says of it.

    step: the one that fails first; none = the settings work.
    notices: what is recognised besides.
    fix: the changes offered first, or ``trust``; a port of the world stands as its number's name.
    """

    make: Make
    step: StepKind | None
    fix: str = ""
    notices: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)


def host(closing: ExitStack, script: Mapping[str, Any] | None = None, **more: Any) -> ScriptedSmtp:
    """A mail host that is up while the world is."""
    return closing.enter_context(ScriptedSmtp(script or {}, **more))


def tls(**more: Any) -> dict[str, Any]:
    """A host with a certificate that is trusted, offering STARTTLS and a log-in unless told otherwise."""
    return {"tls": GOOD.server(), "extensions": ("STARTTLS", "AUTH PLAIN LOGIN"), "accounts": ACCOUNTS, **more}


ACCOUNTS = {"mailer": PASSWORD}


def settings(port: int, **smtp: Any) -> Options:
    """Settings for a host of the test; it is waited for a second."""
    values = {f"sending.smtp.{name}": value for name, value in smtp.items()}
    return changed(options_for(port, sending__smtp__connect_timeout=1, sending__smtp__conversation_timeout=1), values)


def _plain(script: Mapping[str, Any] | None = None, host_is: Mapping[str, Any] | None = None, **smtp: Any) -> Make:
    """A host without TLS unless it is told to have it."""

    def make(closing: ExitStack) -> World:
        server = host(closing, script, **(host_is or {}))
        return World(settings(server.port, **smtp), host=server, trust_of=server.port)

    return make


def _with_submission(make: Make, implicit: bool = False, slow_greeting: float = 60.0) -> Make:
    """Beside the host a second one: submission with STARTTLS, or TLS from the start."""

    def made(closing: ExitStack) -> World:
        world = make(closing)
        other = host(closing, **tls(implicit=implicit))
        way = Other(other.port, "tls" if implicit else "starttls")
        port = world.options.sending.smtp.port
        return World(world.options, Habits((way,), port, slow_greeting), world.host, world.trust_of)

    return made


def _dead(closing: ExitStack) -> World:
    return World(settings(free_port()))


def _unknown_name(closing: ExitStack) -> World:
    return World(settings(25, host="no-such-host.invalid"))


def _not_set_up(closing: ExitStack) -> World:
    return World(changed(Options(), {}))


def _untrusted(name: str) -> Make:
    def make(closing: ExitStack) -> World:
        fault = CERTIFICATE_FAULTS[name]
        server = host(closing, **tls(tls=fault.made().server(weak=fault.weak)))
        return World(settings(server.port, encryption="starttls"), host=server, trust_of=server.port)

    return make


def _scanner(closing: ExitStack) -> World:
    """A virus scanner's own certificate, from an authority of its own."""
    shown = certificate(subject="mail", issuer=certificate("Avast Web/Mail Shield Root", is_authority=True))
    server = host(closing, **tls(tls=shown.server()))
    return World(settings(server.port, encryption="starttls"), host=server, trust_of=server.port)


def _foreign(closing: ExitStack) -> World:
    server = host(closing, **tls(tls=certificate("gateway.example").server()))
    options = settings(server.port, encryption="starttls", host="localhost")
    return World(options, host=server, trust_of=server.port)


def _other_name(closing: ExitStack) -> World:
    server = host(closing, **tls(tls=certificate("localhost", ROOT).server()))
    return World(settings(server.port, encryption="starttls"), host=server, trust_of=server.port)


SLOW = Action(b"220 slow.test ESMTP\r\n", pause=0.02)
_TLS_ONLY = {"encryption": "tls"}
_IMPLICIT = tls(implicit=True)
_OPEN_LOGIN = {"extensions": ("AUTH PLAIN LOGIN",), "accounts": ACCOUNTS}
_NEEDS_LOGIN = {"rcpt": say("530 5.7.0 Authentication required")}
_HIDDEN = {"extensions": ("8BITMIME", "XXXXXXXA")}

SETTINGS_FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "nothing is wrong": Fault(_plain(host_is=tls(), encryption="starttls", **ACCOUNT), None),
        "no host is set": Fault(_not_set_up, StepKind.settings),
        "the name does not resolve": Fault(_unknown_name, StepKind.name),
        "nothing listens": Fault(_dead, StepKind.connect),
        "nothing listens, but submission does": Fault(
            _with_submission(_dead), StepKind.connect, "port=submission encryption=starttls"
        ),
        "a silent host": Fault(_plain({"greeting": stall()}), StepKind.greeting),
        "a slow greeting on 25": Fault(
            _with_submission(_plain({"greeting": SLOW}), slow_greeting=0.3),
            None,
            "port=submission encryption=starttls",
            ("slow_greeting",),
        ),
        "no greeting in time on 25": Fault(
            _with_submission(_plain({"greeting": stall()})),
            StepKind.greeting,
            "port=submission encryption=starttls",
            ("slow_greeting",),
        ),
        "a greeting that is no SMTP": Fault(_plain({"greeting": babble(b"SSH-2.0-x\r\n")}), StepKind.greeting),
        "a greeting that refuses": Fault(_plain({"greeting": drop("554 5.7.1 not you")}), StepKind.greeting),
        "EHLO is refused, HELO too": Fault(
            _plain({"ehlo": say("550 no"), "helo": say("550 no")}), StepKind.ehlo, "", ("intercepted",)
        ),
        "STARTTLS is missing": Fault(
            _plain(encryption="starttls"), StepKind.encryption, "encryption=starttls-if-offered"
        ),
        "STARTTLS is missing, with a log-in": Fault(_plain(encryption="starttls", **ACCOUNT), StepKind.encryption),
        "STARTTLS is missing, but 465 is there": Fault(
            _with_submission(_plain(encryption="starttls"), implicit=True),
            StepKind.encryption,
            "port=submission encryption=tls",
        ),
        "STARTTLS is refused": Fault(
            _plain({"starttls": say("454 4.7.0 not now")}, tls(), encryption="starttls"), StepKind.encryption
        ),
        "TLS from the start on a STARTTLS port": Fault(
            _plain(host_is=tls(), **_TLS_ONLY), StepKind.encryption, "encryption=starttls"
        ),
        "STARTTLS on a port with TLS from the start": Fault(
            _plain(host_is=_IMPLICIT, encryption="starttls"), StepKind.greeting, "encryption=tls"
        ),
        "no encryption on a port with TLS from the start": Fault(
            _plain(host_is=_IMPLICIT), StepKind.greeting, "encryption=tls"
        ),
        **{
            f"certificate: {name}": Fault(_untrusted(name), StepKind.certificate, "trust")
            for name in CERTIFICATE_FAULTS
        },
        "certificate: made for another name of the host": Fault(_other_name, StepKind.certificate, "host=localhost"),
        "a virus scanner's certificate": Fault(_scanner, StepKind.certificate, "trust", ("intercepted",)),
        "a foreign self-signed certificate": Fault(_foreign, StepKind.certificate, "trust", ("intercepted",)),
        "a firewall hides STARTTLS": Fault(
            _with_submission(_plain(host_is=_HIDDEN, encryption="starttls"), implicit=True),
            StepKind.encryption,
            "port=submission encryption=tls",
            ("intercepted",),
        ),
        "a firewall hides STARTTLS, no other way": Fault(
            _plain(host_is=_HIDDEN, encryption="starttls"), StepKind.encryption, "", ("intercepted",)
        ),
        "a firewall writes over the greeting": Fault(
            _plain({"greeting": say("220 ****************************")}), None, "", ("intercepted",)
        ),
        "a scanner's greeting": Fault(
            _plain({"greeting": say("220 here.test AVG SMTP proxy")}), None, "", ("intercepted",)
        ),
        "wrong password": Fault(
            _plain({"auth": say("535 5.7.8 no")}, tls(), encryption="starttls", **ACCOUNT), StepKind.login
        ),
        "no log-in is offered before encryption": Fault(
            _plain(host_is=tls(tls=None, extensions=()), encryption="starttls-if-offered", **ACCOUNT), StepKind.login
        ),
        "another log-in is offered": Fault(
            _plain(host_is=tls(extensions=("STARTTLS", "AUTH NTLM")), encryption="starttls", **ACCOUNT),
            StepKind.login,
            "authentication=ntlm",
        ),
        "no log-in is offered at all": Fault(
            _plain(host_is=tls(extensions=("STARTTLS",)), encryption="starttls", **ACCOUNT),
            StepKind.login,
            "authentication=anonymous",
        ),
        "a log-in is needed but not set": Fault(
            _plain(_NEEDS_LOGIN, _OPEN_LOGIN), StepKind.recipient, "", ("login_needed",)
        ),
        "a log-in is needed but not chosen": Fault(
            _plain(_NEEDS_LOGIN, _OPEN_LOGIN, username="mailer", password=PASSWORD),
            StepKind.recipient,
            "authentication=basic",
            ("login_needed",),
        ),
        "a log-in is needed and not offered on this port": Fault(
            _with_submission(_plain(_NEEDS_LOGIN)),
            StepKind.recipient,
            "port=submission encryption=starttls",
            ("login_needed",),
        ),
        "a log-in is offered but unused": Fault(
            _plain(host_is=_OPEN_LOGIN, username="mailer", password=PASSWORD),
            None,
            "authentication=basic",
            ("login_unused",),
        ),
        "sender refused": Fault(_plain({"mail": say("550 5.7.1 not from you")}), StepKind.sender),
        "recipient refused": Fault(
            _plain({"rcpt": when("there.test", say("550 5.1.1 no such user"))}), StepKind.recipient
        ),
        "recipient refused for now": Fault(_plain({"rcpt": say("450 4.2.0 greylisted")}), StepKind.recipient),
        "message refused": Fault(_plain({"dot": say("554 5.7.1 spam")}), StepKind.message),
        "the connection breaks after the message": Fault(_plain({"dot": drop()}), StepKind.message),
    }
)


class Steps:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun_ones: list[tuple[StepKind, str]] = []
        self.steps: list[Step] = []

    def begun(self, kind: StepKind, whom: str) -> None:
        self.begun_ones.append((kind, whom))

    def ended(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def failed(self) -> Step | None:
        """The first that failed."""
        return next((step for step in self.steps if step.state is StepState.failed), None)


def machine() -> ssl.SSLContext:
    """What verifies hosts: this machine, with the test's authority."""
    return trusting(ROOT)


def no_hosts() -> Hosts:
    """For tests that look nothing up."""
    raise AssertionError("nothing is to be looked up")


def probe(options: Options, habits: Habits, hosts: Callable[[], Hosts] = no_hosts, longest: float = 30) -> Probe:
    """A probe as the server has one, in the world of a test."""
    queue = MemoryQueue(options)
    tokens = AccessTokens(queue.token_account, machine, queue.report)
    shared = Surroundings(utc_now, queue.report, machine, "here.test", tokens)
    return Probe(shared, hosts, LocalPlaces(Machine(), queue.report), habits, longest)


def came_to(world: World) -> tuple[Ending, Steps]:
    """What a test of that world's settings says, sending a message."""
    steps = Steps()
    wanted = MailWanted(world.options, (), SENDER, RECIPIENT, MESSAGE)
    return asyncio.run(probe(world.options, world.habits)(wanted, steps)), steps


@contextmanager
def world_of(fault: Fault) -> Iterator[World]:
    """The fault, for real, for as long as it is needed."""
    with ExitStack() as closing:
        yield fault.make(closing)


def first_fix(fixes: Sequence[Fix] | Sequence[FixView], world: World) -> str:
    """The fix that is offered first, as `Fault.fix` writes it."""
    if not fixes:
        return ""
    fix = fixes[0]
    if fix.operation == "trust.add":
        return "trust" if fix.port == world.trust_of else f"trust {fix.host}:{fix.port}"
    ports = {other.port: "submission" for other in world.habits.usual}
    values = {name.rpartition(".")[2]: value for name, value in fix.changes.items()}
    return " ".join(f"{name}={ports.get(value, value) if name == 'port' else value}" for name, value in values.items())
