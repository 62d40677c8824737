"""The test of the settings for sending, through a running server: steps as they come, the fix applied, mail leaves."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificates import certificate
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp, say
from tests.ports import wait_until
from tests.running import RunningServer
from tests.settings_faults import SETTINGS_FAULTS, first_fix, world_of
from trackkit.client import Server
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from trackkit.domain.options import flat
from trackkit.domain.probe_steps import StepKind, StepState

PASSWORD = "kAnArY-pa55 wörd/9"
TO = "b@there.test"
RAW = b"Subject: x\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    for name, role in (("olga", "operator"), ("vera", "viewer")):
        running.admin.users.add(name, role, "a-long-passphrase")
    return running


def use(server: Server, port: int, **smtp: object) -> None:
    """The settings for a host of the test."""
    values = {"host": "127.0.0.1", "port": port, "encryption": "none", "connect_timeout": 1, "conversation_timeout": 2}
    server.options.set({f"sending.smtp.{name}": value for name, value in {**values, **smtp}.items()})


@contextmanager
def silent() -> Iterator[int]:
    """A port where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.spec("13: a test that ends in the fix: the change is offered as a diff, applied, and mail leaves")
@pytest.mark.spec("5: only a connection test bypasses the queue")
def test_from_wrong_settings_to_mail_that_leaves_by_the_offered_fixes(server: RunningServer) -> None:
    admin = server.admin
    made = certificate()
    extensions = ("AUTH PLAIN",)
    with ScriptedSmtp(tls=made.server(), implicit=True, extensions=extensions, accounts={"mailer": PASSWORD}) as relay:
        login = {"authentication": "basic", "username": "mailer", "password": PASSWORD}
        use(admin, relay.port, encryption="starttls", connect_timeout=1, **login)
        stuck = admin.mail.submit(RAW, sender="a@here.test", recipients=[TO]).queue_id

        first = admin.mail.test(recipient=TO, sender="a@here.test", send=True).wait()
        assert first.works is False
        assert first.failed is not None
        assert (first.failed.kind, first.state.cause) == (StepKind.greeting, "host_unreachable")
        assert [fix.changes for fix in first.fixes] == [{"sending.smtp.encryption": "tls"}]
        assert "Encryption: starttls → tls" in prepared(admin, first.fixes[0])
        admin.apply(first.fixes[0])

        second = admin.mail.test(recipient=TO, sender="a@here.test", send=True).wait()
        assert second.failed is not None
        assert (second.failed.kind, second.state.cause) == (StepKind.certificate, "tls_untrusted")
        assert [fix.operation for fix in second.fixes] == ["trust.add"]
        (listed,) = admin.trust.untrusted()
        assert listed.fingerprint == made.fingerprint
        admin.apply(second.fixes[0])

        third = admin.mail.test(recipient=TO, sender="a@here.test", send=True)
        seen = list(third)
        names = ["settings", "name", "connect", "encryption", "certificate", "greeting", "ehlo", "login"]
        assert [step.kind for step in seen] == [*names, "sender", "recipient", "message"]
        assert [step.number for step in seen] == list(range(1, 12))
        assert {step.state for step in seen} == {StepState.done}
        tests = [m for m in relay.messages if b"Test message from trackkit" in m.data]
        assert [(m.mail_from, m.rcpt_tos) for m in tests] == [("a@here.test", (TO,))]
        admin.mail.reattempt(stuck)
        wait_until(lambda: any(m.data.endswith(b"hello\r\n") for m in relay.messages), what="the stuck mail leaving")
    subjects = {sent.subject for sent in admin.mail.history().sent}
    assert "Test message from trackkit" not in subjects, "the test went through the queue"
    told = f"{first.state} {second.state} {third.state} {admin.audit.list().records} {admin.log.list().entries}"
    assert PASSWORD not in told
    assert "> AUTH PLAIN ***" in third.conversation


def prepared(server: Server, fix: object) -> str:
    from trackkit.client.fixes import prepare

    return prepare(server, fix).question  # type: ignore[arg-type]


THROUGH_THE_SERVER = (
    "the name does not resolve",
    "nothing listens",
    "a greeting that is no SMTP",
    "STARTTLS is missing",
    "certificate: unknown issuer",
    "certificate: wrong host",
    "a foreign self-signed certificate",
    "a firewall writes over the greeting",
    "a log-in is needed but not chosen",
    "sender refused",
    "recipient refused",
    "message refused",
)
"""Of `SETTINGS_FAULTS`: those whose host needs no certificate that this machine trusts, and no usual port."""


