"""From opening the support page to using it, beside a bare Voilà page, both in one run.

Usable means that rows are in sight and that the kernel has answered a click. Cold is the first load after the
dashboards (or the plain Voilà) have started, warm the second, by another browser with nothing in its cache. Somebody is
logged in before the clock starts. Printed as a table with ratios to the bare page, the median of a few rounds; run by
`make bench`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.bare_voila import notebook, voila
from tests.browser.conftest import browser as _browser
from tests.dashboards import PAGE, RunningDashboards
from tests.running import RunningServer, start_server

pytestmark = pytest.mark.browser

browser = _browser
ROUNDS = 3
MAILS = 20
PASSWORD = "the operator's password"
TIMES = ("cold", "warm")
PAGES = ("a bare page", "support")

BARE = """
import ipywidgets as w
answer, button = w.Label(), w.Button(description="Ask")
button.on_click(lambda _: setattr(answer, "value", "the kernel answers"))
w.VBox([button, answer])
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """A server with some waiting mail and an operator."""
    monkeypatch.setenv("TRACKKIT_HOME", str(tmp_path))
    running = start_server()
    try:
        admin = running.admin
        admin.options.set({"sending.paused": True})
        admin.users.add("bob", "operator", PASSWORD)
        # Without a password of the administrator's own every visitor is led to the set-up.
        admin.users.edit("admin", password="the admin's password")
        admin.close()
        del running.admin
        for number in range(MAILS):
            content = f"From: a@example.com\r\nTo: b@example.org\r\nSubject: mail {number}\r\n\r\nText.\r\n".encode()
            running.admin.mail.submit(content, sender="a@example.com", recipients=["b@example.org"])
        yield running
    finally:
        running.stop()
        shutil.rmtree(running.data.parent)


def _support_is_usable(page: Page) -> None:
    page.get_by_role("grid", name="Mail queue").get_by_role("row").filter(has_text="mail 19").click()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_enabled()


def _bare_is_usable(page: Page) -> None:
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("the kernel answers").wait_for()


def _log_in(context: BrowserContext, url: str) -> None:
    """As the form does, without a page: nothing is loaded that the support page could find in the cache."""
    context.request.get(f"{url}/login?form=login")
    xsrf = next(str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == "_xsrf")
    form: dict[str, str | float | bool] = {"_xsrf": xsrf, "username": "bob", "password": PASSWORD}
    answer = context.request.post(f"{url}/login", form=form, max_redirects=0)
    assert answer.status == 302, answer.status


def _support(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    _log_in(context, url)
    page = context.new_page()
    started = time.perf_counter()
    page.goto(f"{url}{PAGE}", wait_until="commit")
    _support_is_usable(page)
    took = time.perf_counter() - started
    context.close()
    return took


def _bare(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    page = context.new_page()
    started = time.perf_counter()
    page.goto(f"{url}/voila/render/bare.ipynb", wait_until="commit")
    _bare_is_usable(page)
    took = time.perf_counter() - started
    context.close()
    return took


@pytest.mark.timeout(600)
def test_from_opening_to_usable(
    browser: Browser, server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    took: dict[tuple[str, str], list[float]] = {(name, when): [] for name in PAGES for when in TIMES}
    for round_ in range(ROUNDS):
        folder = tmp_path / f"bare-{round_}"
        folder.mkdir()
        notebook(folder, "bare", BARE)
        with voila(folder) as url:
            for when in TIMES:
                took["a bare page", when].append(_bare(browser, url))
        home = tmp_path / f"dashboards-{round_}"
        home.mkdir()
        dashboards = RunningDashboards(server, home)
        dashboards.start()
        try:
            for when in TIMES:
                took["support", when].append(_support(browser, dashboards.url))
        finally:
            dashboards.stop()
    middle = {key: median(seconds) for key, seconds in took.items()}
    with capsys.disabled():
        print(f"\n\nfrom opening to usable, {MAILS} mails waiting, median of {ROUNDS} rounds (least to most)")
        print(f"{'':12} {'':5} {'usable':>8} {'':15} {'ratio':>6}")
        for (name, when), seconds in middle.items():
            spread = f"({min(took[name, when]):.1f} to {max(took[name, when]):.1f})"
            ratio = seconds / middle["a bare page", when]
            print(f"{name:12} {when:5} {seconds:7.1f}s {spread:15} {ratio:5.1f}x")
    assert middle["support", "warm"] < 3 * middle["a bare page", "warm"]
