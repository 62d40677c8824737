"""HTML to the text that a person reads in it, quotes marked with "> " as in plain mail; time grows with its size only.

For finding out what somebody has written; what is shown as HTML is made safe elsewhere. Never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

DEEPEST: Final = 20
"""Quotes within quotes that are marked."""

RULE: Final = "_" * 32
"""What a horizontal rule becomes."""

SIGNATURE: Final = "--"
"""What is put above a signature that is marked as one."""

_SIGNATURE = re.compile(r"\b(?:class|id)\s*=\s*[\"']?[^\"'>]{0,60}signature", re.IGNORECASE)
_MARK = re.compile(r"<(?=/?[a-zA-Z]|[!?])")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:]{0,30})")
_UNSEEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("style", "script", "title", "template")}
_BLOCKS = re.compile(
    r"(?:address|article|aside|blockquote|body|center|d[dlt]|div|fieldset|footer|form|h[1-6]|header|html|li|main|nav|ol|p"
    r"|pre|section|table|tbody|tfoot|thead|tr|ul)\Z"
)
_SPACED: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})
_BLANKS = re.compile(r"[ \t\r\n\f\u200b]+")


def html_text(html: str) -> str:
    """The text of a document or of a piece of one, lines ended by ``\\n``."""
    page = _Page()
    for text, tag, closing in _tokens(html):
        if tag == SIGNATURE:
            page.signature()
        elif tag:
            page.tag(tag, closing)
        elif text:
            page.text(unescape(text))
    return page.done()


class _Page:
    """Lines that are being written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._written: list[str] = []
        self._quotes = 0
        self._preformatted = 0

    def text(self, text: str) -> None:
        if self._preformatted:
            first, *more = text.replace("\r\n", "\n").split("\n")
            self._written.append(first)
            for line in more:
                self._end_line(always=True)
                self._written.append(line)
            return
        text = _BLANKS.sub(" ", text)
        before = self._written[-1][-1:] if self._written else " "
        text = text.lstrip(" ") if before == " " else text
        if text:
            self._written.append(text)

    def tag(self, name: str, closing: bool) -> None:
        if name == "br":
            self._end_line(always=True)
        elif name == "hr":
            self._end_line()
            self._written.append(RULE)
            self._end_line()
        elif name in ("td", "th") and closing:
            self.text(" ")
        elif _BLOCKS.match(name):
            self._end_line()
            if name in _SPACED:
                self._blank()
            if name == "blockquote":
                self._quotes = max(0, self._quotes + (-1 if closing else 1))
            if name == "pre":
                self._preformatted = max(0, self._preformatted + (-1 if closing else 1))
            if name == "li" and not closing:
                self._written.append("* ")

    def signature(self) -> None:
        """What follows is a signature, as "-- " says in plain mail."""
        self._end_line()
        if any(self._lines):
            self._written.append(SIGNATURE)
            self._end_line()

    def done(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n") + "\n" if any(self._lines) else ""

    def _end_line(self, always: bool = False) -> None:
        line = "".join(self._written).replace("\xa0", " ").rstrip()
        self._written = []
        if line or always:
            self._lines.append(self._mark() + line if line or self._quotes else "")

    def _blank(self) -> None:
        mark = self._mark()
        if self._lines and self._lines[-1].strip("> ") and self._lines[-1].startswith(mark.rstrip()):
            self._lines.append(mark.rstrip())

    def _mark(self) -> str:
        depth = min(self._quotes, DEEPEST)
        return ">" * depth + " " if depth else ""


def _tokens(html: str) -> Iterator[tuple[str, str, bool]]:
    """Text, or a tag's name and whether it closes; what nobody sees is left out."""
    at = 0
    while at < len(html):
        mark = _MARK.search(html, at)
        if mark is None:
            yield html[at:], "", False
            return
        begins = mark.start()
        yield html[at:begins], "", False
        tag = _TAG.match(html, begins)
        comment = html.startswith("<!--", begins)
        ends, size = (html.find("-->", begins), 3) if comment else (html.find(">", begins), 1)
        if ends < 0:
            return
        at = ends + size
        if not tag:
            continue
        name, closing = tag[1].lower(), html.startswith("</", begins)
        if name in _UNSEEN and not closing:
            end = _UNSEEN[name].search(html, at)
            at = end.start() if end else len(html)
        if not closing and _SIGNATURE.search(html, begins, at):
            yield "", SIGNATURE, False
        yield "", name, closing
