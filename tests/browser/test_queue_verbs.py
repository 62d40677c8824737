"""The queue's view in a real browser: verbs for all that match, an address corrected by keyboard, sent mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, log_in
from tests.dashboards import RunningDashboards

pytestmark = pytest.mark.browser


def submit(site: RunningDashboards, *to: str) -> str:
    raw = b"Subject: for many\r\n\r\nText.\r\n"
    return site.server.admin.mail.submit(raw, sender="", recipients=to).queue_id


@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_all_that_match_are_deleted_after_a_question_and_brought_back(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    mail = site.server.admin.mail
    for number in range(7):
        submit(site, f"r{number}@bulk.test")
    mail.where(domain="bulk.test", text="r3").hold().wait()
    page = new_page()
    log_in(page, site, "bob", "bob's password")
    page.get_by_label("Domain").first.fill("bulk.test")
    page.get_by_label("Domain").first.press("Enter")
    page.get_by_label("All 7 that match").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("7 messages (6 queued, 1 held) will be deleted")).to_be_visible()
    picture(page, "queue-all-light")
    page.emulate_media(color_scheme="dark")
    picture(page, "queue-all-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Delete 7 messages").scroll_into_view_if_needed()
    picture(page, "queue-all-narrow")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.get_by_role("button", name="No").click()
    assert mail.where(domain="bulk.test").count("delete").applies == 7
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete 7 messages").click()
    expect(page.get_by_text("7 messages were deleted.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("7 messages were brought back.", exact=True)).to_be_visible()
    assert mail.list("held", domain="bulk.test").total == 1


@pytest.mark.spec("5: edit a wrong recipient address")
def test_an_address_is_corrected_with_the_keyboard(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    queue_id = submit(site, "wrogn@keys.test", "other@keys.test")
    page = new_page()
    page.set_viewport_size({"width": 1280, "height": 1400})
    log_in(page, site, "bob", "bob's password")
    page.get_by_label("Search").first.fill("keys.test")
    page.get_by_label("Search").first.press("Enter")
    queue = page.get_by_role("grid", name="Mail queue")
    expect(queue.get_by_role("row")).to_have_count(2)
    queue.get_by_role("row").nth(1).click()
    page.keyboard.press("Enter")
    correct = page.get_by_role("button", name="Correct an address")
    correct.focus()
    page.keyboard.press("Enter")
    right = page.get_by_label("Right address")
    expect(right).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("not an address")
    page.keyboard.press("Enter")
    expect(right).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("is not of the form name@domain")).to_be_visible()
    right.scroll_into_view_if_needed()
    picture(page, "queue-correct-refused")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    right.scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "queue-correct-narrow-dark")
    page.set_viewport_size({"width": 1280, "height": 1400})
    right.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("wrong@keys.test")
    page.keyboard.press("Enter")
    expect(page.get_by_text("wrong@keys.test is a recipient now (queued).")).to_be_visible()
    assert [r.address for r in site.server.admin.mail.show(queue_id).recipients] == [
        "wrong@keys.test",
        "other@keys.test",
    ]
    page.get_by_role("button", name="Show sent mail").click()
    page.get_by_label("Sent to").fill("nobody")
    page.get_by_label("Sent to").press("Enter")
    expect(page.get_by_text("No mail that has left matches.")).to_be_visible()
    picture(page, "queue-sent")
    expect(page.get_by_role("alert")).to_have_count(0)
