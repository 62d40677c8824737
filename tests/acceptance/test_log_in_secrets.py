"""Canaries in place of every secret a log-in knows: they are found nowhere but where they have to go."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from pydantic import SecretStr

from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.pop3_server import ScriptedPop3
from tests.fakes.smtp_server import Action, ScriptedSmtp, say
from tests.fakes.token_endpoint import Answer, Form, TokenEndpoint, says
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.accounts import Role

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "sending-options.ipynb"
ADMIN, PASSWORD = "ada", "the administrator's own password"

SECRETS = {
    "SMTP password": "canary+Smtp/pass wörd",
    "NTLM password": "canary+Ntlm/pass wörd",
    "client secret": "canary+client/secret",
    "refresh token": "canary+refresh/token",
    "access token": "canary-access-",
    "POP password": "canary+Pop/pass wörd",
}


def forms(secret: str) -> list[bytes]:
    """As it is, in base64 at each of the three places it can begin, in a form, in UTF-16."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[4 if n else 0 : -4] for n in range(3)]
    return [raw, raw.lower(), quote_plus(secret).encode(), raw.hex().encode(), secret.encode("utf-16-le"), *shifted]


def leaks(where: str, content: bytes) -> list[str]:
    """Which canaries are in it; none may be."""
    return [f"{name} in {where}" for name, secret in SECRETS.items() if any(f in content for f in forms(secret))]


@dataclass(frozen=True)
class Hosts:
    """Hosts that repeat what they were told, refuse, and let in."""

    smtp: ScriptedSmtp
    pop: ScriptedPop3
    provider: TokenEndpoint


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    def echo(line: str) -> Action | None:
        said = " ".join(line for number, line in smtp.lines if number == smtp.lines[-1][0])
        knows = {"PLAIN": ("SMTP password",), "NTLM": ("NTLM password",)}
        names = knows.get(line.split(" ")[1], ("client secret", "refresh token"))
        token = " ".join(provider.tokens)
        return say(f"535-5.7.8 {said[:900]}\n535 5.7.8 {token} {' '.join(SECRETS[name] for name in names)}")

    def again(form: Form) -> Answer | None:
        if len(provider.asked) % 2:
            return None
        return says(400, error="invalid_grant", error_description=" ".join(form.values()))

    accounts = {ADMIN: SECRETS["SMTP password"]}
    with (
        TokenEndpoint(
            client_secret=SECRETS["client secret"],
            refresh_token=SECRETS["refresh token"],
            token=SECRETS["access token"],
            rotates=True,
            answer=again,
        ) as provider,
        ScriptedSmtp({"auth": echo}, extensions=("AUTH PLAIN NTLM XOAUTH2",), accounts=accounts) as smtp,
        ScriptedPop3({"pass": say(f"-ERR you said {SECRETS['POP password']}")}) as pop,
    ):
        yield Hosts(smtp, pop, provider)


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    started = start_for_module(sample=False)
    started.admin.users.add(ADMIN, Role.admin, PASSWORD)
    return started


