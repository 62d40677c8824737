"""Licenses and seats in JupyterLab, as an administrator and as somebody who wants a seat work with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import open_panel, set_admin_password
from tests.browser.test_lab import views
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.licensed import mistyped
from tests.licensed_server import Licensed, licensed_server
from tests.ports import wait_until

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
PROJECT_PASSWORD = "trackkit sample"

Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def shop(start_for_module: Start) -> Licensed:
    """One floating and two web seats with maintenance that ends soon, the sample project, and a viewer."""
    soon = datetime.now(UTC).date() + timedelta(days=12)
    licensed = licensed_server(start_for_module, floating=1, web=2, until=soon, sample=True)
    licensed.server.admin.users.add("vera", "viewer", PASSWORD)
    set_admin_password(licensed.server)
    return licensed


@pytest.fixture
def serial_file(shop: Licensed, tmp_path: Path) -> Path:
    path = tmp_path / "three seats.txt"
    path.write_text(shop.issue("floating", 3, until=datetime.now(UTC).date() + timedelta(days=400)) + "\n")
    return path


@pytest.mark.spec("3: Add, edit (replace the serial), delete (asks first)")
def test_a_serial_from_its_file_to_its_deletion(
    lab: RunningLab, shop: Licensed, lab_page: Page, picture: Picture, serial_file: Path
) -> None:
    _saves_widget_state(lab)
    page = lab_page
    open_panel(page, lab, shop.server, "licenses.ipynb", "admin", PASSWORD)
    licenses = page.get_by_role("table", name="Licenses", exact=True)
    expect(licenses.get_by_role("row")).to_have_count(3)
    expect(page.get_by_text("12 days left.").first).to_be_visible()
    server_id = page.get_by_label("Serials for this server are issued for its id:", exact=True)
    expect(server_id).to_have_text(shop.server.admin.info().server_id)
    views(page, picture, "lab-licenses")

    page.get_by_role("button", name="Add a license").click()
    field = page.get_by_role("textbox", name="Serial", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("type", "password")
    check = page.get_by_role("button", name="Check the serial")
    serial = serial_file.read_text().strip()
    field.fill(mistyped(serial))
    check.click()
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("The serial is mistyped; nothing was changed.")
    accessible(page)
    refused.scroll_into_view_if_needed()
    picture(page, "lab-licenses-mistyped")
    forged = shop.forged()
    field.fill(forged)
    check.click()
    expect(refused).to_contain_text("none of the keys this server accepts signed it")
    picture(page, "lab-licenses-forged")

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load a file").click()
    chooser.value.set_files(serial_file)
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("3 floating, maintenance until")
    expect(refused).to_have_count(0)
    expect(question.get_by_role("button", name="No")).to_be_focused()
    accessible(page)
    picture(page, "lab-licenses-asked")
    assert len(shop.server.admin.licenses.list().licenses) == 2
    _saved_without(page, lab, serial, mistyped(serial), forged)
    question.get_by_role("button", name="Enter the license").click()
    expect(licenses.get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("Entered: license")).to_be_visible()
    expect(page.get_by_text("0 of 4 floating seats taken").first).to_be_visible()
    picture(page, "lab-licenses-entered")
    assert serial[:20] not in page.content()

    entered = shop.server.admin.licenses.list().licenses[-1]
    page.get_by_label("License", exact=True).select_option(label=f"{entered.number} (3 floating)")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(question).to_contain_text("Nobody holds such a seat now.")
    picture(page, "lab-licenses-delete")
    question.get_by_role("button", name="Delete the license").click()
    expect(licenses.get_by_role("row")).to_have_count(3)


STATE = "application/vnd.jupyter.widget-state+json"


def _saves_widget_state(lab: RunningLab) -> None:
    """As people can have set JupyterLab: what widgets hold is saved with the notebook."""
    path = lab.home / "settings" / "@jupyter-widgets" / "jupyterlab-manager" / "plugin.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"saveState": True}))


def _saved_without(page: Page, lab: RunningLab, *secrets: str) -> None:
    """Save the notebook with the state of its widgets; none of the secrets is in it."""
    notebook = lab.home / "notebooks" / "licenses.ipynb"
    page.locator('[data-jp-item-name="save"] jp-button').click()
    wait_until(lambda: STATE in notebook.read_text(), seconds=30, what="the state of the widgets in the notebook")
    text = notebook.read_text()
    assert "Paste it whole, or load its file." in text, "the form is in it"
    for secret in secrets:
        assert secret[:20] not in text


@pytest.mark.spec("3: An operator can end a session to free its seat")
@pytest.mark.spec("13: Seat replay")
def test_seats_their_history_and_the_replay(lab: RunningLab, shop: Licensed, lab_page: Page, picture: Picture) -> None:
    held = shop.server.admin.project("sample", "ana", PROJECT_PASSWORD, client="native")
    page = lab_page
    open_panel(page, lab, shop.server, "licenses.ipynb", "admin", PASSWORD)
    seats = page.get_by_role("table", name="Seats taken now")
    expect(seats.get_by_role("row")).to_have_count(2)
    full = page.get_by_role("meter", name="1 of 1 floating seat taken")
    expect(full).to_be_visible()
    full.scroll_into_view_if_needed()
    accessible(page)
    picture(page, "lab-seats-full")
    page.get_by_role("button", name="End session").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("End the session of ana in sample (native)")
    question.get_by_role("button", name="End it").click()
    expect(page.get_by_text("the seat is free.")).to_be_visible()
    expect(page.get_by_text("Nobody holds a seat.")).to_be_visible()
    picture(page, "lab-seats-empty")
    held.close()

    page.get_by_label("Keep up to date").check()
    with shop.server.admin.project("sample", "ben", PROJECT_PASSWORD, client="native"):
        expect(seats.get_by_role("row")).to_have_count(2)  # by itself
    expect(page.get_by_text("Nobody holds a seat.")).to_be_visible()
    page.get_by_label("Keep up to date").uncheck()

    page.get_by_role("button", name="Show chart of seats over time").click()
    chart = page.get_by_role("img", name=re.compile("Floating seats in use"))
    expect(chart).to_be_visible()
    by_day = chart.get_attribute("alt") or ""
    assert "at most 1 at once" in by_day
    page.get_by_label("Time", exact=True).select_option("last day")
    expect(chart).not_to_have_attribute("alt", by_day)
    page.get_by_text("The figures as a table").first.click()
    expect(page.get_by_role("table", name="Seats in use over time").first).to_be_visible()
    chart.scroll_into_view_if_needed()
    accessible(page)
    picture(page, "lab-seats-over-time")

    number = page.get_by_label("Number of seats")
    expect(number).to_have_value("1")
    play = page.get_by_role("button", name="Play again")
    page.get_by_label("Idle time-out").fill("4")
    play.click()
    expect(page.get_by_text("5 is the least").first).to_be_visible()
    page.get_by_label("Idle time-out").fill("30")
    number.fill("0")
    play.click()
    expect(page.get_by_text("With 0 floating seats and a time-out of 30 minutes")).to_be_visible()
    result = page.get_by_role("table", name="Who would have been refused")
    expect(result).to_contain_text("ana in sample")
    result.scroll_into_view_if_needed()
    accessible(page)
    picture(page, "lab-seat-replay")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    accessible(page)
    picture(page, "lab-seat-replay-dark")


@pytest.mark.spec("3: When none is free: a clear refusal that says how many seats there are, who holds them")
def test_a_log_in_without_a_seat_then_with_a_dedicated_license(
    lab: RunningLab, shop: Licensed, lab_page: Page, picture: Picture
) -> None:
    page = lab_page
    open_panel(page, lab, shop.server, "project.ipynb", "vera", PASSWORD)
    page.get_by_label("Project user").fill("ben")
    page.get_by_role("textbox", name="Password", exact=True).fill(PROJECT_PASSWORD)
    with shop.server.admin.project("sample", "ana", PROJECT_PASSWORD, client="native"):
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("no seat is free")
        holders = page.get_by_role("table", name="Seats taken now")
        expect(holders).to_contain_text("ana")
        accessible(page)
        picture(page, "lab-project-no-seat")

        page.get_by_role("button", name="I have a dedicated license").click()
        page.get_by_role("textbox", name="Serial", exact=True).fill(shop.issue("dedicated", until=_next_year()))
        picture(page, "lab-project-dedicated")
        page.get_by_role("button", name="Remember it").click()
        expect(page.get_by_text("Your dedicated license is remembered on this computer")).to_be_visible()
        assert (lab.home / "trackkit" / "dedicated-license").stat().st_mode & 0o077 == 0
        picture(page, "lab-project-remembered")
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_text("as ben")).to_be_visible()
        pools = {seat.username: seat.pool.value for seat in shop.server.admin.licenses.seats().seats}
        assert pools == {"ana": "floating", "ben": "dedicated"}


def _next_year() -> date:
    return datetime.now(UTC).date() + timedelta(days=365)
