"""Lines by which mail programs mark what is not the writer's own: one table each, and what a line is.

Attributions ("On … wrote:") are recognised by their shape: a date, an address or both, and a word for writing at the
end or before the date, in some forty languages; so are the blocks of header lines of Outlook and its likes, by the
names of the header fields in those languages. Adding a language is adding its words.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from trackkit.domain.tracking import reply_words as words
from trackkit.domain.tracking.folded import folded, pattern


class Line(Enum):
    """What a line of a mail is."""

    empty = "e"
    text = "t"
    quote = "q"
    attribution = "b"
    original = "o"
    """It says that the message that is answered follows."""
    header = "h"
    divider = "d"
    signature = "s"


EMPTY, TEXT, QUOTE, ATTRIBUTION, ORIGINAL, HEADER, DIVIDER, SIGNATURE = Line
"""The same under names that are found at once: of each line of a mail they are asked for a dozen times."""

LONGEST_LINE: Final = 1000
"""Characters of a line that are looked at; longer ones are text all the same."""

_LONGEST_ATTRIBUTION: Final = 500
_LONGEST_NAMED_WRITER: Final = 80
_NEAR: Final = 60


def _any(alternatives: tuple[str, ...]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in alternatives)


_SPACED = tuple(word for word in words.WROTE if ord(word[-1]) < 0x0E00)
_UNSPACED = tuple(word for word in words.WROTE if ord(word[-1]) >= 0x0E00)
_BEGINNINGS = "".join(sorted({word[0] for word in words.WROTE}))
_WROTE = rf"(?=[{_BEGINNINGS}])(?:\b(?:{_any(_SPACED)})(?!\w)|(?:{_any(_UNSPACED)}))"
"""Scripts that put no blanks between words have no ends of words to look for."""

_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
"""Characters that only say in which direction others run."""

_DATE = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[:.h]\d{2}|\b(?:19|20)\d\d\b|\d{1,4} ?[年月日]"
    r"|\d{1,2}(?:st|nd|rd|th|\.)?,? (?:de )?[^\W\d_]{3,12}|[^\W\d_]{3,12}\.? \d{1,2}\b)"
)
_EMAIL = r"[^\s<>@\"]{1,64}@[^\s<>@\"]{2,255}"
_DIGIT = re.compile(r"\d")
_DATED = re.compile(_DATE)
_ADDRESSED = re.compile(_EMAIL)
_TIME = re.compile(r"\d[:.]\d\d.{0,100}<")
_ISO_DATE = re.compile(r"\d{4}[/.-]\d{1,2}[/.-]\d")
_VERB = pattern(_WROTE)
_ENDS_WITH_WROTE = pattern(rf"{_WROTE}(?:\s+[^\W\d_]{{1,12}}){{0,3}}\s*(?:[:：]\s*-{{0,8}}|\s-{{2,8}})[*_]{{0,2}}$")
_NAME_AFTER_VERB = pattern(r"\b(?:schrieb|schreef|skrev|skrifaði)(?: \S{1,30}){1,5}:$")
"""Where the verb stands second, the name comes after it."""
_DATE_AND_ADDRESS = re.compile(
    r"^\W{0,4}\d{4}[/.-]\d{1,2}[/.-]\d{1,2}(?:[ ,T]+\d{1,2}:\d\d(?::\d\d)?)?(?:\s*(?:GMT|UTC)?\s*[+-]\d\d:?\d\d)?"
    rf"[ ,]\s*[^<>\n]{{0,100}}<\s*(?:mailto:)?{_EMAIL}\s*>?\s*:?$"
)
_TIME_AND_ADDRESS = re.compile(rf"\b\d{{1,2}}[:.]\d\d\b.{{0,100}}<{_EMAIL}>:$")
_QUOTING = pattern(rf"^(?:{_any(words.QUOTING)}) [^<>\n]{{0,80}}<?{_EMAIL}>?\s?:$")
_DATE_AND_NAME = re.compile(r"^\d{4}-\d\d-\d\d \d{1,2}:\d\d (?:GMT|UTC)[+-]\d\d:\d\d [^\n:]{1,80}:?$")

_BETWEEN = (
    rf"^[\s>*|]{{0,20}}+[-_=*]{{2,}}+[\s*]*+(?:{_any(words.ORIGINAL)})\b[^\n]{{0,60}}?[\s*]*[-_=*]{{2,}}[\s*]*:?\s*$"
)
_WROTE_BETWEEN_DASHES = rf"^\s{{0,8}}-{{3,}}+\s?.{{1,80}}{_WROTE}\s?:?\s?-{{3,}}\s*$"
_BETWEEN_DASHES = r"^\s{0,8}+\*?-{3,}+\s+(?:[^\W\d_][\w'’.-]*\s+){1,5}-{3,}\*?\s*$"
_BEGINS = rf"^\W{{0,4}}(?:{_any(words.BEGIN)})\s*[:：]?$"
_ABOVE = r"^\W{0,20}(?:please )?(?:type your )?reply above this line\b.{0,60}$"
_ORIGINAL = pattern("|".join((_BETWEEN, _BETWEEN_DASHES, _WROTE_BETWEEN_DASHES, _BEGINS, _ABOVE)))

_HEADER = pattern(rf"^\s{{0,8}}[*_|]{{0,3}}\s?(?:{_any(words.HEADERS)})\s?[:：][*_]{{0,3}}(?:\s|$|(?<=：))")
_QUOTE = re.compile(r"^\s{0,3}(?:>|\|(?:\s[^|]*)?$)")
"""A line with several bars is one of a table."""
_NAMED_QUOTE = re.compile(r"^\s{0,3}[A-Za-z]{1,12}>(?:\s|$)")
_NAMED_WRITER = pattern(rf"^(?:\S{{1,40}} ){{1,5}}{_WROTE}\s?[:：]$")
_DIVIDER = re.compile(r"^\s{0,40}(?:[-–—_=*#~+ᐧ•·]\s?){2,}\s*$|^\s*[ᐧ—–]\s*$|^--\s*$")
_ARMOUR = re.compile(r"-----(BEGIN|END) PGP (SIGNED MESSAGE|SIGNATURE|PUBLIC KEY BLOCK)-----\s*$")
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")

_LONGEST_SIGNATURE: Final = 140
_SIGNATURE = pattern(
    rf"^\W{{0,4}}(?:{_any(words.SENT_FROM)})(?!\s*[:：]).{{0,100}}$|^.{{1,60}}(?:{_any(words.SENT_FROM_LAST)})\W{{0,3}}$"
    r"|^\W{0,3}(?:mobile|(?:\S+ ){0,3}(?:via|from) (?:my |a )?(?:mobile|phone|iphone|ipad|android|tablet|newton mail)"
    r"(?: \w{1,10})?)\W{0,3}$"
)


_LINK = r"(?:<[^<>]{0,80}>)?"
_GET_OUTLOOK = pattern(
    rf"^\W{{0,4}}(?:(?:{_any(words.GET_OUTLOOK)}) (?:ios|android|iphone|ipad)\b[^<]{{0,30}}{_LINK}"
    rf"|outlook (?:für|voor) (?:ios|android){_LINK} (?:herunterladen|downloaden))\W{{0,4}}$"
)
_DEVICE = pattern(rf"\b(?:{_any(words.DEVICES)})|我的|나의")


def kind_of(line: str) -> Line:
    """What a line is by itself; attributions may take several (`attribution`)."""
    shown = line[:LONGEST_LINE].rstrip()
    if not shown:
        return EMPTY
    if shown[0] == ">" or _QUOTE.match(shown):
        return QUOTE
    small = folded(shown)
    if _ORIGINAL.match(small):
        return ORIGINAL
    if _DIVIDER.match(shown):
        return DIVIDER
    if len(small) <= _LONGEST_SIGNATURE and _is_signature(small):
        return SIGNATURE
    if _HEADER.match(small):
        return HEADER
    return TEXT


def is_named_quote(line: str) -> bool:
    """Whether a line is quoted by a name ("Ann> as some programs do"), if there is one: else it is a prompt."""
    return _NAMED_QUOTE.match(line[:LONGEST_LINE]) is not None


def is_named_writer(text: str) -> bool:
    """Whether this is an attribution without date and address, which it is above a quote only."""
    return len(text) <= _LONGEST_NAMED_WRITER and _NAMED_WRITER.match(folded(text)) is not None


def is_fence(line: str) -> bool:
    """Whether a line begins or ends a block of code."""
    return ("```" in line or "~~~" in line) and _FENCE.match(line) is not None


def armour(line: str) -> str:
    """``BEGIN`` or ``END`` and the kind of a line of OpenPGP's armour (RFC 9580 §6.2); ``""`` for any other line."""
    match = _ARMOUR.match(line)
    return f"{match[1]} {match[2]}" if match else ""


