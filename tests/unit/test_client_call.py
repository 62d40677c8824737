"""Each operation has one client method, requests travel whole, and errors come back as themselves."""

from __future__ import annotations

import ast
import base64
import inspect
from collections import Counter
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

import trackkit
from tests.unit import client_peers as peers
from trackkit.client import (
    Server,
    accounts,
    admin,
    databases,
    jobs,
    licenses,
    log,
    log_filters,
    mail,
    mail_where,
    options,
    project,
    project_mail,
    reach,
    tasks,
    tracking,
    trust,
)
from trackkit.client import server as server_module
from trackkit.contract import mail as mail_contract
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import Operation
from trackkit.contract.wire import AUTOMATIC_HEADER
from trackkit.domain import errors
from trackkit.domain.errors import InvalidInput, NotLoggedIn, TrackkitError

CLIENT = (
    server_module,
    mail,
    mail_where,
    log,
    log_filters,
    admin,
    accounts,
    options,
    databases,
    jobs,
    licenses,
    tasks,
    trust,
    project,
    project_mail,
    tracking,
)


def test_each_operation_is_asked_for_by_exactly_one_method() -> None:
    asked: list[str] = []
    for module in CLIENT:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("ask", "pieces")
            ):
                constant = node.args[0]
                assert isinstance(constant, ast.Attribute)
                assert isinstance(constant.value, ast.Name)
                operation = getattr(getattr(module, constant.value.id), constant.attr)
                assert isinstance(operation, Operation)
                asked.append(operation.name)
    assert Counter(asked) == dict.fromkeys(OPERATIONS, 1)


