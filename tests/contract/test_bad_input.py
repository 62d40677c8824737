"""Bad input: a typed error that names the field and says why, and nothing is changed."""

from __future__ import annotations

import os
import socket
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

import trackkit
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.contract.samples import OPTIONS_FILE
from tests.contract.wire import Stranger, stranger
from tests.ports import free_port
from tests.running import RunningServer
from trackkit.client import Connections
from trackkit.contract.catalogue import OPERATIONS
from trackkit.domain import errors
from trackkit.domain.accounts import Role

PASSWORD = "correct horse battery"
SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module(options={"sending.paused": True, "sending.timing.maximum_message_mb": 1})
    running.admin.users.add("ann", Role.admin, PASSWORD)
    return running


@pytest.fixture(scope="module")
def http(server: RunningServer) -> Stranger:
    return stranger(server)


@pytest.fixture(scope="module")
def token(http: Stranger) -> str:
    opened = http.ask("session.open", {"username": "ann", "password": PASSWORD})
    return str(opened.body["token"])


def state(server: RunningServer) -> tuple[Any, ...]:
    """Everything that a refused request must leave as it was."""
    admin = server.admin
    return (
        admin.options.get().model_dump(),
        admin.mail.summary().states,
        [user.model_dump(exclude={"last_login_at"}) for user in admin.users.list().users],
        [(token.name, token.username) for token in admin.tokens.list().tokens],
        admin.audit.list(limit=1).records,
    )


def mail(**changes: Any) -> dict[str, Any]:
    message = b64encode(b"Subject: x\r\n\r\nbody\r\n").decode()
    return {"message": message, "sender": "a@b.test", "recipients": ["x@y.test"], **changes}


def options(name: str, value: object) -> tuple[str, dict[str, Any], str]:
    return "options.set", {"values": {name: value}}, name


def submission(**changes: Any) -> dict[str, Any]:
    return {"database": "x", "title": "It stops", "description": "Every day.", **changes}


SUBMISSIONS = [
    ("database", ""),
    ("database", "x" * 1001),
    ("title", ""),
    ("title", "a\nb"),
    ("title", None),
    ("title", "x" * 301),
    ("description", " "),
    ("description", "a\x00b"),
    ("description", "x" * 20_001),
    ("submitter", "a\r\nb"),
    ("email", "nobody"),
    ("owner", "ana"),
    ("status", "closed"),
]
"""Defects without an account; these are refused before they are counted."""

