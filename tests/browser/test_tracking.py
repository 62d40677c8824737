"""E-mail tracking in a real browser over Voilà: a record's conversation, templates, the set-up, the quarantine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.accessibility import WHOLE, accessible
from tests.browser.conftest import NewPage, set_admin_password
from tests.conftest import Start
from tests.dashboards import PROJECT_PAGE, RunningDashboards
from tests.fakes.pop3_mailbox import PASSWORD, Box, MailboxHost
from trackkit.client import Server
from trackkit.domain.project.commands import COMMANDS

pytestmark = pytest.mark.browser

ADMIN = "the admin's password"
ADA = "correct horse battery"
TRACKING_PAGE = "/voila/render/tracking.ipynb"
DATABASE = "Apollo"
WIDE, NARROW = {"width": 1280, "height": 1400}, {"width": 390, "height": 1400}

Picture = Callable[[Page, str], None]


@dataclass(frozen=True)
class Tracked:
    """A project that tracks: what leaves stays in the queue, what comes in is put into `box`."""

    dashboards: RunningDashboards
    box: Box

    @property
    def admin(self) -> Server:
        return self.dashboards.server.admin

    def answer(self, number: int, text: str, **more: str) -> EmailMessage:
        """An answer to an e-mail that ada has sent, from its recipient."""
        with self.admin.project(DATABASE, "ada", ADA) as project:
            sent = message_from_bytes(project.mail.raw(number), policy=policy.default)
        mail = EmailMessage()
        mail["From"], mail["To"] = sent["To"], "tracker@mail.example"
        mail["Subject"], mail["In-Reply-To"] = f"Re: {sent['Subject']}", sent["Message-ID"]
        mail["Message-ID"] = f"<{number}.{len(text)}@example.com>"
        mail.set_content(text)
        for name, value in more.items():
            mail.replace_header(name, value)
        return mail

    def arrives(self, mail: EmailMessage) -> None:
        """Put it into the mailbox, and fetch it."""
        self.box.messages.append(mail.as_bytes(policy=policy.SMTP))
        (polled,) = self.admin.tracking.poll().mailboxes
        assert not polled.words, polled


@pytest.fixture(scope="module")
def tracked(browser: Browser, start_for_module: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    server = start_for_module(seats=50)
    set_admin_password(server)
    with MailboxHost() as host:
        box = host.boxes["tracker"] = Box()
        server.admin.options.set(
            {
                "sending.smtp.host": "127.0.0.1",
                "sending.paused": True,
                "tracking.enabled": True,
                "tracking.host": "127.0.0.1",
                "tracking.port": host.port,
                "tracking.encryption": "none",
                "tracking.username": "tracker",
                "tracking.password": PASSWORD,
                "tracking.address": "tracker@mail.example",
                "tracking.poll_interval": 86_400,
            }
        )
        server.admin.databases.create(DATABASE, administrator_password=ADA)
        with server.admin.project(DATABASE, "administrator", ADA) as project:
            project.add("group", name="Mailers", commands=list(COMMANDS))
            project.add("user", name="ada", email="ada@people.example", groups=["Mailers"], password=ADA)
            project.add("customer", name="Carl", email="carl@example.com")
            project.add("defect", title="It stops <b>at night</b>", owner="ada", description="Every night.")
        server.admin.tracking.set(DATABASE, {"tracking": True})
        running = RunningDashboards(server, tmp_path_factory.mktemp("dashboards")).start()
        yield Tracked(running, box)
        running.stop()


def looked_at(page: Page, picture: Picture, name: str) -> None:
    """Screenshots light, dark and narrow; nothing serious for axe, nothing wider than the page, no heading cut off."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        accessible(page, WHOLE)
        picture(page, f"{name}-{scheme}")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    cut_off = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    assert page.get_by_role("heading").evaluate_all(cut_off) == []
    picture(page, f"{name}-narrow")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def drop(page: Page, place: str, name: str, content: bytes) -> None:
    """Drop a file there, as from a folder of the desktop."""
    script = """([name, octets]) => {
        const dropped = new DataTransfer();
        dropped.items.add(new File([new Uint8Array(octets)], name));
        return dropped;
    }"""
    page.dispatch_event(place, "drop", {"dataTransfer": page.evaluate_handle(script, [name, list(content)])})


