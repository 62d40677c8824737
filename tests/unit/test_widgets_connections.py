"""The panel of connections, and logging in from a notebook, against real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.ports import free_port
from tests.running import RunningServer
from trackkit.client import Connections
from trackkit.domain.errors import NotLoggedIn
from trackkit.widgets import session
from trackkit.widgets.connections_panel import ConnectionsPanel
from trackkit.widgets.log_in import LogIn
from trackkit.widgets.sending_options import sending_options_page

PASSWORD = "the admin's password"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    running.admin.users.edit("admin", password=PASSWORD)
    return running


@pytest.fixture(autouse=True)
def _nobody_connected() -> Iterator[None]:
    yield
    for name in list(session.connected()):
        session.disconnect(name)


def names() -> list[str]:
    return [connection.name for connection in Connections.load()]


def add(panel: ConnectionsPanel, name: str, address: str, port: object, encrypted: bool = True) -> None:
    if panel.fields is None:
        panel.buttons["Add"].click()
    assert panel.fields is not None
    panel.fields.values = {"name": name, "address": address, "port": str(port), "encrypted": encrypted}
    panel.save_button.click()


def log_in(panel: ConnectionsPanel, password: str = PASSWORD) -> LogIn:
    panel.buttons["Connect"].click()
    form = panel.log_in
    assert form is not None
    form.fields.put("password", password)
    form.button.click()
    return form


@pytest.mark.spec("1: With no connection yet, the first thing a person sees is the Add form.")
def test_the_first_thing_is_the_add_form() -> None:
    panel = ConnectionsPanel()
    assert panel.fields is not None
    assert panel._known.layout.display == "none"
    add(panel, "head office", "127.0.0.1", 8470)
    assert names() == ["head office"]
    assert panel._known.layout.display is None
    assert panel.fields is None
    assert "Added head office (https://127.0.0.1:8470)." in panel.said.value
    exec(panel.code.code.replace("'head office'", "'another'"), {})
    assert names() == ["head office", "another"]


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", " ", "is empty"),
        ("address", "https://host", "is a URL"),
        ("address", "", "is empty"),
        ("address", "999.1.1.1", "no valid IP address"),
        ("port", "0", "ports go from 1 to 65535"),
        ("port", "65536", "ports go from 1 to 65535"),
        ("port", "-1", "not a whole number"),
        ("port", "", "not a whole number"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(field: str, typed: str, words: str) -> None:
    panel = ConnectionsPanel()
    values = {"name": "a", "address": "host", "port": "8470", "encrypted": True, field: typed}
    panel.fields.values = values
    if typed.strip():
        assert words in panel.fields.messages[field]
    panel.save_button.click()
    assert words in panel.fields.messages[field]
    assert names() == []


def test_a_name_that_is_taken_is_refused_and_what_was_typed_stays() -> None:
    panel = ConnectionsPanel()
    add(panel, "<b>one</b>", "a.example", 1)
    panel.buttons["Add"].click()
    add(panel, "<b>one</b>", "b.example", 2)
    assert "already" in panel.trouble.line.value
    assert "<b>one" not in panel.trouble.line.value
    assert panel.fields.values["address"] == "b.example"
    assert names() == ["<b>one</b>"]


@pytest.mark.spec("1: Add, edit (address, port, encryption; the name stays), delete (asks first; there is no undo)")
def test_edit_move_and_delete() -> None:
    panel = ConnectionsPanel()
    for number, name in enumerate(("one", "two", "three"), start=1):
        add(panel, name, f"{name}.example", number)
    panel.list.value = "two"
    panel.buttons["Move up"].click()
    assert names() == ["two", "one", "three"]
    panel.buttons["Move up"].click()
    assert names() == ["two", "one", "three"]
    panel.buttons["Move down"].click()
    assert names() == ["one", "two", "three"]
    assert panel.list.value == "two"

    panel.buttons["Edit"].click()
    assert "name" not in panel.fields.values
    panel.fields.values = {"address": " 10.0.0.1 ", "port": "9000", "encrypted": False}
    panel.save_button.click()
    assert Connections.load()["two"].endpoint.url == "http://10.0.0.1:9000"
    assert "not encrypted" in panel.details.value

    panel.buttons["Delete"].click()
    assert "There is no undo" in panel.question.question
    panel.question.answer(False)
    assert names() == ["one", "two", "three"]
    panel.buttons["Delete"].click()
    panel.question.answer(True)
    assert names() == ["one", "three"]
    for _ in range(2):
        panel.buttons["Delete"].click()
        panel.question.answer(True)
    assert panel.fields is not None


def test_a_connection_that_was_removed_elsewhere_is_said() -> None:
    panel = ConnectionsPanel()
    add(panel, "one", "one.example", 1)
    Connections.load().delete("one")
    panel.buttons["Edit"].click()
    assert "no connection named" in panel.trouble.line.value


@pytest.mark.spec("1: First use shows the certificate's fingerprint and asks")
def test_connect_asks_about_the_certificate_once_and_disconnect_ends_the_session(server: RunningServer) -> None:
    panel = ConnectionsPanel()
    add(panel, "here", "127.0.0.1", server.port)
    form = log_in(panel)
    (question,) = form.asking.children
    assert server.fingerprint in question.question
    question.answer(False)
    assert session.connected() == {}
    assert Connections.load()["here"].fingerprint == ""
    form.button.click()
    form.asking.children[0].answer(True)
    assert panel.trouble.line.value == ""
    assert "Connected to here as admin (admin)." in panel.said.value
    assert Connections.load()["here"].fingerprint == f"sha256:{server.fingerprint}"
    assert PASSWORD not in panel.code.code
    compile(panel.code.code, "code", "exec")
    assert form.fields.values["password"] == ""

    connected = session.current()
    assert connected.health() is not None
    panel.buttons["Disconnect"].click()
    assert session.connected() == {}
    assert connected.role == ""
    assert panel.buttons["Disconnect"].disabled

    again = log_in(panel)
    assert again.asking.children == ()
    assert session.current().username == "admin"


@pytest.mark.spec(
    "1: a changed certificate is refused with both fingerprints shown and an explicit way to pin the new one"
)
def test_a_changed_certificate_is_refused_until_it_is_pinned(server: RunningServer, start: Start) -> None:
    other = start()
    other.admin.users.edit("admin", password=PASSWORD)
    panel = ConnectionsPanel()
    add(panel, "here", "127.0.0.1", server.port)
    log_in(panel).asking.children[0].answer(True)
    panel.buttons["Disconnect"].click()
    Connections.load().edit("here", port=other.port)

    form = log_in(panel)
    (question,) = form.asking.children
    assert server.fingerprint in panel.trouble.line.value
    assert other.fingerprint in panel.trouble.line.value
    assert other.fingerprint in question.question
    question.answer(False)
    assert session.connected() == {}
    assert Connections.load()["here"].fingerprint == f"sha256:{server.fingerprint}"
    form.button.click()
    form.asking.children[0].answer(True)
    assert session.current().url == other.url
    assert Connections.load()["here"].fingerprint == f"sha256:{other.fingerprint}"
    session.disconnect("here")


@pytest.mark.spec("1: A failed connection is diagnosed, with what to check next")
def test_a_failed_connection_is_diagnosed_in_the_panel(server: RunningServer) -> None:
    panel = ConnectionsPanel()
    add(panel, "closed", "127.0.0.1", free_port())
    log_in(panel)
    assert "Is the server running" in panel.trouble.line.value
    add(panel, "plain", "127.0.0.1", server.port, encrypted=False)
    log_in(panel)
    assert "encrypts" in panel.trouble.line.value
    add(panel, "here", "127.0.0.1", server.port)
    form = log_in(panel, "a wrong password")
    form.asking.children[0].answer(True)
    assert "wrong" in panel.trouble.line.value
    assert form.fields.values["password"] == "a wrong password"
    assert session.connected() == {}


def test_deleting_a_connected_one_says_so_and_ends_the_session(server: RunningServer) -> None:
    panel = ConnectionsPanel()
    add(panel, "here", "127.0.0.1", server.port)
    log_in(panel).asking.children[0].answer(True)
    connected = session.current()
    panel.buttons["Delete"].click()
    assert "You are connected to it; that ends." in panel.question.question
    panel.question.answer(True)
    assert connected.role == ""
    assert session.connected() == {}


@pytest.mark.spec("1: One notebook can hold several servers at once")
def test_the_current_server_is_the_one_connected_last(server: RunningServer) -> None:
    with pytest.raises(NotLoggedIn):
        session.current()
    one, two = server.connect("admin", PASSWORD), server.connect("admin", PASSWORD)
    two.name = "two"
    session.use(one)
    session.use(two)
    assert session.current() is two
    session.use(one)
    assert session.current() is one
    assert list(session.connected()) == ["two", one.name]


def test_a_page_without_a_server_shows_the_log_in_form_first(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKKIT_SERVER", server.url)
    monkeypatch.setenv("TRACKKIT_FINGERPRINT", server.fingerprint)
    page = sending_options_page()
    form = page.children[2].children[0]
    where, log_in_box = form.children[1:]
    assert where.values["server"] == server.url
    fields, _, actions = log_in_box.children
    fields.put("password", PASSWORD)
    actions.children[0].click()
    assert page.children[1].children[0].value == ""
    card = page.children[2].children[1].children[1]
    assert "sending.smtp.host" in str(card.children[1].children[0].values)


def test_a_page_connects_as_the_environment_says(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKKIT_SERVER", server.url)
    monkeypatch.setenv("TRACKKIT_FINGERPRINT", server.fingerprint)
    monkeypatch.setenv("TRACKKIT_USERNAME", "admin")
    monkeypatch.setenv("TRACKKIT_PASSWORD", "wrong")
    page = sending_options_page()
    assert "wrong" in page.children[1].children[0].value
    monkeypatch.setenv("TRACKKIT_PASSWORD", PASSWORD)
    page = sending_options_page()
    assert page.children[1].children[0].value == ""
    assert session.current().username == "admin"