@pytest.mark.spec("7: test: the first step that fails and the fix, for each fault of the settings")
def test_faults_have_their_step_and_their_fix_through_the_server(server: RunningServer) -> None:
    admin = server.admin
    for name in THROUGH_THE_SERVER:
        fault = SETTINGS_FAULTS[name]
        with world_of(fault) as world:
            smtp = {
                option: value for option, value in flat(world.options).items() if option.startswith("sending.smtp.")
            }
            admin.options.set(smtp)
            test = admin.mail.test(recipient=TO, sender="a@here.test", send=True).wait()
            failed = test.failed.kind if test.failed else None
            assert (name, failed, first_fix(test.fixes, world)) == (name, fault.step, fault.fix)
            assert tuple(notice.kind for notice in test.notices) == fault.notices
            assert (test.failed is None) or (test.failed.words and test.failed.advice)


@pytest.mark.spec("7: test: streamed step by step, bounded, can be cancelled, one at a time for each person")
def test_a_test_is_followed_live_and_ended_and_holds_up_nothing(server: RunningServer) -> None:
    admin = server.admin
    with silent() as port, ScriptedSmtp() as other:
        use(admin, port, connect_timeout=60, authentication="anonymous")
        test = admin.mail.test()
        while test.state.under_way is None or test.state.under_way.kind is not StepKind.greeting:
            test.refresh(1)
        assert [step.kind for step in test.steps] == ["settings", "name", "connect"]
        assert not test.finished
        with pytest.raises(Conflict, match="A test of yours is under way"):
            admin.mail.test()
        # Another person's goes on beside it, and so does the mail engine, with the options of now.
        use(admin, other.port)
        with server.connect("olga", "a-long-passphrase") as olga:
            assert olga.mail.test().wait().works
            assert olga.mail.test_progress(test.state.test_id).username == "admin"
        admin.mail.submit(RAW, sender="a@here.test", recipients=[TO])
        wait_until(lambda: other.messages, what="mail leaving beside the test")
        looks = [threading.Thread(target=admin.mail.test_progress, args=(test.state.test_id, 3, 5)) for _ in range(2)]
        for look in looks:
            look.start()
        test.cancel()
        assert test.wait().works is None
        for look in looks:
            look.join(4)
            assert not look.is_alive(), "who waits hears of the end at once"
        assert test.verdict == "The test was cancelled."
        test.cancel()
    with pytest.raises(NotFound):
        admin.mail.test_progress("7e57")
    with server.connect("vera", "a-long-passphrase") as vera, pytest.raises(NotAllowed):
        vera.mail.test()
    record = next(r for r in admin.audit.list().records if r.operation == "mail.test")
    assert (record.username, record.after["what"]) == ("olga", f"the relay 127.0.0.1:{other.port}")


def test_what_cannot_be_tested_is_refused_with_the_reason(server: RunningServer) -> None:
    admin = server.admin
    with pytest.raises(InvalidInput, match="recipient: is missing, and a test message"):
        admin.mail.test(send=True)
    with pytest.raises(InvalidInput, match="sender: "):
        admin.mail.test(sender="no address")
    admin.options.set({"sending.method": "direct"})
    with pytest.raises(InvalidInput, match="direct delivery goes to the mail hosts of its domain"):
        admin.mail.test()
    direct = admin.mail.test(recipient="x@no-such-domain.invalid").wait()
    assert direct.failed is not None
    assert (direct.failed.kind, direct.failed.host) == (StepKind.name, "no-such-domain.invalid")
    admin.options.set({"sending.method": "smtp"})


@pytest.mark.spec("7: test: on the command line, with the fix offered and the exit code telling")
def test_on_the_command_line(server: RunningServer, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})
    made = certificate()
    with ScriptedSmtp(tls=made.server(), extensions=("STARTTLS",)) as relay:
        use(server.admin, relay.port, encryption="tls")
        failed = cli("mail", "test", "--to", TO, exit_code=1)
        assert "FAILED" in failed
        assert "Possible: Switch the encryption to STARTTLS" in failed
        lines = [json.loads(line) for line in cli("mail", "test", "--json", exit_code=1).splitlines()]
        assert [line["kind"] for line in lines[:-1]] == [step["kind"] for step in lines[-1]["steps"]]
        assert (lines[-1]["works"], lines[-1]["cause"]) == (False, "tls_not_possible")
        mended = cli("mail", "test", "--to", TO, "--send", "--yes")
        assert "The settings work: the host has taken the test message" in mended
        assert mended.count("Once more with that:") == 2
        assert len(relay.messages) == 1
    with ScriptedSmtp({"rcpt": say("450 4.2.0 greylisted")}) as relay:
        use(server.admin, relay.port)
        refused = cli("mail", "test", "--to", TO, "--yes", exit_code=1)
        assert "test again later" in refused
        assert "next try" not in refused
