"""Every command against a small server: what it asks the server, prints, refuses, and its exit code."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit import client_peers as peers
from tests.unit.cli_runs import run
from trackkit.contract import log, mail, mail_bulk, server
from trackkit.domain.errors import NotAllowed, NotFound


@pytest.fixture
def api(certificate: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[peers.ApiServer]:
    with peers.serving(certificate) as api:
        monkeypatch.setenv("TRACKKIT_SERVER", api.url)
        monkeypatch.setenv("TRACKKIT_FINGERPRINT", api.fingerprint)
        monkeypatch.setenv("TRACKKIT_TOKEN", "tk_env")
        yield api


LISTINGS = {
    "mail list": ("mail.list", "q1"),
    "mail history": ("mail.history", "b@example.org"),
    "mail workers": ("mail.workers", "anna"),
    "mail diagnoses": ("mail.diagnoses", "mail.reattempt"),
    "mail summary": ("mail.summary", "It is paused."),
    "mail show q1": ("mail.show", "450 later"),
    "log list": ("log.list", "disk low"),
    "log startup": ("log.startup", "It could not start."),
    "user list": ("user.list", "ada"),
    "token list": ("token.list", "ci"),
    "session list": ("session.list", "192.0.2.7"),
    "license list": ("license.list", "AAAA-BBBB-CCCC-DDDD"),
    "license seats": ("license.seats", "ana"),
    "license history": ("license.history", "was refused"),
    "license usage": ("license.usage", "1.5"),
    "license replay floating": ("license.replay", "a seat was wanted 12 times, of which 1 would have been refused"),
    "trust list": ("trust.list", ":AB:AB"),
    "options list": ("options.get", "sending.smtp.host"),
    "audit list": ("audit.list", "sending.paused=no"),
    "doctor": ("server.health", "All is well."),
}


@pytest.mark.spec("12: every listing takes --json")
@pytest.mark.parametrize("command", LISTINGS)
def test_listings(api: peers.ApiServer, command: str) -> None:
    operation, words = LISTINGS[command]
    shown = run(*command.split())
    assert (shown.code, shown.err.count("Error")) == (0, 0)
    assert words in shown.out
    assert api.calls()[-1] == operation
    as_json = run(*command.split(), "--json")
    assert as_json.code == 0
    assert json.loads(as_json.out) == json.loads(api.answers[operation].model_dump_json())


def test_log_list_conditions(api: peers.ApiServer) -> None:
    command = "log list --level error --match only --since 2026-01-31T10:00+01:00 --until 2026-02-01 --text disk"
    assert run(*command.split(), "--user", "ada", "--limit", "3").code == 0
    fields = api.last("log.list").fields
    assert fields["since"] in ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00+00:00") or "2026-01-31T" in fields["since"]
    assert {k: fields[k] for k in ("level", "match", "text", "username", "limit")} == {
        "level": "error",
        "match": "only",
        "text": "disk",
        "username": "ada",
        "limit": "3",
    }
    for bad in (("--since", "yesterday"), ("--level", "loud"), ("--match", "some"), ("--limit", "0")):
        assert run("log", "list", *bad).code == 2


def test_text_of_strangers_reaches_the_terminal_escaped(api: peers.ApiServer) -> None:
    evil = "a\x1b[2J\x07\x9b\u202eb\r\nc"
    api.answers["mail.list"] = mail.QueuePage(messages=(peers.queued("q1", evil),), next_before=None, total=1)
    api.answers["log.list"] = log.LogPage(entries=(peers.log_row(1, message=evil),), next_before=None, total=1)
    api.answers["user.list"] = NotAllowed(evil)
    for ran in (run("mail", "list"), run("log", "list"), run("mail", "list", "--json"), run("user", "list")):
        text = ran.out + ran.err
        assert not set(text) & set("\x1b\x07\x9b\u202e\r")
    assert "\\x1b[2J\\x07\\x9b\\u202eb\\r\\nc" in run("mail", "list").out


def test_raw_is_exact(api: peers.ApiServer, tmp_path: Path) -> None:
    expected = api.answers["mail.raw"].message
    assert run("mail", "raw", "q1").raw == expected
    assert run("mail", "raw", "q1", "--output", str(tmp_path / "x.eml")).code == 0
    assert (tmp_path / "x.eml").read_bytes() == expected


@pytest.mark.spec("12: trackkit mail submit FILE.eml… --from A --to B…")
def test_submit(api: peers.ApiServer, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.eml", "b.eml")]
    for file in files:
        file.write_bytes(b"Subject: \xff " + file.name.encode() + b"\r\n\r\n")
    names = [str(file) for file in files]
    ran = run("mail", "submit", *names, "--from", "a@example.org", "--to", "b@example.org", "--to", "c@example.org")
    assert ran.code == 0
    sent = [seen.fields for seen in api.seen if seen.operation == "mail.submit"]
    assert [base64.b64decode(fields["message"]) for fields in sent] == [file.read_bytes() for file in files]
    assert sent[0]["recipients"] == ["b@example.org", "c@example.org"]
    ran = run("mail", "submit", names[0], "--from", "", "--to-mapi", "Bill Jones", "--to-mapi", "Ann")
    assert (ran.code, api.last("mail.submit").fields["mapi_recipients"]) == (0, ["Bill Jones", "Ann"])
    before = len(api.seen)
    ran = run("mail", "submit", names[0], str(tmp_path / "none.eml"), "--from", "", "--to", "b@example.org")
    assert ran.code == 2
    assert "none.eml" in ran.err
    assert "mail.submit" not in [seen.operation for seen in api.seen[before:]]


@pytest.mark.parametrize("verb", ["reattempt", "hold", "release", "delete", "undelete"])
def test_verbs(api: peers.ApiServer, verb: str) -> None:
    asks = ["--yes"] if verb in ("reattempt", "delete") else []
    assert run("mail", verb, "q1", "q2", *asks).code == 0
    assert api.last(f"mail.{verb}").fields == {"queue_ids": ["q1", "q2"]}
    assert run("mail", verb, *asks).code == 2
    assert run("mail", verb, "q1", "--state", "held", *asks).code == 2
    assert run("mail", verb, "--all", "--state", "held", *asks).code == 2
    api.answers[f"mail.{verb}"] = mail.VerbResults(
        results=(mail.VerbResult(queue_id="q1", done=False, recipients=0, reason="is sent", state=None),)
    )
    refused = run("mail", verb, "q1", *asks)
    assert refused.code == 1
    assert "unchanged: is sent" in refused.out


@pytest.mark.parametrize("verb", ["reattempt", "hold", "release", "delete", "undelete"])
def test_verbs_by_filter(api: peers.ApiServer, verb: str) -> None:
    asks = verb in ("reattempt", "delete")
    filter = ["--domain", "example.org", "--older-than", "2d", "--state", "deferred", "--from", "<>", "--subject", "x"]
    if asks:
        refused = run("mail", verb, *filter)
        assert refused.code == 2
        assert f"{verb.capitalize()} 2 messages (2 deferred)?" in refused.err
        assert "It does not apply to 1 more that match." in refused.err
        assert "mail.bulk" not in api.calls()
    done = run("mail", verb, *filter, *(["--yes"] if asks else []))
    assert done.code == 0
    wanted = {"domain": "example.org", "state": "deferred", "sender": "<>", "subject": "x"}
    assert api.last("mail.count").fields == {"verb": verb, **wanted, "older_than_seconds": "172800"}
    sent = api.last("mail.bulk").fields
    assert sent["verb"] == verb
    assert {k: v for k, v in sent["where"].items() if v is not None} == {**wanted, "older_than_seconds": 172800}
    assert run("mail", verb, "--all", *(["--yes"] if asks else [])).code == 0
    assert not any(api.last("mail.bulk").fields["where"].values())
    assert run("mail", verb, "--older-than", "2 days", "--yes").code == 2
    api.answers["mail.count"] = mail_bulk.Matching(messages=3, applies=0, recipients=0, states=())
    none = run("mail", verb, "--all", *(["--yes"] if asks else []))
    assert none.code == 2
    assert "3 messages in the queue match, and" in none.err


@pytest.mark.spec("13: queue by cause: diagnosis × destination × age, with the next step")
def test_groups_and_what_helps_one(api: peers.ApiServer) -> None:
    shown = run("mail", "groups", "--cause", "held", "--destinations", "1")
    assert (shown.code, api.last("mail.groups").fields) == (0, {"cause": "held", "destinations": "1"})
    for words in ("held: Sending is paused. 4 messages.", "Next step: Resume.", "example.org"):
        assert words in shown.out
    assert "1 of 2 destinations." in shown.err
    assert json.loads(run("mail", "groups", "--json").out) == json.loads(peers.GROUPS.model_dump_json())
    why = peers.GROUPS.causes[0].diagnosis
    cause = mail.CauseCount(diagnosis=why, messages=4, oldest_queued_at=peers.NOW)
    api.answers["mail.summary"] = mail.QueueSummary(states={}, causes=(cause,))
    command = ("mail", "fix", "--cause", "held", "--destination", "example.org", "--younger-than", "1h")
    refused = run(*command)
    assert (refused.code, "Release 2 messages (2 deferred), 4 recipients?" in refused.err) == (2, True)
    assert "mail.bulk" not in api.calls()
    assert run(*command, "--yes").code == 0
    sent = api.last("mail.bulk").fields
    where = {name: value for name, value in sent["where"].items() if value is not None}
    wanted = {"cause": "held", "destination": "example.org", "younger_than_seconds": 3600}
    assert (sent["verb"], where) == ("release", wanted)
    assert "No mail waits for paused." in run("mail", "fix", "--cause", "paused", "--yes").err
    for bad in ((), ("q1", "--cause", "held"), ("--domain", "x.test"), ("q1", "--domain", "x.test")):
        assert run("mail", "fix", *bad, "--yes").code == 2, bad


def test_list_takes_the_same_conditions(api: peers.ApiServer) -> None:
    assert run("mail", "list", "--domain", "example.org", "--older-than", "30m", "--cause", "held").code == 0
    fields = api.last("mail.list").fields
    assert (fields["domain"], fields["older_than_seconds"], fields["cause"]) == ("example.org", "1800", "held")


def test_history_takes_conditions(api: peers.ApiServer) -> None:
    assert run("mail", "history", "--to", "b@", "--from", "a@", "--message-id", "<m", "--since", "2026-01-31").code == 0
    fields = api.last("mail.history").fields
    assert (fields["recipient"], fields["sender"], fields["message_id"]) == ("b@", "a@", "<m")
    assert fields["since"].startswith("2026-01-3")
    assert run("mail", "history", "--since", "yesterday").code == 2


def test_edit_recipient(api: peers.ApiServer) -> None:
    ran = run("mail", "edit-recipient", "q1", "b@example.org", "c@example.org")
    assert (ran.code, ran.out) == (0, "q1  c@example.org is deferred\n")
    fields = api.last("mail.edit_recipient").fields
    assert fields == {"queue_id": "q1", "address": "b@example.org", "new_address": "c@example.org"}


ASKING = {
    "mail delete q1 q2": ("2 messages", "mail.delete"),
    "mail reattempt q1": ("1 message", "mail.reattempt"),
    "log delete --all": ("5 log entries", "log.delete"),
    "log delete --through 2026-01-31": ("2026-01-31", "log.delete"),
    "user delete bob": ("bob", "user.delete"),
    "token delete ci": ("ci of ada", "token.delete"),
    "session end s1": ("the session of ada from 192.0.2.7", "session.end"),
    "license remove 2": ("1 person holds such a seat now and keeps it", "license.delete"),
    "trust add 3": ("Trust this certificate for relay.example:587?", "trust.add"),
    "trust remove 5": ("(relay.example:587) no more?", "trust.remove"),
    "options set sending.paused=yes": ("piles up", "options.set"),
}


@pytest.mark.spec("0: say what will happen to how many things")
@pytest.mark.parametrize("command", ASKING)
def test_without_a_terminal_what_asks_first_needs_yes(api: peers.ApiServer, command: str) -> None:
    words, operation = ASKING[command]
    refused = run(*command.split(), stdin="y\n")
    assert refused.code == 2
    assert words in refused.err
    assert "--yes" in refused.err
    changes = [seen for seen in api.seen if seen.operation == operation and seen.fields.get("preview") != "true"]
    assert changes == []
    assert run(*command.split(), "--yes").code == 0
    assert api.calls().count(operation) >= 1
    assert api.last(operation).fields.get("preview") in (None, "false")


def test_log_delete_through_goes_out_as_that_date(api: peers.ApiServer) -> None:
    assert "5 log entries" in run("log", "delete", "--through", "2026-01-31", "--yes").out
    assert api.last("log.delete").fields == {"all": "false", "through": "2026-01-31", "preview": "false"}
    assert run("log", "delete", "--through", "31.1.2026", "--yes").code == 2


def test_options_set(api: peers.ApiServer) -> None:
    ran = run("options", "set", "sending.smtp.host=mail.example.org", "sending.smtp.port=587", "sending.paused=no")
    assert ran.code == 0
    assert api.last("options.set").fields == {
        "values": {"sending.smtp.host": "mail.example.org", "sending.smtp.port": 587, "sending.paused": False},
        "revisions": {"sending": 4},
    }
    assert "server.port" in ran.err  # waits for a restart
    assert run("options", "set", "sending.smtp.host=").code == 0
    assert api.last("options.set").fields["values"] == {"sending.smtp.host": None}
    got = run("options", "get", "sending.smtp.password")
    assert "(set)" in got.out
    assert "never read back" in got.out
    assert json.loads(run("options", "get", "sending.smtp.host", "--json").out)["value"] == "mx"


@pytest.mark.parametrize(
    "change",
    [
        "sending.smtp.hots=x",
        "sending.smtp.port=0",
        "sending.smtp.port=many",
        "sending.paused=perhaps",
        "sending.smtp.host",
        "sending.smtp.host=a b",
        "sending.smtp.encryption=rot13",
        "sending.smtp.authentication=basic",
        "sending.method=pickup",
        "sending.method=mapi",
        "sending.pickup.folder=here",
    ],
)
def test_bad_options_are_named_and_nothing_is_sent(api: peers.ApiServer, change: str) -> None:
    ran = run("options", "set", "log.startup_log=yes", change)
    assert ran.code == 2
    assert "sending." in ran.err
    assert "options.set" not in api.calls()
    assert run("options", "get", "no.such.option").code == 2


def test_set_twice_is_refused(api: peers.ApiServer) -> None:
    assert run("options", "set", "sending.smtp.port=1", "sending.smtp.port=2").code == 2


SOURCES = ["-", "env:MY_SECRET", "file:{path}"]


@pytest.mark.spec("12: a secret option value in argv is refused; use the prompt, standard input, env:, file:")
@pytest.mark.parametrize("source", SOURCES)
def test_secrets_by_reference(
    api: peers.ApiServer, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("s3 cret=ä\n", encoding="utf-8")
    monkeypatch.setenv("MY_SECRET", "s3 cret=ä")
    given = source.format(path=tmp_path / "secret")
    for command, operation, field in (
        (["options", "set", f"sending.smtp.password={given}"], "options.set", None),
        (["user", "add", "bob", "--role", "viewer", "--password", given], "user.add", "password"),
        (["user", "edit", "bob", "--password", given], "user.edit", "password"),
        (["user", "password", "--new", given, "--present", "env:MY_SECRET"], "user.password", "new"),
    ):
        monkeypatch.setenv("MY_SECRET", "s3 cret=ä")
        ran = run(*command, stdin="s3 cret=ä\n")
        assert ran.code == 0, ran.err
        fields = api.last(operation).fields
        assert (fields[field] if field else fields["values"]["sending.smtp.password"]) == "s3 cret=ä"
        assert "cret" not in ran.out + ran.err


@pytest.mark.spec("12: Secrets never travel in arguments")
@pytest.mark.parametrize(
    "command",
    [
        ["options", "set", "sending.smtp.password=hunter2"],
        ["options", "set", "sending.smtp.host=x", "sending.smtp.password=hunter2"],
        ["user", "add", "bob", "--role", "viewer", "--password", "hunter2"],
        ["user", "edit", "bob", "--password=hunter2"],
        ["user", "password", "--new", "hunter2"],
        ["user", "password", "--new", "-", "--present", "hunter2"],
        ["mail", "list", "--server", "https://ada:hunter2@127.0.0.1:1"],
    ],
)
def test_secrets_in_arguments_are_refused_before_anything_else(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKKIT_SERVER", "https://127.0.0.1:1")
    ran = run(*command)
    assert ran.code == 2
    assert "hunter2" not in ran.out + ran.err
    assert "nothing was" in ran.err


@pytest.mark.parametrize("source", ["-", "env:NOT_SET", "file:/no/such/file", "file:/dev/null"])
def test_secrets_that_are_not_there(api: peers.ApiServer, source: str) -> None:
    ran = run("user", "edit", "bob", "--password", source)
    assert ran.code == 2
    assert "password" in ran.err
    assert "user.edit" not in api.calls()


def test_users(api: peers.ApiServer) -> None:
    assert run("user", "add", "bob", "--role", "operator", "--no-password").code == 0
    assert api.last("user.add").fields == {"username": "bob", "role": "operator"}
    assert run("user", "add", "bob", "--role", "operator").code == 2
    assert run("user", "add", "bob", "--role", "emperor", "--no-password").code == 2
    assert run("user", "edit", "bob", "--role", "viewer").code == 0
    assert api.last("user.edit").fields == {"username": "bob", "role": "viewer"}
    assert run("user", "edit", "bob").code == 2
    assert run("user", "delete", "bob", "--yes").code == 0
    assert run("user", "password", "--new", "-", stdin="new-one\n").code == 2  # there is a present one


def test_token_secret_is_alone_on_stdout(api: peers.ApiServer) -> None:
    ran = run("token", "add", "ci", "--role", "viewer", "--days", "30")
    assert ran.out == "tk_secret\n"
    assert api.last("token.add").fields == {"name": "ci", "role": "viewer", "days": 30}
    assert run("token", "delete", "ci", "--owner", "bob", "--yes").code == 0
    assert api.last("token.delete").fields == {"username": "bob", "name": "ci"}


@pytest.mark.parametrize(("severity", "code"), [("severe_error", 1), ("error", 1), ("warning", 0), ("information", 0)])
def test_doctor_tells_by_its_exit_code(api: peers.ApiServer, severity: str, code: int) -> None:
    finding = server.Finding(severity=severity, subject="mail", words="Stuck.", next_step="Enter the SMTP host.")
    api.answers["server.health"] = server.Health(findings=(finding,), checked_at=peers.NOW)
    ran = run("doctor")
    assert ran.code == code
    assert "Enter the SMTP host." in ran.out
    assert run("doctor", "--json").code == code


def test_errors_are_told_on_stderr_without_a_traceback(api: peers.ApiServer) -> None:
    api.answers["mail.show"] = NotFound("There is no message Q9.", "It may have been sent.")
    ran = run("mail", "show", "Q9")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "Error: There is no message Q9.\nIt may have been sent.\n"


def test_which_server(api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRACKKIT_SERVER")
    ran = run("mail", "list")
    assert ran.code == 2
    assert "connection add" in ran.err
    assert run("mail", "list", "--server", api.url).code == 0
    assert run("--server", api.url, "mail", "list").code == 0
    assert run("connection", "add", "one", "127.0.0.1", "--port", str(api.port)).code == 0
    assert run("mail", "list").code == 0
    assert run("connection", "add", "two", "127.0.0.1", "--port", "1").code == 0
    ran = run("mail", "list")
    assert ran.code == 2
    assert "one, two" in ran.err
    assert run("mail", "list", "--server", "one").code == 0
    monkeypatch.setenv("TRACKKIT_SERVER", "one")
    assert run("mail", "list").code == 0
    ran = run("mail", "list", "--data", str(tmp_path))
    assert ran.code == 1
    assert "No server is running on the data folder" in ran.err
    assert run("mail", "list", "--server", "one", "--data", str(tmp_path)).code == 2
    monkeypatch.setenv("TRACKKIT_DATA", str(tmp_path))
    assert run("mail", "list").code == 2


def test_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with peers.serving_locally(tmp_path) as api:
        assert run("mail", "list", "--data", str(tmp_path)).code == 0
        assert run("--data", str(tmp_path), "mail", "list").code == 0
        monkeypatch.setenv("TRACKKIT_DATA", str(tmp_path))
        assert run("mail", "list").code == 0
        assert api.last("session.open").fields == {"username": "admin"}


def test_without_a_terminal_the_log_in_comes_from_the_environment(
    api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKKIT_TOKEN")
    ran = run("mail", "list", stdin="ada\nsecret\n")
    assert ran.code == 1
    assert "TRACKKIT_TOKEN" in ran.err
    monkeypatch.setenv("TRACKKIT_USERNAME", "ada")
    monkeypatch.setenv("TRACKKIT_PASSWORD", "pw-of-ada")
    assert run("mail", "list").code == 0
    assert api.last("session.open").fields == {"username": "ada", "password": "pw-of-ada"}
    assert api.calls()[-1] == "session.close"
    monkeypatch.delenv("TRACKKIT_FINGERPRINT")
    ran = run("mail", "list")
    assert ran.code == 1
    assert api.fingerprint in ran.err
