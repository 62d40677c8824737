"""A small real HTTP(S) server that speaks the catalogue, and sockets that misbehave: the other side of client tests."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import parse_qsl, unquote, urlsplit

import trustme

from tests.unit import license_answers, project_answers, tracking_answers, trust_answers
from trackkit.contract import (
    audit,
    log,
    log_filters,
    mail,
    mail_bulk,
    mail_diagnoses,
    mail_groups,
    mail_history,
    mail_tests,
    mail_workers,
    options,
    server,
    sessions,
    suggest,
    users,
)
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.fixes import FixView
from trackkit.contract.operation import PREFIX, Done, Operation, Response
from trackkit.contract.wire import API_VERSION, WireError, status_of
from trackkit.domain.errors import NotFound, TrackkitError
from trackkit.services import log_arrow
from trackkit.store.log import Stored
from trackkit.store.log_summary import microseconds

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIAGNOSIS = mail.DiagnosisView(cause="paused", title="Sending is paused", words="It is paused.", next_step="Resume.")
USER = users.User(username="ada", role="admin", password_set=True, created_at=NOW, last_login_at=None)
TOKEN = {
    "name": "ci",
    "username": "ada",
    "role": "viewer",
    "created_at": NOW,
    "expires_at": None,
    "last_used_at": None,
}
SUGGESTIONS = suggest.Suggestions(
    about="a@example.org",
    candidates=(
        suggest.Candidate(
            source="srv",
            where="SRV record _submissions._tcp.example.org",
            answered=True,
            words=("The host answers.",),
            fix=FixView(
                operation="options.set",
                words="Use mail.example.org:465",
                changes={"sending.smtp.host": "mail.example.org", "sending.smtp.port": 465},
            ),
            needs=("sending.smtp.password",),
        ),
    ),
    sources=(suggest.SourceTold(source="srv", result="found", words="mail.example.org:465."),),
)
VERBS = mail.VerbResults(results=(mail.VerbResult(queue_id="q1", done=True, recipients=1, state="deferred"),))
MAIL_TEST = mail_tests.MailTest(
    test_id="7e57",
    subject="the relay mail.example:25",
    username="ada",
    begun_at=NOW,
    steps=(
        mail_tests.MailTestStep(
            number=1,
            kind="connect",
            title="Connect",
            host="mail.example:25",
            state="failed",
            seconds=0.25,
            words="mail.example:25 could not be reached",
            advice="Is it running?",
            option="sending.smtp.host",
        ),
    ),
    under_way=None,
    finished=True,
    works=False,
    verdict="The settings do not work.",
    cause="host_unreachable",
    notices=(mail_tests.MailTestNotice(kind="paused", words="Paused.", advice="Go on.", option="sending.paused"),),
    fixes=(FixView(operation="options.set", words="Use port 587", changes={"sending.smtp.port": 587}),),
    conversation="* refused",
)
SESSION = {"session_id": "s1", "username": "ada", "role": "admin", "password_set": True, "opened_at": NOW}

SESSION_ROW = sessions.SessionRow(
    session_id="s1",
    kind="admin",
    username="ada",
    role="admin",
    database="",
    client="",
    client_address="192.0.2.7",
    local=False,
    opened_at=NOW,
    last_used_at=NOW,
    current=True,
)


def queued(queue_id: str, subject: str = "Hello") -> mail.QueuedMessage:
    """A row of the queue."""
    return mail.QueuedMessage(
        queue_id=queue_id,
        queued_at=NOW,
        attempts=1,
        subject=subject,
        sender="a@example.org",
        recipients=2,
        domains=("example.org", "example.com"),
        state="deferred",
        next_attempt_at=NOW,
        size=1234,
        diagnosis=DIAGNOSIS,
    )


def stored(entry_id: int) -> Stored:
    """An entry of the log as it is stored."""
    row = log_row(entry_id)
    return (entry_id, microseconds(row.at), 3, "server", "", "ada", "127.0.0.1", row.message, row.details)


def log_row(entry_id: int, level: str = "warning", message: str = "disk low") -> log.LogRow:
    """An entry of the log."""
    return log.LogRow(
        entry_id=entry_id,
        at=NOW,
        level=level,
        source="server",
        database="",
        username="ada",
        client_address="127.0.0.1",
        message=message,
        details="",
    )


RECIPIENT = mail.RecipientView(
    recipient_id=1,
    address="b@example.org",
    mail_type="internet",
    state="deferred",
    tries=1,
    next_attempt_at=NOW,
    expires_at=NOW,
    send_error="450 later",
    smtp_code=450,
    enhanced_code="4.2.0",
    outcome_unknown=False,
    diagnosis=DIAGNOSIS,
)
ATTEMPT = mail.AttemptView(
    recipient="b@example.org",
    started_at=NOW,
    ended_at=NOW,
    host="mx",
    stage="recipient",
    verdict="temporary",
    failure="replied",
    smtp_code=450,
    enhanced_code="4.2.0",
    text="4.2.0 later",
)
SENT = mail_history.SentMail(
    history_id=7,
    queue_id="q0",
    message_id="<m@x>",
    sender="a@example.org",
    recipient="b@example.org",
    subject="Hello",
    queued_at=NOW,
    sent_at=NOW,
    host="mx",
    reply="250 ok",
    tries=1,
)
SAVED = log_filters.SavedFilter(
    name="last night", shared=False, saved_by="ada", saved_at=NOW, conditions={"level": "error", "last_minutes": 720}
)
HISTOGRAM = log.LogHistogram(
    starts_at=NOW,
    bucket_seconds=900,
    buckets=3,
    levels=("severe_error", "error", "warning"),
    counts=(log.LevelCount(starts_at=NOW, level="warning", entries=2),),
    total=2,
)
DIAGNOSES = mail_diagnoses.Diagnoses(
    rows=(
        mail_diagnoses.DiagnosisRow(
            cause="spam",
            title="The host takes it for spam",
            words="HOST takes it",
            next_step="Ask.",
            operation="mail.reattempt",
            option="",
            tries=3,
            last_at=NOW,
        ),
    ),
    unknown=(
        mail_diagnoses.UnknownReply(
            smtp_code=550,
            enhanced_code="",
            text="Rejected",
            stage="recipient",
            host="mail.test:25",
            tries=2,
            first_at=NOW,
            last_at=NOW,
        ),
    ),
)
WORKERS = mail_workers.MailWorkers(
    workers=(mail_workers.MailWorker(name="anna", joined_at=NOW, seen_at=NOW, connections=3, lost_at=None),),
    connections=4,
)
AGES = mail.QueueAges(
    counted_at=NOW,
    states=(mail.StateAge(state="deferred", age="under_1_hour", messages=3),),
    domains=(mail.DomainAge(domain="example.org", age="under_1_hour", messages=3),),
    domains_in_all=2,
)
GROUPS = mail_groups.QueueGroups(
    counted_at=NOW,
    causes=(
        mail_groups.CauseGroups(
            diagnosis=DIAGNOSIS.model_copy(update={"cause": "held", "operation": "mail.release"}),
            messages=4,
            recipients=5,
            oldest_queued_at=NOW,
            destinations=(
                mail_groups.DestinationGroups(
                    destination="example.org",
                    next_hop=False,
                    messages=4,
                    oldest_queued_at=NOW,
                    ages=(
                        mail_groups.AgeGroup(age="older", messages=1, oldest_queued_at=NOW),
                        mail_groups.AgeGroup(age="under_1_hour", messages=3, oldest_queued_at=NOW),
                    ),
                ),
            ),
            destinations_in_all=2,
        ),
    ),
)
AUDIT = audit.AuditRecord(
    record_id=3,
    at=NOW,
    operation="options.set",
    username="ada",
    client_address="local socket",
    subject="sending",
    before={"sending.paused": "no"},
    after={"sending.paused": "yes"},
)
OPTIONS = options.OptionsState(
    options=(
        options.OptionValue(name="sending.paused", value=False, is_set=False),
        options.OptionValue(name="sending.smtp.host", value="mx", is_set=True),
        options.OptionValue(name="sending.smtp.password", value=None, is_set=True),
        options.OptionValue(name="server.port", value=8470, is_set=False, restart_needed=True),
    ),
    revisions={"sending": 4, "server": 1},
)
PLAN = options.Plan(
    changes=(options.PlannedChange(name="sending.paused", before="no", after="yes", restart=False),),
    revisions={"sending": 4},
)
OPTION_CHANGES = options.ChangeSets(
    sets=(
        options.ChangeSet(
            change_id=9,
            at=NOW,
            username="ada",
            client_address="local socket",
            operation="options.set",
            changes=(options.ChangedOption(name="sending.paused", before=False, after=True),),
        ),
    ),
    next_before=None,
)


def answers() -> dict[str, Any]:
    """A proper answer to each operation."""
    return {
        "server.info": server.ServerInfo(version="0.1.0", api_version=API_VERSION, server_id="id", setup_open=False),
        "server.health": server.Health(findings=(), checked_at=NOW),
        "session.open": server.OpenedSession(**SESSION, token="the-session-token"),
        "session.current": server.Session(**SESSION),
        "session.close": Done(),
        "session.list": sessions.Sessions(sessions=(SESSION_ROW,)),
        "session.end": Done(),
        "setup.issue": server.SetupCode(code="1234-5678"),
        "setup.complete": Done(),
        "user.list": users.Users(users=(USER,)),
        "user.add": USER,
        "user.edit": USER,
        "user.delete": Done(),
        "user.password": Done(),
        "token.list": users.Tokens(tokens=(users.Token(**TOKEN),)),
        "token.add": users.NewToken(**TOKEN, secret="tk_secret"),
        "token.delete": Done(),
        "options.get": OPTIONS,
        "options.set": OPTIONS,
        "options.export": options.OptionsFile(text="format = 1\n", secrets=()),
        "options.plan": PLAN,
        "options.apply": OPTIONS,
        "options.history": OPTION_CHANGES,
        "options.plan_revert": PLAN,
        "options.revert": OPTIONS,
        "mail.submit": mail.Submitted(queue_id="q1", message_id="<m@x>", size=10),
        "mail.list": mail.QueuePage(messages=(queued("q1"),), next_before=None, total=1),
        "mail.ids": mail.QueueIds(queue_ids=("q1",), next_before=None),
        "mail.summary": mail.QueueSummary(
            states={"deferred": 1}, causes=(mail.CauseCount(diagnosis=DIAGNOSIS, messages=1, oldest_queued_at=NOW),)
        ),
        "mail.workers": WORKERS,
        "mail.diagnoses": DIAGNOSES,
        "mail.ages": AGES,
        "mail.groups": GROUPS,
        "mail.history": mail_history.SentPage(sent=(SENT,), next_before=None),
        "mail.show": mail.MessageDetail(
            message=queued("q1"),
            message_id="<m@x>",
            submitted_by="ada",
            recipients=(RECIPIENT,),
            attempts=(ATTEMPT,),
            conversation="> EHLO x",
            headers="Subject: Hello",
            preview="Hi",
        ),
        "mail.raw": mail.RawMessage.model_construct(queue_id="q1", message=b"Subject: x\r\n\r\n\x00\xff"),
        "mail.count": mail_bulk.Matching(
            messages=3,
            applies=2,
            recipients=4,
            states=(mail_bulk.MatchingState(state="deferred", messages=3, applies=2),),
        ),
        "mail.bulk": project_answers.JOB,
        **dict.fromkeys(("mail.test", "mail.test_progress", "mail.test_cancel", "tracking.test"), MAIL_TEST),
        "mail.edit_recipient": mail.EditedRecipient(
            queue_id="q1", address="c@example.org", state="deferred", next_attempt_at=NOW
        ),
        **dict.fromkeys((f"mail.{verb}" for verb in ("reattempt", "hold", "release", "delete", "undelete")), VERBS),
        **project_answers.answers(),
        **license_answers.answers(),
        **trust_answers.answers(),
        **tracking_answers.answers(),
        "mail.suggest": SUGGESTIONS,
        "log.list": log.LogPage(entries=(log_row(2), log_row(1)), next_before=None, total=2),
        "log.histogram": HISTOGRAM,
        "log.export": b"".join(log_arrow.stream([[stored(2), stored(1)]])),
        "log.delete": log.DeletedLog(entries=5),
        "log.filters": log_filters.SavedFilters(filters=(SAVED,)),
        "log.save_filter": SAVED,
        "log.delete_filter": Done(),
        "log.startup": log.StartupLogText(
            text="2026-01-31 10:00:00 Severe Error: server: It could not start.", whole=True
        ),
        "audit.list": audit.AuditPage(records=(AUDIT,), next_before=None),
    }


@dataclass
class Seen:
    """A request as it arrived."""

    operation: str
    fields: dict[str, Any]
    headers: dict[str, str]
    target: str


@dataclass
class ApiServer:
    """Answers every operation from `answers` (a response, an error to raise, or a function of the fields)."""

    url: str = ""
    fingerprint: str = ""
    answers: dict[str, Any] = field(default_factory=answers)
    seen: list[Seen] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 0

    def calls(self) -> list[str]:
        """The operations in the order they were asked for."""
        return [request.operation for request in self.seen]

    def last(self, operation: str) -> Seen:
        """The last request for that operation."""
        return [request for request in self.seen if request.operation == operation][-1]


def _routes() -> list[tuple[str, re.Pattern[str], Operation[Any, Any]]]:
    found = sorted(OPERATIONS.values(), key=lambda operation: len(operation.path_fields))
    return [(o.method, re.compile(PREFIX + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", o.path) + r"\Z"), o) for o in found]


_ROUTES = _routes()


def _in_query(operation: Operation[Any, Any], query: str) -> dict[str, Any]:
    """The fields of a query: a list where the request has one, else one text."""
    pairs = parse_qsl(query)
    lists = {name for name, field in operation.request.model_fields.items() if get_origin(field.annotation) is list}
    return {name: [v for n, v in pairs if n == name] if name in lists else value for name, value in pairs}


def _handler(api: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            try:
                result = self._result()
            except TrackkitError as error:
                self._send(status_of(error), WireError.of(error).model_dump_json().encode())
            else:
                self._send(200, result if isinstance(result, bytes) else result.model_dump_json().encode())

        def _result(self) -> Response | bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            for method, pattern, operation in _ROUTES:
                if method == self.command and (match := pattern.match(parts.path)):
                    given = _in_query(operation, parts.query) if operation.in_query else json.loads(body)
                    given |= {name: unquote(value) for name, value in match.groupdict().items()}
                    operation.request.model_validate_json(json.dumps(given), strict=False)
                    api.seen.append(Seen(operation.name, given, dict(self.headers), self.path))
                    found = api.answers[operation.name]
                    found = found(given) if callable(found) else found
                    if isinstance(found, TrackkitError):
                        raise found
                    return found
            raise NotFound(f"no route {self.command} {parts.path}")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

        def address_string(self) -> str:
            return "-"

    return Handler


@contextmanager
def _served(httpd: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in a handshake is what some tests are about."""


