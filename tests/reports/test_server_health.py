"""The report server-health by the command line with a token: page, PDF and notebook, looked into and looked at."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request
from pypdfium2 import PdfDocument

from tests.browser.conftest import SCREENSHOTS
from tests.command_line import CommandLine
from tests.reports.conftest import CANARY
from tests.running import RunningServer

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Made:
    """The files of one run, the token it ran with, and what it printed."""

    html: Path
    pdf: Path
    notebook: Path
    token: str
    printed: str


@pytest.fixture(scope="module")
def made(office: RunningServer, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Run as a script would: the token in the environment, and a password that has no business there."""
    folder = tmp_path_factory.mktemp("report")
    with office.connect("rita", CANARY) as rita:
        token = rita.tokens.add("reports", "viewer").secret
    environment = {
        "TRACKKIT_SERVER": office.url,
        "TRACKKIT_FINGERPRINT": office.fingerprint,
        "TRACKKIT_TOKEN": token,
        "TRACKKIT_PASSWORD": CANARY,
        "TZ": "America/St_Johns",
    }
    files = {kind: folder / f"health.{kind}" for kind in ("html", "pdf", "ipynb")}
    done = CommandLine(folder, environment).run(
        *("report", "run", "server-health", "-p", "hours=48", "-p", "level=information"),
        *("--html", str(files["html"]), "--pdf", str(files["pdf"]), "--notebook", str(files["ipynb"])),
    )
    assert done.returncode == 0, done.stderr
    return Made(files["html"], files["pdf"], files["ipynb"], token, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def pdf(made: Made) -> PdfDocument:
    return PdfDocument(made.pdf)


def pdf_text(pdf: PdfDocument) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def written(secret: str) -> list[str]:
    """The ways a secret could be written in these files."""
    return [secret, escape(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1], b64encode(secret.encode()).decode()]


@pytest.mark.spec("11: known secret values are scrubbed from outputs")
def test_no_secret_in_page_pdf_notebook_or_terminal(made: Made, pdf: PdfDocument) -> None:
    texts = {
        "page": made.html.read_text(),
        "notebook": made.notebook.read_text(),
        "PDF": pdf_text(pdf),
        "PDF file": made.pdf.read_bytes().decode("latin-1"),
        "terminal": made.printed,
    }
    for place, text in texts.items():
        for secret in (made.token, CANARY):
            assert not [form for form in written(secret) if form in text or form in unescape(text)], place


@pytest.mark.spec("11: each also useful by hand: server health")
def test_the_page_says_what_the_server_says(made: Made, office: RunningServer) -> None:
    text = unescape(made.html.read_text())
    for finding in office.admin.health().findings:
        assert finding.next_step in text
    assert "Sending is paused" in text
    assert "12 messages. By age: 12 < 5 min. By state: 8 queued, 4 held." in text
    assert "mail.example.com" in text
    assert "logged in" in text, "an entry of level information"
    assert "hours = 48" in text
    assert "TRACKKIT_TOKEN" not in text, "what is for use by hand stays in the notebook"
    assert "import " not in text, "code is hidden"


def test_the_page_needs_nothing_from_elsewhere(made: Made) -> None:
    text = made.html.read_text()
    assert not re.search(r"<(script|link|iframe|object|embed)\b", text)
    assert not re.search(r"(src|srcset|href|url\()\s*=?\s*[\"'(]?(https?:)?//", text)
    assert "default-src 'none'" in text


@pytest.fixture
def page(made: Made, browser: Browser) -> Page:
    """The page in a browser without any network, which notices every attempt."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []

    def seen(request: Request) -> None:
        asked.append(request.url)

    page.on("request", seen)
    page.on("console", lambda message: asked.append(message.text))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(made.html.as_uri())
    yield page
    assert [url[:100] for url in asked if not url.startswith("data:image/png")] == [made.html.as_uri()]
    context.close()


@pytest.mark.spec("11: trackkit report run NAME -p key=value --html F --pdf F")
def test_the_page_opens_without_a_network_and_runs_no_script(page: Page) -> None:
    assert page.title() == "Server health"
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        "What needs attention",
        "Mail queue",
        "Server log",
    ]
    pictures = page.locator("img")
    assert pictures.count() == 2
    for number in range(2):
        picture = pictures.nth(number)
        assert picture.evaluate("image => image.complete && image.naturalWidth > 1000")
        assert ":" in (picture.get_attribute("alt") or "")
    table = page.get_by_role("table", name="Unsent mail by age and state")
    assert not table.is_visible()
    page.get_by_text("The figures as a table").first.click()
    assert table.is_visible()
    assert "<script>" in page.get_by_role("table", name=re.compile("Log entries")).last.inner_text()
    assert page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize(
    ("name", "scheme", "width"), [("light", "light", 1200), ("dark", "dark", 1200), ("narrow", "light", 390)]
)
def test_the_page_is_readable_light_dark_and_narrow(page: Page, name: str, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    ground, words = page.evaluate(
        "[document.body, document.querySelector('td')].map((e, n) => "
        "getComputedStyle(e)[n ? 'color' : 'backgroundColor'].match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0))"
    )
    assert (ground > words) == (scheme == "light")
    assert abs(ground - words) > 400
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    source = page.locator("img").first.evaluate("image => image.currentSrc.slice(-40)")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-server-health-{name}.png", full_page=True)
    dark = page.locator("source").first.get_attribute("srcset") or ""
    assert (source == dark[-40:]) == (scheme == "dark")


def test_the_pdf_has_everything_on_numbered_pages(pdf: PdfDocument) -> None:
    text = pdf_text(pdf)
    assert 2 <= len(pdf) <= 4
    for words in ("Server health", "What needs attention", "Mail queue", "mail.example.com", "Server log", "logged in"):
        assert words in text, words
    for number, page in enumerate(pdf, 1):
        assert f"{number} / {len(pdf)}" in page.get_textpage().get_text_range()
    assert text.count("report server-health · hours = 48 · level = information") == len(pdf)
    assert "The figures as a table" not in text
    assert pdf[0].get_size() == pytest.approx((595, 842), abs=2), "A4"
    for number, page in enumerate(pdf, 1):
        picture = page.render(scale=1.3).to_pil().convert("L")
        inked = sum(picture.histogram()[:128]) / (picture.width * picture.height)
        assert 0.001 < inked < 0.3, f"page {number} is neither empty nor black"
        picture_path = SCREENSHOTS / f"report-server-health-pdf-{number}.png"
        page.render(scale=1.3).to_pil().save(picture_path)


def test_the_notebook_can_be_opened_and_says_nothing_of_where_it_ran(made: Made) -> None:
    notebook = json.loads(made.notebook.read_text())
    injected = [cell for cell in notebook["cells"] if "injected-parameters" in cell["metadata"].get("tags", [])]
    assert "hours = 48" in "".join(injected[0]["source"])
    assert notebook["metadata"]["papermill"]["input_path"] == "server-health.ipynb"
    assert "tk-report-" not in made.notebook.read_text()
    assert not [cell for cell in notebook["cells"] for out in cell.get("outputs", []) if out["output_type"] == "error"]