def grid_row(page: Page, grid: str, words: str) -> Locator:
    return page.get_by_role("grid", name=grid).get_by_role("row").filter(has_text=words)


def log_in(page: Page, tracked: Tracked, to: str, username: str, password: str, path: str) -> None:
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.goto(tracked.dashboards.url + path)
    page.get_by_label("Log in to").select_option(to)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Log in")


@pytest.mark.spec(
    "8: templates: standard ones, custom ones; sandboxed; a preview with a real record; an error names the line"
)
@pytest.mark.spec("8: the record's Overview and E-mail tab show the conversation")
def test_the_conversation_of_a_record_and_a_template(
    tracked: Tracked, new_page: NewPage, picture: Picture, tmp_path: Path
) -> None:
    page = new_page()
    log_in(page, tracked, f"project:{DATABASE}", "ada", ADA, PROJECT_PAGE)
    grid_row(page, "Defects", "at night").dblclick()
    expect(page.get_by_role("heading", name="Defect 1: It stops <b>at night</b>")).to_be_visible()
    expect(page.get_by_text("No e-mail has been sent or received about it yet.")).to_be_visible()
    page.get_by_role("tab", name="E-mail").click()
    expect(page.get_by_text("No e-mail has been sent or received yet.")).to_be_visible()
    press(page, "New e-mail")
    page.get_by_label("Template").select_option("Standard")
    expect(page.get_by_label("Subject", exact=True)).to_have_value(re.compile("efect 1: It stops <b>at night</b>"))
    page.get_by_label("To", exact=True).fill("Carl, nobody")
    file = tmp_path / "log.txt"
    file.write_text("the log")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Attach files")).click()
    chooser.value.set_files(file)
    expect(page.get_by_text("log.txt (7 B)")).to_be_visible()
    press(page, "Send")
    expect(page.locator(".tk-message").filter(has_text="nobody")).to_be_visible()
    looked_at(page, picture, "tracking-send")
    page.get_by_label("To", exact=True).fill("Carl")
    press(page, "Send")
    expect(page.get_by_text("E-mail 1 to carl@example.com was sent.")).to_be_visible()

    reply = tracked.answer(1, "At midnight, always.\n\n> When does it stop?\n")
    reply.replace_header("Subject", f"Re: {'It stops' * 40}")
    reply.add_alternative(
        "<p>At <b>midnight</b>, <img src='https://spy.example/x.png'>always.</p><script>alert(1)</script>", "html"
    )
    reply.add_attachment(b"\x00\xff", "application", "octet-stream", filename="../core dump")
    tracked.arrives(reply)
    press(page, "Refresh")
    grid_row(page, "E-mails", "Re: ").click()
    expect(page.locator("pre").filter(has_text="At midnight, always.")).to_be_visible()
    page.get_by_text("As its author laid it out").click()
    frame = page.frame_locator("iframe.tk-mail")
    expect(frame.locator("b")).to_have_text("midnight")
    assert frame.locator("script").count() == 0
    press(page, "Fetch")
    expect(page.get_by_role("link", name="core dump")).to_be_visible()
    looked_at(page, picture, "tracking-e-mail")
    press(page, "Reply")
    page.get_by_role("textbox", name="Text").fill("Thank you.")
    press(page, "Send")
    expect(page.get_by_text("E-mail 3 to carl@example.com was sent.")).to_be_visible()
    press(page, "Delete e-mail")
    expect(page.get_by_role("alertdialog")).to_contain_text("It cannot be brought back.")
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_role("tab", name="Overview").click()
    expect(page.locator(".tk-talk > li")).to_have_count(3)
    looked_at(page, picture, "tracking-record")

    page.get_by_label("Show").select_option("E-mail templates")
    press(page, "Add")
    page.get_by_role("textbox", name="Subject").fill("About {{ record.title }}")
    text = page.get_by_role("textbox", name="Text")
    text.fill("Dear customer,\n{{ record.titel }}")
    expect(page.locator(".tk-message").filter(has_text="Line 2")).to_be_visible()
    picture(page, "tracking-template-fault")
    text.fill("Dear customer,\n{{ record.title }} is {{ record.status }}.")
    expect(page.locator(".tk-preview pre")).to_have_text("Dear customer,\nIt stops <b>at night</b> is new.")
    expect(page.locator(".tk-message").filter(has_text="Line 2")).to_have_count(0)
    looked_at(page, picture, "tracking-template")


