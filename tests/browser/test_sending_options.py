"""The form of the sending options in a real JupyterLab: each choice shows what it needs, warnings ask, mail leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage, open_panel
from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp
from tests.fakes.token_endpoint import TokenEndpoint
from tests.jupyterlab import RunningLab
from tests.ports import wait_until
from tests.running import RunningServer

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
REFRESH_TOKEN = "canary-refresh-token"
SERIOUS: Final = ("serious", "critical")

Picture = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    running.admin.users.add("ann", "admin", PASSWORD)
    return running


def looked_at(page: Page, picture: Picture, name: str, place: Locator | None = None) -> None:
    """Light, dark and narrow, with that place in sight; nothing serious for axe in any of them."""
    page.emulate_media(color_scheme="light")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        picture(page, f"{name}-{scheme}")
        found = [v for v in Axe().run(page, context=".tk").response["violations"] if v["impact"] in SERIOUS]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    page.set_viewport_size({"width": 620, "height": 1400})
    expect(page.locator("#jupyterlab-splash")).to_be_hidden()
    if place is not None:
        place.scroll_into_view_if_needed()
    picture(page, f"{name}-narrow")
    page.set_viewport_size({"width": 1280, "height": 1500})


def fill_in(page: Page, host: ScriptedSmtp, provider: TokenEndpoint) -> None:
    """A log-in by token at that host."""
    page.get_by_label("SMTP host").fill("127.0.0.1")
    page.get_by_label("SMTP port").fill(str(host.port))
    page.get_by_label("Encryption", exact=True).select_option("none")
    page.get_by_label("Authentication", exact=True).select_option("oauth2")
    page.get_by_label("Mail account name").fill("ada@mail.test")
    page.get_by_label("Token URL").fill(provider.url)
    page.get_by_label("Client id").fill(provider.client_id)
    page.get_by_label("Refresh token", exact=True).fill(REFRESH_TOKEN)


THUNDERBIRD = """user_pref("mail.smtpservers", "s");
user_pref("mail.smtpserver.s.hostname", "smtp.example.com");
user_pref("mail.smtpserver.s.try_ssl", 3);
user_pref("mail.smtpserver.s.username", "ada@example.com");
"""


def take_a_suggestion(page: Page, lab: RunningLab, picture: Picture) -> None:
    """What Thunderbird on the kernel's machine sends by, put into the form and out again."""
    profile = lab.home / ".thunderbird" / "abc.default"
    profile.mkdir(parents=True)
    (profile / "prefs.js").write_text(THUNDERBIRD)
    page.get_by_role("button", name="Suggest settings").click()
    expect(page.get_by_label("E-mail address or domain")).to_be_focused()
    use = page.get_by_role("button", name="Use smtp.example.com:465")
    expect(use).to_be_visible()
    page.get_by_label("E-mail address or domain").fill("127.0.0.1")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("1 suggestion")).to_be_visible()
    expect(page.get_by_text("connection refused")).to_be_visible()
    looked_at(page, picture, "sending-options-suggested")
    use.click()
    expect(page.get_by_label("SMTP host")).to_have_value("smtp.example.com")
    expect(page.get_by_label("SMTP port")).to_have_value("465")
    expect(page.get_by_label("Mail account name")).to_have_value("ada@example.com")
    expect(page.get_by_label("Mail account password", exact=True)).to_be_focused()
    expect(use).to_be_hidden()
    picture(page, "sending-options-filled")
    page.get_by_role("button", name="Revert").click()
    expect(page.get_by_label("SMTP host")).to_have_value("")


@pytest.mark.spec("7: authentication: anonymous, basic, NTLM, OAuth 2: the form shows what each needs")
def test_an_administrator_sets_up_a_log_in_by_token(
    server: RunningServer, lab: RunningLab, new_page: NewPage, picture: Picture
) -> None:
    with (
        TokenEndpoint(refresh_token=REFRESH_TOKEN) as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        page = new_page()
        open_panel(page, lab, server, "sending-options.ipynb", "ann", PASSWORD)
        page.set_viewport_size({"width": 1280, "height": 1500})
        take_a_suggestion(page, lab, picture)
        name, token = page.get_by_label("Mail account name"), page.get_by_label("Refresh token", exact=True)
        expect(name).to_be_hidden()
        expect(page.get_by_role("group", name="OAuth 2")).to_be_hidden()
        way = page.get_by_label("Authentication", exact=True)
        way.select_option("basic")
        expect(page.get_by_label("Mail account password", exact=True)).to_be_visible()
        way.scroll_into_view_if_needed()
        looked_at(page, picture, "sending-options-basic")
        fill_in(page, host, provider)
        expect(page.get_by_label("Mail account password", exact=True)).to_be_hidden()
        expect(token).to_have_attribute("type", "password")
        page.get_by_role("button", name="Show what is typed as Refresh token").click()
        expect(token).to_have_attribute("type", "text")
        name.click()
        expect(token).to_have_attribute("type", "password")
        page.get_by_role("checkbox", name="POP before SMTP").check()
        expect(page.get_by_label("POP host")).to_be_visible()
        page.get_by_label("POP host").fill("pop.mail.test")
        page.get_by_label("POP account name").fill("ada")
        page.get_by_label("POP password", exact=True).fill("canary-pop-password")
        page.get_by_label("POP encryption").select_option("tls")
        expect(page.get_by_role("button", name="Use 995")).to_be_visible()
        way.scroll_into_view_if_needed()
        looked_at(page, picture, "sending-options-oauth2")
        page.get_by_role("button", name="Revert").click()
        expect(page.get_by_label("POP host")).to_be_hidden()
        fill_in(page, host, provider)
        page.get_by_role("button", name="Apply", exact=True).click()
        question = page.get_by_role("alertdialog")
        expect(question).to_contain_text("access token goes over the network unencrypted")
        picture(page, "sending-options-warning")
        question.get_by_role("button", name="Apply all the same").click()
        expect(page.get_by_text("Applied:")).to_be_visible()
        expect(token).to_have_value("")
        assert REFRESH_TOKEN not in page.content()
        raw = b"Subject: hi\r\nMessage-ID: <1@trackkit.test>\r\n\r\nhello\r\n"
        server.admin.mail.submit(raw, sender="a@example.com", recipients=["b@example.com"])
        wait_until(lambda: host.messages, what="the mail arriving")