PEM = trustme.CA().cert_pem.bytes()
OPTIONS_FILE = 'kind = "trackkit server options"\nformat = 1\n[sending]\npaused = true\n'
CALLS: dict[str, Any] = {
    "server.info": lambda s: s.info(),
    "server.health": lambda s: s.health(),
    "session.open": lambda s: s.log_in("ada", "pw-of-ada"),
    "session.current": lambda s: s.session(),
    "session.close": lambda s: s.log_out(),
    "setup.issue": lambda s: s.setup_code(),
    "setup.complete": lambda s: s.complete_setup("1234", "longenough"),
    "user.list": lambda s: s.users.list(),
    "user.add": lambda s: s.users.add("bob", "viewer", "longenough"),
    "user.edit": lambda s: s.users.edit("bob", "operator"),
    "user.delete": lambda s: s.users.delete("bob"),
    "user.password": lambda s: s.users.password("longenough", "before"),
    "token.list": lambda s: s.tokens.list(),
    "token.add": lambda s: s.tokens.add("ci", "viewer", 30),
    "token.delete": lambda s: s.tokens.delete("ada", "ci"),
    "session.list": lambda s: s.sessions.list(),
    "session.end": lambda s: s.sessions.end("s1"),
    "license.list": lambda s: s.licenses.list(),
    "license.add": lambda s: s.licenses.add("a serial", preview=True),
    "license.edit": lambda s: s.licenses.edit(2, "a serial"),
    "license.delete": lambda s: s.licenses.delete(2, preview=True),
    "license.seats": lambda s: s.licenses.seats(),
    "license.history": lambda s: s.licenses.history("floating", refused_only=True),
    "license.usage": lambda s: s.licenses.usage("floating", by="day"),
    "license.replay": lambda s: s.licenses.replay("floating", 4, 60),
    "trust.list": lambda s: s.trust.list(),
    "trust.add": lambda s: s.trust.add(3),
    "trust.upload": lambda s: s.trust.upload(PEM, "relay.example", 587, preview=True),
    "trust.remove": lambda s: s.trust.remove(5),
    "options.get": lambda s: s.options.get(),
    "options.set": lambda s: s.options.set({"sending.paused": True}, {"sending": 4}),
    "options.export": lambda s: s.options.export(everything=True),
    "options.plan": lambda s: s.options.plan(OPTIONS_FILE),
    "options.apply": lambda s: s.options.apply(OPTIONS_FILE, {"sending": 4}),
    "options.history": lambda s: s.options.history(9, 5),
    "options.plan_revert": lambda s: s.options.plan_revert(9),
    "options.revert": lambda s: s.options.revert(9, {"sending": 4}, anyway=True),
    "mail.test": lambda s: s.mail.test(recipient="b@example.org", send=True).state,
    "mail.test_progress": lambda s: s.mail.test_progress("7e57", 2, 1.5),
    "mail.test_cancel": lambda s: s.mail.test_cancel("7e57"),
    "mail.submit": lambda s: s.mail.submit(b"x", sender="", recipients="b@example.org"),
    "mail.list": lambda s: s.mail.list("deferred", "q9", 5),
    "mail.ids": lambda s: s.mail.ids("deferred", first="q9", last="q1"),
    "mail.workers": lambda s: s.mail.workers(),
    "mail.diagnoses": lambda s: s.mail.diagnoses(),
    "mail.summary": lambda s: s.mail.summary(),
    "mail.ages": lambda s: s.mail.ages(5),
    "mail.groups": lambda s: s.mail.groups("held", 5).answer,
    "mail.history": lambda s: s.mail.history(9, 5),
    "mail.show": lambda s: s.mail.show("q1"),
    "mail.raw": lambda s: s.mail.raw("q1"),
    "mail.count": lambda s: s.mail.where("failed", domain="example.org").count("delete"),
    "mail.bulk": lambda s: s.mail.where("failed", domain="example.org").delete().job,
    "mail.edit_recipient": lambda s: s.mail.edit_recipient("q1", "b@example.org", "c@example.org"),
    "mail.reattempt": lambda s: s.mail.reattempt(["q1", "q2"]),
    "mail.hold": lambda s: s.mail.hold("q1"),
    "mail.release": lambda s: s.mail.release(("q1",)),
    "mail.delete": lambda s: s.mail.delete({"q1"}),
    "mail.undelete": lambda s: s.mail.undelete(iter(["q1"])),
    "mail.suggest": lambda s: s.mail.suggest("a@example.org", hosts=["mail.example.org"], private=True),
    "log.list": lambda s: s.log.list("warning", "less", text="disk", limit=7),
    "log.histogram": lambda s: s.log.histogram("error", "only", text="disk", bucket_seconds=60),
    "log.export": lambda s: b"".join(s.log.exported("arrow", "warning", "less", text="disk", limit=7)),
    "log.delete": lambda s: s.log.delete(through=date(2026, 1, 31), preview=True),
    "log.filters": lambda s: s.log.filters.list(),
    "log.save_filter": lambda s: s.log.filters.save("last night", level="error", last_minutes=720),
    "log.delete_filter": lambda s: s.log.filters.delete("last night", shared=True),
    "log.startup": lambda s: s.log.startup(2),
    "audit.list": lambda s: s.audit.list(5, 10),
    "database.list": lambda s: s.databases.list(),
    "database.show": lambda s: s.databases.show("a"),
    "database.create": lambda s: s.databases.create("a", settings={"description": "x"}),
    "database.create_from_template": lambda s: s.databases.create_from_template("b", "a").job,
    "database.browse": lambda s: s.databases.browse("folder"),
    "database.add": lambda s: s.databases.add("a").job,
    "database.edit": lambda s: s.databases.edit("a", {"active": False}, 3),
    "database.compact": lambda s: s.databases.compact("a").job,
    "database.backup": lambda s: s.databases.backup("a").job,
    "database.backups": lambda s: s.databases.backups("a"),
    "database.restore": lambda s: s.databases.restore(4, "b").job,
    "database.remove": lambda s: s.databases.remove("a", preview=True),
    "job.list": lambda s: s.jobs.list(9, 5),
    "job.show": lambda s: s.jobs.show(5),
    "job.cancel": lambda s: s.jobs.cancel(5),
    "task.list": lambda s: s.tasks.list(),
    "task.add": lambda s: s.tasks.add(name="Nightly", kind="backup", database="a"),
    "task.edit": lambda s: s.tasks.edit("Nightly", {"keep": 3}, 1),
    "task.delete": lambda s: s.tasks.delete("Nightly"),
    "task.run": lambda s: s.tasks.run("Nightly").job,
    "task.history": lambda s: s.tasks.history("Nightly"),
    "project.databases": lambda s: s.offered("web"),
    "project.submission_databases": lambda s: s.submission_databases(),
    "project.submit": lambda s: s.submit_defect("b", "It stops", "Every day."),
    "project.open": lambda s: opened(s) and None,
    "project.session": lambda s: opened(s).session(),
    "project.close": lambda s: opened(s).log_out(),
    "project.password": lambda s: opened(s).password("longenough", "before"),
    "project.list": lambda s: opened(s).list("defect", ["status=open"], text="x", after=4, limit=5),
    "project.show": lambda s: opened(s).show("defect", "12"),
    "project.add": lambda s: opened(s).add("defect", title="It stops", due_on=date(2026, 1, 31)),
    "project.edit": lambda s: opened(s).edit("defect", "12", {"title": "It starts"}, 2),
    "project.delete": lambda s: opened(s).delete("defect", "12"),
    "project.import": lambda s: opened(s).import_rows("defect", ["title"], [["It stops"]]).job,
    "project.job": lambda s: opened(s).job(5),
    "project.cancel": lambda s: opened(s).cancel_job(5),
    "project.files": lambda s: opened(s).files("defect", "12"),
    "project.attach": lambda s: opened(s).attach("defect", "12", "a.txt", b"\x00\xff"),
    "project.file": lambda s: opened(s).file(8),
    "project.detach": lambda s: opened(s).detach(8),
    "project.mail.list": lambda s: opened(s).mail.list("defect 12", text="x", after=4, limit=5),
    "project.mail.show": lambda s: opened(s).mail.show(5),
    "project.mail.raw": lambda s: opened(s).mail.raw(5),
    "project.mail.file": lambda s: opened(s).mail.file(5, 9),
    "project.mail.send": lambda s: opened(s).mail.send("defect 12", ["b@example.org"], "x", files=[("a", b"\xff")]),
    "project.mail.reply": lambda s: opened(s).mail.reply(5, "Thank you."),
    "project.mail.delete": lambda s: opened(s).mail.delete(5),
    "project.template.preview": lambda s: opened(s).mail.preview("{{ record.title }}", "", "defect", "defect 12"),
    "tracking.status": lambda s: s.tracking.status(),
    "tracking.check": lambda s: s.tracking.check("a"),
    "tracking.settings": lambda s: s.tracking.settings("a"),
    "tracking.set": lambda s: s.tracking.set("a", {"tracking": True, "mailbox.host": None}, 3),
    "tracking.test": lambda s: s.tracking.test("a").state,
    "tracking.poll": lambda s: s.tracking.poll("a"),
    "tracking.inbox": lambda s: s.tracking.inbox(["quarantined"], database="a", text="x", after=9, limit=5),
    "tracking.show": lambda s: s.tracking.show(5),
    "tracking.raw": lambda s: s.tracking.raw(5),
    "tracking.replay": lambda s: s.tracking.replay(5, "a"),
    "tracking.reprocess": lambda s: s.tracking.reprocess(5, "a", "defect 12"),
    "tracking.discard": lambda s: s.tracking.discard([5]),
    "tracking.answers": lambda s: s.tracking.answers("a", datetime(2026, 1, 31, tzinfo=UTC), after=3, limit=5),
    "tracking.rotate_key": lambda s: s.tracking.rotate_key(),
    "tracking.round_trip": lambda s: s.tracking.round_trip("a"),
}
NO_ANSWER = {"project.open"}
"""What answers with an object of its own instead of the response."""
ONLY_BYTES = {"mail.raw", "project.mail.raw", "tracking.raw"}
"""What answers with the bytes alone."""


