"""The administrators' notebooks in a real JupyterLab: forms filled in as a person does, and what they look like."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import CONNECTIONS, open_sending_options
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.running import RunningServer
from trackkit.client import Connections

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"

Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    """A server that is set up, for the module."""
    running = start_for_module()
    running.admin.users.edit("admin", password=PASSWORD)
    running.admin.close()
    del running.admin
    return running


def described(field: Locator) -> str:
    """What a screen reader says after the field's name."""
    return str(
        field.evaluate(
            "node => node.getAttribute('aria-describedby').split(' ')"
            ".map(id => document.getElementById(id).textContent).join(' ')"
        )
    )


def views(page: Page, picture: Picture, name: str) -> None:
    """Screenshots light, dark and narrow; nothing serious for axe in any of them."""
    accessible(page)
    picture(page, f"{name}-light")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    accessible(page)
    picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    page.set_viewport_size({"width": 480, "height": 900})
    panel = page.locator(".tk-panel").first
    panel.scroll_into_view_if_needed()
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), "the panel is wider than its room"
    accessible(page)
    picture(page, f"{name}-narrow")
    page.set_viewport_size({"width": 1280, "height": 1000})


@pytest.mark.spec("1: Connect = choose a connection, log in; disconnecting ends the admin session.")
def test_connections(lab: RunningLab, server: RunningServer, lab_page: Page, picture: Picture) -> None:
    path = lab.home / CONNECTIONS
    path.unlink(missing_ok=True)
    page = lab_page
    page.set_viewport_size({"width": 1280, "height": 1000})
    lab.open(page, "connections.ipynb")
    name = page.get_by_label("Name", exact=True)
    name.wait_for(timeout=30_000)
    views(page, picture, "lab-connections-empty")

    name.fill("head office")
    name.press("Tab")
    address = page.get_by_label("Address")
    expect(address).to_be_focused()
    page.keyboard.type("https://127.0.0.1")
    expect(address).to_have_attribute("aria-invalid", "true")
    assert "Is a URL" in described(address)
    assert "static one is recommended" in described(address)
    picture(page, "lab-connections-refused")
    address.fill("127.0.0.1")
    page.get_by_label("Port").fill(str(server.port))
    expect(address).to_have_attribute("aria-invalid", "false")
    page.get_by_label("Port").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Added head office")).to_be_visible()
    assert [connection.port for connection in Connections.load(path)] == [server.port]

    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("textbox", name="Password").press("Enter")
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text(server.fingerprint)
    expect(question.get_by_role("button", name="No")).to_be_focused()
    accessible(page)
    picture(page, "lab-connections-fingerprint")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(page.get_by_role("textbox", name="Password")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pin it and connect").click()
    expect(page.get_by_text("Connected to head office as admin (admin).")).to_be_visible()
    views(page, picture, "lab-connections-connected")
    page.get_by_text("Show as Python").click()
    expect(page.locator(".tk-python pre")).to_contain_text("trackkit.connect('head office', username='admin'")
    assert PASSWORD not in page.content()

    page.get_by_role("button", name="Delete", exact=True).click()
    expect(question).to_contain_text("There is no undo")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Add a connection")).to_be_visible()
    assert list(Connections.load(path)) == []


@pytest.fixture
def form(lab: RunningLab, server: RunningServer, lab_page: Page) -> Page:
    """The form of the sending options, logged in to through its own form."""
    open_sending_options(lab_page, lab, server, "admin", PASSWORD)
    return lab_page


def test_sending_options(form: Page, server: RunningServer, picture: Picture) -> None:
    page, options = form, server.admin.options
    views(page, picture, "lab-sending-options")
    apply, revert = page.get_by_role("button", name="Apply"), page.get_by_role("button", name="Revert")
    expect(apply).to_be_disabled()
    expect(revert).to_be_disabled()

    port = page.get_by_label("SMTP port")
    port.fill("99999")
    expect(port).to_have_attribute("aria-invalid", "true")
    assert "Is not between 1 and 65535" in described(port)
    page.get_by_label("SMTP host").fill("two words")
    expect(page.get_by_text("is no host name")).to_be_visible()
    picture(page, "lab-sending-options-refused")
    revert.click()
    expect(port).to_have_value("25")
    expect(apply).to_be_disabled()

    page.get_by_label("SMTP host").fill("mail.example.com")
    page.get_by_label("Encryption", exact=True).select_option("starttls")
    page.get_by_role("button", name="Use 587").click()
    expect(port).to_have_value("587")
    page.get_by_label("Authentication").select_option("basic")
    page.get_by_label("Mail account name").fill("ada")
    secret = page.get_by_role("textbox", name="Mail account password")
    secret.fill("s3cret of the mail account")
    expect(secret).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show what is typed as Mail account password").click()
    expect(secret).to_have_attribute("type", "text")
    secret.press("Shift+Tab")
    expect(secret).to_have_attribute("type", "password")
    page.get_by_label("Sending is paused").check()
    expect(page.get_by_text("7 changes not applied yet.")).to_be_visible()
    apply.click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("mail piles up")
    picture(page, "lab-sending-options-asked")
    page.get_by_role("button", name="Apply all the same").click()
    expect(page.get_by_text(re.compile("^Applied: SMTP host"))).to_be_visible()
    expect(secret).to_have_value("")
    expect(page.get_by_role("button", name="Show what is typed as Mail account password")).to_be_hidden()
    assert options.get().value("sending.smtp.port") == 587
    assert options.get().value("sending.paused") is True
    assert "s3cret" not in page.content()


def test_two_administrators_a_slow_server_and_one_that_is_gone(
    form: Page, server: RunningServer, picture: Picture
) -> None:
    page, options = form, server.admin.options
    options.set({"sending.timing.connections": 7})
    days, apply = page.get_by_label("Days to keep trying"), page.get_by_role("button", name="Apply", exact=True)
    days.fill("9")
    apply.click()
    told = page.get_by_role("alert").filter(has_text="meanwhile")
    expect(told).to_contain_text("changed by admin")
    accessible(page)
    picture(page, "lab-conflict")
    page.get_by_role("button", name=re.compile("Keep mine and apply again|Apply mine too")).click()
    expect(page.get_by_text("Applied: Days to keep trying.")).to_be_visible()
    assert options.get().value("sending.timing.days") == 9

    os.kill(server.process.pid, signal.SIGSTOP)  # a page that waits for the server would freeze for as long
    try:
        days.fill("8")
        apply.click()
        page.get_by_label("Simultaneous connections").fill("0")
        expect(page.get_by_label("Simultaneous connections")).to_have_attribute("aria-invalid", "true")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    expect(page.get_by_text("1 change not applied yet.")).to_be_visible()
    page.get_by_role("button", name="Revert").click()
    expect(days).to_have_value("8")

    server.kill()
    days.fill("7")
    apply.click()
    expect(page.get_by_role("alert")).to_contain_text(str(server.port))
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(days).to_have_value("7")
    picture(page, "lab-server-gone")
    server.restart()
    apply.click()
    expect(page.get_by_text("Applied: Days to keep trying.")).to_be_visible()

    server.admin.users.edit("admin", password=PASSWORD)
    del server.admin
    days.fill("6")
    apply.click()
    expect(page.get_by_role("alert")).to_contain_text("Log in, then do it again")
    expect(page.get_by_role("textbox", name="Password", exact=True)).to_be_focused()
    accessible(page)
    picture(page, "lab-session-ended")
    page.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    apply.click()
    expect(page.get_by_text("Applied: Days to keep trying.")).to_be_visible()
    assert server.admin.options.get().value("sending.timing.days") == 6


def test_the_mail_queue(lab: RunningLab, server: RunningServer, lab_page: Page, picture: Picture) -> None:
    mail = server.admin.mail
    server.admin.options.set({"sending.paused": True})
    ids = [
        mail.submit(
            f"From: a@example.com\r\nTo: b@example.org\r\nSubject: bill {n}\r\n\r\nText.\r\n".encode(),
            sender="a@example.com",
            recipients=["b@example.org"],
        ).queue_id
        for n in range(1, 4)
    ]
    path = lab.home / CONNECTIONS
    path.unlink(missing_ok=True)
    connections = Connections.load(path)
    connections.add("here", "127.0.0.1", server.port)
    connections.pin("here", server.fingerprint)
    page = lab_page
    page.set_viewport_size({"width": 1280, "height": 1400})
    lab.open(page, "mail-queue.ipynb")
    page.get_by_role("textbox", name="Password").fill(PASSWORD, timeout=30_000)
    page.get_by_role("button", name="Connect", exact=True).click()

    queue = page.get_by_role("grid", name="Mail queue")
    rows = {n: queue.get_by_role("row").filter(has_text=f"bill {n}") for n in (1, 2, 3)}
    hold = page.get_by_role("button", name="Hold", exact=True)
    expect(rows[1]).to_have_attribute("aria-selected", "false")
    expect(hold).to_be_disabled()
    rows[1].click()
    rows[3].click(modifiers=["Control"])
    for n, selected in ((1, "true"), (2, "false"), (3, "true")):
        expect(rows[n]).to_have_attribute("aria-selected", selected)
    hold.click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("2 messages will wait until released")
    question.get_by_role("button", name="Hold 2 messages").click()
    expect(page.get_by_text("2 of 2 messages held.")).to_be_visible()
    expect(rows[1]).to_contain_text("held")
    expect(rows[2]).to_contain_text("queued")
    expect(rows[3]).to_contain_text("held")
    assert [mail.show(id).message.state.value for id in ids] == ["held", "queued", "held"]
    page.get_by_role("button", name="Show chart of the mail queue").click()
    expect(page.get_by_role("img", name=re.compile("3 messages.*2 held"))).to_be_visible()
    accessible(page)
    picture(page, "lab-mail-queue")
