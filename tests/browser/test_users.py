"""The page of server users in JupyterLab: users, tokens and sessions as an administrator works with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_panel, set_admin_password
from tests.browser.test_lab import views
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.running import RunningServer

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    """A server that is set up, with somebody who has no password."""
    running = start_for_module()
    set_admin_password(running)
    running.admin.users.add("bare <b>bones", "viewer")
    return running


@pytest.mark.spec("6: add, edit, delete (asks first)")
@pytest.mark.spec("6: API tokens: name, role no higher than their owner's, expiry, shown once")
@pytest.mark.spec("6: a list of current admin sessions with end session")
def test_server_users(
    lab: RunningLab, server: RunningServer, lab_page: Page, picture: Callable[[Page, str], None]
) -> None:
    page = lab_page
    open_panel(page, lab, server, "server-users.ipynb", "admin", PASSWORD)
    page.get_by_role("heading", name="Server users", exact=True).last.wait_for()
    expect(page.get_by_text("has no password: the account can log in only")).to_be_visible()
    views(page, picture, "lab-users")

    page.get_by_role("button", name="Add a user", exact=True).click()
    name = page.get_by_label("User name", exact=True)
    name.fill("grace")
    page.get_by_label("Role", exact=True).select_option("operator")
    secret = page.get_by_role("textbox", name="Password", exact=True)
    secret.fill("short")
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_text("is shorter than 8 characters")).to_be_visible()
    picture(page, "lab-users-refused")
    secret.fill("grace's long password")
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_text("grace (operator) was added.")).to_be_visible()

    page.get_by_label("User", exact=True).select_option("grace")
    page.get_by_role("button", name="Delete", exact=True).click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Their sessions end and their API tokens are revoked")
    picture(page, "lab-users-asked")
    page.get_by_role("button", name="Delete the user").click()
    expect(page.get_by_text("grace was deleted")).to_be_visible()

    page.get_by_role("button", name="Make a token").click()
    page.get_by_label("Token name").fill("nightly report")
    page.get_by_role("button", name="Make it").click()
    shown = page.get_by_label("Secret of the token nightly report")
    expect(shown).to_contain_text("tkt_")
    shown.scroll_into_view_if_needed()
    picture(page, "lab-users-token")
    assert server.admin.tokens.list().tokens[0].name == "nightly report"

    other = server.connect("admin", PASSWORD)
    sessions = page.get_by_role("table", name="Sessions")
    page.locator(".tk-panel").filter(has_text="Who is logged in now.").get_by_role("button", name="Refresh").click()
    expect(sessions.get_by_role("row")).to_have_count(4)
    page.get_by_label("Session", exact=True).select_option(index=0)
    page.get_by_role("button", name="End session").click()
    expect(question).to_contain_text("End the session of admin")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("The session of admin has ended.")).to_be_visible()
    page.get_by_text("The session of admin has ended.").scroll_into_view_if_needed()  # the table is made anew
    picture(page, "lab-users-sessions")
    assert other.session is not None
    assert "grace's long password" not in page.content()
