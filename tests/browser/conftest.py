"""A real Chromium, and pages that notice every request to another host, every script error and every dialog."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Request,
    TimeoutError,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.dashboards import RunningDashboards
from tests.jupyterlab import RunningLab
from tests.running import RunningServer, start_server
from trackkit.client import Connections

SCREENSHOTS = Path(__file__).parent.parent / "screenshots"
WINDOW: ViewportSize = {"width": 1280, "height": 800}
BLANK = "about:blank"
CONNECTIONS = "trackkit/connections.toml"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# What Playwright switches off, as the last list given is the only one; and the address bar's own pages: each browser
# window would load two of them, which takes longer than to load most of ours.
SWITCHED_OFF = (
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "MediaRouter"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    *("PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    f"--disable-features={','.join(SWITCHED_OFF)}",
]

NewPage = Callable[..., Page]

PATIENCE = 60_000  # a busy machine takes its time; what never comes still fails
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests here; it ends with them, because Playwright's event loop would be in others' way."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Watched:
    """Pages of a person's own browsers (own cookies), and what they did that they should not have done."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def new_page(self, **options: object) -> Page:
        """A page of one more browser."""
        context = self.browser.new_context(viewport=WINDOW, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        page = context.new_page()
        page.on("request", self._request)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.trouble.append(f"script error {error}"))
        return page

    def clear(self) -> Page:
        """The first page as if it were new: one that is loads and compiles for longer than most tests take."""
        context = self.contexts[0]
        page, *tabs = context.pages
        for tab in tabs:
            tab.close()
        if not page.url.startswith(BLANK):
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
            page.goto(BLANK)
        context.clear_cookies()
        page.set_viewport_size(WINDOW)
        page.emulate_media(color_scheme="light")
        return page

    def told(self) -> list[str]:
        """The trouble since the last time."""
        told, self.trouble[:] = self.trouble.copy(), []
        return told

    def _request(self, asked: Request) -> None:
        parts = urlsplit(asked.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.trouble.append(f"request to {asked.url}")

    def _dialog(self, opened: Dialog) -> None:
        if opened.type == "beforeunload":  # JupyterLab asks whether to leave a notebook that is not saved
            opened.accept()
            return
        self.trouble.append(f"dialog {opened.message!r}")
        opened.dismiss()

    def close(self) -> None:
        """Close all the pages."""
        for context in self.contexts:
            context.close()


@pytest.fixture(scope="package")
def _first_pages(browser: Browser) -> Iterator[Watched]:
    yield from _one_page(browser)


@pytest.fixture
def new_page(browser: Browser, _first_pages: Watched) -> Iterator[NewPage]:
    """A page of a person's own browser (own cookies); afterwards it must have stayed on this machine and quiet."""
    others = Watched(browser)
    first = [_first_pages.clear()]

    def new_page(**options: object) -> Page:
        return others.new_page(**options) if options or not first else first.pop()

    yield new_page
    trouble = _first_pages.told() + others.told()
    others.close()
    _first_pages.clear()
    _first_pages.told()  # a page that is left while it still loads may complain
    assert trouble == []


@pytest.fixture(scope="package")
def _lab_pages(browser: Browser) -> Iterator[Watched]:
    yield from _one_page(browser)


def _one_page(browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser)
    watched.new_page()
    yield watched
    watched.close()


@pytest.fixture(scope="package")
def lab_tab(_lab_pages: Watched) -> Page:
    """The page for JupyterLab, one for all tests here, because loading it takes longer than most of them."""
    return _lab_pages.contexts[0].pages[0]


@pytest.fixture
def lab_page(lab_tab: Page, _lab_pages: Watched) -> Iterator[Page]:
    """`lab_tab`; after each test it must have stayed on this machine and quiet."""
    lab_tab.emulate_media(color_scheme="light")
    yield lab_tab
    assert _lab_pages.told() == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """With ``--pictures``, keep a screenshot under `tests/screenshots/`, to be looked at."""
    wanted = request.config.getoption("--pictures")

    def take(page: Page, name: str) -> None:
        if wanted:
            page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDashboards]:
    """A server that is set up, with the users ada (viewer) and bob (operator), and its dashboards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKKIT_HOME", str(tmp_path_factory.mktemp("home")))
        server = start_server(seats=50)
        try:
            set_admin_password(server)
            server.admin.users.add("ada", "viewer", "ada's password")
            server.admin.users.add("bob", "operator", "bob's password")
            with _dashboards(server, tmp_path_factory.mktemp("dashboards")) as running:
                yield running
        finally:
            server.stop()
            shutil.rmtree(server.data.parent)


@pytest.fixture
def new_site(server: RunningServer, tmp_path: Path) -> Iterator[RunningDashboards]:
    """A fresh server, not yet set up, and its dashboards."""
    with _dashboards(server, tmp_path) as running:
        yield running


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """JupyterLab for all tests here; `browser` first, because without one there is nothing to do."""
    running = RunningLab(tmp_path_factory.mktemp("lab"))
    running.start()
    yield running
    running.stop()


@contextmanager
def _dashboards(server: RunningServer, home: Path) -> Iterator[RunningDashboards]:
    running = RunningDashboards(server, home)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def set_admin_password(server: RunningServer) -> None:
    """A changed password ends the sessions of that user, so the next use of `server.admin` logs in again."""
    server.admin.users.edit("admin", password="the admin's password")
    server.admin.close()
    del server.admin


def log_in(page: Page, site: RunningDashboards, username: str, password: str) -> None:
    """Through the form, from the start page, until the queue and the log are there."""
    page.goto(site.url)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Mail queue and server log").wait_for()
    page.get_by_text("As of").wait_for()


def open_sending_options(page: Page, lab: RunningLab, server: RunningServer, username: str, password: str) -> None:
    """The form of the sending options in JupyterLab, logged in to through its own form; the server is known there."""
    open_panel(page, lab, server, "sending-options.ipynb", username, password)
    page.get_by_label("SMTP host").wait_for()


def open_panel(page: Page, lab: RunningLab, server: RunningServer, notebook: str, username: str, password: str) -> None:
    """A notebook with a panel in JupyterLab, logged in to through its own form; the server is known there."""
    path = lab.home / CONNECTIONS
    path.unlink(missing_ok=True)
    connections = Connections.load(path)
    connections.add("here", "127.0.0.1", server.port)
    connections.pin("here", server.fingerprint)
    page.set_viewport_size({"width": 1280, "height": 1000})
    lab.open(page, notebook)
    page.get_by_label("User name").fill(username, timeout=30_000)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Connect", exact=True).click()
    try:
        page.get_by_label("User name", exact=True).wait_for(state="hidden", timeout=90_000)
    except TimeoutError as error:
        shown = "\n".join(page.locator(".tk").all_inner_texts())
        raise AssertionError(f"still not connected; the page says:\n{shown}\n{lab.stderr[-2000:]}") from error
