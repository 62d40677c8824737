"""The panels of server users, tokens and sessions, against a real server: forms filled in, buttons pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Start
from tests.running import RunningServer
from tests.unit.page_hands import answer
from trackkit.client import Server
from trackkit.domain.errors import NotLoggedIn
from trackkit.widgets.problems import Trouble
from trackkit.widgets.sessions_panel import SessionsPanel
from trackkit.widgets.shown_once import ShownOnce
from trackkit.widgets.tokens_panel import TokensPanel
from trackkit.widgets.users_panel import OwnPasswordPanel, UsersPanel, server_users_page

PASSWORD = "somebody's password"

AsUser = Callable[[str], Server]


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    for role in ("viewer", "operator", "admin"):
        running.admin.users.add(f"the {role}", role, PASSWORD)
    return running


@pytest.fixture
def log_in(shared: RunningServer) -> Iterator[AsUser]:
    opened: list[Server] = []

    def go(name: str) -> Server:
        opened.append(shared.connect(name, PASSWORD))
        return opened[-1]

    yield go
    for server in opened:
        server.close()


@pytest.mark.spec("6: every start logs a Warning for an account without a password, and every form shows one")
def test_a_user_is_added_as_typed_and_warned_about_without_a_password(shared: RunningServer) -> None:
    panel = UsersPanel(shared.admin, Trouble())
    assert "<strong>admin</strong> has no password" in panel.warning.value
    panel.add()
    assert panel.form is not None
    panel.form.press()
    assert panel.form.fields.messages or panel.form.asking.children
    panel.form.asking.children = ()
    panel.form.fields.put("username", "Ada")
    panel.form.fields.put("role", "operator")
    panel.form.press()
    assert "only on the server machine" in answer(panel.form.asking, False)
    assert "Ada" not in panel.list.value
    panel.form.fields.put("password", "short")
    panel.form.press()
    assert "shorter than 8" in panel.form.fields.messages["password"]
    panel.form.fields.put("password", PASSWORD)
    panel.form.press()
    assert "Ada (operator) was added." in panel.said.value
    assert "Ada" in panel.list.value
    assert panel.code.code.endswith(
        "server.users.add(username='Ada', role='operator', password=getpass(\"Password: \"))"
    )
    assert PASSWORD not in panel.code.code
    panel.add()
    panel.form.fields.put("username", "aDA")
    panel.form.fields.put("password", PASSWORD)
    panel.form.press()
    assert "already" in panel.form.trouble.line.value
    assert panel.form.fields.values["username"] == "aDA"
    shared.admin.users.delete("ada")


def test_editing_and_deleting_say_what_ends(shared: RunningServer, log_in: AsUser) -> None:
    shared.admin.users.add("Bob", "viewer", PASSWORD)
    bob = log_in("bob")
    panel = UsersPanel(shared.admin, Trouble())
    panel.chosen.value = "Bob"
    panel.edit()
    assert panel.form is not None
    assert "username" not in panel.form.fields.values
    panel.form.fields.put("role", "operator")
    panel.form.press()
    assert "ends the sessions of Bob and revokes their API tokens" in answer(panel.form.asking, True)
    with pytest.raises(NotLoggedIn):
        bob.health()
    assert "Bob (operator) was changed." in panel.said.value
    panel.edit()
    panel.form.press()
    answer(panel.form.asking, True)
    assert "Nothing was changed" in panel.form.trouble.line.value
    panel.delete()
    assert "There is no undo" in answer(panel.asking, False)
    assert "Bob" in panel.list.value
    panel.delete()
    answer(panel.asking, True)
    assert "Bob was deleted" in panel.said.value
    assert "server.users.delete('Bob')" in panel.code.code
    panel.chosen.value = "admin"
    panel.edit()
    panel.form.fields.put("role", "viewer")
    panel.form.press()
    assert "That is you" in answer(panel.form.asking, False)


def test_the_last_admin_is_kept_and_the_page_says_why(start: Start) -> None:
    panel = UsersPanel(start().admin, Trouble())
    panel.delete()
    answer(panel.asking, True)
    assert "last admin" in panel.trouble.line.value


def test_a_token_is_shown_once_and_never_state_of_a_widget(shared: RunningServer, log_in: AsUser) -> None:
    operator = log_in("the operator")
    panel = TokensPanel(operator, Trouble())
    assert "There are no tokens" in panel.list.value
    panel.add()
    assert panel.form is not None
    assert [choice[0] for choice in panel.form.fields.sections[0]["fields"][1]["choices"]] == ["viewer", "operator"]
    panel.form.fields.put("name", "nightly")
    panel.form.fields.put("days", "4000")
    panel.form.press()
    assert "days" in panel.form.fields.messages
    panel.form.fields.put("days", "30")
    panel.form.press()
    (once,) = panel.secret.children
    assert isinstance(once, ShownOnce)
    sent: list[dict[str, str]] = []
    once.send = sent.append  # type: ignore[method-assign]
    assert "tkt_" not in str(once.get_state())
    once._handle_custom_msg({"ready": True}, [])
    once._handle_custom_msg({"ready": True}, [])
    (message,) = sent
    assert message["secret"].startswith("tkt_")
    assert "nightly" in panel.list.value
    panel.revoke()
    assert "Scripts that use it stop working" in answer(panel.asking, False)
    panel.revoke()
    answer(panel.asking, True)
    assert operator.tokens.list().tokens == ()


def test_sessions_are_listed_and_one_is_ended(shared: RunningServer, log_in: AsUser) -> None:
    viewer = log_in("the viewer")
    panel = SessionsPanel(shared.admin, Trouble())
    assert "the viewer" in panel.list.value
    assert "this session" in panel.list.value
    panel.chosen.value = viewer.session().session_id
    panel.end()
    assert "the viewer (viewer) from 127.0.0.1" in answer(panel.asking, False)
    assert viewer.health() is not None
    panel.end()
    answer(panel.asking, True)
    with pytest.raises(NotLoggedIn):
        viewer.health()
    assert "the viewer has ended" in panel.said.value
    panel.chosen.value = shared.admin.session().session_id
    panel.end()
    assert "the one this page works in" in answer(panel.asking, False)


def test_ones_own_password(shared: RunningServer, log_in: AsUser) -> None:
    shared.admin.users.add("changing", "viewer", PASSWORD)
    mine, elsewhere = log_in("changing"), log_in("changing")
    panel = OwnPasswordPanel(mine, Trouble())
    panel.open()
    assert panel.form is not None
    panel.form.fields.put("present", "not this one")
    panel.form.fields.put("new", "a quite new one")
    panel.form.press()
    assert "your other sessions" in answer(panel.form.asking, True)
    assert "present password is wrong" in panel.form.trouble.line.value
    panel.form.fields.put("present", PASSWORD)
    panel.form.press()
    answer(panel.form.asking, True)
    assert "Changed." in panel.said.value
    assert mine.health() is not None
    with pytest.raises(NotLoggedIn):
        elsewhere.health()


def test_who_is_no_admin_sees_only_their_own(shared: RunningServer, log_in: AsUser) -> None:
    def panels(server: Server) -> int:
        return len(server_users_page(server).children[2].children[1].children)

    assert panels(log_in("the viewer")) == 3
    assert panels(shared.admin) == 4
