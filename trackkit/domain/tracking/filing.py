"""What of a mail is filed with a record: what was written, what was cut off, safe HTML, files. Pure, bounded.

The bytes themselves are kept beside it, so nothing is lost where something is cut short here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from trackkit.domain.log_text import storable
from trackkit.domain.project.kind import MAXIMUM_TEXT
from trackkit.domain.tracking.incoming import Incoming
from trackkit.domain.tracking.letter import Attachment
from trackkit.domain.tracking.reply_text import Trimmed, trimmed
from trackkit.domain.tracking.safe_html import data_uri, safe_html

_LONGEST_IMAGE: Final = 256 * 1024
_ALL_IMAGES: Final = 2 * 1024 * 1024
"""Octets of images that are written out in the HTML; larger ones are only attached."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is filed of a mail."""

    text: str
    cut: str
    html: str = field(repr=False)
    files: tuple[Attachment, ...] = field(repr=False)
    problems: tuple[str, ...]


def content_of(mail: Incoming) -> Content:
    """What is filed of a mail."""
    pieces = written(mail)
    files = tuple(Attachment(storable(one.name), one.content(mail)) for one in mail.attachments)
    problems = list(mail.problems)
    html = _html(mail, files) if mail.html.strip() else ""
    if html is None:
        html = ""
        problems.append("Its HTML is too large or too tangled to be shown; its text is shown instead.")
    kept, cut = pieces.kept, pieces.cut
    if len(kept) > MAXIMUM_TEXT or len(cut) > MAXIMUM_TEXT:
        problems.append(f"Only the first {MAXIMUM_TEXT:,} characters of its text are shown.")
    text, quoted = storable(kept, MAXIMUM_TEXT), storable(cut, MAXIMUM_TEXT)
    return Content(text, quoted, storable(html), files, tuple(map(storable, problems)))


def written(mail: Incoming) -> Trimmed:
    """The text of a mail in pieces that are kept or cut."""
    return trimmed(mail.readable)


def _html(mail: Incoming, files: tuple[Attachment, ...]) -> str | None:
    images: dict[str, str] = {}
    room = _ALL_IMAGES
    for one, file in zip(mail.attachments, files, strict=True):
        size = len(file.content)
        if one.content_id and size <= min(_LONGEST_IMAGE, room) and (uri := data_uri(one.type, file.content)):
            images[one.content_id] = uri
            room -= size
    return safe_html(mail.html, images)
