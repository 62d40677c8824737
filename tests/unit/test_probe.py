"""The test of the settings beyond the relay: the other ways of sending, POP before SMTP, bounds, and its words."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from tests.fakes.pop3_server import ScriptedPop3
from tests.fakes.smtp_server import ScriptedSmtp, drop, say, stall
from tests.ports import free_port
from tests.settings_faults import (
    MESSAGE,
    NOBODY,
    PASSWORD,
    RECIPIENT,
    SENDER,
    Steps,
    probe,
    settings,
)
from tests.unit import client_peers as peers
from tests.unit.test_engine_direct import Network, NoPolicies
from trackkit.cli.mail_test import chosen
from trackkit.client.mail_test import SettingsTest
from trackkit.contract import mail_tests
from trackkit.contract.fixes import FixView
from trackkit.domain.diagnosis import BEFORE_ANY_TRY, TABLE
from trackkit.domain.errors import Conflict, NotFound, Unavailable
from trackkit.domain.evidence import Diagnosis
from trackkit.domain.log import Severity
from trackkit.domain.options import Options, changed
from trackkit.domain.probe_findings import Habits, Other, Sight, fixes_of, notices_of
from trackkit.domain.probe_steps import (
    Ending,
    MailWords,
    Step,
    StepKind,
    StepState,
    advice_of,
    diagnosis_of,
    kind_of,
    works_not,
)
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of
from trackkit.mail.direct import Hosts
from trackkit.services.probe_runs import AT_A_TIME, KEPT, MOST_KEPT, Cancelled, MailWanted, ProbeRuns, Run, Watch


def came_to(options: Options, hosts: object = None, message: bytes | None = MESSAGE) -> tuple[Ending, Steps]:
    """A test of these settings."""
    steps = Steps()
    wanted = MailWanted(options, (), SENDER, RECIPIENT, message)
    tester = probe(options, NOBODY, **({"hosts": hosts} if hosts else {}))  # type: ignore[arg-type]
    return asyncio.run(tester(wanted, steps)), steps


def failing(steps: Steps) -> list[tuple[StepKind, str]]:
    return [(step.kind, step.whom) for step in steps.steps if step.state is StepState.failed]


def hosts_of(network: Network) -> object:
    return lambda: Hosts(network.dns, NoPolicies(), network.port)  # type: ignore[arg-type]


def test_direct_delivery_goes_to_the_next_host_and_says_which_failed() -> None:
    with ExitStack() as closing:
        network = Network(closing)
        network.dns.hosts_of["there.test"] = ("one.test", "two.test")
        network.host("one.test", greeting=drop("421 4.3.2 not now"))
        taking = network.host("two.test")
        ending, steps = came_to(changed(Options(), {"sending.method": "direct"}), hosts_of(network))
        assert ending.outcome is None
        assert failing(steps) == [(StepKind.greeting, f"one.test:{network.port}")]
        assert steps.steps[1].kind is StepKind.name
        assert (steps.steps[1].whom, len(taking.messages)) == ("there.test", 1)
        assert ending.fixes == ()


@pytest.mark.parametrize(
    ("said", "relay_gets", "works"),
    [("250 2.1.5 ok", False, True), ("450 4.2.1 later", True, True), ("550 5.1.1 nobody", False, False)],
)
def test_direct_first_then_the_relay_as_mail_would_go(said: str, relay_gets: bool, works: bool) -> None:
    with ExitStack() as closing:
        network = Network(closing)
        network.dns.hosts_of["there.test"] = ("one.test",)
        first = network.host("one.test", rcpt=say(said))
        relay = closing.enter_context(ScriptedSmtp())
        options = changed(settings(relay.port), {"sending.method": "direct-then-smtp"})
        ending, steps = came_to(options, hosts_of(network))
        assert (ending.outcome is None) == works
        assert (len(first.messages), len(relay.messages)) == (works and not relay_gets, relay_gets)
        asked_relay = any(f":{relay.port}" in step.whom for step in steps.steps)
        assert asked_relay == works, "whether the relay would work is to be known unless it would not get the mail"


def test_pop_before_smtp_is_part_of_the_way() -> None:
    with ScriptedPop3(accounts={"box": PASSWORD}) as pop, ScriptedSmtp() as relay:
        values = {"enabled": True, "host": "127.0.0.1", "encryption": "none", "username": "box", "port": pop.port}
        named = {f"sending.pop_before_smtp.{name}": value for name, value in values.items()}
        options = changed(settings(relay.port), {**named, "sending.pop_before_smtp.password": PASSWORD})
        ending, steps = came_to(options)
        assert ending.outcome is None
        assert [s.kind for s in steps.steps if s.whom.endswith(f":{pop.port}")] == [
            "name",
            "connect",
            "greeting",
            "login",
        ]
        assert (pop.logged_in, len(relay.messages)) == (1, 1)
        wrong = changed(options, {"sending.pop_before_smtp.username": "other"})
        ending, steps = came_to(wrong)
        assert failing(steps) == [(StepKind.login, f"127.0.0.1:{pop.port}")]
        assert ending.outcome is not None
        assert ending.outcome.failure is Failure.pop_refused
        assert PASSWORD not in f"{ending} {steps.steps}"
        pop.capabilities = ("USER",)
        _, steps = came_to(changed(options, {"sending.pop_before_smtp.encryption": "starttls-if-offered"}))
        assert failing(steps) == [(StepKind.login, f"127.0.0.1:{pop.port}")], "nothing is encrypted there"


def test_the_pickup_folder_is_tried_and_gets_the_message(tmp_path: Path) -> None:
    options = changed(Options(), {"sending.pickup.folder": str(tmp_path / "gone"), "sending.method": "pickup"})
    ending, steps = came_to(options)
    assert [kind for kind, _ in failing(steps)] == [StepKind.connect]
    assert ending.outcome is not None
    assert ending.outcome.failure is Failure.pickup_folder


def test_mapi_says_that_it_needs_windows() -> None:
    ending, steps = came_to(changed(Options(), {"sending.mapi.enabled": True, "sending.method": "mapi"}))
    assert failing(steps) == [(StepKind.connect, "MAPI")]
    assert ending.outcome is not None
    assert ending.outcome.failure is Failure.no_mapi


def test_without_a_message_nothing_is_sent_and_without_anybody_nobody_is_asked_for() -> None:
    with ScriptedSmtp() as relay:
        options = settings(relay.port)
        came_to(options, message=None)
        assert [line.split(" ")[0] for _, line in relay.lines] == ["EHLO", "MAIL", "RCPT", "QUIT"]
        steps = Steps()
        ending = asyncio.run(probe(options, NOBODY)(MailWanted(options, (), None, ""), steps))
        assert ending.outcome is None
        assert steps.steps[-1].kind is StepKind.ehlo
        assert relay.messages == []


def test_it_ends_in_bounded_time_and_when_it_is_cancelled() -> None:
    async def work() -> None:
        with ScriptedSmtp({"greeting": stall()}) as relay:
            options = replace_timeouts(settings(relay.port))
            wanted, steps = MailWanted(options, (), SENDER, RECIPIENT), Steps()
            ending = await probe(options, NOBODY, longest=0.2)(wanted, steps)
            assert ending.outcome is not None
            assert "given up after 0.2 seconds" in ending.outcome.text
            assert failing(steps) == [(StepKind.greeting, f"127.0.0.1:{relay.port}")]
            task = asyncio.create_task(probe(options, NOBODY)(wanted, Steps()))
            while relay.open == 0:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())


def replace_timeouts(options: Options) -> Options:
    return changed(options, {"sending.smtp.connect_timeout": 600})


@pytest.mark.parametrize("kind", StepKind)
def test_no_advice_speaks_of_mail_in_the_queue(kind: StepKind) -> None:
    for row in TABLE:
        said = row.next_step.replace("{again}", "Reattempt it when that is mended.")
        advice = advice_of(Diagnosis(row.cause, row.title, row.words, said), kind)
        assert advice or kind is StepKind.other_ways
        for words in ("eattempt", "next try", "elete the mail", "elete this one", "{at}", "Nothing:"):
            assert words not in advice, row.cause


PAUSED = {"sending.paused": True, "sending.mapi.enabled": True, "sending.mapi.paused": True}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("method", ["smtp", "direct", "direct-then-smtp", "pickup", "mapi"])
def test_nothing_that_mail_in_the_queue_waits_for_is_said_of_a_test(method: str) -> None:
    options = changed(settings(25), {**PAUSED, "sending.pickup.folder": "/pickup", "sending.method": method})
    waits = BEFORE_ANY_TRY | {"expired", "waiting", "new", "finished"}
    came = [*product([Verdict.temporary], (None, 450, 550)), (Verdict.unknown, None), (Verdict.permanent, 550)]
    for (verdict, code), stage, failure in product(came, Stage, Failure):
        outcome = Outcome(verdict, stage, failure, code, text="said")
        found = diagnosis_of(outcome, options, RECIPIENT, NOW)
        assert found.cause not in waits, outcome
        assert "2026-01-01" not in f"{found.words} {advice_of(found, kind_of(stage))}", outcome
    nothing_tried = Outcome(Verdict.temporary, Stage.configuration)
    assert diagnosis_of(nothing_tried, changed(Options(), PAUSED), "", NOW).cause == "not_configured"


def test_a_refusal_for_now_is_one_for_now_and_no_pause_changes_that() -> None:
    later = outcome_of(Stage.recipient, 450, "4.2.0 later")
    found = diagnosis_of(later, changed(settings(25), {"sending.paused": True}), RECIPIENT, NOW)
    assert found.cause == "deferred_by_host"
    assert "days limit" not in f"{found.title} {found.words} {found.next_step}"


def test_the_verdict_keeps_abbreviations() -> None:
    titles = {row.title: works_not(Diagnosis(row.cause, row.title, "", "")) for row in TABLE}
    assert titles["Encryption is not possible"] == "The settings do not work: encryption is not possible."
    assert titles["SPF, DKIM or DMARC does not pass"] == "The settings do not work: SPF, DKIM or DMARC does not pass."


@pytest.mark.parametrize(("pause", "words"), [("sending", "Sending is"), ("sending.mapi", "Mail by MAPI is")])
def test_a_pause_on_the_way_is_told_and_can_be_ended(pause: str, words: str) -> None:
    option = f"{pause}.paused"
    options = changed(Options(), {"sending.mapi.enabled": True, "sending.method": "mapi", option: True})
    (notice,) = notices_of(options, Sight(), None, (), Habits())
    assert notice.words.startswith(f"{words} paused")
    assert notice.option == option
    (fix,) = fixes_of(options, Sight(), None, ())
    assert fix.changes == {option: False}
    elsewhere = changed(options, {"sending.method": "direct", "sending.paused": False})
    assert not list(notices_of(elsewhere, Sight(), None, (), Habits()))


@pytest.mark.parametrize("said", ["250 2.1.5 ok", "530 5.7.0 log in"])
def test_what_the_mail_host_of_a_domain_offers_says_nothing_of_the_relays_options(said: str) -> None:
    with ExitStack() as closing:
        network = Network(closing)
        network.dns.hosts_of["there.test"] = ("one.test",)
        network.host("one.test", rcpt=say(said)).extensions = ("AUTH PLAIN",)
        account = {"sending.smtp.username": "mailer", "sending.smtp.password": PASSWORD}
        for method in ("direct", "direct-then-smtp"):
            options = changed(settings(free_port()), {**account, "sending.method": method})
            ending, _ = came_to(options, hosts_of(network))
            assert (ending.notices, ending.fixes) == ((), ()), method


def test_a_recipient_that_the_host_cannot_take_is_the_step_that_fails() -> None:
    with ScriptedSmtp() as relay:
        steps = Steps()
        options = settings(relay.port)
        ending = asyncio.run(probe(options, NOBODY)(MailWanted(options, (), SENDER, "bjørn@there.test", None), steps))
        assert failing(steps) == [(StepKind.recipient, f"127.0.0.1:{relay.port}")]
        assert ending.outcome is not None
        assert [line.split(" ")[0] for _, line in relay.lines] == ["EHLO", "QUIT"]


def test_what_it_came_to_stands_although_looking_around_takes_too_long() -> None:
    with ScriptedSmtp({"greeting": stall()}) as relay, ScriptedSmtp({"greeting": stall()}) as other:
        options, steps = settings(relay.port), Steps()
        habits = Habits(usual=(Other(other.port, "none"),))
        ending = asyncio.run(probe(options, habits, longest=1.5)(MailWanted(options, (), SENDER, RECIPIENT), steps))
        assert ending.outcome is not None
        assert ending.outcome.stage is Stage.greeting
        assert failing(steps) == [(StepKind.greeting, f"127.0.0.1:{relay.port}")]
        assert (steps.steps[-1].kind, steps.steps[-1].said) == ("other_ways", "the test was given up after 1.5 seconds")


class Log:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, severity: Severity, source: str, message: str, details: str = "") -> None:
        self.lines.append(message)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def begin(runs: ProbeRuns, who: str, work: object) -> Run:
    return runs.begin("x", who, MailWords(Options(), ""), work, lambda run_id: None)  # type: ignore[arg-type]


def ended(run: Run) -> Run:
    run.wait(1000, 5)
    assert run.ended_at is not None
    return run


def test_runs_are_bounded_in_number_and_in_memory() -> None:
    clock, log = Clock(), Log()
    runs = ProbeRuns(clock, log)  # type: ignore[arg-type]
    go_on = threading.Event()

    def waits(watch: Watch) -> Ending:
        watch.when_cancelled(go_on.set)
        go_on.wait(10)
        raise Cancelled

    under_way = [begin(runs, f"user {n}", waits) for n in range(AT_A_TIME)]
    with pytest.raises(Conflict, match="A test of yours"):
        begin(runs, "user 0", waits)
    with pytest.raises(Conflict, match="4 tests are under way"):
        begin(runs, "another", waits)
    under_way[0].cancel()
    assert ended(under_way[0]).cancelled
    for run in under_way:
        ended(run)
    quick = [ended(begin(runs, "ann", lambda watch: Ending(None))) for _ in range(MOST_KEPT + 2)]
    with pytest.raises(NotFound):
        runs.show(under_way[0].run_id)
    assert runs.show(quick[-1].run_id) is quick[-1]
    clock.now += KEPT + timedelta(seconds=1)
    ended(begin(runs, "ann", lambda watch: Ending(None)))
    with pytest.raises(NotFound):
        runs.show(quick[-1].run_id)
    runs.close()
    with pytest.raises(Unavailable):
        begin(runs, "ann", waits)


def test_a_defect_ends_the_test_with_a_reference_and_a_refused_record_begins_none() -> None:
    log = Log()
    runs = ProbeRuns(Clock(), log)  # type: ignore[arg-type]

    def broken(watch: Watch) -> Ending:
        watch.begun(StepKind.name, "x")
        watch.ended(Step(StepKind.name, "x", StepState.done))
        raise KeyError("kAnArY")

    run = ended(begin(runs, "ann", broken))
    assert run.error is not None
    assert "reference" in run.error.message
    assert run.under_way is None
    assert ["KeyError" in line and "kAnArY" not in line for line in log.lines] == [True]

    def refuses(run_id: str) -> None:
        raise Unavailable("no store")

    with pytest.raises(Unavailable):
        runs.begin("x", "ann", MailWords(Options(), ""), broken, refuses)
    ended(begin(runs, "ann", lambda watch: Ending(None)))


def finished(works: bool, *fixes: FixView, intercepted: bool = False) -> SettingsTest:
    """A test that has ended."""
    notice = mail_tests.MailTestNotice(kind="intercepted", words="x", advice="", option="")
    state = peers.MAIL_TEST.model_copy(
        update={"works": works, "fixes": fixes, "notices": (notice,) if intercepted else ()}
    )
    return SettingsTest(state, lambda *_: state, lambda _: state)


def test_without_asking_the_command_line_neither_changes_what_works_nor_trusts_what_may_be_between() -> None:
    port = FixView(operation="options.set", words="Use port 587", changes={"sending.smtp.port": 587})
    trust = FixView(operation="trust.add", words="Trust this certificate", host="mail.example", port=25)
    assert chosen(finished(False, port, trust), [], yes=True) == port
    assert chosen(finished(False, port, trust), [port], yes=True) == trust
    assert chosen(finished(False, trust, intercepted=True), [], yes=True) is None
    assert chosen(finished(True, port), [], yes=True) is None
    assert chosen(finished(False, port), [port], yes=True) is None, "nothing is applied twice"
    assert chosen(finished(False, port), [], yes=False) is None, "without a terminal nobody can be asked"
