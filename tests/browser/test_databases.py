"""Project databases, tasks and a project in a real JupyterLab, driven as administrators and project users do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import open_panel
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.running import RunningServer
from trackkit.client import Server

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
PROJECT_PASSWORD = "the project's password"
DEFECTS, USERS = 8_000, 2_000

Picture = Callable[[Page, str], None]

# Every text of a progress line, as a person who watches would see it.
WATCH_PROGRESS = """() => {
  window.seenProgress = [];
  const look = () => document.querySelectorAll('.tk-progress [role=status]').forEach((line) => {
    const text = line.textContent.trim();
    if (window.seenProgress.at(-1) !== text) window.seenProgress.push(text);
  });
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    """A server with the sample, a large database, and the administrators ann and bea."""
    running = start_for_module(sample=True, seats=50)
    admin = running.admin
    for name in ("ann", "bea"):
        admin.users.add(name, "admin", PASSWORD)
    admin.databases.create("large", administrator_password=PROJECT_PASSWORD)
    with admin.project("large", "administrator", PROJECT_PASSWORD) as project:
        project.import_rows("user", ["name"], [[f"user{number}"] for number in range(USERS)]).wait()
        defects = [[f"Defect {number}", f"user{number % USERS}"] for number in range(DEFECTS)]
        project.import_rows("defect", ["title", "owner"], defects).wait()
    return running


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def says_no(page: Page) -> None:
    """Answer the question with No; it goes away."""
    page.locator(".tk-question").get_by_role("button", name="No").click()
    expect(page.locator(".tk-question")).to_have_count(0)


def said(page: Page, words: str | re.Pattern[str]) -> Locator:
    """A status line with those words; waited for."""
    line = page.locator(".tk-status").filter(has_text=words).first
    expect(line).to_be_visible()
    return line


def progress(page: Page) -> list[str]:
    """The progress lines that were seen since the last time."""
    return list(page.evaluate("() => window.seenProgress.splice(0)"))


def choose(page: Page, database: str) -> None:
    page.get_by_label("Database", exact=True).select_option(database)


@pytest.mark.spec("2: create from template: what is copied and what is not")
def test_an_administrator_makes_and_keeps_databases(
    server: RunningServer, lab: RunningLab, lab_page: Page, picture: Picture
) -> None:
    page = lab_page
    open_panel(page, lab, server, "databases.ipynb", "ann", PASSWORD)
    table = page.get_by_role("table", name="Project databases")
    table.get_by_text("large", exact=True).wait_for()
    page.evaluate(WATCH_PROGRESS)
    accessible(page)
    picture(page, "databases")

    press(page, "Create")
    page.get_by_label("Name", exact=True).fill("a:b")
    press(page, "Create it")
    expect(page.locator(".tk-message").filter(has_text=":").first).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Apollo")
    page.get_by_label("Compact at every server start").check()
    press(page, "Create it")
    expect(page.locator(".tk-question")).to_contain_text("makes each start take longer")
    picture(page, "databases-create")
    says_no(page)
    page.get_by_label("Compact at every server start").uncheck()
    press(page, "Create it")
    expect(said(page, "Created Apollo")).to_be_in_viewport()
    expect(page.get_by_label("Password of administrator")).to_have_text(re.compile(".{12}"))
    expect(page.get_by_label("Information")).to_contain_text("Apollo")

    choose(page, "large")
    press(page, "Create from template")
    page.get_by_label("Name", exact=True).fill("From large")
    press(page, "Create it")
    said(page, "Created From large")
    copied = progress(page)
    assert len(copied) > 2  # 2,000 users are quick; the backup below has all the rows
    assert f"{USERS + 4:,} of {USERS + 4:,}" in copied[-1], copied
    expect(page.get_by_label("Information")).to_contain_text(f"{USERS + 1:,}")
    picture(page, "databases-information")

    choose(page, "large")
    press(page, "Back up")
    said(page, "Backed up")
    backed_up = progress(page)
    assert any(re.search(r"Copying .*\d of ", line) for line in backed_up), backed_up
    print(f"progress of the copy: {copied}\nprogress of the backup: {backed_up}")

    press(page, "Restore a backup")
    page.get_by_label("Name", exact=True).fill("large again")
    press(page, "Restore it")
    said(page, "large again")
    expect(page.get_by_label("Information")).to_contain_text(f"{DEFECTS:,} defect")
    expect(page.get_by_label("Information")).to_contain_text("Mail may be sent")
    assert server.admin.databases.show("large again").settings["sending"] is False

    choose(page, "large again")
    press(page, "Compact")
    said(page, re.compile("Compacted"))


def test_settings_are_never_silently_overwritten(
    server: RunningServer, lab: RunningLab, lab_page: Page, picture: Picture
) -> None:
    server.admin.databases.create("Settled")
    page = lab_page
    open_panel(page, lab, server, "databases.ipynb", "ann", PASSWORD)
    page.get_by_role("table", name="Project databases").get_by_text("Settled", exact=True).wait_for()
    choose(page, "Settled")
    press(page, "Settings")
    page.get_by_label("Description", exact=True).fill("by ann")
    with _as(server, "bea") as bea:
        bea.databases.edit("Settled", {"description": "by bea"})
    press(page, "Apply")
    page.get_by_role("alert").filter(has_text=re.compile("meanwhile|changed")).wait_for()
    picture(page, "databases-conflict")
    expect(page.get_by_label("Description", exact=True)).to_have_value("by bea")
    page.get_by_label("Description", exact=True).fill("by ann, after bea")
    press(page, "Apply")
    said(page, "settings were changed")
    assert server.admin.databases.show("Settled").settings["description"] == "by ann, after bea"

    press(page, "Remove from list")
    says_no(page)
    assert server.admin.databases.show("Settled").available
    press(page, "Remove from list")
    expect(page.locator(".tk-question")).to_contain_text("files stay")
    picture(page, "databases-remove")
    page.locator(".tk-question").get_by_role("button", name="Remove from list").click()
    said(page, "not in the list any more")
    assert (server.data / "databases" / "Settled" / "project.db").is_file()

    press(page, "Add existing")
    page.get_by_label("On the server").wait_for()
    page.get_by_label("On the server").select_option(label="Settled \N{EN DASH} database, can be added")
    press(page, "Choose this database")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Settled")
    picture(page, "databases-add")
    press(page, "Add it")
    said(page, "Added Settled")
    expect(page.get_by_role("table", name="Project databases").get_by_text("Settled", exact=True)).to_be_visible()


def test_a_task_is_added_run_looked_at_and_deleted(
    server: RunningServer, lab: RunningLab, lab_page: Page, picture: Picture
) -> None:
    page = lab_page
    open_panel(page, lab, server, "tasks.ipynb", "ann", PASSWORD)
    press(page, "Add a task")
    page.get_by_label("Name", exact=True).fill("Nightly")
    page.get_by_label("Database", exact=True).select_option("sample")
    page.get_by_label("Schedule", exact=True).fill("every night")
    press(page, "Add it")
    expect(page.locator(".tk-message").filter(has_text="schedule").first).to_be_visible()
    picture(page, "tasks-refused")
    page.get_by_label("Schedule", exact=True).fill("0 2 * * *")
    page.get_by_label("Backups to keep").fill("2")
    press(page, "Add it")
    said(page, "Nightly was added. Its next run is")
    press(page, "Run now")
    said(page, "Backed up")
    press(page, "History")
    expect(page.get_by_role("table", name="History of Nightly")).to_contain_text("ann")
    accessible(page)
    picture(page, "tasks")
    press(page, "Delete")
    page.locator(".tk-question").get_by_role("button", name="Delete the task").click()
    said(page, "Nightly was deleted")
    assert server.admin.tasks.list().tasks == ()


def test_a_project_user_works_in_a_project(
    server: RunningServer, lab: RunningLab, lab_page: Page, picture: Picture, tmp_path: Path
) -> None:
    made = server.admin.databases.create("Workshop", administrator_password=PROJECT_PASSWORD)
    with server.admin.project(made.name, "administrator", PROJECT_PASSWORD) as project:
        project.add("user", name="vera", groups=["Members"], password=PROJECT_PASSWORD)
    page = lab_page
    open_panel(page, lab, server, "project.ipynb", "ann", PASSWORD)
    page.get_by_label("Project", exact=True).select_option("Workshop")
    page.get_by_label("Project user").fill("vera")
    page.get_by_label("Password", exact=True).fill("wrong password")
    press(page, "Log in")
    page.get_by_role("alert").wait_for()
    page.get_by_label("Password", exact=True).fill(PROJECT_PASSWORD)
    press(page, "Log in")
    page.get_by_text("Project on here, as vera.").wait_for()

    press(page, "Add")
    page.get_by_label("Title", exact=True).fill("The lamp is dark")
    page.get_by_label("Owner", exact=True).fill("nobody")
    press(page, "Add it")
    expect(page.locator(".tk-message").filter(has_text="nobody").first).to_be_visible()
    page.get_by_label("Owner", exact=True).fill("vera")
    page.get_by_label("Due", exact=True).fill("2026-12-31")
    picture(page, "project-form")
    press(page, "Add it")
    said(page, "Defect 1 was added")
    grid = page.get_by_role("table", name="Defects").or_(page.get_by_role("grid", name="Defects"))
    grid.get_by_text("The lamp is dark").click()
    press(page, "Edit")
    page.get_by_label("Status", exact=True).select_option("open")
    press(page, "Apply")
    said(page, "Defect 1 was changed")

    press(page, "Files")
    trace = tmp_path / "trace.txt"
    trace.write_bytes(b"\x00 trace")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Attach a file")).click()
    chooser.value.set_files(trace)
    expect(page.get_by_label("File", exact=True)).to_contain_text("trace.txt")
    press(page, "Fetch")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save trace.txt").click()
    assert Path(download.value.path()).read_bytes() == b"\x00 trace"

    press(page, "Import CSV")
    bad = tmp_path / "bad.csv"
    bad.write_text("title,due_on,owner\nFine,2026-01-31,vera\nNot fine,31.01.2026,ghost\n")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose a CSV file")).click()
    chooser.value.set_files(bad)
    page.get_by_text("bad.csv").wait_for()
    press(page, "Import")
    faulty = page.get_by_role("table", name="Faulty cells of bad.csv")
    expect(faulty).to_contain_text("31.01.2026")
    accessible(page)
    picture(page, "project-import-refused")
    bad.write_text("title,due_on,owner\nFine,2026-01-31,vera\nNow fine,2026-01-31,vera\n")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose a CSV file")).click()
    chooser.value.set_files(bad)
    press(page, "Only check")
    said(page, re.compile("2 rows"))
    press(page, "Import")
    expect(page.get_by_text("Defects that match: 3")).to_be_visible()

    page.get_by_label("Where", exact=True).fill("status=open")
    page.get_by_label("Where", exact=True).press("Enter")
    expect(page.get_by_text("Defects that match: 1")).to_be_visible()
    press(page, "Export CSV")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save defect.csv").click()
    exported = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "The lamp is dark" in exported
    assert "Now fine" not in exported
    picture(page, "project")
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_disabled()  # Members may not delete
    press(page, "Log out")
    page.get_by_label("Project user").wait_for()


def _as(server: RunningServer, username: str) -> Server:
    import trackkit

    return trackkit.connect(server.url, username=username, password=PASSWORD, fingerprint=server.fingerprint)
