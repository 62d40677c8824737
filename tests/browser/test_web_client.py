"""The web client in a real browser: one log-in page for server and projects, the records, and no way across."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accessibility import WHOLE, accessible
from tests.browser.conftest import NewPage, log_in, set_admin_password
from tests.conftest import Start
from tests.dashboards import PAGE, PROJECT_PAGE, RunningDashboards

pytestmark = pytest.mark.browser

PASSWORD = "trackkit sample"
ADA = "ada's password"
ONE_PAGE = "0: one log-in page, two realms; each dashboard opens only to its realm and role"
WEB_CLIENT = "9: the web client: log-in page with the server's text and the web database list, records"

Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def web(
    browser: Browser, start_for_module: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDashboards]:
    """A server with the sample, a project that is not listed and ada, a viewer; and its dashboards."""
    server = start_for_module(sample=True, seats=50)
    set_admin_password(server)
    server.admin.users.add("ada", "viewer", ADA)
    server.admin.databases.create("Unlisted", settings={"in_web_list": False}, administrator_password=PASSWORD)
    server.admin.options.set({"server.login_text": "Problems with this page? Ask the help desk, extension 42."})
    running = RunningDashboards(server, tmp_path_factory.mktemp("dashboards")).start()
    yield running
    running.stop()


def looked_at(page: Page, picture: Picture, name: str) -> None:
    """Screenshots light, dark and narrow; nothing serious for axe in any of them, nothing wider than the page."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        accessible(page, WHOLE)
        picture(page, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    accessible(page, WHOLE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, f"{name}-narrow")
    page.set_viewport_size({"width": 1280, "height": 800})


def fill_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()


def defects(page: Page) -> Any:
    return page.get_by_role("grid", name="Defects")


def enter(page: Page, web: RunningDashboards, username: str) -> None:
    """As a user of the sample project, until its defects are there."""
    page.goto(web.url)
    page.get_by_label("Log in to").select_option("project:sample")
    fill_in(page, username, PASSWORD)
    page.get_by_role("heading", name="sample", exact=True).wait_for()
    expect(defects(page).get_by_role("row").nth(1)).to_be_visible()


def kernel_of(page: Page) -> str:
    found = re.search(r'"kernelId": ?"([^"]+)"', page.content())
    assert found
    return found[1]


@pytest.mark.spec(WEB_CLIENT)
def test_a_project_user_logs_in_sees_the_records_and_adds_a_defect(
    web: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    page.goto(web.url)
    expect(page.get_by_text("extension 42")).to_be_visible()
    choice = page.get_by_label("Log in to")
    expect(choice).to_have_value("server")
    expect(page.get_by_label("Name of the project")).to_be_hidden()
    looked_at(page, picture, "web-log-in")
    choice.select_option("project:sample")
    fill_in(page, "ana", "not her password")
    expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    expect(choice).to_have_value("project:sample")
    expect(page.get_by_label("User name")).to_have_value("ana")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    looked_at(page, picture, "web-log-in-refused")

    fill_in(page, "ana", PASSWORD)
    page.get_by_role("heading", name="sample", exact=True).wait_for()
    expect(page.locator(".tk-who")).to_have_text(re.compile(r"ana\s+in sample"))
    expect(page).to_have_title("Project")
    expect(defects(page).get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name="Log out")).to_have_count(1)
    expect(page.get_by_text("Show as Python")).to_have_count(0)
    looked_at(page, picture, "web-client")

    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Title", exact=True).fill("It stops <b>at night</b>")
    picture(page, "web-client-add")
    accessible(page, WHOLE)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text(re.compile(r"Defect \d+ was added"))).to_be_visible()
    with web.server.admin.project("sample", "ben", PASSWORD) as project:
        (added,) = project.list("defect", text="It stops <b>at").items
    assert added.created_by == "ana"
    page.get_by_label("Search").fill("It stops <b>at")
    page.get_by_label("Search").press("Enter")
    expect(defects(page).get_by_role("row").filter(has_text="It stops <b>at night</b>")).to_have_count(1)
    expect(defects(page).get_by_role("row")).to_have_count(2)
    page.get_by_label("Search").fill("")
    page.get_by_label("Search").press("Enter")
    page.get_by_label("Show").select_option("Requirements")
    expect(page.get_by_role("grid", name="Requirements").get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_project_that_is_not_listed_needs_no_scripts(
    web: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(web.url)
    name = page.get_by_label("Name of the project")
    expect(name).to_be_hidden()
    page.get_by_label("Log in to").select_option("other")
    expect(name).to_be_visible()
    fill_in(page, "administrator", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Enter the name of the project.")
    expect(name).to_be_focused()
    picture(page, "web-log-in-other")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "web-log-in-other-narrow")
    name.fill("unlisted")
    fill_in(page, "administrator", PASSWORD)
    expect(page.locator(".tk-who")).to_have_text(re.compile(r"administrator\s+in Unlisted"))


@pytest.mark.spec(ONE_PAGE)
def test_neither_realm_gets_to_the_others_pages_and_kernels(
    web: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    ana, ada = new_page(), new_page()
    enter(ana, web, "ana")
    log_in(ada, web, "ada", ADA)
    expect(ada.locator(".tk-who")).to_have_text(re.compile(r"ada\s+viewer"))
    for page, other in ((ana, ada), (ada, ana)):
        kernel_id = kernel_of(other)
        assert page.request.get(f"{web.url}/api/kernels/{kernel_id}").status == 404
        assert page.request.get(f"{web.url}/api/kernels/{kernel_of(page)}").status == 200
        opened = page.evaluate(
            """(id) => new Promise((done) => {
              const socket = new WebSocket(`ws://${location.host}/api/kernels/${id}/channels`);
              socket.onopen = () => done("opened"); socket.onerror = () => done("refused");
            })""",
            kernel_id,
        )
        assert opened == "refused"

    answer = ana.goto(web.url + PAGE)
    assert answer is not None
    assert answer.status == 403
    expect(ana.get_by_role("heading", name="Mail queue and server log: not open to you")).to_be_visible()
    expect(ana.get_by_text("You are logged in as ana, with an account of the project sample.")).to_be_visible()
    looked_at(ana, picture, "refused-to-a-project-user")
    ana.get_by_role("link", name="Project").click()
    expect(defects(ana).get_by_role("row").nth(1)).to_be_visible()

    answer = ada.goto(web.url + PROJECT_PAGE)
    assert answer is not None
    assert answer.status == 403
    expect(ada.get_by_text("This page opens to accounts of a project only.")).to_be_visible()
    picture(ada, "refused-to-a-server-user")
    ada.get_by_role("button", name="Log in as somebody else").click()
    expect(ada.get_by_text("You are logged out.")).to_be_visible()
    expect(ada.get_by_label("Log in to")).to_have_value("project:sample")
    fill_in(ada, "ben", PASSWORD)
    expect(ada.locator(".tk-who")).to_have_text(re.compile(r"ben\s+in sample"))


@pytest.mark.spec("0: an operator ends project sessions")
def test_a_session_that_was_ended_leads_back_to_the_log_in(
    web: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    enter(page, web, "emil")
    sessions = web.server.admin.sessions
    (session,) = [one for one in sessions.list().sessions if (one.username, one.client) == ("emil", "web")]
    sessions.end(session.session_id)
    page.get_by_role("button", name="Export CSV").click()
    expect(page.get_by_role("alert")).to_contain_text("session has ended")
    picture(page, "web-client-session-ended")
    page.get_by_role("link", name="Log in again").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_label("Log in to")).to_have_value("project:sample")
    fill_in(page, "emil", PASSWORD)
    expect(defects(page).get_by_role("row").nth(1)).to_be_visible()


def test_wrong_passwords_of_one_project_user_keep_no_other_out(
    web: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    known = new_page()
    enter(known, web, "dora")
    known.get_by_role("button", name="Log out").click()
    expect(known.get_by_text("You are logged out.")).to_be_visible()
    attacker = web.visitor()
    while attacker.log_in("dora", "a guess", "sample").status_code != 429:
        pass
    stranger = new_page()
    stranger.goto(web.url)
    stranger.get_by_label("Log in to").select_option("project:sample")
    fill_in(stranger, "dora", PASSWORD)
    expect(stranger.get_by_role("alert")).to_contain_text("try again in")
    picture(stranger, "web-log-in-throttled")
    enter(known, web, "dora")
    enter(new_page(), web, "chen")


def test_log_out_leads_to_the_log_in_of_the_same_project(web: RunningDashboards, new_page: NewPage) -> None:
    page = new_page()
    enter(page, web, "ana")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    expect(page.get_by_label("Log in to")).to_have_value("project:sample")
    page.goto(web.url + PROJECT_PAGE)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
