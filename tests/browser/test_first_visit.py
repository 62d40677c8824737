"""The first visit: set-up code, password, log-in, queue and log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, log_in
from tests.dashboards import RunningDashboards
from tests.running import RunningServer

pytestmark = pytest.mark.browser

PASSWORD = "chosen at the first visit"


def _fill(page: Page, code: str, password: str, again: str) -> None:
    page.get_by_label("One-time code").fill(code)
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password again").fill(again)
    page.get_by_role("button", name="Set password").click()


@pytest.mark.spec("6: a one-time set-up code with which the first visitor sets the admin password")
def test_the_first_visitor_sets_the_admin_password_and_sees_queue_and_log(
    new_site: RunningDashboards, server: RunningServer, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    code = server.admin.setup_code().code
    page = new_page()
    page.goto(new_site.url)
    expect(page.get_by_role("heading", name="Set up this server")).to_be_visible()
    picture(page, "set-up")

    _fill(page, "not-the-code", PASSWORD, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("code")
    picture(page, "set-up-wrong-code")
    _fill(page, code, PASSWORD, PASSWORD + "!")
    expect(page.get_by_role("alert")).to_contain_text("differ")
    assert server.admin.info().setup_open

    _fill(page, code, PASSWORD, PASSWORD)
    expect(page.get_by_role("status")).to_contain_text("Log in as admin")
    expect(page.get_by_label("Password")).to_be_focused()
    picture(page, "log-in-after-set-up")
    assert not server.admin.info().setup_open

    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Mail queue and server log").wait_for()
    expect(page.get_by_text("The mail queue is empty")).to_be_visible()
    expect(page.get_by_role("grid", name="Server log").get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_text("as admin (admin)")).to_be_visible()
    picture(page, "first-page-empty-queue")

    again = new_page()
    again.goto(new_site.url + "/setup")
    expect(again.get_by_role("heading", name="Log in")).to_be_visible()


def test_somebody_with_an_account_can_log_in_before_the_set_up(
    new_site: RunningDashboards, server: RunningServer, new_page: NewPage
) -> None:
    server.admin.users.add("ada", "viewer", "ada's password")
    page = new_page()
    page.goto(new_site.url)
    page.get_by_role("link", name="Log in with another account").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("ada's password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("as ada (viewer)")).to_be_visible()


def test_the_log_in_page_needs_no_scripts_and_no_mouse(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    page = new_page(java_script_enabled=False, color_scheme="dark")
    page.goto(site.url)
    expect(page.get_by_label("User name")).to_be_focused()
    picture(page, "log-in-dark")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("not her password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value("ada")
    expect(page.get_by_label("Password")).to_have_value("")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "log-in-refused-dark-narrow")
    page.get_by_label("Password").focus()
    page.keyboard.type("ada's password")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()


def test_log_out_leads_to_the_log_in_and_a_page_opened_before_leads_there_too(
    site: RunningDashboards, new_page: NewPage
) -> None:
    page = new_page()
    log_in(page, site, "ada", "ada's password")
    other_tab = page.context.new_page()
    other_tab.goto(site.url)
    other_tab.get_by_role("heading", name="Mail queue and server log").wait_for()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    other_tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other_tab.get_by_role("alert")).to_contain_text("has ended")
    other_tab.get_by_role("link", name="Open it again").click()
    expect(other_tab.get_by_role("heading", name="Log in")).to_be_visible()