NUMBERS = [
    ("options.history", "before"),
    ("options.plan_revert", "change_id"),
    ("options.revert", "change_id"),
    ("audit.list", "before"),
    ("job.list", "before"),
    ("job.show", "job_id"),
    ("log.list", "before"),
    ("mail.history", "before"),
]
"""Numbers of rows, which databases cannot hold beyond 63 bits."""

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *(options("sending.smtp.port", port) for port in (0, -1, 65536, 2**63, "25", True, None)),
    ("options.set", {"values": {"sending.smtp.port": 25.5}}, "values.sending.smtp.port"),
    *(options("server.port", port) for port in (0, 65536)),
    options("sending.smtp.hots", "x"),
    options("", "x"),
    options("sending", "x"),
    options("sending.smtp.encryption", "ssl"),
    options("sending.smtp.host", "a host"),
    options("sending.smtp.host", "host\r\nRCPT TO:<x@y.test>"),
    *(("mail.suggest", {"about": about}, "about") for about in ("", "a b", "a@", "http://x.test", "x" * 321)),
    ("mail.suggest", {"about": "x.test", "hosts": ["a b"]}, "hosts"),
    options("sending.paused", "yes"),
    options("sending.paused", 1),
    options("log.database_level", "loud"),
    ("options.set", {"values": {}, "more": 1}, "more"),
    ("options.set", {"values": []}, "values"),
    ("options.set", {"values": {"sending.paused": {}}}, "values.sending.paused"),
    ("options.set", {}, "values"),
    options("server.login_text", "x" * 66),
    options("server.login_text", None),
    ("options.plan", {"text": "kind = 1"}, "kind"),
    ("options.apply", {"text": OPTIONS_FILE + "[server]\nprot = 1\n"}, "server.prot"),
    (
        "options.apply",
        {"text": OPTIONS_FILE, "secrets": {"sending.smtp.password": SECRET}},
        "secrets.sending.smtp.password",
    ),
    ("options.history", {"limit": 0}, "limit"),
    *((name, {field: number}, field) for name, field in NUMBERS for number in (-1, 2**63)),
    ("mail.submit", mail(recipients=[]), "recipients"),
    ("mail.submit", mail(recipients="x@y.test"), "recipients"),
    ("mail.submit", mail(recipients=["x@y.test", "z"]), "recipients[1]"),
    ("mail.submit", mail(recipients=["x@y.test\r\nDATA"]), "recipients[0]"),
    ("mail.submit", mail(recipients=["x\n@y.test"]), "recipients[0]"),
    ("mail.submit", mail(recipients=["x@y.test\x00"]), "recipients[0]"),
    ("mail.submit", mail(recipients=["x@ü\u200b.test"]), "recipients[0]"),
    ("mail.submit", mail(recipients=[""]), "recipients[0]"),
    ("mail.submit", mail(recipients=[None]), "recipients.0"),
    ("mail.submit", mail(sender="a@b.test\r\nRCPT TO:<evil@y.test>"), "sender"),
    ("mail.submit", mail(sender="nobody"), "sender"),
    ("mail.submit", mail(sender=None), "sender"),
    ("mail.submit", mail(message="not base64!"), "message"),
    ("mail.submit", mail(message=None), "message"),
    ("mail.submit", mail(subject="x"), "subject"),
    ("mail.list", {"limt": 5}, "limt"),
    ("mail.list", {"limit": 0}, "limit"),
    ("mail.list", {"limit": "many"}, "limit"),
    ("mail.list", {"state": "lost"}, "state"),
    ("mail.list", {"before": "no id"}, "before"),
    ("mail.hold", {"queue_ids": []}, "queue_ids"),
    ("mail.hold", {"queue_ids": "all"}, "queue_ids"),
    ("mail.hold", {}, "queue_ids"),
    ("log.list", {"level": "loud"}, "level"),
    ("log.list", {"since": "yesterday"}, "since"),
    ("log.list", {"since": "2026-01-01T00:00:00"}, "since"),
    ("log.list", {"text": ""}, "text"),
    ("log.delete", {"through": "31.12.2026"}, "through"),
    ("log.delete", {"all": "perhaps"}, "all"),
    ("log.startup", {"megabytes": 0}, "megabytes"),
    ("log.startup", {"megabytes": 41}, "megabytes"),
    ("user.add", {"username": "", "role": "viewer"}, "username"),
    ("user.add", {"username": "a\nb", "role": "viewer"}, "username"),
    ("user.add", {"username": "x" * 65, "role": "viewer"}, "username"),
    ("user.add", {"username": "x", "role": "root"}, "role"),
    ("user.add", {"username": "x", "role": "viewer", "password": "short"}, "password"),
    ("user.edit", {"username": "ann", "password": "short"}, "password"),
    ("user.edit", {"username": "ann", "rule": "viewer"}, "rule"),
    ("user.password", {"new": "short", "present": PASSWORD}, "new"),
    ("token.add", {"name": "", "role": "viewer"}, "name"),
    ("token.add", {"name": "x", "role": "viewer", "days": 0}, "days"),
    ("setup.complete", {"code": "x", "password": "short"}, "password"),
    ("session.open", {"username": 5, "password": "x"}, "username"),
    *(("project.submit", submission(**{field: value}), field) for field, value in SUBMISSIONS),
    ("project.submit", {"database": "x", "title": "It stops"}, "description"),
]