class Authority:
    """A throw-away CA and server certificates of it."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def certificate(self, *names: str, **more: Any) -> trustme.LeafCert:
        """A new certificate for these names."""
        return self._ca.issue_cert(*(names or ("127.0.0.1", "localhost")), **more)

    def write(self, path: Path) -> Path:
        """The CA's own certificate as a file."""
        self._ca.cert_pem.write_to_path(str(path))
        return path


def context_for(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's TLS context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def fingerprint_of(certificate: trustme.LeafCert) -> str:
    """As the server prints it."""
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    return "sha256:" + hashlib.sha256(der).hexdigest()


@contextmanager
def serving(certificate: trustme.LeafCert | None = None, port: int = 0) -> Iterator[ApiServer]:
    """An API server over HTTPS with that certificate, or over HTTP without one."""
    api = ApiServer()
    httpd = _Quiet(("127.0.0.1", port), _handler(api))
    scheme = "http"
    if certificate is not None:
        scheme, api.fingerprint = "https", fingerprint_of(certificate)
        wrapped = context_for(certificate).wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
        httpd.socket = wrapped
    api.url = f"{scheme}://127.0.0.1:{httpd.server_address[1]}"
    with _served(httpd):
        yield api


@contextmanager
def serving_locally(folder: Path) -> Iterator[ApiServer]:
    """An API server on `local.sock` in a folder."""
    api = ApiServer()

    class Httpd(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False

    with _in_folder(folder):
        httpd = Httpd("local.sock", _handler(api))
    with _served(httpd):
        yield api


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """The socket's name alone is bound, because the whole path may be too long for its address."""
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP listener; `talk` gets each connection. Gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        talk(connection)
                    except OSError:
                        continue  # the client hung up, as it should in most of these tests

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(10)


@contextmanager
def silent() -> Iterator[int]:
    """A port that gives no answer at all: what waits there to be accepted is full. Gives the port."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            assert one.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
        yield port
