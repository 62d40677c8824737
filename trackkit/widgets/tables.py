"""Plain HTML tables of text that may come from anywhere.

Every cell is escaped, and characters that would be invisible or turn the line around are shown by their code point.
A table says so when it is empty. On a narrow screen each row becomes a card (`look.css`); the roles keep it a table
for screen readers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from trackkit.domain.ages import in_words

LONGEST = 200
"""Characters shown of one text; a mail can have a subject of megabytes."""


def shown(text: str, longest: int = LONGEST) -> str:
    """The text as safe HTML: escaped, at most `longest` characters, what cannot be seen as ``U+202E``."""
    cut = text[:longest]
    safe = "".join(_one(character) for character in cut)
    return safe if cut == text else f"{safe} …"


def visible(text: str) -> str:
    """The text itself, for where a browser takes it as text: at most `LONGEST` characters, what cannot be seen as
    ``⟨U+202E⟩``."""
    cut = text[:LONGEST]
    seen = "".join(
        " " if c in "\t\n\r" else c if c.isprintable() or unicodedata.category(c) == "Zs" else f"⟨U+{ord(c):04X}⟩"
        for c in cut
    )
    return seen if cut == text else f"{seen} …"


def shown_lines(text: str, longest: int = 65_536) -> str:
    """A text of several lines as safe HTML, for where lines and blanks are kept; at most `longest` characters."""
    lines = text[:longest].replace("\r\n", "\n").split("\n")
    safe = "\n".join(
        "".join(character if character == "\t" else _one(character) for character in line) for line in lines
    )
    return f"{safe}{' …' if len(text) > longest else ''}"


def shown_block(text: str, longest: int = 65_536) -> str:
    """A text of several lines as a block of its own; see `shown_lines`."""
    return f"<pre class='tk-block' tabindex='0'>{shown_lines(text, longest)}</pre>"


def _one(character: str) -> str:
    if character in "\t\n\r":
        return " "
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return escape(character)
    return f'<span class="tk-odd">U+{ord(character):04X}</span>'


def instant(at: datetime | None) -> str:
    """A point in time, in UTC (the column's title says so); an en dash for none."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


age = in_words


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a text, and under it smaller ones.

    `kind` is a class of the style sheet for the whole column, `tone` one for this cell alone.
    """

    text: str
    kind: str = ""
    tone: str = ""
    below: tuple[str, ...] = ()

    def html(self, label: str) -> str:
        """The cell, escaped."""
        small = "".join(f"<small>{shown(text)}</small>" for text in self.below if text)
        return (
            f'<td role="cell" data-label="{escape(label)}" class="{escape(self.kind)} {escape(self.tone)}">'
            f"<span>{shown(self.text)}</span>{small}</td>"
        )


def table(caption: str, titles: Sequence[str], rows: Iterable[Sequence[Cell]], empty: str) -> str:
    """A table as HTML.

    Parameters
    ----------
    caption: what it is, for screen readers; the visible heading stands above it.
    empty: what to say when there are no rows.
    """
    lines = [tuple(row) for row in rows]
    if not lines:
        return f'<p class="tk-empty">{shown(empty)}</p>'
    head = "".join(
        f'<th role="columnheader" scope="col" class="{escape(cell.kind)}">{shown(title)}</th>'
        for title, cell in zip(titles, lines[0], strict=True)
    )
    body = "".join(
        f'<tr role="row">{"".join(cell.html(title) for title, cell in zip(titles, line, strict=True))}</tr>'
        for line in lines
    )
    return (
        f'<div class="tk-table"><table role="table" aria-label="{escape(caption)}"><thead><tr role="row">{head}</tr>'
        f'</thead><tbody role="rowgroup">{body}</tbody></table></div>'
    )
