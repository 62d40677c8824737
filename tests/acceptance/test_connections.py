"""Server connections (SPEC §1): kept, edited, pinned, remembered, each failure produced for real."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import keyring
import pandas as pd
import pytest
from keyring.backends import fail

import trackkit
from tests.conftest import Start
from tests.fakes.keyring_file import FileKeyring
from tests.ports import free_port
from tests.running import RunningServer, clean_environment
from tests.unit.cli_runs import Ran, run, run_at_terminal
from tests.unit.client_peers import listening, silent
from trackkit.client import Connections, Server, diagnose
from trackkit.contract.wire import API_VERSION
from trackkit.domain import errors
from trackkit.domain.errors import ConnectionFailed, InvalidInput, NotLoggedIn, TrackkitError
from trackkit.server.folder import Folder
from trackkit.widgets import server_users_page, session
from trackkit.widgets.connections_panel import ConnectionsPanel

PASSWORD = "the admin's password"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    return with_password(start_for_module())


@pytest.fixture(scope="module")
def other(start_for_module: Start) -> RunningServer:
    return with_password(start_for_module())


def with_password(running: RunningServer) -> RunningServer:
    running.admin.users.edit("admin", password=PASSWORD)
    del running.admin
    return running


@pytest.fixture(autouse=True)
def _nobody_connected() -> Iterator[None]:
    yield
    for name in list(session.connected()):
        session.disconnect(name)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileKeyring]:
    """A keyring, for this process and those it starts."""
    before, made = keyring.get_keyring(), FileKeyring()  # before the environment names it
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.fakes.keyring_file.FileKeyring")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def command(*words: str, code: int = 0, stdin: str = "") -> Ran:
    ran = run(*words, stdin=stdin)
    assert ran.code == code, ran.out + ran.err
    return ran


def file_text() -> str:
    return Connections.load().path.read_text()


def known(server: RunningServer, name: str = "office") -> None:
    """A connection whose certificate is pinned."""
    command("connection", "add", name, "127.0.0.1", "--port", str(server.port), "--fingerprint", server.fingerprint)


@pytest.mark.spec(
    "1: a connection: name, address, port, encrypted or not, certificate pinned at first use; limits of each"
)
@pytest.mark.parametrize(("port", "ok"), [(0, False), (1, True), (65535, True), (65536, False), (-1, False)])
def test_limits_of_a_port_in_python_on_the_command_line_and_in_the_form(
    server: RunningServer, port: int, ok: bool
) -> None:
    if ok:
        assert Connections.load().add("python", "localhost", port).port == port
    else:
        with pytest.raises(InvalidInput, match="ports go from 1 to 65535"):
            Connections.load().add("python", "localhost", port)
    ran = command("connection", "add", "line", "localhost", f"--port={port}", code=0 if ok else 2)
    assert ok or f"is {port}" in ran.err
    panel = ConnectionsPanel()
    panel.buttons["Add"].click()
    assert panel.fields is not None
    panel.fields.values = {"name": "form", "address": "localhost", "port": str(port), "encrypted": True}
    panel.save_button.click()
    assert ok or "port" in panel.fields.messages
    assert [connection.name for connection in Connections.load()] == (["python", "line", "form"] if ok else [])
    if ok:
        with pytest.raises(errors.PortClosed):
            trackkit.connect("line", username="admin", password=PASSWORD)


@pytest.mark.spec(
    "1: a connection: name, address, port, encrypted or not, certificate pinned at first use; limits of each"
)
def test_what_a_connection_is(server: RunningServer) -> None:
    odd = "Büro «1»\n\N{PILE OF POO}"
    connections = Connections.load()
    assert connections.add(odd, "::1", server.port).endpoint.url == f"https://[::1]:{server.port}"
    with pytest.raises(errors.Conflict):
        connections.add(odd, "127.0.0.1")
    for address in ("", "a b", "https://x", "1.2.3.256", "-x.example", "user@host"):
        with pytest.raises(InvalidInput):
            connections.add("refused", address)
    connections.edit(odd, address="localhost")
    asked: list[str] = []
    with trackkit.connect(odd, username="admin", password=PASSWORD, pin=lambda shown: not asked.append(shown)) as one:
        assert one.name == odd
    assert asked == [f"sha256:{server.fingerprint}"]
    assert Connections.load()[odd].fingerprint == asked[0]
    with trackkit.connect(odd, username="admin", password=PASSWORD):
        pass  # not asked again


@pytest.mark.spec("1: kept in order in connections.toml in TRACKKIT_HOME, never a password in it")
@pytest.mark.spec("1: add, edit (the name stays), delete (asks first), move up and down")
def test_the_file_and_its_order(server: RunningServer) -> None:
    for name in ("one", "two", "three"):
        known(server, name)
    command("connection", "up", "three")
    command("connection", "up", "three")
    command("connection", "up", "three")
    command("connection", "down", "one")
    assert [row["name"] for row in json.loads(command("connection", "list", "--json").out)] == ["three", "two", "one"]
    with trackkit.connect("two", username="admin", password=PASSWORD):
        assert PASSWORD not in file_text()
    assert Connections.load().path.stat().st_mode & 0o777 == 0o600
    before = Connections.load()["two"]
    command("connection", "edit", "two", "--address", "localhost")
    after = Connections.load()["two"]
    assert (after.name, after.address, after.certificate_pem) == ("two", "localhost", before.certificate_pem)
    assert "--name" not in command("connection", "edit", "--help").out
    asked = command("connection", "delete", "two", code=2)
    assert "There is no undo" in asked.err
    assert "two" in file_text(), "without an answer nothing is deleted"
    command("connection", "delete", "two", "--yes")
    assert "two" not in [connection.name for connection in Connections.load()]


@pytest.mark.spec("1: with no connection yet, the first thing a person sees is the Add form")
def test_the_first_thing_is_the_add_form(server: RunningServer) -> None:
    panel = ConnectionsPanel()
    assert panel.fields is not None
    assert "Add a connection" in panel.form.children[0].value
    assert "trackkit connection add NAME ADDRESS" in command("connection", "list").out
    assert "trackkit connection add" in command("mail", "list", code=2).err
    panel.fields.values = {"name": "first", "address": "127.0.0.1", "port": str(server.port), "encrypted": True}
    panel.save_button.click()
    assert panel.fields is None
    assert "Certificate: not known yet" in panel.details.value


@pytest.mark.spec("1: with no connection yet, the first thing a person sees is the Add form")
def test_a_page_that_needs_a_server_begins_with_the_add_form_and_goes_on(server: RunningServer) -> None:
    shown = server_users_page().children[-1]
    (panel,) = shown.children
    assert "Add a connection" in panel.children[2].children[0].value
    known(server)
    shown = server_users_page().children[-1]
    assert "Log in to a server" in shown.children[0].children[0].value
    pages: list[Server] = []
    beginning = ConnectionsPanel(pages.append)
    beginning.buttons["Connect"].click()
    assert beginning.log_in is not None
    beginning.log_in.fields.put("password", PASSWORD)
    beginning.log_in.button.click()
    assert [one.name for one in pages] == ["office"]


@pytest.mark.spec("1: connect is to choose and to log in; disconnecting ends the admin session")
def test_connect_and_disconnect(server: RunningServer) -> None:
    known(server)
    panel = ConnectionsPanel()
    panel.buttons["Connect"].click()
    assert panel.log_in is not None
    panel.log_in.fields.put("password", PASSWORD)
    panel.log_in.button.click()
    connected = session.current()
    mine = connected.session().session_id
    assert mine in [one.session_id for one in server.admin.sessions.list().sessions]
    panel.buttons["Disconnect"].click()
    assert mine not in [one.session_id for one in server.admin.sessions.list().sessions]
    with pytest.raises(NotLoggedIn, match="was closed"):
        connected.health()


@pytest.mark.spec("1: first use shows the certificate's fingerprint and asks")
def test_first_use_asks(server: RunningServer) -> None:
    command("connection", "add", "office", "127.0.0.1", "--port", str(server.port))
    with pytest.raises(errors.CertificateUnknown) as caught:
        trackkit.connect("office", username="admin", password=PASSWORD)
    assert caught.value.details["fingerprint"] == f"sha256:{server.fingerprint}"
    code, shown = run_at_terminal("connection", "test", "office", answers=[("at its start?", "n")])
    assert (code, server.fingerprint in shown) == (1, True)
    assert Connections.load()["office"].fingerprint == ""
    code, shown = run_at_terminal("connection", "test", "office", answers=[("at its start?", "y")])
    assert code == 0, shown
    assert Connections.load()["office"].fingerprint == f"sha256:{server.fingerprint}"


@pytest.mark.spec("1: a changed certificate is refused with both fingerprints, with an explicit way to pin the new one")
def test_a_changed_certificate(server: RunningServer, other: RunningServer) -> None:
    known(server)
    Connections.load().edit("office", port=other.port)
    with pytest.raises(errors.CertificateChanged) as caught:
        trackkit.connect("office", username="admin", password=PASSWORD)
    assert caught.value.details == {"pinned": f"sha256:{server.fingerprint}", "shown": f"sha256:{other.fingerprint}"}
    refused = command("connection", "test", "office", code=1)
    assert server.fingerprint in refused.err
    assert other.fingerprint in refused.err
    assert "trackkit connection pin" in refused.err
    with pytest.raises(errors.CertificateChanged):
        Connections.load().pin("office", "0" * 64)
    assert Connections.load()["office"].fingerprint == f"sha256:{server.fingerprint}", "nothing was changed"
    asked = command("connection", "pin", "office", code=2)
    assert other.fingerprint in asked.err
    Connections.load().pin("office", other.fingerprint)
    command("connection", "test", "office")
    Connections.load().edit("office", port=server.port)
    command("connection", "pin", "office", server.fingerprint)
    command("connection", "test", "office")


@pytest.mark.spec("1: unattended use passes the fingerprint or a CA file")
def test_unattended_use(server: RunningServer, other: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    own, stranger = Folder(server.data).certificate, Folder(other.data).certificate
    login = {"username": "admin", "password": PASSWORD}
    for fingerprint in (server.fingerprint, server.fingerprint.upper(), f"sha256:{server.fingerprint}"):
        trackkit.connect(server.url, **login, fingerprint=fingerprint).close()
    trackkit.connect(server.url, **login, ca_file=own).close()
    with pytest.raises(errors.CertificateUntrusted):
        trackkit.connect(server.url, **login, ca_file=stranger)
    for name, value in {"SERVER": server.url, "USERNAME": "admin", "PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(f"TRACKKIT_{name}", value)
    assert server.fingerprint in command("mail", "list", code=1).err
    monkeypatch.setenv("TRACKKIT_FINGERPRINT", server.fingerprint)
    command("mail", "list")
    monkeypatch.delenv("TRACKKIT_FINGERPRINT")
    monkeypatch.setenv("TRACKKIT_CA_FILE", str(own))
    command("mail", "list")
    monkeypatch.setenv("TRACKKIT_CA_FILE", str(stranger))
    assert "does not verify" in command("mail", "list", code=1).err


@pytest.mark.spec("1: an opt-in to the operating system's keyring may remember a password")
def test_a_password_is_remembered_only_when_asked(server: RunningServer, kept: FileKeyring) -> None:
    known(server)
    trackkit.connect("office", username="admin", password=PASSWORD).close()
    assert kept.kept() == {}
    command("connection", "remember", "office", "--user", "admin", "--password", "-", code=1, stdin="a wrong one\n")
    assert kept.kept() == {}, "only a password that works is remembered"
    command("connection", "remember", "office", "--user", "ADMIN", "--password", "-", stdin=f"{PASSWORD}\n")
    assert kept.kept() == {"trackkit office/admin": PASSWORD}
    assert PASSWORD not in file_text()
    assert json.loads(command("connection", "list", "--json").out)[0]["remembered"] == "admin"
    with trackkit.connect("office") as connected:
        assert connected.username == "admin"
    command("mail", "list")
    with pytest.raises(errors.WrongLogin):
        trackkit.connect("office", username="admin", password="")  # what is given wins
    assert "remembered password" in command("connection", "delete", "office", code=2).err
    ran = command("user", "edit", "admin", "--password", "keyring:trackkit office/nobody", code=2)
    assert "keeps nothing for nobody" in ran.err
    command("connection", "forget", "office")
    assert kept.kept() == {}
    with pytest.raises(NotLoggedIn):
        trackkit.connect("office")
    Connections.load().remember("office", "admin", PASSWORD)
    Connections.load().edit("office", encrypted=False)
    assert kept.kept() == {}, "it would travel in the open"
    with pytest.raises(InvalidInput):
        Connections.load().remember("office", "admin", PASSWORD)
    Connections.load().edit("office", encrypted=True)
    Connections.load().remember("office", "admin", PASSWORD)
    Connections.load().delete("office")
    assert kept.kept() == {}


@pytest.mark.spec("1: an opt-in to the operating system's keyring may remember a password")
def test_remembering_in_the_notebook(server: RunningServer, kept: FileKeyring) -> None:
    known(server)
    panel = ConnectionsPanel()
    panel.buttons["Connect"].click()
    assert panel.log_in is not None
    panel.log_in.fields.put("password", PASSWORD)
    panel.log_in.fields.put("remember", True)
    panel.log_in.button.click()
    assert kept.kept() == {"trackkit office/admin": PASSWORD}
    assert "password of admin is remembered" in panel.details.value
    panel.buttons["Disconnect"].click()
    panel.buttons["Connect"].click()
    panel.log_in.button.click()  # nothing typed
    assert session.current().username == "admin"
    panel.buttons["Forget password"].click()
    assert kept.kept() == {}
    assert "remembered" not in panel.details.value


@pytest.mark.spec("1: an opt-in to the operating system's keyring may remember a password")
def test_without_a_keyring_everything_else_works(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    known(server)
    with monkeypatch.context() as not_installed:
        not_installed.setitem(sys.modules, "keyring", None)
        with pytest.raises(errors.Unavailable, match="not installed") as caught:
            Connections.load().remember("office", "admin", PASSWORD)
        assert "trackkit[keyring]" in caught.value.advice
        assert Connections.load()["office"].remembered == ""
        panel = ConnectionsPanel()
        panel.buttons["Connect"].click()
        assert panel.log_in is not None
        panel.log_in.fields.put("password", PASSWORD)
        panel.log_in.fields.put("remember", True)
        panel.log_in.button.click()
        assert "not installed" in panel.trouble.line.value
        assert session.current().username == "admin", "connected all the same"
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # what a system without one has
    try:
        with pytest.raises(errors.Unavailable, match="keyring refused"):
            Connections.load().remember("office", "admin", PASSWORD)
    finally:
        keyring.set_keyring(before)


def failure(url_or_name: str, **more: str) -> ConnectionFailed | TrackkitError:
    """What connecting there fails with; it says what to check next, on the command line and in the form, too."""
    with pytest.raises(TrackkitError) as caught:
        trackkit.connect(url_or_name, username="admin", password=PASSWORD, **more)
    assert caught.value.advice
    assert PASSWORD not in str(caught.value)
    return caught.value


def in_every_front(name: str, words: str) -> None:
    """The diagnosis of a connection, on the command line and in the notebook."""
    ran = command("connection", "test", name, code=1)
    assert words in ran.err
    panel = ConnectionsPanel()
    panel.list.value = name
    panel.buttons["Connect"].click()
    assert panel.log_in is not None
    panel.log_in.fields.put("password", PASSWORD)
    panel.log_in.button.click()
    assert words in panel.trouble.line.value
    assert session.connected() == {}


@pytest.mark.spec("1: diagnosis: name does not resolve")
def test_name_does_not_resolve(server: RunningServer) -> None:
    Connections.load().add("misspelt", "no-such-host.invalid", server.port)
    found = failure("misspelt")
    assert type(found) is errors.NameNotResolved
    assert "spelling" in found.advice
    assert "DNS" in found.advice
    in_every_front("misspelt", "no-such-host.invalid does not resolve")


@pytest.mark.spec("1: diagnosis: host does not answer")
def test_host_does_not_answer(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CONNECT_TIMEOUT", 0.5)
    with silent() as port:
        Connections.load().add("silent", "127.0.0.1", port)
        found = failure("silent")
        assert type(found) is errors.HostNotAnswering
        assert "switched on" in found.advice
        assert "network" in found.advice
        in_every_front("silent", "does not answer within 0.5 seconds")


@pytest.mark.spec("1: diagnosis: host does not answer")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (Debian: util-linux)")
def test_no_network_at_all(server: RunningServer, tmp_path: Path) -> None:
    """In a network namespace of its own, which has no interface that is up: nothing can leave."""
    words = ["-m", "trackkit", "--server", "https://192.0.2.1:8470", "mail", "list"]
    login = {"TRACKKIT_USERNAME": "admin", "TRACKKIT_PASSWORD": PASSWORD}
    environment = clean_environment(tmp_path, **login, TRACKKIT_FINGERPRINT=server.fingerprint)
    ran = subprocess.run(
        ["unshare", "-rn", sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    assert "192.0.2.1 does not answer" in ran.stderr
    assert "Is the network up" in ran.stderr


@pytest.mark.spec("1: diagnosis: port closed")
def test_port_closed(server: RunningServer) -> None:
    Connections.load().add("closed", "127.0.0.1", free_port())
    found = failure("closed")
    assert type(found) is errors.PortClosed
    assert "Is the server running? Are address and port right?" in found.advice
    in_every_front("closed", "nothing listens on port")


@pytest.mark.spec("1: diagnosis: something else listens there")
@pytest.mark.parametrize(
    "greeting", [b"220 mail.example.org ESMTP\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff\x1b[31m"]
)
def test_something_else_listens_there(server: RunningServer, greeting: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        connection.recv(1000)

    with listening(talk) as port:
        Connections.load().add("stranger", "127.0.0.1", port)
        assert type(failure("stranger")) is errors.NotATrackkitServer
        in_every_front("stranger", "Something else than a trackkit server listens on")
        assert "\x1b" not in command("connection", "test", "stranger", code=1).err


@pytest.mark.spec("1: diagnosis: TLS mismatch")
def test_tls_mismatch_both_ways(server: RunningServer, start: Start) -> None:
    Connections.load().add("open", "127.0.0.1", server.port, encrypted=False)
    assert type(failure("open")) is errors.TlsMismatch
    in_every_front("open", "encrypts, but this connection does not")
    plain = start(options={"server.encrypt": False})
    plain.stop()
    plain.restart()
    assert plain.url.startswith("http://")
    Connections.load().add("closed", "127.0.0.1", plain.port)
    assert type(failure("closed")) is errors.TlsMismatch
    in_every_front("closed", "does not encrypt, but this connection does")


@pytest.mark.spec("1: diagnosis: wrong log-in")
def test_wrong_log_in(server: RunningServer) -> None:
    known(server)
    for username, password in (("admin", "not it"), ("nobody", PASSWORD)):
        with pytest.raises(errors.WrongLogin) as caught:
            trackkit.connect("office", username=username, password=password)
        assert "User name or password is wrong" in str(caught.value)
    with pytest.raises(NotLoggedIn):
        trackkit.connect("office", token="tkt_made-up")


@contextmanager
def in_between(server: RunningServer, change: Callable[[bytes], bytes]) -> Iterator[int]:
    """A reverse proxy on this machine that changes what the server says; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = httpx.get(server.url + self.path, verify=False, trust_env=False)
            body = change(answer.content)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield httpd.server_address[1]
        httpd.shutdown()


