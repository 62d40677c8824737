"""The test of the settings in a real JupyterLab: steps as they come, the diff of the fix, Apply, and it works."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, open_panel
from tests.browser.test_sending_options import looked_at
from tests.certificates import certificate
from tests.conftest import Start
from tests.fakes.smtp_server import Action, ScriptedSmtp
from tests.jupyterlab import RunningLab

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
SLOWLY = Action(b"220 slow.test ESMTP\r\n", pause=0.05)


@pytest.mark.spec("7: test: unsaved edits disable it; each step with time and advice; the fix is offered and applied")
def test_an_administrator_tests_mends_and_tests_again(
    start_for_module: Start, lab: RunningLab, new_page: NewPage, picture: Callable[[Page, str], None]
) -> None:
    server = start_for_module()
    server.admin.users.add("ann", "admin", PASSWORD)
    made = certificate("mail.example")
    with ScriptedSmtp({"greeting": SLOWLY}, tls=made.server(), extensions=("STARTTLS", "AUTH PLAIN")) as host:
        values = {"host": "127.0.0.1", "port": host.port, "encryption": "tls", "connect_timeout": 5}
        server.admin.options.set({f"sending.smtp.{name}": value for name, value in values.items()})
        page = new_page()
        open_panel(page, lab, server, "sending-options.ipynb", "ann", PASSWORD)
        page.set_viewport_size({"width": 1280, "height": 1500})
        test, apply = page.get_by_role("button", name="Test", exact=True), page.get_by_role("button", name="Apply")
        page.get_by_label("SMTP host").fill("elsewhere.example")
        expect(test).to_be_disabled()
        expect(page.get_by_text("Apply or revert what is typed above first")).to_be_visible()
        page.get_by_role("button", name="Revert").click()
        page.get_by_label("Recipient", exact=True).fill("b@there.example")
        page.get_by_role("checkbox", name="Send a test message").check()
        test.click()
        expect(page.get_by_role("button", name="Switch the encryption to STARTTLS")).to_be_visible()
        expect(page.get_by_text("The settings do not work: encryption is not possible.")).to_be_visible()
        looked_at(page, picture, "mail-test-encryption", page.get_by_text("What was said"))
        page.get_by_role("button", name="Switch the encryption to STARTTLS").click()
        question = page.get_by_role("alertdialog")
        expect(question).to_contain_text("Encryption: tls → starttls")
        picture(page, "mail-test-diff")
        question.get_by_role("button", name="Switch the encryption to STARTTLS").click()
        expect(page.get_by_label("Encryption", exact=True)).to_have_value("starttls")
        test.click()
        expect(page.get_by_text("Greeting: under way", exact=True)).to_be_visible()
        picture(page, "mail-test-under-way")
        trust = page.get_by_role("button", name="Trust this certificate")
        trust.click()
        expect(question).to_contain_text(made.fingerprint)
        question.get_by_role("button", name="Trust this certificate").click()
        expect(page.get_by_text("Trusted for 127.0.0.1")).to_be_visible()
        test.click()
        expect(page.get_by_text("The settings work: the host has taken the test message")).to_be_visible()
        expect(page.get_by_role("listitem").filter(has_text="Test message: done")).to_be_visible()
        looked_at(page, picture, "mail-test-works", page.get_by_text("What was said"))
        expect(apply).to_be_disabled()
        assert len(host.messages) == 1
