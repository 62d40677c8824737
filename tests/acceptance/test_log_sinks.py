"""Where log entries go beside the server's database: the system's event log, startup.log; and the service warning."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.acceptance.conftest import set_up
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.journal import Journal
from tests.ports import free_port, wait_until
from tests.running import RunningServer
from trackkit.domain.errors import NotAllowed, WrongLogin

NASTY = "x\n\x1b[31m <script>alert(1)</script>\nPRIORITY=0"


def fail_to_log_in(server: RunningServer, name: str) -> None:
    with pytest.raises(WrongLogin):
        server.connect(name, "wrong password")


@pytest.mark.spec("7: log: level of the operating system's event log: journald")
def test_the_journal_gets_what_its_level_says(start: Start, tmp_path: Path) -> None:
    """A stand-in that comes late and goes away; `tests/peers/test_journald.py` is about a real journal."""
    socket = tmp_path / "journal.sock"
    set_up(tmp_path / "data", journal_socket=str(socket))
    server = start(tmp_path / "data", options={"log.event_log_level": "unusual_activity"})
    [warning] = wait_until(
        lambda: (fail_to_log_in(server, "early"), server.admin.log.list(text="event log cannot be").entries)[1],
        what="the warning that there is no event log",
    )
    assert str(socket) in warning.details
    assert warning.level == "warning"
    with Journal(socket) as journal:
        fail_to_log_in(server, "before the change")
        wait_until(lambda: len(journal.entries) >= 3, what="the entries, those that waited too")
        server.admin.options.set({"log.event_log_level": "warning"})
        fail_to_log_in(server, "after the change")
        server.admin.options.set({"log.event_log_level": "unusual_activity"})
        fail_to_log_in(server, NASTY)
        wait_until(lambda: any("script" in entry["MESSAGE"] for entry in journal.entries), what="the last one")
        messages = [entry["MESSAGE"] for entry in journal.entries]
    assert journal.broken == []
    assert any("early" in message for message in messages), "kept while there was no journal"
    assert any("before the change" in message for message in messages)
    assert not any("after the change" in message for message in messages)
    assert not any("\x1b" in message for message in messages)
    assert {entry["TRACKKIT_LEVEL"] for entry in journal.entries} <= {"warning", "unusual_activity"}
    assert server.admin.log.list(text="event log can be written to again").entries
    assert len(server.admin.log.list(text="event log cannot be").entries) == 1, "said once"


@pytest.mark.spec("7: log: write all messages to DATA/startup.log whatever the database level")
def test_startup_log_gets_everything_if_asked(start: Start) -> None:
    server = start(options={"log.startup_log": True, "log.database_level": "off"})
    fail_to_log_in(server, NASTY)
    server.admin.options.set({"log.startup_log": False})
    fail_to_log_in(server, "not any more")
    text = server.admin.log.startup().text
    [line] = [line for line in text.splitlines() if "Failed log-in" in line]
    assert "Unusual Activity: log-in: [127.0.0.1] Failed log-in as" in line
    assert "\x1b" not in text
    assert "not any more" not in text
    assert not server.admin.log.list(text="Failed log-in").entries


@pytest.mark.spec("4: Severe Error: start-up errors")
@pytest.mark.spec("7: log: start-up errors always go to startup.log")
def test_start_up_errors_are_in_startup_log(start: Start) -> None:
    server = start()
    server.stop()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):  # something else holds the port
        failed = CommandLine(server.data.parent, {}).run(
            "server", "run", "--data", str(server.data), "--port", str(port)
        )
    assert failed.returncode != 0
    server.restart()
    read = server.admin.log.startup()
    assert f"Severe Error: server: The server could not start: The server cannot listen on 127.0.0.1 port {port}" in (
        read.text
    )
    assert read.whole


@pytest.mark.spec("7: log: startup.log is downloadable, scrubbed of secrets")
def test_startup_log_is_read_from_afar_without_secrets(start: Start, tmp_path: Path) -> None:
    secret = "hunter2-and-more"
    server = start(options={"sending.smtp.password": secret})
    made = server.admin.tokens.add("for scripts", "viewer")
    with (server.data / "startup.log").open("a") as file:  # as an older version, or another program, might have
        file.write(f"log-in with {secret}\nbearer {made.secret}\npostgresql://joe:pw-of-joe@db/x\n")
    command = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})
    shown = command("log", "startup")
    out = tmp_path / "startup.txt"
    command("log", "startup", "--out", str(out))
    for text in (shown, out.read_text(), server.admin.log.startup().text):
        assert secret not in text
        assert made.secret not in text
        assert "pw-of-joe" not in text
        assert "log-in with [secret removed]" in text
    for role, allowed in (("viewer", False), ("operator", True)):
        server.admin.users.add(role, role, "a long password")
        with server.connect(role, "a long password") as somebody:
            if allowed:
                assert "log-in with" in somebody.log.startup().text
            else:
                with pytest.raises(NotAllowed):
                    somebody.log.startup()


@pytest.mark.spec("7: log: a Warning when the server does not run as a service")
def test_the_warning_that_this_is_no_service(start: Start) -> None:
    words = "not started by the system's service manager"
    server = start(options={"log.warn_not_a_service": True})
    assert not server.admin.log.list(text=words).entries, "the option was off at this start"
    server.stop()
    server.restart()
    [entry] = server.admin.log.list(text=words).entries
    assert entry.level == "warning"
    server.stop()
    server.environment = {"INVOCATION_ID": "0123456789abcdef0123456789abcdef"}
    server.restart()
    assert len(server.admin.log.list(text=words).entries) == 1, "none where the service manager started it"
    server.stop()
    server.environment = {"INVOCATION_ID": "0123456789abcdef0123456789abcdef", "SYSTEMD_EXEC_PID": "1"}
    server.restart()
    assert len(server.admin.log.list(text=words).entries) == 2, "a terminal that is a service is not this server"