@pytest.mark.spec("13: Inbound replay: drop an .eml and see every rule's verdict")
def test_the_set_up_and_the_quarantine(tracked: Tracked, new_page: NewPage, picture: Picture, tmp_path: Path) -> None:
    page = new_page()
    log_in(page, tracked, "server", "admin", ADMIN, TRACKING_PAGE)
    expect(page.get_by_role("heading", name="Set-up of a project")).to_be_visible()
    with tracked.admin.project(DATABASE, "ada", ADA) as project:
        number = project.mail.send("defect 1", ["Carl"], "Hello", "When?").number
    for text in ("Forged once.", "Forged twice, and for nothing."):
        forged = tracked.answer(number, text)
        known = str(forged["In-Reply-To"])
        forged.replace_header("In-Reply-To", known.replace("@", "a@" if "b@" in known else "b@", 1))
        forged.replace_header("Subject", text)
        tracked.arrives(forged)
    page.get_by_role("button", name="Refresh").nth(1).click()
    grid_row(page, "Fetched mail", "Forged once.").dblclick()
    expect(page.get_by_role("heading", name="Forged once.")).to_be_visible()
    expect(page.get_by_text("It would go into quarantine.")).to_be_visible()
    press(page, "Reprocess")
    page.get_by_label("Of the project").select_option(DATABASE)
    page.get_by_label("Record", exact=True).fill("defect 1")
    looked_at(page, picture, "tracking-replay")
    press(page, "Reprocess it")
    expect(page.get_by_text(re.compile(rf"is filed with defect 1 of {DATABASE}"))).to_be_visible()
    with tracked.admin.project(DATABASE, "ada", ADA) as project:
        assert "Forged once." in [mail.subject for mail in project.mail.list("defect 1").items]

    grid_row(page, "Fetched mail", "Forged twice").click()
    press(page, "Discard")
    expect(page.get_by_role("alertdialog")).to_contain_text("Discard 1 mail?")
    press(page, "Discard 1 mail")
    expect(page.get_by_text("1 mail discarded.")).to_be_visible()
    file = tmp_path / "spam.eml"
    file.write_bytes(b"From: s@example.net\r\nSubject: Buy\r\n\r\nBuy this.\r\n")
    page.locator(".tk-drop input").set_input_files(file)
    expect(page.get_by_text("It would be left alone: untracked.")).to_be_visible()
    drop(page, ".tk-drop", "answer.eml", tracked.answer(number, "Tomorrow.").as_bytes(policy=policy.SMTP))
    expect(page.get_by_text("It would be filed with defect 1")).to_be_visible()
    picture(page, "tracking-dropped")

    expect(page.get_by_text(f"{DATABASE} is not ready:")).to_be_visible()
    press(page, "E-mail settings")
    address = page.get_by_label("Address of the notification account")
    address.fill("tracker@mail.example")
    press(page, "Apply")
    expect(page.locator(".tk-message").filter(has_text="is the tracking address")).to_be_visible()
    expect(page.get_by_label("POP3 host")).to_be_visible()
    looked_at(page, picture, "tracking-settings")
    address.fill("desk@people.example")
    press(page, "Apply")
    expect(page.get_by_text(f"The e-mail settings of {DATABASE} were changed.")).to_be_visible()
    looked_at(page, picture, "tracking-set-up")
