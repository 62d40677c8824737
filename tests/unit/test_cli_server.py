"""The command line against the real server: the story of mail that is stuck, users, tokens, options, log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.ports import free_port, wait_until
from tests.running import RunningServer
from tests.unit.cli_runs import run


@pytest.fixture
def real(start: Start, monkeypatch: pytest.MonkeyPatch) -> RunningServer:
    server = start()
    monkeypatch.setenv("TRACKKIT_DATA", str(server.data))
    return server


def done(*args: str, stdin: str = "") -> str:
    """The output of a command that worked."""
    ran = run(*args, stdin=stdin)
    assert ran.code == 0, ran.out + ran.err
    return ran.out


@pytest.mark.spec("5: host unreachable or failing")
def test_stuck_mail_is_explained_held_deleted_and_brought_back(real: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: Hello\x1b[2J\r\n\r\nbody\r\n")
    done("options", "set", "sending.smtp.host=127.0.0.1", f"sending.smtp.port={free_port()}")
    out = done("mail", "submit", str(tmp_path / "a.eml"), "--from", "a@example.org", "--to", "b@example.org")
    queue_id = out.split()[0]

    def state() -> str:
        return str(json.loads(done("mail", "show", queue_id, "--json"))["message"]["state"])

    wait_until(lambda: state() == "deferred", what="the first attempt")
    shown = done("mail", "show", queue_id)
    assert "127.0.0.1" in shown
    assert "\x1b" not in shown
    assert run("mail", "raw", queue_id).raw == (tmp_path / "a.eml").read_bytes()
    assert json.loads(done("mail", "summary", "--json"))["causes"][0]["messages"] == 1
    for verb, after in (("hold", "held"), ("release", None), ("delete", "deleted"), ("undelete", None)):
        done("mail", verb, queue_id, *(["--yes"] if verb == "delete" else []))
        if after:  # a message that is being tried is deleted when that try has ended
            wait_until(lambda after=after: state() == after, what=f"the state {after}")
    assert run("mail", "undelete", queue_id).code == 1
    audit = json.loads(done("audit", "list", "--json"))["records"]
    assert {"mail.hold", "mail.release", "mail.delete", "mail.undelete", "options.set"} <= {
        r["operation"] for r in audit
    }


def test_users_tokens_and_log_in_over_the_network(real: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    done("user", "add", "ada", "--role", "operator", "--password", "-", stdin="a-long-password\n")
    assert run("user", "add", "ADA", "--role", "viewer", "--no-password").code == 1
    secret = done("token", "add", "ci", "--role", "viewer").strip()
    done("connection", "add", "office", "127.0.0.1", "--port", str(real.port), "--fingerprint", real.fingerprint)
    monkeypatch.delenv("TRACKKIT_DATA")
    monkeypatch.setenv("TRACKKIT_USERNAME", "ada")
    monkeypatch.setenv("TRACKKIT_PASSWORD", "a-long-password")
    done("mail", "list")
    refused = run("user", "list")
    assert refused.code == 1
    assert "Error:" in refused.err
    monkeypatch.setenv("TRACKKIT_PASSWORD", "wrong-password")
    assert run("mail", "list").code == 1
    monkeypatch.setenv("TRACKKIT_TOKEN", secret)
    done("log", "list")
    assert run("log", "delete", "--all", "--yes").code == 1


def test_options_and_log(real: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_SECRET", "s3cret-of-mail")
    done(
        "options",
        "set",
        "sending.smtp.username=u",
        "sending.smtp.authentication=basic",
        "sending.smtp.password=env:MAIL_SECRET",
    )
    everything = done("options", "list", "--json") + done("audit", "list", "--json") + done("log", "list", "--json")
    assert "s3cret-of-mail" not in everything
    assert "(set)" in done("options", "get", "sending.smtp.password")
    done("options", "set", "sending.smtp.port=587")  # the password stays: nothing that is not named is touched
    assert "(set)" in done("options", "get", "sending.smtp.password")
    assert run("options", "set", "sending.smtp.encryption=none").code == 2  # asks about the open password
    assert "587" in done("options", "get", "sending.smtp.port")
    assert json.loads(done("log", "list", "--level", "warning", "--json"))["total"] >= 1
    assert "Deleted 0 log entries" in done("log", "delete", "--through", "2000-01-01", "--yes")
    done("log", "delete", "--all", "--yes")
    assert json.loads(done("log", "list", "--level", "warning", "--json"))["total"] == 0
    assert "password" in done("doctor")
