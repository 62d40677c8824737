"""The HTML of a mail, fit to be shown: text, tables, links and the images that came with it; nothing else.

No scripts, styles, forms, frames, classes or ids, and nothing that is loaded from elsewhere: of images only those
remain that the mail itself brings, written out where they are shown (``data:``). Links lead to web pages and addresses
only, and tell nobody where they were followed.

HTML that is made to be costly, or is huge, has no safe form: marks of text that are never closed are repeated by every
reader in each paragraph that follows, so a few thousand of them become gigabytes, and depth costs its square.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape, unescape
from typing import Final


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_TAGS: Final = _set(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd "
    "del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd "
    "li main mark ol p pre q s samp section small span strike strong sub summary sup table tbody td tfoot "
    "th thead time tr tt u ul var"
)
_EVERYWHERE: Final = {"dir", "lang", "title"}
_ATTRIBUTES: Final[Mapping[str, set[str]]] = {
    "*": _EVERYWHERE,
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"align", "bgcolor", "colspan", "rowspan", "valign", "width"},
    "th": {"align", "bgcolor", "colspan", "rowspan", "valign", "width"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
}
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SCHEMES: Final = {"http", "https", "mailto", "cid"}
_SPAN: Final = re.compile(r"[0-9]{1,3}\Z", re.ASCII)
_FORMATTING: Final = _set("a b big code em font i s small strike strong tt u")
"""Elements that a reader opens again in what follows while they are not closed (HTML standard, 13.2.4.3)."""
_CLOSED_BY_OTHERS: Final = _set("br col colgroup dd dt hr img li p tbody td tfoot th thead tr")
"""Elements that nobody need close: they say nothing about how deep it goes."""
_FORMATTED: Final = 100
_DEEPEST: Final = 250
_LONGEST: Final = 300_000

_TOKEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^<>]*>|<(?P<unseen>script|style|title|template|noscript|iframe|object|svg|math)\b.*?"
    r"(?:</(?P=unseen)\s*>|\Z)|<(?P<end>/?)(?P<tag>[a-z][a-z0-9:]*+)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*'){0,400}+)>"
    r"|<(?P<odd_end>/?)(?P<odd_tag>[a-z][a-z0-9:]*+)[^<>]*>",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"(?<![a-z])([a-z]++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+))", re.IGNORECASE | re.ASCII
)
"""No letters are tried twice: there may be hundreds of thousands of them."""


def safe_html(html: str, images: Mapping[str, str]) -> str | None:
    """What may be shown of it; none when it is made to be costly.

    Parameters
    ----------
    images: those that the mail brings, by their content ids (`data_uri`).
    """
    import nh3  # loaded for mails with HTML only

    written = _written_anew(html) if len(html) <= _LONGEST else None
    if written is None:
        return None

    def kept(_tag: str, attribute: str, value: str) -> str | None:
        brought = value.strip().lower().startswith("cid:")
        if attribute == "src":
            return images.get(value.strip()[4:].strip("<>")) if brought else None
        if (attribute == "href" and brought) or (
            attribute in ("colspan", "rowspan", "span") and not _SPAN.match(value)
        ):
            return None
        return value

    return nh3.clean(
        written,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=kept,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    ).strip()


def data_uri(type: str, content: bytes) -> str | None:
    """An image written out; none for what is no image that every browser shows without running anything."""
    return f"data:{type};base64,{b64encode(content).decode()}" if type in _IMAGES else None


def _written_anew(html: str) -> str | None:
    """The same with the elements and attributes that may be shown, in a form that is read in one way only; none when
    more is open at a time than anybody writes, since what a reader does for each element grows with that.

    Only of what is written so can be counted what the reader will find.
    """
    is_open: Counter[str] = Counter()
    formatted = deep = 0
    found: list[str] = []
    for text, tag, closing, rest in _tokens(html):
        found.append(text)
        if tag not in _TAGS:
            continue
        found.append(f"</{tag}>" if closing else f"<{tag}{_attributes(tag, rest)}>")
        if tag in _CLOSED_BY_OTHERS or (closing and not is_open[tag]):
            continue
        step = -1 if closing else 1
        is_open[tag] += step
        if tag in _FORMATTING:
            formatted += step
        else:
            deep += step
        if formatted > _FORMATTED or deep > _DEEPEST:
            return None
    return "".join(found)


def _tokens(html: str) -> Iterator[tuple[str, str, bool, str]]:
    """What stands before each tag, the tag in small letters, whether it closes, and its attributes."""
    at = 0
    for token in _TOKEN.finditer(html):
        tag = (token["tag"] or token["odd_tag"] or "").lower()
        yield _text(html[at : token.start()]), tag, bool(token["end"] or token["odd_end"]), token["rest"] or ""
        at = token.end()
    yield _text(html[at:]), "", False, ""


def _text(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _attributes(tag: str, rest: str) -> str:
    wanted = _ATTRIBUTES.get(tag, set()) | _EVERYWHERE
    given: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(rest):
        if name.lower() in wanted:
            given.setdefault(name.lower(), unescape("".join(values)))
    return "".join(f' {name}="{escape(value)}"' for name, value in given.items())
