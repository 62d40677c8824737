"""The trust manager in JupyterLab: from the sending options to a relay that is trusted, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.accessibility import accessible
from tests.browser.conftest import open_panel, open_sending_options, set_admin_password
from tests.browser.test_lab import views
from tests.certificates import authority, certificate
from tests.conftest import Start
from tests.jupyterlab import RunningLab
from tests.running import RunningServer
from tests.untrusted import put, seen
from trackkit.domain.trust import AskedBy, Reason

pytestmark = pytest.mark.browser

PASSWORD = "the admin's password"
RELAY = "relay.example.com"

Picture = Callable[[Page, str], None]


@pytest.fixture
def house(start: Start) -> RunningServer:
    """A server that has seen certificates of three kinds."""
    server = start()
    put(server.data, seen(certificate("mx.example.org"), "mx.example.org", 25, asked_by=AskedBy.mta_sts))
    other = certificate("another-host.example.net", authority("An authority of the organisation"))
    put(server.data, seen(other, "mail.example.net", 465, Reason.wrong_name))
    put(server.data, seen(certificate(RELAY), RELAY, 587))
    set_admin_password(server)
    return server


@pytest.mark.spec("7: trust: one click trusts it for that host and port and moves it to the trusted ones")
def test_from_the_encryption_choice_to_a_trusted_relay(
    lab: RunningLab, house: RunningServer, lab_page: Page, picture: Picture, tmp_path: Path
) -> None:
    page = lab_page
    open_sending_options(page, lab, house, "admin", PASSWORD)
    beside = page.get_by_role("button", name="Trust manager")
    beside.scroll_into_view_if_needed()
    picture(page, "lab-trust-beside")
    beside.click()
    untrusted = page.get_by_role("table", name="Untrusted certificates")
    expect(untrusted.get_by_role("row")).to_have_count(4)
    expect(untrusted).to_contain_text("it is self-signed")
    accessible(page)

    open_panel(page, lab, house, "trust.ipynb", "admin", PASSWORD)
    expect(untrusted.get_by_role("row")).to_have_count(4)
    views(page, picture, "lab-trust")
    page.get_by_label("Untrusted", exact=True).select_option(index=0)
    page.get_by_role("button", name="Trust", exact=True).click()
    question = page.get_by_role("alertdialog")
    fingerprint = house.admin.trust.untrusted()[0].fingerprint
    expect(question).to_contain_text(fingerprint)
    expect(question).to_contain_text(f"Trust this certificate for {RELAY}:587?")
    expect(question.get_by_role("button", name="No")).to_be_focused()
    accessible(page)
    picture(page, "lab-trust-asked")
    question.get_by_role("button", name="No").click()
    assert house.admin.trust.trusted() == ()
    page.get_by_role("button", name="Trust", exact=True).click()
    question.get_by_role("button", name="Trust it").click()
    trusted = page.get_by_role("table", name="Trusted certificates", exact=True)
    expect(trusted).to_contain_text(fingerprint)
    expect(untrusted.get_by_role("row")).to_have_count(3)
    picture(page, "lab-trust-trusted")

    file = tmp_path / "authority.pem"
    file.write_bytes(authority("The organisation's own authority").pem)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("textbox", name="Mail host").fill("")
    page.get_by_role("textbox", name="Port").fill("")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)
    expect(question).to_contain_text("Trust this authority for every host?")
    accessible(page)
    picture(page, "lab-trust-upload")
    question.get_by_role("button", name="Trust it").click()
    expect(trusted.get_by_role("row")).to_have_count(3)
    page.get_by_label("Trusted", exact=True).select_option(index=1)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(question).to_contain_text(f"({RELAY}:587) no more?")
    picture(page, "lab-trust-remove")
    question.get_by_role("button", name="Trust it no more").click()
    expect(trusted.get_by_role("row")).to_have_count(2)
    assert [one.is_authority for one in house.admin.trust.trusted()] == [True]
