"""The server log in JupyterLab and on the support page: its histogram by mouse and keyboard, saved filters, live tail,
export and deletion, as people use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import NewPage, log_in, open_panel
from tests.browser.test_lab import views
from tests.conftest import Start
from tests.dashboards import RunningDashboards
from tests.jupyterlab import RunningLab
from tests.log_history import new_data, write_history
from tests.running import RunningServer
from trackkit.domain.log import LogEntry, Severity

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
NASTY = "\x1b[31m<img src=x onerror=alert(1)> \N{RIGHT-TO-LEFT OVERRIDE}" + "word " * 400

Picture = Callable[[Page, str], None]


def past() -> list[LogEntry]:
    """Five days with a rhythm, a bad hour, and an entry nobody should have to read."""
    entries = []
    for hour in range(5 * 24):
        at, many = START + timedelta(hours=hour), 3 + 9 * (8 <= hour % 24 < 18)
        entries += [
            LogEntry(
                at + timedelta(minutes=n), Severity.information, "sessions", f"User {n} logged in.", username="ada"
            )
            for n in range(many)
        ]
        if hour % 7 == 0:
            entries.append(LogEntry(at, Severity.unusual_activity, "sessions", "Failed log-in.", username="eve"))
        if hour % 11 == 0:
            entries.append(LogEntry(at, Severity.warning, "disk", "Only 900 MB are free."))
    bad = START + timedelta(hours=50)
    entries += [
        LogEntry(bad + timedelta(minutes=n), Severity.error, "databases", f"Table {n} cannot be opened.", "Traceback …")
        for n in range(14)
    ]
    entries.append(LogEntry(bad, Severity.severe_error, "mail", "A notification was lost.", database="sample"))
    entries.append(LogEntry(START + timedelta(hours=51), Severity.warning, "mail", NASTY, NASTY * 500))
    return entries


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    """A server that is set up and has a past, for the module."""
    data = new_data()
    write_history(data, past())
    running = start_for_module(data)
    running.admin.users.edit("admin", password=PASSWORD)
    running.admin.close()
    del running.admin
    return running


@pytest.fixture(scope="module")
def notebook(lab: RunningLab, server: RunningServer, lab_tab: Page) -> RunningLab:
    """The notebook of the log in JupyterLab, logged in to."""
    open_panel(lab_tab, lab, server, "server-log.ipynb", "admin", PASSWORD)
    return lab


@pytest.fixture
def page(notebook: RunningLab, lab_page: Page) -> Page:
    """The log as it is shown at first."""
    lab_page.set_viewport_size({"width": 1280, "height": 1300})
    notebook.run_again(lab_page)
    slider(lab_page).wait_for()
    return lab_page


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Stretch of time in the log")


def matching(page: Page) -> int:
    """The number the view tells."""
    words = page.get_by_text("Log entries that match:").inner_text()
    return int(re.search(r"match: ([\d,]+)", words)[1].replace(",", ""))  # type: ignore[index]


def drag(page: Page, begins: float, ends: float) -> None:
    """Over the histogram, from and to a part of its width."""
    box = slider(page).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * begins, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (begins + ends) / 2, middle)
    page.mouse.move(box["x"] + box["width"] * ends, middle)
    page.mouse.up()


@pytest.mark.spec("13: Histogram to filter: select a stretch, the view filters to it, the filter is shown as code")
def test_a_stretch_is_dragged_and_becomes_filter_and_code(page: Page, server: RunningServer, picture: Picture) -> None:
    views(page, picture, "lab-log")
    whole = matching(page)
    drag(page, 0.35, 0.55)
    expect(page.get_by_text("Selected:")).to_be_visible()
    expect(page.get_by_label("From (UTC)")).not_to_have_value("")
    since, until = (
        datetime.fromisoformat(page.get_by_label(label).input_value()).replace(tzinfo=UTC)
        for label in ("From (UTC)", "Before (UTC)")
    )
    expected = server.admin.log.list(since=since, until=until).total
    assert 0 < expected < whole
    expect(page.get_by_text(f"Log entries that match: {expected:,}")).to_be_visible()
    page.locator(".tk-python summary").first.click()
    code = page.locator(".tk-python pre").first
    expect(code).to_contain_text(f"server.log.frame(since=datetime.fromisoformat('{since.isoformat()}'), until=")
    accessible(page)
    picture(page, "lab-log-selected")
    width = slider(page).get_attribute("aria-valuemax")
    page.get_by_role("button", name="Zoom in").click()
    expect(slider(page)).not_to_have_attribute("aria-valuemax", width or "")
    expect(page.get_by_text(f"Log entries that match: {expected:,}")).to_be_visible()
    picture(page, "lab-log-zoomed")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_label("From (UTC)")).to_have_value("")
    expect(page.get_by_text(re.compile(f"Log entries that match: {server.admin.log.list().total:,}"))).to_be_visible()
    page.get_by_text("The figures as a table").click()
    expect(page.get_by_role("table", name="Log entries by level and time")).to_contain_text("14")


def test_the_keyboard_selects_and_escape_clears(page: Page, server: RunningServer) -> None:
    whole = matching(page)
    slider(page).focus()
    for press in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(press)
    expect(page.get_by_text("Marked:")).to_be_visible()
    assert page.get_by_label("From (UTC)").input_value() == "", "nothing is chosen before Enter"
    words = slider(page).get_attribute("aria-valuetext") or ""
    page.keyboard.press("Enter")
    expect(page.get_by_label("From (UTC)")).to_have_value(words[:16].replace(" ", "T"))
    told = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) [A-Z]", words.partition("UTC:")[2]))
    expect(page.get_by_text(f"Log entries that match: {told:,}")).to_be_visible()
    assert told < whole
    expect(slider(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("From (UTC)")).to_have_value("")
    assert page.locator(".jp-mod-commandMode").count() == 0 or page.locator(".jp-Notebook").count() == 1


def test_filters_say_what_is_wrong_and_an_entry_is_read(page: Page, picture: Picture) -> None:
    before = page.get_by_label("Before (UTC)")
    page.get_by_label("From (UTC)").fill("2026-03-02T00:00")
    before.fill("2026-03-01T00:00")
    expect(before).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Is not after From")).to_be_visible()
    accessible(page)
    picture(page, "lab-log-refused")
    page.get_by_label("Time", exact=True).select_option("any time")
    expect(before).to_have_value("")
    page.get_by_label("Text").fill("no entry has these words")
    expect(page.get_by_text("No log entry matches the filters.")).to_be_visible()
    expect(page.get_by_text("No log entries to count here.")).to_be_visible()
    picture(page, "lab-log-empty")
    page.get_by_label("Text").fill("onerror=alert")
    page.get_by_role("grid", name="Server log").get_by_role("row").nth(1).click()
    expect(page.get_by_role("heading", name="Entry")).to_be_visible()
    expect(page.get_by_text("The first 65,536 of")).to_be_visible()
    page.get_by_role("heading", name="Entry").scroll_into_view_if_needed()
    accessible(page)
    picture(page, "lab-log-entry")


@pytest.mark.spec("4: view: saved filters")
def test_a_filter_is_saved_chosen_and_deleted(page: Page, server: RunningServer, picture: Picture) -> None:
    page.get_by_label("Level").select_option("Error")
    page.get_by_label("Show", exact=True).select_option("that level only")
    expect(page.get_by_text("Log entries that match: 14")).to_be_visible()
    page.get_by_role("button", name="Save filter …").click()
    name = page.get_by_label("Name of the filter")
    expect(name).to_be_focused()
    name.fill("Errors alone")
    page.get_by_label("For everybody").check()
    accessible(page)
    picture(page, "lab-log-save")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The filter Errors alone is saved: level Error (only).")).to_be_visible()
    assert server.admin.log.filters.find("errors alone").shared
    page.get_by_label("Level").select_option("any level")
    choice = page.get_by_label("Saved filter")
    expect(choice).to_have_value("none")
    choice.select_option("Errors alone (shared)")
    expect(page.get_by_text("Log entries that match: 14")).to_be_visible()
    expect(page.get_by_label("Show", exact=True)).to_have_value("only")
    page.get_by_role("button", name="Delete filter").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Everybody loses it")
    picture(page, "lab-log-filter-delete")
    question.get_by_role("button", name="Delete the filter").click()
    expect(page.get_by_text("The filter Errors alone is deleted.")).to_be_visible()
    assert not server.admin.log.filters.list().filters


@pytest.mark.spec("4: view: newest first; live tail")
def test_live_shows_what_comes_keeps_the_selection_and_can_be_paused(page: Page, server: RunningServer) -> None:
    admin = server.admin
    drag(page, 0.9, 1.0)
    page.get_by_label("Before (UTC)").fill("2999-01-01T00:00")
    page.get_by_label("Live").check()
    expect(page.get_by_text("new ones come by themselves")).to_be_visible()
    admin.users.add("late", "viewer")
    expect(page.get_by_text("User late was added as viewer.")).to_be_visible()
    expect(page.locator(".tk-histogram-chosen")).to_be_visible()
    page.get_by_label("Live").uncheck()
    expect(page.get_by_text("paused at")).to_be_visible()
    shown = matching(page)
    admin.users.delete("late")
    page.get_by_label("Live").check()
    expect(page.get_by_text("User late was deleted.")).to_be_visible()
    assert matching(page) > shown
    page.get_by_label("Live").uncheck()


@pytest.mark.spec("4: export: CSV, JSON lines, Parquet, from the view")
def test_what_is_shown_is_exported(page: Page, server: RunningServer, picture: Picture, tmp_path: Path) -> None:
    page.get_by_label("Level").select_option("Error")
    page.get_by_label("Show", exact=True).select_option("that level only")
    expect(page.get_by_text("Log entries that match: 14")).to_be_visible()
    page.get_by_label("Format").select_option("JSON lines")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export", exact=True).click()
    coming.value.save_as(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert len(lines) == 14
    assert all("cannot be opened" in line for line in lines)
    assert re.fullmatch(r"server-log-\d{8}-\d{6}\.jsonl", coming.value.suggested_filename)
    expect(page.get_by_text("14 entries sent to the browser")).to_be_visible()
    page.get_by_role("button", name="Export", exact=True).scroll_into_view_if_needed()
    picture(page, "lab-log-export")


def test_deletion_says_what_and_advises_against_it(page: Page, server: RunningServer, picture: Picture) -> None:
    page.get_by_label("Up to and including").fill((datetime.now(UTC) + timedelta(days=3)).date().isoformat())
    page.get_by_role("button", name="Delete by date").click()
    expect(page.get_by_text("Lies in the future")).to_be_visible()
    page.get_by_label("Up to and including").fill(START.date().isoformat())
    page.get_by_role("button", name="Delete by date").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Better not now")
    expect(question).to_contain_text("No SMTP host is set")
    accessible(page)
    picture(page, "lab-log-delete")
    total = server.admin.log.list().total
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert server.admin.log.list().total >= total


def test_a_viewer_selects_a_stretch_on_the_support_page(
    site: RunningDashboards, new_page: NewPage, picture: Picture
) -> None:
    page = new_page()
    log_in(page, site, "ada", "ada's password")
    slider(page).scroll_into_view_if_needed()
    whole = matching(page)
    slider(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Selected:")).to_be_visible()
    expect(page.get_by_label("From (UTC)")).not_to_have_value("")
    assert matching(page) <= whole
    picture(page, "support-log")
    page.emulate_media(color_scheme="dark")
    picture(page, "support-log-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    slider(page).scroll_into_view_if_needed()
    picture(page, "support-log-narrow")
    expect(page.get_by_role("button", name="Delete all")).to_have_count(0)
