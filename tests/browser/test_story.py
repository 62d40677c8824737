"""The story: a wrong mail host, stuck mail with its reason, the host corrected, sent at last; all as people do it.

The administrator works in JupyterLab, support staff on the page of the dashboards; both on one server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.accessibility import WHOLE, accessible
from tests.browser.conftest import NewPage, log_in, open_sending_options, set_admin_password
from tests.conftest import Start
from tests.dashboards import RunningDashboards
from tests.jupyterlab import RunningLab
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until

pytestmark = pytest.mark.browser

# An address of this machine where nobody listens.
WRONG_HOST = "127.0.0.2"
HOST = "sending.smtp.host"
NASTY = "<img src=x onerror=alert(1)><script>document.title='broken into'</script>"


def _mail(subject: str, body: str = "Text.") -> bytes:
    return f"From: a@example.com\r\nTo: b@example.org\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


def _queue(page: Page) -> Locator:
    return page.get_by_role("grid", name="Mail queue")


def _mail_row(page: Page, words: str) -> Locator:
    return _queue(page).get_by_role("row").filter(has_text=words)


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


@pytest.fixture(scope="module")
def house(
    browser: Browser, start_for_module: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDashboards]:
    """A server that is set up, with bob the operator and grace the administrator, and its dashboards."""
    server = start_for_module()
    set_admin_password(server)
    server.admin.users.add("bob", "operator", "bob's password")
    server.admin.users.add("grace", "admin", "grace's password")
    running = RunningDashboards(server, tmp_path_factory.mktemp("dashboards")).start()
    yield running
    running.stop()


@pytest.fixture
def story(house: RunningDashboards) -> RunningDashboards:
    """As new, for each test: no mail is there and no SMTP host is set."""
    admin = house.server.admin
    if admin.options.get().value(HOST):
        admin.options.set({HOST: ""})
    admin.mail.where().delete().wait()
    assert admin.mail.list().total == 0
    return house


def _operator(site: RunningDashboards, new_page: NewPage, username: str = "bob") -> Page:
    """Bob, or another, on the support page."""
    page = new_page()
    log_in(page, site, username, f"{username}'s password")
    return page


def _apply(form: Page, fields: Mapping[str, str | bool], told: str, *, asked: str | None = None) -> None:
    """Fill in the form of the sending options and apply it, as an administrator does; yes to what it `asked`."""
    for name, value in fields.items():
        field = form.get_by_label(name, exact=True)
        if isinstance(value, bool):
            field.set_checked(value)
        elif field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.press("Tab")
    form.get_by_role("button", name="Apply", exact=True).click()
    if asked is not None:
        expect(form.get_by_role("alertdialog")).to_contain_text(asked)
        form.get_by_role("button", name="Apply all the same").click()
    expect(form.get_by_role("status").filter(has_text=told)).to_be_visible()


@pytest.mark.spec(
    "5: Why is it stuck? Each message and the queue as a whole carry a diagnosis in plain words with the fix"
)
@pytest.mark.spec("5: Reattempt one or many (asks first; undelivered recipients become due now)")
@pytest.mark.spec("5: ranges by Shift+click, single ones by Ctrl+click")
def test_stuck_mail_is_explained_retried_deleted_and_brought_back(
    story: RunningDashboards,
    lab: RunningLab,
    lab_page: Page,
    new_page: NewPage,
    raw_sink: RawSink,
    picture: Callable[[Page, str], None],
) -> None:
    admin, form = story.server.admin, lab_page
    open_sending_options(form, lab, story.server, "grace", "grace's password")
    wrong = {"SMTP host": WRONG_HOST, "SMTP port": str(raw_sink.port), "Encryption": "none"}
    _apply(form, wrong, "Applied: SMTP host")
    assert admin.options.get().value(HOST) == WRONG_HOST
    ids = [
        admin.mail.submit(_mail(words), sender="a@example.com", recipients=["b@example.org"]).queue_id
        for words in ("first", "second", "third")
    ]
    wait_until(lambda: admin.mail.summary().states == {"deferred": 3}, what="three deferred mails")
    page = _operator(story, new_page)
    why = page.get_by_role("grid", name="Why mail waits").get_by_role("row").filter(has_text="cannot be reached")
    expect(why).to_contain_text("Correct them, then reattempt.")
    expect(why.get_by_role("gridcell").nth(2)).to_have_text("3")
    expect(_queue(page).get_by_role("row")).to_have_count(1 + 3)
    picture(page, "story-1-stuck")

    _mail_row(page, "second").dblclick()
    expect(page.get_by_text(f"Details of {ids[1]}")).to_be_visible()
    expect(page.get_by_role("table", name="Recipients")).to_contain_text("connection refused")
    picture(page, "story-2-detail")

    right: dict[str, str | bool] = {"SMTP host": "127.0.0.1", "Sending is paused": True}
    _apply(form, right, "Applied: SMTP host, Sending is paused.", asked="mail piles up")
    picture(form, "story-lab-corrected")
    _mail_row(page, "first").click()
    _mail_row(page, "third").click(modifiers=["Control"])
    _button(page, "Reattempt").click()
    expect(page.get_by_text("2 messages will be tried again now.")).to_be_visible()
    picture(page, "story-3-question")
    _button(page, "No").click()
    assert {m.attempts for m in admin.mail.list().messages} == {1}, "No changes nothing"
    expect(page.get_by_text("2 messages will be tried again now.")).to_have_count(0)

    _mail_row(page, "second").click()
    _button(page, "Delete").click()
    expect(page.get_by_text("1 message will be deleted and not sent.")).to_be_visible()
    _button(page, "Delete 1 message").click()
    expect(page.get_by_text("1 of 1 message deleted.")).to_be_visible()
    expect(_mail_row(page, "second")).to_have_count(0)
    expect(_button(page, "Delete")).to_be_disabled()
    _button(page, "Undo").click()
    expect(page.get_by_text("1 of 1 message brought back.")).to_be_visible()
    expect(_mail_row(page, "second")).to_have_count(1)

    _apply(form, {"Sending is paused": False}, "Applied: Sending is paused.")
    _mail_row(page, "first").click()
    _mail_row(page, "third").click(modifiers=["Shift"])
    _button(page, "Reattempt").click()
    _button(page, "Reattempt 3 messages").click()
    wait_until(lambda: len(admin.mail.history().sent) == 3, what="all three sent")
    _button(page, "Refresh").click()
    expect(page.get_by_text("No mail is waiting.")).to_be_visible()
    expect(page.get_by_text("3 selected", exact=True)).to_have_count(0)
    log = page.get_by_role("grid", name="Server log")
    for words in ("cannot be used", "1 message was deleted", "1 message was brought back", "3 messages were made due"):
        expect(log.get_by_role("row").filter(has_text=words).first).to_be_attached()
    changes = log.get_by_role("row").filter(has_text="Option sending.smtp.host was changed.")
    expect(changes).to_have_count(2)
    for change in changes.all():
        expect(change.locator('[data-label="User"] span')).to_have_text("grace")
    changes.first.click()
    entry = page.locator(".tk-detail").filter(has_text="Option sending.smtp.host was changed.")
    expect(entry).to_contain_text(f"before: {WRONG_HOST}")
    expect(entry).to_contain_text("after: 127.0.0.1")
    picture(page, "story-4-empty")


def test_a_verb_that_does_not_apply_says_so_for_that_message(story: RunningDashboards, new_page: NewPage) -> None:
    admin = story.server.admin
    for words in ("one", "two"):
        last = admin.mail.submit(_mail(words), sender="", recipients=["b@example.org"]).queue_id
    admin.mail.hold(last)
    page = _operator(story, new_page)
    _mail_row(page, "one").click()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("2 selected", exact=True)).to_be_visible()
    _button(page, "Release").click()
    _button(page, "Release 2 messages").click()
    result = page.get_by_role("status").filter(has_text="released")
    expect(result).to_contain_text("1 of 2 messages released.")
    expect(result).to_contain_text("is queued; only held mail can be released")
    page.get_by_label("State").select_option("held")
    expect(page.get_by_text("No mail matches")).to_be_visible()


@pytest.mark.spec("13: Queue by cause: stuck mail grouped by diagnosis")
def test_choosing_a_cause_shows_only_its_mail(story: RunningDashboards, new_page: NewPage) -> None:
    admin = story.server.admin
    admin.mail.submit(_mail("waits"), sender="", recipients=["b@example.org"])
    held = admin.mail.submit(_mail("held back"), sender="", recipients=["b@example.org"])
    admin.mail.hold(held.queue_id)
    page = _operator(story, new_page)
    expect(_queue(page).get_by_role("row")).to_have_count(3)
    page.get_by_role("grid", name="Why mail waits").get_by_role("row").filter(has_text="Release it.").click()
    expect(_queue(page).get_by_role("row")).to_have_count(2)
    expect(_mail_row(page, "held back")).to_have_count(1)
    _button(page, "Show all causes").click()
    expect(_queue(page).get_by_role("row")).to_have_count(3)


def test_script_in_mail_and_log_executes_nowhere(
    story: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    """The fixture behind `new_page` fails the test on any dialog, script error or request elsewhere."""
    admin = story.server.admin
    raw = _mail(NASTY, f"<html>{NASTY}</html>").replace(b"\r\n\r\n", f"\r\nX-Evil: {NASTY}\r\n\r\n".encode(), 1)
    sent = admin.mail.submit(raw, sender='"<b>"@example.com', recipients=['"<script>"@example.org'])
    admin.users.add("mallory", "viewer", "mallory's password")
    with pytest.raises(Exception, match="wrong"):
        story.server.connect(NASTY[:60], "not the password")
    page = _operator(story, new_page)
    _mail_row(page, NASTY).dblclick()
    expect(page.get_by_text(f"Details of {sent.queue_id}")).to_be_visible()
    _button(page, "Raw source").click()
    expect(page.get_by_role("heading", name="Raw source")).to_be_visible()
    log = page.get_by_role("grid", name="Server log")
    log.get_by_role("row").filter(has_text="<img src=x").first.click()
    expect(page.get_by_role("heading", name="Entry")).to_be_visible()
    assert page.title() == "Mail queue and server log"
    assert page.locator(".tk img, .tk-panels script, .tk table b").count() == 0
    picture(page, "story-nasty")


def test_the_log_is_read_and_deleted(
    story: RunningDashboards, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    page = new_page()
    log_in(page, story, "admin", "the admin's password")
    total = story.server.admin.log.list().total
    _button(page, "Delete by date").click()
    expect(page.get_by_text("choose the last day")).to_be_visible()
    _button(page, "Delete all").click()
    question = page.get_by_text("All entries of the log will be deleted for good")
    expect(question).to_contain_text("There is no undo.")
    picture(page, "log-delete-question")
    _button(page, "No").click()
    assert story.server.admin.log.list().total >= total, "No deletes nothing"
    _button(page, "Delete all").click()
    page.get_by_role("button", name="Delete ").filter(has_text="entr").click()
    expect(page.get_by_text("deleted.", exact=False).last).to_be_visible()
    expect(page.get_by_role("grid", name="Server log").get_by_role("row")).to_have_count(2)
    expect(page.get_by_text("The log was deleted: all entries")).to_be_visible()


@pytest.mark.spec("4: newest first; live tail")
def test_the_live_tail_shows_what_comes_and_keeps_no_session_alive(story: RunningDashboards, new_page: NewPage) -> None:
    users = story.server.admin.users
    users.add("dan", "operator", "dan's password")
    page = _operator(story, new_page, "dan")
    page.get_by_label("Live").check()
    users.add("late", "viewer", "late's password")
    expect(page.get_by_text("User late was added as viewer.")).to_be_visible()
    users.edit("dan", role="viewer")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Live")).not_to_be_checked()


def test_axe_finds_nothing_serious_on_the_page(story: RunningDashboards, new_page: NewPage) -> None:
    admin = story.server.admin
    admin.mail.submit(_mail("one"), sender="", recipients=["b@example.org"])
    page = _operator(story, new_page)
    _mail_row(page, "one").dblclick()
    expect(page.get_by_text("Details of")).to_be_visible()
    _button(page, "Delete").click()
    page.get_by_role("alertdialog").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        accessible(page, WHOLE)
