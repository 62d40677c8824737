"""The panel of all server options against a real server: every group, restart notice, file and history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import trackkit
from tests.conftest import Start
from tests.running import RunningServer
from trackkit.client import Server
from trackkit.domain.options import catalogue
from trackkit.widgets.server_options import ServerOptionsPanel, sections

PASSWORD = "somebody's password"
HEAD = b'kind = "trackkit server options"\nformat = 1\n'


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    for role in ("viewer", "admin"):
        running.admin.users.add(f"the {role}", role, PASSWORD)
    return running


@pytest.fixture
def server(shared: RunningServer) -> RunningServer:
    shared.admin.options.set({name: info.default for name, info in catalogue().items()})
    return shared


@pytest.fixture
def viewer(server: RunningServer) -> Iterator[Server]:
    with trackkit.connect(
        server.url, username="the viewer", password=PASSWORD, fingerprint=server.fingerprint
    ) as opened:
        yield opened


@pytest.fixture
def panel(server: RunningServer) -> ServerOptionsPanel:
    return ServerOptionsPanel(server.admin)


def give(panel: ServerOptionsPanel, content: bytes, name: str = "options.toml") -> None:
    """Choose a file, as a browser hands it over."""
    given = {"name": name, "type": "", "size": len(content), "content": content, "last_modified": datetime.now(UTC)}
    panel.file.upload.value = (given,)


def test_every_option_has_its_place_by_itself(panel: ServerOptionsPanel) -> None:
    shown = [name for form in panel.forms.values() for name in form.names]
    assert shown == list(catalogue())
    assert [name for parts in sections().values() for names in parts.values() for name in names] == shown
    for form in panel.forms.values():
        assert form.trouble.line.value == ""
        assert form.apply_button.disabled


def test_a_restart_is_announced_until_it_is_not_needed(panel: ServerOptionsPanel) -> None:
    assert panel.restart.value == ""
    form = panel.forms["server"]
    form.fields.put("server.port", "9300")
    form.apply_button.click()
    assert "restart of the server is needed" in panel.restart.value
    assert "connections must be edited" in panel.restart.value
    assert "9300" in panel.history.list.value, "the history follows"
    form.fields.put("server.port", "8470")
    form.apply_button.click()
    assert panel.restart.value == ""


def test_what_is_exported_holds_no_secret(panel: ServerOptionsPanel, server: RunningServer) -> None:
    server.admin.options.set({"sending.smtp.password": "canary-4711", "sending.timing.days": 8})
    panel.file.export.click()
    assert 'download="trackkit-options.toml"' in panel.file.link.value
    assert "sending.smtp.password" in panel.file.link.value
    assert "canary" not in panel.file.link.value
    assert "everything=False" in panel.file.code.code


def test_a_file_is_shown_before_it_is_applied(panel: ServerOptionsPanel, server: RunningServer) -> None:
    assert panel.file.apply.disabled
    panel.forms["sending"].fields.put("sending.smtp.host", "half.typed")
    give(panel, HEAD + b"[sending]\npaused = true\n[server]\nport = 9400\n")
    assert "9400" in panel.file.plan.value
    assert "piles up" in panel.file.plan.value
    assert "connections must be edited" in panel.file.plan.value
    assert server.admin.options.get().value("sending.paused") is False
    panel.file.apply.click()
    question = panel.file.asking.children[0]
    assert "Change 2 options?" in question.question
    question.answer(False)
    assert server.admin.options.get().value("sending.paused") is False
    panel.file.apply.click()
    panel.file.asking.children[0].answer(True)
    assert "was applied" in panel.file.said.value
    assert server.admin.options.get().value("server.port") == 9400
    assert panel.forms["server"].fields.values["server.port"] == "9400"
    assert panel.forms["sending"].fields.values["sending.smtp.host"] == "half.typed", "what is typed stays"
    assert "restart of the server is needed" in panel.restart.value
    assert "from a file" in panel.history.list.value
    assert panel.file.apply.disabled


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"", "no options file"),
        (HEAD + b"[sending.smtp]\nhots = 1\n", "Did you mean"),
        (HEAD + b"[sending.smtp]\npassword = 'canary-4711'\n", "must not stand in a file"),
        (HEAD + b"[sending]\npaused = false\n", ""),
    ],
)
def test_a_file_that_cannot_be_applied(panel: ServerOptionsPanel, content: bytes, words: str) -> None:
    give(panel, content)
    told = panel.file.trouble.line.value
    assert words in told
    assert "canary" not in told
    assert panel.file.apply.disabled
    if not words:
        assert "Nothing would change." in panel.file.plan.value


def test_a_file_that_somebody_overtook_changes_nothing(panel: ServerOptionsPanel, server: RunningServer) -> None:
    give(panel, HEAD + b"[sending.timing]\ndays = 9\n")
    server.admin.options.set({"sending.timing.connections": 9})
    panel.file.apply.click()
    panel.file.asking.children[0].answer(True)
    assert "meanwhile" in panel.file.trouble.line.value
    assert server.admin.options.get().value("sending.timing.days") == 5


def test_a_change_is_reverted_after_a_question(panel: ServerOptionsPanel, server: RunningServer) -> None:
    admin = server.admin
    admin.options.set({"sending.timing.days": 9, "sending.smtp.password": "canary-4711"})
    admin.options.set({"sending.timing.days": 10})
    change_id = admin.options.history(limit=2).sets[1].change_id
    panel.history.look.click()
    panel.history.chosen.value = change_id
    panel.history.revert.click()
    assert "sending.timing.days was changed to 10 by admin" in panel.history.asking.children[0].question
    assert "old secrets are not kept" in panel.history.plan.value
    panel.history.asking.children[0].answer(False)
    assert panel.history.plan.value == ""
    assert admin.options.get().value("sending.timing.days") == 10
    panel.history.revert.click()
    panel.history.asking.children[0].answer(True)
    assert f"Change {change_id} was reverted" in panel.history.said.value
    assert admin.options.get().value("sending.timing.days") == 5
    assert panel.forms["sending"].fields.values["sending.timing.days"] == "5"
    assert f"reverted change {change_id}" in panel.history.list.value
    assert "canary" not in panel.history.list.value
    assert f"plan_revert({change_id})" in panel.history.code.code


def test_a_viewer_sees_everything_and_changes_nothing(viewer: Server) -> None:
    panel = ServerOptionsPanel(viewer)
    assert all(form.fields.disabled for form in panel.forms.values())
    assert panel.history.revert.disabled
    give(panel, HEAD + b"[sending]\npaused = true\n")
    assert "Sending is paused" in panel.file.plan.value
    assert panel.file.apply.disabled