def ways(hosts: Hosts) -> Mapping[str, dict[str, object]]:
    """One after the other; what was set before stays."""
    account = {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": hosts.smtp.port, "sending.smtp.username": ADMIN}
    return {
        "basic": {
            **account,
            "sending.smtp.encryption": "none",
            "sending.smtp.authentication": "basic",
            "sending.smtp.password": SecretStr(SECRETS["SMTP password"]),
        },
        "ntlm": {
            "sending.smtp.authentication": "ntlm",
            "sending.smtp.password": SecretStr(SECRETS["NTLM password"]),
        },
        "oauth2": {
            "sending.smtp.authentication": "oauth2",
            "sending.oauth2.token_url": hosts.provider.url,
            "sending.oauth2.client_id": hosts.provider.client_id,
            "sending.oauth2.client_secret": SecretStr(SECRETS["client secret"]),
            "sending.oauth2.refresh_token": SecretStr(SECRETS["refresh token"]),
        },
        "oauth2, refused by the provider": {"sending.smtp.connect_timeout": 29},
        "pop": {
            "sending.pop_before_smtp.enabled": True,
            "sending.pop_before_smtp.host": "127.0.0.1",
            "sending.pop_before_smtp.port": hosts.pop.port,
            "sending.pop_before_smtp.encryption": "none",
            "sending.pop_before_smtp.username": ADMIN,
            "sending.pop_before_smtp.password": SecretStr(SECRETS["POP password"]),
        },
    }


@pytest.mark.spec("7: SMTP: no secret of a log-in is found anywhere")
@pytest.mark.spec("7: SMTP: OAuth 2: tokens are refreshed, a new refresh token is kept")
def test_no_canary_is_found_anywhere(server: RunningServer, hosts: Hosts, tmp_path: Path) -> None:
    plain = base64.b64encode(f"\0{ADMIN}\0{SECRETS['SMTP password']}".encode())
    assert leaks("a log-in", plain) == ["SMTP password in a log-in"]  # they would be found
    admin, stages = server.admin, {}
    for way, options in ways(hosts).items():
        admin.options.set(options)
        raw = b"Subject: hi\r\nMessage-ID: <%b@trackkit.test>\r\n\r\nhello\r\n" % way.replace(" ", "").encode()
        sent = admin.mail.submit(raw, sender="a@example.com", recipients=["b@example.com"])
        detail = wait_until(lambda i=sent.queue_id: (d := admin.mail.show(i)).attempts and d, what=way)
        stages[way] = (detail.attempts[-1].stage, detail.recipients[0].diagnosis.cause)
        assert leaks(f"the mail by {way}", detail.model_dump_json().encode()) == []
        admin.mail.delete(sent.queue_id)
        if "oauth2" not in way:  # that provider counts who asks
            test = admin.mail.test(recipient="b@example.com").wait()
            assert test.works is False
            assert leaks(f"the test of {way}", f"{test.steps} {test.state.model_dump_json()}".encode()) == []
    assert stages == {
        "basic": ("login", "login_refused"),
        "ntlm": ("login", "login_refused"),
        "oauth2": ("login", "token_not_taken"),
        "oauth2, refused by the provider": ("login", "token_refused"),
        "pop": ("pop", "pop_refused"),
    }
    the_new_refresh_token_is_kept(server, hosts)
    found = [*in_answers(server), *in_the_notebook(server, tmp_path), *on_the_command_line(server, tmp_path)]
    found += in_processes(server)
    server.stop()  # so that everything is on disk
    found += in_files(server.data.parent)
    assert found == []


def the_new_refresh_token_is_kept(server: RunningServer, hosts: Hosts) -> None:
    """As a change by the server, which a person can see."""
    assert hosts.provider.refresh_token.endswith("x")
    (change,) = [one for one in server.admin.options.history().sets if one.username == "trackkit"]
    assert [(c.name, c.before, c.after) for c in change.changes] == [("sending.oauth2.refresh_token", "set", "changed")]
    record = next(one for one in server.admin.audit.list().records if one.username == "trackkit")
    assert (record.operation, record.after) == ("options.set", {"sending.oauth2.refresh_token": "changed"})
    used = [form["refresh_token"] for form in hosts.provider.asked if "refresh_token" in form]
    assert used[-1] == hosts.provider.refresh_token


def in_answers(server: RunningServer) -> list[str]:
    """Everything the API says about options, log, audit, queue, health."""
    admin = server.admin
    answers = {
        "options": admin.options.get().model_dump_json(),
        "an export": admin.options.export().text,
        "the history": admin.options.history().model_dump_json(),
        "the audit": admin.audit.list().model_dump_json(),
        "the log": admin.log.list(limit=500).model_dump_json(),
        "the queue": admin.mail.list().model_dump_json(),
        "health": str(admin.health()),
        "a repr": repr(admin.options.get()) + repr(admin),
    }
    assert "was changed" in answers["the log"]
    return [leak for where, text in answers.items() for leak in leaks(where, text.encode())]


def in_the_notebook(server: RunningServer, folder: Path) -> list[str]:
    """The form, executed, and a cell in which a person sets a secret without writing it down."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(_SETS_A_SECRET))
    environment = {
        "TRACKKIT_SERVER": server.url,
        "TRACKKIT_FINGERPRINT": server.fingerprint,
        "TRACKKIT_USERNAME": ADMIN,
        "TRACKKIT_PASSWORD": PASSWORD,
        "MAIL_SECRET": SECRETS["SMTP password"],
        "IPYTHONDIR": str(folder),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        client = NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        executed = client.execute()
    written = nbformat.writes(executed)
    assert "sending.smtp.password" in written
    return leaks("the executed notebook", written.encode())


_SETS_A_SECRET = """
import os
import trackkit
from pydantic import SecretStr
given = {name: os.environ[f"TRACKKIT_{name.upper()}"] for name in ("username", "password", "fingerprint")}
server = trackkit.connect(os.environ["TRACKKIT_SERVER"], **given)
server.options.set({"sending.smtp.password": SecretStr(os.environ["MAIL_SECRET"])})
"""


def on_the_command_line(server: RunningServer, home: Path) -> list[str]:
    """What commands print."""
    environment = {"TRACKKIT_DATA": str(server.data), "MAIL_SECRET": SECRETS["POP password"]}
    run = CommandLine(home, environment)
    said = [
        run.run("options", "set", "sending.pop_before_smtp.password=env:MAIL_SECRET", "--yes"),
        run.run("options", "list"),
        run.run("options", "export"),
        run.run("mail", "list"),
        run.run("log", "list"),
    ]
    assert [done.returncode for done in said] == [0] * len(said)
    return [leak for done in said for leak in leaks("a command", (done.stdout + done.stderr).encode())]


def in_processes(server: RunningServer) -> list[str]:
    """Arguments and environments of all processes of this test's user; its own environment apart."""
    found = []
    for process in psutil.process_iter():
        try:
            words = "\0".join(process.cmdline())
            environment = "" if process.pid == os.getpid() else str(process.environ())
        except psutil.Error:
            continue
        found += leaks(f"the process {process.pid}", f"{words}\n{environment}".encode())
    return found


def in_files(folder: Path) -> list[str]:
    """Databases with their logs of changes, startup.log, stderr, whatever else lies there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"trackkit.db", "log.db", "server.stderr"} <= {path.name for path in files}
    return [leak for path in files for leak in leaks(str(path.relative_to(folder)), path.read_bytes())]
