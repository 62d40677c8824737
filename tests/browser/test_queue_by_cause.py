"""Causes in a real browser: a group is chosen, what helps is shown and done, and what was deleted is brought back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, log_in
from tests.dashboards import RunningDashboards
from tests.ports import free_port, wait_until

pytestmark = pytest.mark.browser


@pytest.mark.spec("13: queue by cause: diagnosis × destination × age, with the next step")
@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_a_cause_is_opened_its_mail_deleted_and_brought_back(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    admin = site.server.admin
    mail = admin.mail
    mail.where().delete().wait()
    for number in range(9):
        raw = f"Subject: of cause {number}\r\n\r\n".encode()
        mail.submit(raw, sender="", recipients=[f"r{number}@{'small' if number < 3 else 'large'}.cause.test"])
    mail.where(text="cause.test").hold().wait()
    admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": free_port()})
    for number in range(4):
        mail.submit(b"Subject: x\r\n\r\n", sender="", recipients=[f"a{number}@away{number}.test"])
    wait_until(lambda: mail.list("deferred", cause="host_unreachable").total == 4, what="the failures")
    page = new_page()
    page.set_viewport_size({"width": 1280, "height": 1300})
    log_in(page, site, "bob", "bob's password")
    causes = page.get_by_role("grid", name="Why mail waits")
    causes.get_by_role("row", name="The mail host cannot be reached").click()
    groups = page.get_by_role("grid", name="Destinations and ages")
    expect(groups.get_by_role("row").nth(1)).to_contain_text("127.0.0.1:")
    expect(page.get_by_text("that takes the role admin").first).to_be_visible()
    picture(page, "cause-of-the-relay-light")
    page.emulate_media(color_scheme="dark")
    causes.get_by_role("row", name="Held").click()
    expect(groups.get_by_role("row")).to_have_count(3)
    groups.get_by_role("row").nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("grid", name="Mail queue").get_by_role("row")).to_have_count(1 + 3)
    expect(page.get_by_text("Chosen: 3 messages for small.cause.test")).to_be_visible()
    picture(page, "cause-held-dark")
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_text("3 messages (3 held) will be deleted")).to_be_visible()
    page.get_by_role("button", name="Delete 3 messages").click()
    expect(page.get_by_text("3 messages were deleted.", exact=True)).to_be_visible()
    undo = page.get_by_role("button", name="Undo (until")
    expect(undo).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    undo.scroll_into_view_if_needed()
    picture(page, "cause-undo-narrow-dark")
    page.emulate_media(color_scheme="light")
    groups.scroll_into_view_if_needed()
    picture(page, "cause-narrow")
    page.set_viewport_size({"width": 1280, "height": 1300})
    undo.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 messages were brought back.", exact=True)).to_be_visible()
    expect(undo).to_have_count(0)
    assert mail.list("held", domain="small.cause.test").total == 3
    expect(page.get_by_role("button", name="All destinations and ages")).to_be_disabled()
    page.get_by_role("button", name="Release it").click()
    expect(page.get_by_text("9 messages (9 held) will be sent again, as far as held.")).to_be_visible()
    picture(page, "cause-step-light")
    page.get_by_role("button", name="Release 9 messages").click()
    expect(page.get_by_text("9 messages were released.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show chart of domains and ages").click()
    expect(page.get_by_role("img")).to_have_count(1)
    page.get_by_role("button", name="Hide chart of domains and ages").scroll_into_view_if_needed()
    picture(page, "cause-domains-light")
    expect(page.get_by_role("alert")).to_have_count(0)
    admin.options.set({"sending.smtp.host": None, "sending.smtp.port": 25})
