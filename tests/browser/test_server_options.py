"""The page of all server options in a real JupyterLab: forms, restart notice, file, history, as administrators work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import open_panel
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.running import RunningServer

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
FILE = 'kind = "trackkit server options"\nformat = 1\n[sending]\npaused = true\n[server]\nport = 9400\n'

Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    running.admin.users.add("ann", "admin", PASSWORD)
    return running


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def give(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose a file")).click()
    chooser.value.set_files(file)


def card(page: Page, picture: Picture, heading: str, name: str) -> None:
    """A picture with that card at the top."""
    page.get_by_role("heading", name=heading, exact=True).scroll_into_view_if_needed()
    picture(page, name)


def test_an_administrator_keeps_the_options(
    server: RunningServer, lab: RunningLab, lab_page: Page, picture: Picture, tmp_path: Path
) -> None:
    page = lab_page
    open_panel(page, lab, server, "server-options.ipynb", "ann", PASSWORD)
    page.get_by_label("Text on the log-in page").wait_for(timeout=60_000)
    expect(page.get_by_text("No option was changed yet.")).to_be_visible()
    picture(page, "server-options")
    accessible(page)

    port = page.get_by_label("Port", exact=True)
    port.fill("65536")
    expect(page.get_by_text("is not between 1 and 65535")).to_be_visible()
    page.get_by_label("Text on the log-in page").fill("x" * 66)
    expect(page.get_by_text("is longer than 65 characters")).to_be_visible()
    card(page, picture, "Server", "server-options-refused")
    port.fill("9300")
    page.get_by_label("Text on the log-in page").fill("Only for staff")
    port.press("Enter")
    expect(page.get_by_text("A restart of the server is needed.")).to_be_visible()
    expect(page.get_by_text("connections must be edited then: port 9300").first).to_be_visible()
    history = page.get_by_role("table", name="History of options")
    expect(history.get_by_text("Only for staff")).to_be_visible()

    press(page, "Export")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save trackkit-options.toml").click()
    assert "port = 9300" in saved.value.path().read_text()

    file = tmp_path / "options.toml"
    file.write_text(FILE + "hots = 1\n")
    give(page, file)
    expect(page.get_by_text("is not the name of an option")).to_be_visible()
    card(page, picture, "Options as a file", "server-options-file-refused")
    file.write_text(FILE)
    give(page, file)
    plan = page.get_by_role("table", name="What would change")
    expect(plan.get_by_text("9400")).to_be_visible()
    press(page, "Apply the file")
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("mail piles up")
    card(page, picture, "Options as a file", "server-options-file")
    question.get_by_role("button", name="Apply the file").click()
    expect(page.get_by_text("The file was applied.")).to_be_visible()
    expect(port).to_have_value("9400")

    press(page, "Revert this change")
    expect(question).to_contain_text("Put back 2 options?")
    card(page, picture, "History", "server-options-revert")
    question.get_by_role("button", name="Revert this change").click()
    expect(page.get_by_text(re.compile("Change 2 was reverted"))).to_be_visible()
    expect(port).to_have_value("9300")
    assert server.admin.options.get().value("sending.paused") is False
    card(page, picture, "History", "server-options-history")
    page.get_by_role("heading", name="Server options", exact=True).last.scroll_into_view_if_needed()
    picture(page, "server-options-restart")
