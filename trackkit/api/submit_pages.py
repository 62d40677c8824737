"""The pages with which people without an account submit a defect: plain HTML, no script, nothing from elsewhere.

Every value is escaped by the template engine. What a page may load or send is in its headers: its own style, known by
its hash, and forms to this server.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from trackkit.contract.project import Offered
from trackkit.contract.wire import status_of
from trackkit.domain.declared import fields_of
from trackkit.domain.errors import TooManyAttempts, TrackkitError
from trackkit.domain.project.submission import Submission

PATH: Final = "/submit"

_STYLE: Final = resources.files("trackkit.api").joinpath("templates", "submit.css").read_text(encoding="utf-8")
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, browsers would send "Origin: null" with the form
}
_AUTOCOMPLETE: Final = {"submitter": "name", "email": "email"}


def path_to(database: str) -> str:
    """Where the form for a database is; its name is one segment, whatever it holds."""
    return f"{PATH}/{quote(database, safe='')}"


_TEMPLATES: Final = Environment(
    loader=PackageLoader("trackkit.api", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"path_to": path_to, "path": PATH, "style": _STYLE}


def choose(databases: Sequence[Offered]) -> HTMLResponse:
    """Which project is it about?"""
    return _page("choose.html", databases=databases)


def form(
    database: str, description: str = "", typed: Mapping[str, str] | None = None, error: TrackkitError | None = None
) -> HTMLResponse:
    """The form for a database; with an error what was typed, and what is wrong with it."""
    problems = {problem.field: problem.message for problem in error.problems} if error else {}
    fields = [
        {
            "name": name,
            "title": field.title,
            "help": field.help,
            "long": field.kind == "long text",
            "required": field.required,
            "value": (typed or {}).get(name, ""),
            "problem": problems.get(name, ""),
            "autocomplete": _AUTOCOMPLETE.get(name, "off"),
        }
        for name, field in fields_of(Submission).items()
    ]
    first = next((field["name"] for field in fields if field["problem"]), "")
    facts = {"database": database, "description": description, "fields": fields, "first": first, "error": error}
    return _page("form.html", status_of(error) if error else 200, _waiting(error), **facts)


def thanks(database: str, number: int) -> HTMLResponse:
    """It was stored."""
    return _page("thanks.html", database=database, number=number)


def trouble(error: TrackkitError, status: int | None = None, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """A page that says what is wrong, and the way back."""
    return _page("trouble.html", status or status_of(error), {**_waiting(error), **(headers or {})}, error=error)


def _waiting(error: TrackkitError | None) -> dict[str, str]:
    """RFC 6585 §4."""
    return {"Retry-After": str(error.retry_after)} if isinstance(error, TooManyAttempts) else {}


def _page(template: str, status: int = 200, headers: Mapping[str, str] | None = None, **facts: Any) -> HTMLResponse:
    html = _TEMPLATES.get_template(template).render(facts)
    return HTMLResponse(html, status, {**HEADERS, **(headers or {})})
