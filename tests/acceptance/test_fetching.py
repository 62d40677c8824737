"""The mailbox of a running server: tested step by step up to the fix, fetched from, looked at, in Python, on the
command line and in the form."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import ipywidgets as w
import pytest

from tests.certificates import certificate
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.pop3_mailbox import PASSWORD, Box, MailboxHost
from tests.ports import free_port
from tests.running import RunningServer
from tests.unit.test_widgets_mail_test import all_of, button
from trackkit.client import Server
from trackkit.domain.errors import Conflict, NotFound
from trackkit.domain.probe_steps import StepKind, StepState
from trackkit.widgets.mail_test_panel import UNSAVED
from trackkit.widgets.server_options import ServerOptionsPanel

MAIL = b"From: Eve <eve@there.test>\r\nTo: track@here.test\r\nSubject: Hello\r\n\r\nIs anybody there?\r\n"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    return start_for_module()


@pytest.fixture
def host() -> Iterator[MailboxHost]:
    with MailboxHost(certificate().server()) as host:
        host.boxes["track"] = Box([MAIL])
        yield host


def use(server: Server, port: int, **more: Any) -> None:
    """The mailbox of the test; it is fetched from when the test says so."""
    values = {"enabled": True, "host": "127.0.0.1", "port": port, "encryption": "tls", "username": "track"}
    values |= {"password": PASSWORD, "address": "track@here.test", "poll_interval": 86_400, "connect_timeout": 5}
    values["remove_untracked"] = False
    server.options.set({f"tracking.{name}": value for name, value in {**values, **more}.items()})


def steps(test: Any) -> list[tuple[StepKind, StepState]]:
    return [(step.kind, step.state) for step in test.steps]


@pytest.mark.spec("7: tracking: the mailbox is tested step by step, and the test ends in the fix")
def test_from_an_untrusted_host_to_mail_that_comes_in(server: RunningServer, host: MailboxHost) -> None:
    admin = server.admin
    with pytest.raises(Conflict, match="not set up"):
        admin.tracking.test()
    use(admin, host.port)
    tried = admin.tracking.test().wait()
    assert tried.failed is not None
    assert (tried.failed.kind, tried.state.cause) == (StepKind.certificate, "untrusted")
    assert tried.failed.option == "tracking.host"
    assert [fix.operation for fix in tried.fixes] == ["trust.add"]
    (mailbox,) = admin.tracking.status().mailboxes
    assert mailbox.failure in ("", "untrusted")  # it may be fetched from at this very moment
    admin.apply(tried.fixes[0])

    admin.options.set({"tracking.password": "wrong"})
    tried = admin.tracking.test().wait()
    assert (tried.works, tried.state.cause, tried.failed and tried.failed.kind) == (False, "login", StepKind.login)
    (polled,) = admin.tracking.poll().mailboxes
    assert polled.words == "The host refuses the log-in: [AUTH] no"
    (finding,) = [one for one in admin.health().findings if one.subject.startswith("mailbox ")]
    assert (finding.severity, finding.option) == ("warning", "tracking.password")

    admin.options.set({"tracking.password": PASSWORD})
    tried = admin.tracking.test().wait()
    assert tried.works, tried.verdict
    kinds = [StepKind.settings, StepKind.connect, StepKind.encryption, StepKind.certificate, StepKind.greeting]
    assert [kind for kind, _ in steps(tried) if kind is not StepKind.name] == [
        *kinds,
        StepKind.login,
        StepKind.mailbox,
    ]
    assert "1 message in the mailbox" in tried.steps[-1].words
    assert PASSWORD not in tried.conversation
    assert host.boxes["track"].messages == [MAIL]

    (polled,) = admin.tracking.poll().mailboxes
    assert (polled.words, polled.removed) == ("", 0)
    (mail,) = admin.tracking.inbox().items
    assert (mail.state, mail.subject, mail.kept) == ("untracked", "Hello", False)
    with pytest.raises(Conflict, match="not in the inbox"):
        admin.tracking.raw(mail.inbox_id)
    with pytest.raises(NotFound):
        admin.tracking.show(mail.inbox_id + 1)
    (mailbox,) = admin.tracking.status().mailboxes
    assert (mailbox.failing_since, mailbox.waiting) == (None, 0)


@pytest.mark.spec("8: each mail is on disk here before it is deleted there, once, wherever a session breaks")
def test_wherever_a_session_breaks_each_mail_is_here_once(server: RunningServer) -> None:
    admin, sent = server.admin, 0

    def is_here(raw: bytes) -> None:
        with closing(sqlite3.connect(server.data / "trackkit.db", timeout=20)) as connection:
            assert connection.execute("SELECT count(*) FROM inbox WHERE raw = ?", (raw,)).fetchone() == (1,)

    with MailboxHost() as host:
        host.boxes["track"] = box = Box(deleted=is_here)
        use(admin, host.port, encryption="none", remove_untracked=True)
        broken = 1
        while broken:
            assert broken < 40, "a session of two mails has not so many commands"
            sent += 2
            box.messages += [MAIL + b"Number %d.\r\n" % number for number in (sent - 1, sent)]
            box.cut_after_commands, box.loses_answer = broken, broken % 2 == 0
            admin.tracking.poll()
            broken = broken + 1 if box.cut_after_commands is None else 0
            box.cut_after_commands = None
            admin.tracking.poll()
            assert box.messages == []
        assert host.faults == []
    (mailbox,) = admin.tracking.status().mailboxes
    came = [mail for mail in admin.tracking.inbox(limit=2000).items if mail.mailbox == mailbox.mailbox]
    assert (len(came), len({mail.sha256 for mail in came})) == (sent, sent)
    assert sent >= 20


def test_the_command_line(server: RunningServer, host: MailboxHost, tmp_path: Path) -> None:
    admin = server.admin
    trackkit = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})
    use(admin, host.port, remove_untracked=True)
    assert "FAILED" in trackkit("tracking", "test", exit_code=1)
    trackkit("tracking", "test", "--yes")
    tested = json.loads(trackkit("tracking", "test", "--json").splitlines()[-1])
    assert tested["works"] is True
    trackkit("tracking", "poll")
    assert host.boxes["track"].messages == []
    status = json.loads(trackkit("tracking", "status", "--json"))
    assert status["counts"]["untracked"] >= 1
    assert "track@here.test" in trackkit("tracking", "status")
    (mail, *_) = json.loads(trackkit("tracking", "inbox", "list", "--state", "untracked", "--text", "HELLO", "--json"))[
        "items"
    ]
    assert "eve@there.test" in trackkit("tracking", "inbox", "list")
    assert "untracked" in trackkit("tracking", "inbox", "show", str(mail["inbox_id"]))
    copy = tmp_path / "copy.eml"
    trackkit("tracking", "inbox", "raw", str(mail["inbox_id"]), "-o", str(copy))
    assert copy.read_bytes() == MAIL
    use(admin, free_port())
    assert "cannot be fetched from" in trackkit("tracking", "poll", exit_code=1)
    assert "since" in trackkit("tracking", "status")


@pytest.mark.spec("7: tracking: the form says that the account must be dedicated; unsaved edits disable its test")
def test_the_form(server: RunningServer, host: MailboxHost) -> None:
    admin = server.admin
    use(admin, host.port)
    options = ServerOptionsPanel(admin)
    page, form = options.widget, options.forms["tracking"].fields
    test = button(page, "Test")
    form.put("tracking.remove_untracked", True)
    assert test.disabled
    (warning,) = options.forms["tracking"].check().warnings
    assert "must be used for nothing else: mail that was filed is deleted there. So is everything" in warning
    shown = "".join(line.value for line in all_of(page, w.HTML))
    assert UNSAVED in shown
    for name in ("address", "subaddressing", "poll_interval", "conversation_timeout", "round_trip_hours"):
        assert f"tracking.{name}" in form.values
    form.put("tracking.remove_untracked", False)
    test.click()
    shown = "".join(line.value for line in all_of(page, w.HTML))
    for words in ("does not verify", "What would mend it", "What was said", "Certificate"):
        assert words in shown
    assert PASSWORD not in shown