@pytest.mark.parametrize(("name", "fields", "field"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_request_is_refused_naming_the_field(
    server: RunningServer, http: Stranger, token: str, name: str, fields: dict[str, Any], field: str
) -> None:
    before = state(server)
    answer = http.ask(name, fields, token)
    assert (answer.code, answer.status) == ("invalid_input", 422)
    assert field in answer.fields
    assert answer.error is not None
    assert all(problem.message for problem in answer.error.problems)
    assert PASSWORD not in answer.error.model_dump_json()
    assert state(server) == before


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.role is not None])
def test_no_operation_takes_a_field_it_does_not_know(http: Stranger, token: str, name: str) -> None:
    operation = OPERATIONS[name]
    if name == "session.close":
        token = str(http.ask("session.open", {"username": "ann", "password": PASSWORD}).body["token"])
    fields = dict.fromkeys(operation.path_fields, "x")
    answer = http.ask(name, {**fields, "no_such_field": "x"}, token)
    assert answer.code == "invalid_input"
    assert "no_such_field" in answer.fields


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b"{" * 20_000, b'{"values": NaN}'])
def test_what_is_no_json_object_is_refused(http: Stranger, token: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http.send("PATCH", "/api/v1/options", token, content=body, headers=headers)
    assert answer.code == "invalid_input"


def test_what_does_not_exist_is_not_found(http: Stranger, token: str) -> None:
    assert http.send("GET", "/api/v1/nothing", token).code == "not_found"
    assert http.send("GET", "/api/v1/mail/../../etc/passwd", token).code == "not_found"
    assert http.ask("mail.show", {"queue_id": "no id"}, token).code in ("not_found", "invalid_input")
    assert http.ask("user.delete", {"username": "nobody"}, token).code == "not_found"


def test_a_verb_on_a_message_that_is_not_there_says_so(server: RunningServer, http: Stranger, token: str) -> None:
    queue_id = server.admin.mail.submit(b"x", sender="", recipients=["x@y.test"]).queue_id
    before = state(server)
    result = http.ask("mail.release", {"queue_ids": [queue_id]}, token).body["results"][0]
    assert not result["done"]
    assert "held" in result["reason"]
    assert state(server) == before


@pytest.mark.spec("5: Messages over the maximum size are refused before they are stored")
def test_a_message_over_the_maximum_size_is_refused(server: RunningServer) -> None:
    before, limit = state(server), 1024 * 1024
    for size in (limit + 1, 3 * limit, 20 * limit):
        with pytest.raises(errors.MessageTooLarge) as caught:
            server.admin.mail.submit(b"x" * size, sender="", recipients=["x@y.test"])
        assert caught.value.advice
    assert state(server) == before
    queue_id = server.admin.mail.submit(b"x" * limit, sender="", recipients=["x@y.test"]).queue_id
    assert len(server.admin.mail.raw(queue_id)) == limit


def test_a_large_body_is_refused_where_none_is_needed(http: Stranger) -> None:
    answer = http.send("POST", "/api/v1/sessions", json={"username": "x", "password": "x" * 5_000_000})
    assert answer.code in ("message_too_large", "invalid_input")
    endless = (b"x" * 65536 for _ in range(1000))
    assert http.send("POST", "/api/v1/sessions", content=endless).code in ("message_too_large", "invalid_input")


def test_a_wrong_password_never_tells_which_half_was_wrong(server: RunningServer) -> None:
    shown = []
    for username in ("ann", "no-such-user"):
        with pytest.raises(errors.WrongLogin) as caught:
            server.connect(username, SECRET)
        assert SECRET not in str(caught.value)
        shown.append(str(caught.value))
    assert shown[0] == shown[1]
    entry = server.admin.log.list(level="unusual_activity", match="only", limit=1).entries[0]
    assert "no-such-user" in entry.message
    assert SECRET not in entry.message + entry.details
    assert entry.client_address == "127.0.0.1"


@pytest.mark.spec("1: A failed connection is diagnosed, with what to check next")
def test_a_server_that_cannot_be_reached_is_diagnosed(server: RunningServer) -> None:
    with pytest.raises(errors.PortClosed) as closed:
        trackkit.connect(f"https://127.0.0.1:{free_port()}", username="ann", password=PASSWORD)
    assert "running" in closed.value.advice
    with pytest.raises(errors.NameNotResolved):
        trackkit.connect("https://no-such-host.invalid:8470", username="ann", password=PASSWORD)
    with pytest.raises(errors.TlsMismatch):
        trackkit.connect(server.url.replace("https", "http"), username="ann", password=PASSWORD)
    for url in ("https://127.0.0.1:0", "https://127.0.0.1:65536", "https://127.0.0.1:x", "https://"):
        with pytest.raises(errors.InvalidInput):
            trackkit.connect(url, username="ann", password=PASSWORD)


def test_something_else_that_listens_there_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_greet_as_smtp, args=(listener,), daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises((errors.NotATrackkitServer, errors.TlsMismatch)):
            trackkit.connect(url, username="ann", password=PASSWORD)


def _greet_as_smtp(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed: the test is over
            return
        connection.sendall(b"220 mail.test ESMTP\r\n")
        connection.close()


@pytest.mark.spec(
    "1: First use shows the certificate's fingerprint; a changed certificate is refused with both fingerprints"
)
def test_a_changed_certificate_is_refused_with_both_fingerprints(start: Start) -> None:
    changed = start()
    changed.admin.users.add("ann", Role.admin, PASSWORD)
    with pytest.raises(errors.CertificateUnknown) as unknown:
        trackkit.connect(changed.url, username="ann", password=PASSWORD)
    first = changed.fingerprint
    assert first in str(unknown.value.details)
    trackkit.connect(changed.url, username="ann", password=PASSWORD, fingerprint=first).close()
    changed.stop()
    for name in ("tls-cert.pem", "tls-key.pem"):
        (changed.data / name).unlink()
    changed.restart()
    assert changed.fingerprint != first
    with pytest.raises(errors.CertificateChanged) as caught:
        trackkit.connect(changed.url, username="ann", password=PASSWORD, fingerprint=first)
    shown = str(caught.value) + str(caught.value.details)
    assert first in shown
    assert changed.fingerprint in shown


def test_connections_refuse_bad_values_and_stay_as_they_were() -> None:
    connections = Connections.load()
    connections.add("office", "127.0.0.1", 8470)
    file = Path(os.environ["TRACKKIT_HOME"], "connections.toml")
    before = file.read_bytes()
    for name, address, port in [
        ("x", "127.0.0.1", 0),
        ("x", "127.0.0.1", 65536),
        ("", "127.0.0.1", 1),
        ("x", "", 1),
        ("x", "a b", 1),
        ("x", "a/b", 1),
    ]:
        with pytest.raises(errors.InvalidInput):
            connections.add(name, address, port)
    with pytest.raises(errors.InvalidInput):
        connections.edit("office", port=0)
    with pytest.raises(errors.Conflict):
        connections.add("office", "192.0.2.1")
    with pytest.raises(errors.NotFound):
        connections.edit("offices", port=1)
    assert file.read_bytes() == before


@pytest.fixture
def command_line(server: RunningServer, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})


@pytest.mark.spec("12: Secrets never travel in arguments")
@pytest.mark.parametrize(
    "words",
    [
        ["options", "set", f"sending.smtp.password={SECRET}"],
        ["user", "add", "bob", "--role", "viewer", "--password", SECRET],
        ["server", "run", "--data", "x", "--database-url", f"postgresql://u:{SECRET}@127.0.0.1/db"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_secret_in_arguments_is_refused_and_not_repeated(
    server: RunningServer, command_line: CommandLine, words: list[str]
) -> None:
    before = state(server)
    done = command_line.run(*words)
    assert done.returncode == 2
    assert "argument" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert state(server) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["options", "set", "sending.smtp.port=65536"], "sending.smtp.port"),
        (["options", "set", "sending.smtp.port=abc"], "sending.smtp.port"),
        (["options", "set", "sending.smtp.hots=x"], "Did you mean"),
        (["options", "set", "sending.smtp.host"], "NAME=VALUE"),
        (["mail", "submit", "/no/such/file.eml", "--from", "", "--to", "x@y.test"], "/no/such/file.eml"),
        (["log", "delete", "--all"], "--yes"),
        (["log", "delete", "--through", "tomorrow", "--yes"], "through"),
        (["mail", "hold"], "--state"),
        (["server", "run", "--data", "x", "--port", "65536"], "port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_line_says_what_is_wrong(
    server: RunningServer, command_line: CommandLine, words: list[str], said: str
) -> None:
    before = state(server)
    done = command_line.run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert state(server) == before


def test_without_a_server_to_talk_to_the_command_line_says_how_to_name_one(tmp_path: Path) -> None:
    done = CommandLine(tmp_path, {}).run("mail", "list")
    assert done.returncode == 2
    assert "trackkit connection add" in done.stderr
