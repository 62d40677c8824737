"""The panels of databases, tasks and a project against a real server: what the role allows, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ipywidgets as w
import pytest

import trackkit
from tests.conftest import Start
from tests.running import RunningServer
from trackkit.client import Server
from trackkit.client.project import Project
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.widgets.databases_panel import DatabasesPanel
from trackkit.widgets.problems import Trouble
from trackkit.widgets.project_files import ProjectFiles
from trackkit.widgets.project_import import MANY, ProjectImport
from trackkit.widgets.project_log_in import ProjectLogIn
from trackkit.widgets.project_panel import ProjectPanel
from trackkit.widgets.tasks_panel import TasksPanel

PASSWORD = "somebody's password"
PROJECT = "Panels"

AsRole = Callable[[str], Server]


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    for role in ("viewer", "operator", "admin"):
        running.admin.users.add(f"the {role}", role, PASSWORD)
    running.admin.databases.create(PROJECT, administrator_password=PASSWORD)
    return running


@pytest.fixture
def as_role(shared: RunningServer) -> Iterator[AsRole]:
    opened: list[Server] = []

    def log_in(role: str) -> Server:
        opened.append(
            trackkit.connect(shared.url, username=f"the {role}", password=PASSWORD, fingerprint=shared.fingerprint)
        )
        return opened[-1]

    yield log_in
    for server in opened:
        server.close()


@pytest.fixture
def project(shared: RunningServer) -> Iterator[Project]:
    with shared.admin.project(PROJECT, "administrator", PASSWORD) as opened:
        yield opened


def enabled(buttons: dict[str, w.Button]) -> set[str]:
    return {words for words, button in buttons.items() if not button.disabled}


@pytest.mark.parametrize(
    ("role", "databases", "tasks"),
    [
        ("viewer", {"Refresh", "Information"}, {"Refresh", "History"}),
        ("operator", {"Refresh", "Information", "Compact", "Back up"}, {"Refresh", "History", "Run now"}),
    ],
)
def test_what_a_role_does_not_allow_is_disabled(
    shared: RunningServer, as_role: AsRole, role: str, databases: set[str], tasks: set[str]
) -> None:
    shared.admin.tasks.add(name=f"for {role}", kind="compact", database=PROJECT, schedule="0 3 * * *")
    assert enabled(DatabasesPanel(as_role(role), Trouble()).buttons) == databases
    assert enabled(TasksPanel(as_role(role), Trouble()).buttons) == tasks
    everything = DatabasesPanel(as_role("admin"), Trouble()).buttons
    assert enabled(everything) == set(everything)


def test_a_database_is_created_as_typed_and_a_refused_name_keeps_what_was_typed(as_role: AsRole) -> None:
    server = as_role("admin")
    panel = DatabasesPanel(server, Trouble())
    panel.create()
    form = panel.form
    assert form is not None
    form.fields.put("name", "Ga*ia")
    form.fields.put("description", "typed once")
    form.press()
    assert "'*'" in form.fields.messages["name"]
    assert panel.form is form
    form.fields.put("name", "Gaia")
    form.fields.put("in_web_list", False)
    form.press()
    assert "Created Gaia" in panel.said.value
    (secret,) = panel.secret.children
    assert "It is shown this once" in secret.words
    kept = str(secret.get_state()) + panel.said.value
    assert secret._secret
    assert secret._secret not in kept, "a notebook can be saved with the state of its widgets"
    assert "Gaia" in panel.info.value
    settings = server.databases.show("Gaia").settings
    assert (settings["description"], settings["in_web_list"]) == ("typed once", False)
    assert "server.databases.create('Gaia'" in panel.code.code


def test_settings_somebody_else_changed_are_shown_and_not_overwritten(shared: RunningServer, as_role: AsRole) -> None:
    shared.admin.databases.create("Shared")
    panel = DatabasesPanel(as_role("admin"), Trouble())
    panel.chosen.value = "Shared"
    panel.edit()
    assert panel.form is not None
    panel.form.fields.put("description", "mine")
    shared.admin.databases.edit("Shared", {"description": "theirs"})
    panel.form.press()
    assert "meanwhile" in panel.form.trouble.line.value
    assert panel.form.fields.values["description"] == "theirs"
    assert shared.admin.databases.show("Shared").settings["description"] == "theirs"


def test_a_task_changed_by_somebody_else_is_shown_and_not_overwritten(shared: RunningServer, as_role: AsRole) -> None:
    shared.admin.tasks.add(name="contested", kind="compact", database=PROJECT, schedule="0 3 * * *")
    panel = TasksPanel(as_role("admin"), Trouble())
    panel.chosen.value = "contested"
    panel.edit()
    assert panel.form is not None
    panel.form.fields.put("schedule", "0 4 * * *")
    shared.admin.tasks.edit("contested", {"schedule": "0 5 * * *"})
    panel.form.press()
    assert "meanwhile" in panel.form.trouble.line.value
    assert panel.form.fields.values["schedule"] == "0 5 * * *"


def test_a_new_task_begins_with_a_choice_that_can_be_sent(as_role: AsRole) -> None:
    panel = TasksPanel(as_role("admin"), Trouble())
    panel.add()
    assert panel.form is not None
    panel.form.fields.put("name", "straight away")
    panel.form.fields.put("schedule", "0 2 * * *")
    panel.form.press()
    assert panel.form is None, "the form is gone once the task is there"
    assert "straight away was added" in panel.said.value


def test_the_log_in_to_a_project_says_what_is_wrong(as_role: AsRole) -> None:
    opened: list[Project] = []
    trouble = Trouble()
    form = ProjectLogIn(as_role("viewer"), trouble, opened.append)
    assert form.fields is not None
    form.fields.put("database", PROJECT)
    form.button.click()
    assert "Project user" in trouble.line.value
    form.fields.put("username", "administrator")
    form.fields.put("password", "not it")
    form.button.click()
    assert "wrong" in trouble.line.value
    assert opened == []
    form.fields.put("password", PASSWORD)
    form.button.click()
    assert trouble.line.value == ""
    assert form.fields.values["password"] == ""
    opened[0].close()


def test_an_item_somebody_else_changed_is_shown_and_not_overwritten(as_role: AsRole, project: Project) -> None:
    item = project.add("defect", title="first words")
    panel = ProjectPanel(as_role("viewer"), project, Trouble(), lambda: None)
    table = panel.grid.widget.children[-1]
    table._handle_custom_msg({"do": "select", "how": "one", "id": item.key}, [])
    assert "Edit" in enabled(panel.buttons)
    panel.edit()
    assert panel.form is not None
    panel.form.fields.put("title", "my words")
    project.edit("defect", item.key, {"title": "their words"})
    panel.form.press()
    assert "meanwhile" in panel.form.trouble.line.value
    assert panel.form.fields.values["title"] == "their words"
    panel.form.fields.put("title", "my words after all")
    panel.form.press()
    assert project.show("defect", item.key).values["title"] == "my words after all"


def test_a_faulty_file_is_shown_cell_by_cell_and_nothing_is_imported(project: Project) -> None:
    before = project.list("customer").total
    trouble = Trouble()
    form = ProjectImport(project, KINDS[Kind.customer], trouble, lambda: None)
    form.go.click()
    assert "No file is chosen" in trouble.line.value
    lines = ["name,email"] + [f"{'x' * 101},e{n}@example.org" for n in range(MANY + 5)]
    form.choose("many.csv", "\n".join(lines).encode())
    form.go.click()
    assert "nothing was imported" in form.result.value
    assert "longer than 100 characters" in form.result.value
    assert "and 5 more" in form.result.value
    form.choose("good.csv", b"name,email\nBlue,blue@example.org\n")
    form.check.click()
    assert project.list("customer").total == before
    form.go.click()
    assert "1 row" in form.result.value
    assert project.list("customer").total == before + 1


def test_a_file_attached_just_now_can_be_fetched(project: Project) -> None:
    item = project.add("defect", title="with a file")
    files = ProjectFiles(project, Kind.defect, item.key, Trouble(), lambda: None, may_edit=True)
    assert files.fetch.disabled
    project.attach("defect", item.key, "a.txt", b"inside")
    files.refresh()
    files.fetch.click()
    assert 'download="a.txt"' in files.link.value