def is_dated(text: str) -> bool:
    """Whether a date or a time stands in it."""
    return _DATED.search(text) is not None


def is_attribution(text: str) -> bool:
    """Whether this says who wrote what follows, and when: one or more lines, joined by blanks."""
    if len(text) > _LONGEST_ATTRIBUTION or text.startswith(("http://", "https://")):
        return False
    if not text.isascii():
        text = text.translate(_UNSEEN)
    small = folded(text)
    if _DATE_AND_ADDRESS.match(text) or _DATE_AND_NAME.match(text) or _QUOTING.match(small):
        return True
    if text.endswith(">:") and _TIME_AND_ADDRESS.search(text):
        return True
    dated, addressed = _DIGIT.search(text) and _DATED.search(text), _ADDRESSED.search(text)
    if not (dated or addressed):
        return False
    if _ENDS_WITH_WROTE.search(small):
        return True
    if not dated or text[-1] not in ":：":
        return False
    if _NAME_AFTER_VERB.search(small, dated.start()):
        return True
    verb = _VERB.search(small)
    if verb is None:
        return False
    # The verb may stand between the date and the address, or between the name and the date.
    after = _ADDRESSED.search(text, verb.end()) is not None and dated.start() < verb.start()
    dated_after = _DATED.search(text, verb.end(), verb.end() + _NEAR)
    return after or (verb.start() > 0 and dated_after is not None and len(text) - verb.end() < 2 * _NEAR)


def may_be_part(line: str) -> bool:
    """Whether a line has the word for writing, or the date, without which nothing is an attribution."""
    shown = line[:_LONGEST_ATTRIBUTION]
    small = folded(shown)
    return bool(_VERB.search(small) or _ISO_DATE.search(shown) or _TIME.search(shown) or _QUOTING.match(small))


def _is_signature(small: str) -> bool:
    return (_SIGNATURE.match(small) and _DEVICE.search(small)) is not None or _GET_OUTLOOK.match(small) is not None
