"""The form for people without an account in a browser: submitted, refused, turned away, thanked; by keyboard, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.accessibility import WHOLE, violations
from tests.browser.conftest import NewPage
from tests.conftest import Start
from tests.running import RunningServer
from trackkit.domain.project.submission import PLACE

pytestmark = pytest.mark.browser

FORM = "3: solosubmit: people without an account submit a defect, nothing else, on a plain HTML form, rate-limited"
NASTY = "<img src=x onerror=alert(1)>"
Picture = Callable[[Page, str], None]


@pytest.fixture
def server(start: Start) -> RunningServer:
    """A fresh server with the sample, for each test: submissions are counted by address, and all have the same."""
    return start(sample=True)


def opened(server: RunningServer, new_page: NewPage) -> Page:
    """The form, in a browser that takes the server's certificate."""
    page = new_page(ignore_https_errors=True)
    page.goto(f"{server.url}/submit")
    return page


def views(page: Page, picture: Picture, name: str) -> None:
    """Screenshots light, dark and narrow; nothing for axe in any of them, and nothing wider than the page."""
    for view, scheme, width in (("light", "light", 1280), ("dark", "dark", 1280), ("narrow", "light", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        found = violations(page, WHOLE)
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], f"{name} {view}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} {view} is too wide"
        picture(page, f"submit-{name}-{view}")


@pytest.mark.spec(FORM)
def test_a_defect_is_refused_mended_and_submitted_by_keyboard(
    server: RunningServer, new_page: NewPage, picture: Picture
) -> None:
    page = opened(server, new_page)
    views(page, picture, "form")
    order = []
    for _ in range(5):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", order[-1]
    assert order == ["title", "description", "submitter", "email", "Submit the defect"]
    picture(page, "submit-form-focus")

    page.get_by_label("Title").fill(NASTY)
    page.get_by_label("Your name").fill("Zoë")
    page.get_by_label("Your e-mail address").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The defect was refused; nothing was stored.")
    expect(page).to_have_title("Error: Submit a defect · trackkit")
    description = page.get_by_label("Description")
    expect(description).to_be_focused()
    expect(description).to_have_accessible_description(
        "This is empty. What you did, what happened, and what should have happened."
    )
    expect(page.get_by_label("Your e-mail address")).to_have_accessible_description(
        "This is no e-mail address. For questions."
    )
    expect(page.get_by_label("Title")).to_have_value(NASTY)
    views(page, picture, "refused")

    description.fill("First line\n\nLast line")
    page.get_by_label("Your e-mail address").fill("zoe@example.org")
    page.get_by_role("button", name="Submit the defect").click()
    expect(page.get_by_role("status")).to_contain_text("Its number is 10.")
    views(page, picture, "thanks")
    page.reload()
    page.reload()
    with server.admin.project("sample", "ana", "trackkit sample") as project:
        assert project.list("defect").total == 10, "loading the thanks again submits nothing"
        stored = project.show("defect", "10")
    assert stored.values["title"] == NASTY
    assert str(stored.values["description"]).endswith("\n\nFirst line\n\nLast line")
    assert page.locator("img, script").count() == 0


@pytest.mark.spec(FORM)
def test_who_submits_too_much_is_told_when_to_go_on(server: RunningServer, new_page: NewPage, picture: Picture) -> None:
    page = opened(server, new_page)
    for number in range(PLACE.tries + 1):
        page.get_by_label("Title").fill(f"Defect {number}")
        page.get_by_label("Description").fill("Every day.")
        page.get_by_role("button", name="Submit the defect").click()
        if number < PLACE.tries:
            page.get_by_role("link", name="Submit another defect").click()
    expect(page.get_by_role("alert")).to_contain_text("too many submissions from your address")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Title")).to_have_value(f"Defect {PLACE.tries}")
    views(page, picture, "turned-away")


@pytest.mark.spec(FORM)
def test_another_site_submits_nothing_and_no_site_frames_the_form(
    server: RunningServer, start: Start, new_page: NewPage
) -> None:
    """Another port of this machine is another origin, and the same site: not even that may."""
    other = start(sample=True)
    page = new_page(ignore_https_errors=True)
    page.goto(f"{other.url}/docs")
    page.evaluate(
        """url => {
            document.body.innerHTML = `<form method=post action="${url}/submit"><input name=database value=sample>
              <input name=title value=x><input name=description value=x></form>`;
            document.forms[0].submit();
        }""",
        server.url,
    )
    expect(page.get_by_role("alert")).to_contain_text("The form came from another site; nothing was stored.")
    with server.admin.project("sample", "ana", "trackkit sample") as project:
        assert project.list("defect").total == 9


@pytest.mark.spec(FORM)
def test_choosing_the_project_and_pages_that_say_no(server: RunningServer, new_page: NewPage, picture: Picture) -> None:
    server.admin.databases.create(f"{'a long name ' * 5}& #1 %41", settings={"solosubmit": True, "description": NASTY})
    page = opened(server, new_page)
    views(page, picture, "choose")
    page.get_by_role("link", name="& #1 %41").click()
    expect(page.locator("b")).to_contain_text("& #1 %41")
    page.goto(f"{server.url}/submit/nothing")
    expect(page.get_by_role("alert")).to_contain_text("No project of that name")
    views(page, picture, "not-found")
    (evaluation,) = server.admin.licenses.list().licenses
    server.admin.licenses.delete(evaluation.license_id)
    page.get_by_role("link", name="Submit a defect").click()
    expect(page.get_by_role("alert")).to_contain_text("no solosubmit license")
    picture(page, "submit-no-license")
