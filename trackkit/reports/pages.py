"""An executed notebook as a page and as a PDF.

The page is one file that needs nothing from elsewhere: style and pictures lie in it, there is no script, and its
content security policy forbids browsers to run or to fetch anything, whatever an output may hold. Code is hidden.
The PDF is that page printed by Chromium, which only a PDF needs; `NotFound` says so where there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trackkit
from trackkit.domain.errors import NotFound, Unavailable
from trackkit.widgets import folder as style_folder

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_PRINT_SECONDS = 120
_TEMPLATES = Path(__file__).parent / "template"


def page(notebook: Any, *, title: str, report: str, parameters: Mapping[str, object]) -> str:
    """The notebook (as nbformat reads it) as HTML.

    Parameters
    ----------
    title: of the page.
    report, parameters: what was run and with which values, for the foot of the page.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="trackkit",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    made_by = [f"trackkit {trackkit.__version__}", f"report {report}"]
    foot = " · ".join(made_by + [f"{name} = {value}" for name, value in parameters.items()])
    facts = {
        "title": title,
        "foot": foot,
        "foot_on_paper": _css_string(foot[:150]),
        "style": "".join(
            path.read_text(encoding="utf-8")
            for path in (style_folder() / "look.css", _TEMPLATES / "trackkit" / "report.css")
        ),
    }
    body, _ = exporter.from_notebook_node(notebook, resources={"report": facts})
    return str(body)


def _css_string(text: str) -> str:
    """A string of CSS (Syntax Level 3 §4.3.7) in which whatever is no letter or digit is written by its number."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in text) + '"'


def chromium() -> str:
    """Where Chromium or a browser of its kind is."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise NotFound(
            "A PDF is printed by Chromium, and there is none on this machine.",
            "Install Chromium (Debian, Ubuntu: apt-get install chromium) or Chrome, or ask for HTML, which needs none.",
        )
    return program


def print_pdf(html: Path, pdf: Path, program: str) -> None:
    """Print the page `html` into the file `pdf`; the browser gets a home of its own beside them and no network.

    Raises
    ------
    Unavailable: the browser failed or took too long.
    """
    home = html.parent / "browser"
    home.mkdir(mode=0o700)
    command = [
        program,
        "--headless=new",
        "--disable-gpu",
        "--disable-extensions",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--proxy-server=127.0.0.1:9",  # the discard port: nothing is there to be fetched, and nothing gets out
        f"--user-data-dir={home}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={pdf}",
        html.as_uri(),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium's sandbox does not work for root; the page holds no script
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_PRINT_SECONDS,
            env={**environment, "HOME": str(home)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{program} did not print the PDF in {_PRINT_SECONDS} seconds.", "Try again.") from None
    if not pdf.exists() or not pdf.read_bytes().startswith(b"%PDF"):
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(
            f"{program} printed no PDF (exit code {done.returncode}): {' '.join(said)[:300]}",
            "Try again, or ask for HTML.",
        )
