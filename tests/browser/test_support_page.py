"""The support page in a real browser: queue and log as the person who is logged in, safe whatever a mail holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, log_in
from tests.dashboards import RunningDashboards
from tests.ports import wait_until

pytestmark = pytest.mark.browser

NASTY = "<img src=x onerror=alert(1)><script>document.title='broken into'</script>"


def _mail(subject: str) -> bytes:
    return f"From: a@example.com\r\nTo: b@example.org\r\nSubject: {subject}\r\n\r\nText.\r\n".encode()


def test_a_viewer_sees_the_queue_by_cause_and_the_log(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    mail = site.server.admin.mail
    mail.submit(_mail(NASTY), sender="a@example.com", recipients=["b@example.org", "c@example.net"])
    mail.submit(_mail("turned =?utf-8?q?=E2=80=AE?= round"), sender="", recipients=["b@example.org"])
    held = mail.submit(
        _mail("a subject that goes on and on " * 30), sender="x@example.com", recipients=["d@example.org"]
    )
    mail.hold(held.queue_id)

    page = new_page()
    log_in(page, site, "ada", "ada's password")
    expect(page.get_by_text("as ada (viewer)")).to_be_visible()
    causes = page.get_by_role("grid", name="Why mail waits")
    expect(causes.get_by_role("row", name="Sending is not set up")).to_contain_text("Enter the SMTP host.")
    queue = page.get_by_role("grid", name="Mail queue")
    expect(queue.get_by_role("row")).to_have_count(1 + mail.list().total)
    expect(queue.get_by_role("row").filter(has_text=NASTY)).to_contain_text("2 recipients")
    expect(queue.get_by_role("row").filter(has_text="turned \N{REPLACEMENT CHARACTER} round")).to_contain_text(
        "(null sender)"
    )
    expect(queue.get_by_role("row").filter(has_text="a subject that goes on")).to_contain_text("held")
    assert page.title() == "Mail queue and server log"
    picture(page, "support-light")
    page.emulate_media(color_scheme="dark")
    picture(page, "support-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "support-dark-narrow")
    page.emulate_media(color_scheme="light")
    picture(page, "support-narrow")


def test_the_chart_is_shown_on_a_click_with_the_figures_behind_it(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    site.server.admin.mail.submit(_mail("for the chart"), sender="", recipients=["b@example.org"])
    page = new_page()
    log_in(page, site, "ada", "ada's password")
    expect(page.get_by_role("img")).to_have_count(0)
    page.get_by_role("button", name="Show chart of the mail queue").click()
    expect(page.get_by_role("img")).to_have_count(1)
    assert page.locator("img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0 && one.alt)")
    page.get_by_text("The figures as a table").first.click()
    expect(page.get_by_role("table", name="Unsent mail by age and state")).to_be_visible()
    page.get_by_text("The figures as a table").first.click()
    before = page.get_by_role("img").first.get_attribute("alt") or ""
    site.server.admin.mail.submit(_mail("for the chart"), sender="", recipients=["b@example.org"])
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("img").first).not_to_have_attribute("alt", before)
    expect(page.get_by_text("As drawn at")).to_have_count(1)
    page.get_by_role("button", name="Hide chart of the mail queue").scroll_into_view_if_needed()
    picture(page, "support-chart-queue")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Hide chart of the mail queue").click()
    expect(page.get_by_role("img")).to_have_count(0)


@pytest.mark.spec("4: filter by level only / and more severe / and less severe")
def test_the_logs_filters_and_refresh(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    log = site.server.admin.log
    page = new_page()
    log_in(page, site, "ada", "ada's password")
    count = page.get_by_text("Log entries that match:")
    for level, show, match in (
        ("Information", "that level only", "only"),
        ("Warning", "that level and less severe", "less"),
        ("Warning", "that level and more severe", "more"),
    ):
        page.get_by_label("Level").select_option(level)
        page.get_by_label("Show").select_option(show)
        total = log.list(level.lower(), match).total
        expect(count).to_contain_text(f"match: {total:,}")
    page.get_by_label("Text").fill("no entry has these words")
    page.get_by_label("Text").press("Enter")
    expect(page.get_by_text("No log entry matches the filters.")).to_be_visible()
    page.get_by_label("Text").fill("x" * 300)
    page.get_by_label("Text").press("Enter")
    expect(page.get_by_label("Text")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("String should have at most 256 characters")).to_be_visible()
    picture(page, "support-refused-filter")

    site.server.admin.mail.submit(_mail("sent after the page was opened"), sender="", recipients=["b@example.org"])
    page.get_by_label("Text").fill("")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("sent after the page was opened")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_closing_the_page_ends_its_kernel(site: RunningDashboards, new_page: NewPage) -> None:
    page = new_page()
    log_in(page, site, "bob", "bob's password")
    before = {kernel.pid for kernel in site.kernels()}
    tab = page.context.new_page()
    tab.goto(site.url)
    tab.get_by_role("heading", name="Mail queue and server log").wait_for()
    (kernel,) = [kernel for kernel in site.kernels() if kernel.pid not in before]
    tab.goto("about:blank")
    wait_until(lambda: not kernel.is_running(), what="the end of the kernel")


def test_a_session_that_the_server_ended_is_said_with_the_way_back(
    site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    users = site.server.admin.users
    users.add("eve", "viewer", "eve's password")
    page = new_page()
    log_in(page, site, "eve", "eve's password")
    users.delete("eve")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_be_visible()
    picture(page, "support-session-ended")
    page.get_by_role("link", name="Log in again").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_server_that_is_gone_is_said_on_the_page(
    new_site: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    server = new_site.server
    server.admin.users.edit("admin", password="the admin's password")
    page = new_page()
    log_in(page, new_site, "admin", "the admin's password")
    server.kill()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text(str(server.port))
    picture(page, "support-server-gone")