@pytest.mark.spec("1: diagnosis: server too old or new")
@pytest.mark.parametrize(("version", "words"), [(API_VERSION - 1, "too old"), (API_VERSION + 1, "too new")])
def test_a_server_of_another_version(server: RunningServer, version: int, words: str) -> None:
    """The server's own answer, but for the version in it."""
    said, wanted = f'"api_version":{API_VERSION}'.encode(), f'"api_version":{version}'.encode()
    with in_between(server, lambda body: body.replace(said, wanted)) as port:
        Connections.load().add("of another age", "127.0.0.1", port, encrypted=False)
        found = failure("of another age")
        assert type(found) is errors.VersionMismatch
        assert "Upgrade" in found.advice
        in_every_front("of another age", words)


@pytest.mark.spec("1: one notebook holds several servers; frames of several servers stack with a server column")
def test_several_servers_in_one_notebook(server: RunningServer, other: RunningServer) -> None:
    known(server, "north")
    known(other, "south")
    for name in ("north", "south"):
        session.use(trackkit.connect(name, username="admin", password=PASSWORD))
    for one in session.connected().values():
        one.options.set({"sending.paused": True})
        one.mail.submit(b"Subject: x\r\n\r\n", sender="", recipients=["x@y.test"])

    servers = session.connected().values()
    queue = trackkit.stack(server.mail.frame() for server in servers)
    log = trackkit.stack(server.log.frame() for server in servers)

    assert list(queue["server"]) == ["north", "south"]
    assert set(log["server"]) == {"north", "south"}
    for whole, part in ((queue, server.admin.mail.frame()), (log, server.admin.log.frame())):
        assert list(whole.dtypes) == list(part.dtypes)
        assert list(whole.index) == list(range(len(whole)))
    assert isinstance(log["level"].dtype, pd.CategoricalDtype)
    assert (log["level"] <= "warning").any(), "levels keep their order"
    users = trackkit.stack(one.users.frame() for one in servers)
    assert list(users.groupby("server", observed=True).size()) == [1, 1]
