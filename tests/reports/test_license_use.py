"""The report license-use by the command line with a token: what it says, no secret in it, offline; the PDF, too."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdfium2 import PdfDocument

from tests.browser.conftest import SCREENSHOTS
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.licensed_server import Licensed, licensed_server
from tests.reports.conftest import CANARY
from trackkit.client.license_words import replay_sentences
from trackkit.domain.errors import NoSeat

pytestmark = pytest.mark.browser

SAMPLE = "trackkit sample"


@dataclass(frozen=True)
class Made:
    """The files of one run, the secrets that may be in none of them, and what was printed."""

    html: Path
    pdf: Path
    notebook: Path
    secrets: tuple[str, ...]
    printed: str

    @property
    def text(self) -> str:
        return unescape(self.html.read_text())


@pytest.fixture(scope="module")
def shop(start_for_module: Start) -> Licensed:
    """Two floating seats: held, given back, refused twice, one still held."""
    licensed = licensed_server(start_for_module, floating=2, web=1, sample=True)
    admin = licensed.server.admin
    for _ in range(3):
        admin.project("sample", "ana", SAMPLE, client="native").close()
    held = [admin.project("sample", name, SAMPLE, client="native") for name in ("ana", "ben")]
    for _ in range(2):
        with pytest.raises(NoSeat):
            admin.project("sample", "administrator", SAMPLE, client="native")
    held[1].close()
    admin.users.add("rita", "viewer", CANARY)
    return licensed


@pytest.fixture(scope="module")
def made(shop: Licensed, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    with shop.server.connect("rita", CANARY) as rita:
        token = rita.tokens.add("reports", "viewer").secret
    serial = shop.issue("dedicated")
    environment = {
        "TRACKKIT_SERVER": shop.server.url,
        "TRACKKIT_FINGERPRINT": shop.server.fingerprint,
        "TRACKKIT_TOKEN": token,
        "TRACKKIT_PASSWORD": CANARY,
        "TRACKKIT_SERIAL": serial,
    }
    files = {kind: folder / f"use.{kind}" for kind in ("html", "pdf", "ipynb")}
    done = CommandLine(folder, environment).run(
        *("report", "run", "license-use", "-p", "days=7", "-p", "pool=floating"),
        *("--html", str(files["html"]), "--pdf", str(files["pdf"]), "--notebook", str(files["ipynb"])),
    )
    assert done.returncode == 0, done.stderr
    secrets = (token, CANARY, serial)
    return Made(files["html"], files["pdf"], files["ipynb"], secrets, done.stdout + done.stderr)


def pdf_text(path: Path) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in PdfDocument(path))


@pytest.mark.spec("11: license use")
def test_the_page_says_what_the_server_says(made: Made, shop: Licensed) -> None:
    text = made.text
    assert "1 of 2 floating seats taken." in text
    assert "at most 2 at once" in text
    assert "Refused 2 times" in text
    rows = {
        name: re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
        for name, table in re.findall(r'<table[^>]*aria-label="([^"]*)"[^>]*>(.*?)</table>', text, re.DOTALL)
    }
    cells = {name: [re.findall(r"<span>(.*?)</span>", row) for row in found[1:]] for name, found in rows.items()}
    assert cells["Who was refused"] == [["administrator", "sample", "2"]]
    used = {row[0]: row[2] for row in cells["Who used most"]}
    assert used == {"ana": "4", "ben": "1"}
    assert [row[0] for row in cells["The same days with fewer and with more seats"]] == ["1", "2 (now)", "3"]
    played = shop.server.admin.licenses.replay("floating")
    assert replay_sentences(played)[0] in text
    assert "No license here has maintenance that could end." in text
    assert "days = 7" in text
    assert "import " not in text, "code is hidden"


@pytest.mark.spec("11: known secret values are scrubbed from outputs")
def test_no_secret_in_any_file(made: Made) -> None:
    texts = {
        "page": made.html.read_text(),
        "notebook": made.notebook.read_text(),
        "PDF": pdf_text(made.pdf) + made.pdf.read_bytes().decode("latin-1"),
        "terminal": made.printed,
    }
    for place, text in texts.items():
        for secret in made.secrets:
            forms = [secret, escape(secret), json.dumps(secret)[1:-1], b64encode(secret.encode()).decode()]
            assert not [form for form in forms if form in text or form in unescape(text)], place


def test_the_page_opens_without_a_network(made: Made, browser: Browser) -> None:
    assert not re.search(r"<(script|link|iframe|object|embed)\b", made.html.read_text())
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.goto(made.html.as_uri())
    SCREENSHOTS.mkdir(exist_ok=True)
    for name, scheme, width in (("light", "light", 1200), ("dark", "dark", 1200), ("narrow", "light", 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=SCREENSHOTS / f"report-license-use-{name}.png", full_page=True)
    assert page.title() == "License use"
    assert page.locator("img").first.evaluate("image => image.complete && image.naturalWidth > 1000")
    assert [url[:100] for url in asked if not url.startswith("data:image/png")] == [made.html.as_uri()]
    context.close()


def test_the_pdf_has_everything_on_numbered_pages(made: Made) -> None:
    pdf, text = PdfDocument(made.pdf), pdf_text(made.pdf)
    assert 1 <= len(pdf) <= 3
    for words in ("License use", "Seats over time", "Who used most", "How many seats are enough", "2 (now)"):
        assert words in text, words
    for number, page in enumerate(pdf, 1):
        assert f"{number} / {len(pdf)}" in page.get_textpage().get_text_range()
        picture = page.render(scale=1.3).to_pil()
        picture.save(SCREENSHOTS / f"report-license-use-pdf-{number}.png")
        shades = picture.convert("L").histogram()
        assert 0.001 < sum(shades[:128]) / sum(shades) < 0.3, f"page {number} is neither empty nor black"


@pytest.mark.parametrize(("given", "said"), [("days=0", "between 1 and 366"), ("pool=all", "the pools are floating")])
def test_what_makes_no_sense_is_refused(shop: Licensed, tmp_path: Path, given: str, said: str) -> None:
    environment = {"TRACKKIT_DATA": str(shop.server.data)}
    done = CommandLine(tmp_path, environment).run(
        "report", "run", "license-use", "-p", given, "--html", str(tmp_path / "use.html")
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "use.html").exists()
