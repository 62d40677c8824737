"""`/docs`: the operations as a page, made from the catalogue. Self-contained: it loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX, Operation

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8886; padding: .5rem 0; }
h2 { font-size: 1rem; margin: .5rem 0 0; } code { font-size: .9em; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""


def add_docs(app: FastAPI) -> None:
    """Serve the page; it holds nothing that is not in `/openapi.json`, too."""
    page = _page()

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _page() -> str:
    body = "\n".join(_section(operation) for operation in OPERATIONS.values())
    head = f'<head><meta charset="utf-8"><title>trackkit API</title><style>{_STYLE}</style></head>'
    intro = (
        "<h1>trackkit API</h1><p>Operations take <code>Authorization: Bearer</code> and a session's or an API token, "
        'unless they need no log-in. For programs: <a href="/openapi.json">/openapi.json</a>.</p>'
    )
    return f'<!doctype html><html lang="en">{head}<body>{intro}{body}</body></html>'


def _section(operation: Operation[Any, Any]) -> str:
    needs = f"needs the role {operation.role}" if operation.role else "needs no log-in"
    needs += ", not with an API token" if operation.session_only else ""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{'required' if field.is_required() else 'optional'}</td>"
        f"<td>{_where(operation, name)}</td></tr>"
        for name, field in operation.request.model_fields.items()
    )
    table = f"<table><tr><th>field</th><th></th><th>travels in</th></tr>{rows}</table>" if rows else ""
    heading = f"<h2><code>{operation.method} {escape(PREFIX + operation.path)}</code></h2>"
    return (
        f'<section id="{escape(operation.name)}">{heading}'
        f"<p>{escape(operation.summary)}. <small>{escape(operation.name)}; {needs}.</small></p>{table}</section>"
    )


def _where(operation: Operation[Any, Any], name: str) -> str:
    if name in operation.path_fields:
        return "path"
    return "query" if operation.in_query else "body"