def opened(server: Server) -> project.Project:
    return server.project("a", "anna", "pw-of-anna")


@pytest.mark.parametrize("name", OPERATIONS)
def test_method_reaches_its_operation(server: Server, api: peers.ApiServer, name: str) -> None:
    answer = CALLS[name](server)
    assert api.calls()[-1] == name
    expected = None if name in NO_ANSWER else api.answers[name]
    assert answer == (expected.message if name in ONLY_BYTES else expected)


def test_values_travel_as_they_are(server: Server, api: peers.ApiServer) -> None:
    server.options.set({"sending.smtp.host": None, "sending.smtp.password": SecretStr("p,w"), "server.port": 1})
    assert api.last("options.set").fields["values"] == {
        "sending.smtp.host": None,
        "sending.smtp.password": "p,w",
        "server.port": 1,
    }
    server.log.list(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert datetime.fromisoformat(api.last("log.list").fields["since"]) == datetime(2026, 1, 1, tzinfo=UTC)
    server.log.delete(all=True)
    assert api.last("log.delete").fields == {"all": "true", "preview": "false"}


@pytest.mark.parametrize("name", ["a/b", "..", ".", "ä b", "%2F", "a?b#c", "a+b", "{name}", "…"])
def test_path_fields_are_one_segment_whatever_they_hold(server: Server, api: peers.ApiServer, name: str) -> None:
    server.users.delete(name)
    assert api.last("user.delete").fields == {"username": name}
    server.tokens.delete(name, name)
    assert api.last("token.delete").fields == {"username": name, "name": name}


def test_empty_path_field_is_refused_before_it_is_sent(server: Server, api: peers.ApiServer) -> None:
    before = len(api.seen)
    with pytest.raises(InvalidInput) as caught:
        server.mail.show("")
    assert [p.field for p in caught.value.problems] == ["queue_id"]
    assert len(api.seen) == before


def test_secrets_are_really_sent_and_shown_nowhere(server: Server, api: peers.ApiServer) -> None:
    assert api.last("session.open").fields["password"] == "pw-of-ada"
    server.users.add("bob", "viewer", SecretStr("hidden-one"))
    assert api.last("user.add").fields["password"] == "hidden-one"
    assert api.last("user.add").headers["Authorization"] == "Bearer the-session-token"
    shown = repr(server) + repr(vars(server)) + repr(vars(server._caller)) + repr(server.log_in("ada", "pw-of-ada"))
    assert "the-session-token" not in shown
    assert "pw-of-ada" not in shown
    assert "'127.0.0.1:" in repr(server)
    assert "ada (admin)" in repr(server)


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_asked(
    server: Server, api: peers.ApiServer, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="cannot be read") as caught:
        server.trust.upload(tmp_path, "relay.example", 587)
    assert [problem.field for problem in caught.value.problems] == [str(tmp_path)]
    assert "trust.upload" not in api.calls()


def test_refused_request_names_the_fields_and_repeats_no_value(server: Server, api: peers.ApiServer) -> None:
    before = len(api.seen)
    with pytest.raises(InvalidInput) as caught:
        server.users.add("bob", "emperor", "s" * 2000)
    assert {p.field for p in caught.value.problems} == {"role", "password"}
    assert "ssss" not in str(caught.value)
    with pytest.raises(InvalidInput) as caught:
        server.mail.list(limit=0)
    assert [p.field for p in caught.value.problems] == ["limit"]
    with pytest.raises(InvalidInput):
        server.mail.submit("text", sender="", recipients=["b@example.org"])  # type: ignore[arg-type]
    assert len(api.seen) == before


SENT_ERRORS = [cls for cls in errors.BY_CODE.values() if not issubclass(cls, errors.ConnectionFailed)]


@pytest.mark.parametrize("cls", SENT_ERRORS, ids=lambda cls: cls.code)
def test_errors_come_back_as_themselves(server: Server, api: peers.ApiServer, cls: type[TrackkitError]) -> None:
    raised = cls("What happened.", "What to do.", problems=[errors.Problem("port", "is 0")], details={"a": "b"})
    api.answers["server.health"] = raised
    with pytest.raises(cls) as caught:
        server.health()
    assert type(caught.value) is cls
    assert str(caught.value) == str(raised)
    assert caught.value.details == {"a": "b"}


def test_ended_session_is_not_logged_in_and_closing_is_fine_then(server: Server, api: peers.ApiServer) -> None:
    api.answers["session.close"] = api.answers["mail.list"] = NotLoggedIn("The session has ended.", "Log in again.")
    with pytest.raises(NotLoggedIn):
        server.mail.list()
    server.close()
    assert "not logged in" in repr(server)


def test_email_message_is_sent_with_crlf(server: Server, api: peers.ApiServer) -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("ä\nb\n")
    server.mail.submit(message, sender="a@example.org", recipients=["b@example.org", "c@example.org"])
    sent = base64.b64decode(api.last("mail.submit").fields["message"])
    assert b"\r\n\r\n" in sent
    assert b"\n" not in sent.replace(b"\r\n", b"")
    assert api.last("mail.submit").fields["recipients"] == ["b@example.org", "c@example.org"]
    server.mail.submit(message, sender="a@example.org", mapi_recipients="Bill Jones")
    fields = api.last("mail.submit").fields
    assert (fields["recipients"], fields["mapi_recipients"]) == ([], ["Bill Jones"])


def test_automatic_requests_say_so(server: Server, api: peers.ApiServer) -> None:
    with server.automatic():
        server.mail.list()
    assert api.last("mail.list").headers[AUTOMATIC_HEADER] == "1"
    server.mail.list()
    assert AUTOMATIC_HEADER not in api.last("mail.list").headers


def test_listings_follow_their_pages(server: Server, api: peers.ApiServer) -> None:
    def page(fields: dict[str, Any]) -> mail_contract.QueuePage:
        start, size = int(fields.get("before", 0)), int(fields["limit"])
        rows = tuple(peers.queued(str(n)) for n in range(start + 1, min(start + size, 2500) + 1))
        last = rows[-1].queue_id
        return mail_contract.QueuePage(messages=rows, next_before=last if last != "2500" else None, total=2500)

    api.answers["mail.list"] = page
    assert [m.queue_id for m in server.mail.each()] == [str(n) for n in range(1, 2501)]
    assert len(list(server.mail.each(limit=1200))) == 1200
    assert [r.fields["limit"] for r in api.seen if r.operation == "mail.list"] == [
        "1000",
        "1000",
        "1000",
        "1000",
        "200",
    ]
    frame = server.mail.frame(limit=3)
    assert list(frame.queue_id) == ["1", "2", "3"]
    assert set(frame.server) == {server.name}


def test_frames_of_the_other_listings(server: Server) -> None:
    assert list(server.log.frame(level="warning").entry_id) == [2, 1]
    assert list(server.mail.sent_frame().history_id) == [7]
    assert list(server.audit.frame().record_id) == [3]


def test_an_answer_that_is_not_understood(server: Server, api: peers.ApiServer) -> None:
    api.answers["mail.summary"] = b'{"states": 7}'
    with pytest.raises(errors.VersionMismatch):
        server.mail.summary()


def test_token_is_not_logged_out(api: peers.ApiServer) -> None:
    with trackkit.connect(api.url, token="tk_1", fingerprint=api.fingerprint) as server:
        server.mail.list()
    assert api.last("mail.list").headers["Authorization"] == "Bearer tk_1"
    assert "session.close" not in api.calls()


def test_session_opened_here_is_closed(api: peers.ApiServer) -> None:
    with trackkit.connect(api.url, username="ada", password="x", fingerprint=api.fingerprint):
        pass
    assert api.calls() == ["server.info", "session.open", "session.close"]


def test_a_project_session_that_was_opened_elsewhere_is_acted_in_and_not_closed(
    server: Server, api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.project_session("tkp_1") as known:
        assert known.opened is None
        assert (known.database, known.username) == ("a", "anna")
        assert api.last("project.session").headers["Authorization"] == "Bearer tkp_1"
        known.list("defect")
        assert api.last("project.list").headers["Authorization"] == "Bearer tkp_1"
        assert "tkp_1" not in repr(known) + repr(vars(known))
    assert "project.close" not in api.calls()
    server.mail.summary()
    assert api.last("mail.summary").headers["Authorization"] == "Bearer the-session-token", "each its own token"
    monkeypatch.setenv("TRACKKIT_PROJECT_TOKEN", "tkp_2")
    server.project_session()
    assert api.last("project.session").headers["Authorization"] == "Bearer tkp_2"
    server.end_project_session("tkp_3")
    assert api.last("project.close").headers["Authorization"] == "Bearer tkp_3"


def test_a_project_log_in_shows_the_proof_and_keeps_the_new_one_out_of_sight(
    server: Server, api: peers.ApiServer
) -> None:
    api.answers["project.open"] = api.answers["project.open"].model_copy(update={"proof": "the next proof"})
    with server.project("a", "anna", "pw-of-anna", "web", proof="shown before") as known:
        assert api.last("project.open").fields["proof"] == "shown before"
        assert known.opened is not None
        assert known.opened.proof == "the next proof"
        assert "the next proof" not in repr(vars(known))
        assert "the-project-token" not in repr(vars(known))
    assert "project.close" in api.calls()
    server.project("a", "anna", "pw-of-anna")
    assert "proof" not in api.last("project.open").fields


def test_first_error_is_told_when_closing_fails_too(api: peers.ApiServer) -> None:
    api.answers["session.close"] = errors.Unavailable("stopping")
    with (
        pytest.raises(ZeroDivisionError),
        trackkit.connect(api.url, username="ada", password="x", fingerprint=api.fingerprint),
    ):
        raise ZeroDivisionError
    with (
        pytest.raises(errors.Unavailable),
        trackkit.connect(api.url, username="ada", password="x", fingerprint=api.fingerprint),
    ):
        pass


def test_reach_needs_no_log_in(api: peers.ApiServer) -> None:
    with reach(api.url, fingerprint=api.fingerprint) as server:
        assert server.info().server_id == "id"
        server.complete_setup("1234", "longenough")
    assert api.calls() == ["server.info", "server.info", "setup.complete"]
    assert api.last("setup.complete").fields == {"code": "1234", "password": "longenough"}
