"""What the plain pages have in common: a strict content policy, and that nothing of them is kept by the browser."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def answer(handler: JupyterHandler, template: str, **facts: Any) -> None:
    """Answer a request with a plain page, whoever's handler it came to."""
    handler.set_header("Content-Type", "text/html; charset=UTF-8")
    handler.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    handler.set_header("Cache-Control", "no-store")
    handler.finish(handler.render_template(template, **facts))  # type: ignore[no-untyped-call]
