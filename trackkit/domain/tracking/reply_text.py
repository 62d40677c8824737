"""What somebody has written in a reply, without what they quote and sign with; nothing is lost.

A reply is taken line by line (`reply_marks`): text, quotes, attributions, header lines, dividers, signatures. Then the
rules below cut, in their order, each for what mail programs do:

1. what follows a divider or "-- " is a signature or the mail that is answered (not within code, not under a heading);
2. an attribution or a block of header lines with nothing of the writer after it but quotes ends the reply;
3. who answers below quotes at the beginning has written what comes last;
4. between answers, quotes stay: an answer is understood with what it answers; the attribution goes;
5. marks of phones and programs ("Sent from my …") and of OpenPGP go wherever they stand.

A mail that would be cut as a whole stays whole: then its writer sent the quote. `Trimmed.pieces` is the whole mail,
each piece kept or cut; joined they are the text, character by character. Time grows with the text's length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from trackkit.domain.tracking import reply_marks as marks
from trackkit.domain.tracking.reply_marks import (
    ATTRIBUTION,
    DIVIDER,
    EMPTY,
    HEADER,
    ORIGINAL,
    QUOTE,
    SIGNATURE,
    TEXT,
    Line,
)

LONGEST: Final = 100_000
"""Characters that are looked at; what comes after them goes with the last line."""

_EMPTY_LINES = re.compile(r"(?:[^\S\n]*+\n)++")
_MOST_LINES_OF_ATTRIBUTION: Final = 6
_HEADERS_OF_A_BLOCK: Final = 3
_BLANKS: Final = " \t\r\n\xa0\u200b\u200e\u200f\u202a\u202b\u202c"
_ENDINGS: Final = tuple(":：->*_")
"""Of the last line of an attribution, unless it begins with a digit."""
_LONGEST_NAME: Final = 120
_LONGEST_BLOCK: Final = 40
_FOLDED: Final = 2
"""Lines in which a header line may go on."""
_SHORTEST_UNDERLINE: Final = 4
_LONGEST_GREETING: Final = 40
_SHORT_ENDING: Final = 7
"""Lines of text after a quote that follows an answer, which are a signature rather than another answer."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a reply, kept or cut."""

    text: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A reply in pieces; joined they are the whole."""

    pieces: tuple[Piece, ...]

    @property
    def kept(self) -> str:
        """What the writer wrote, without empty lines around it."""
        text = "".join([piece.text for piece in self.pieces if piece.kept])
        empty = _EMPTY_LINES.match(text)
        return text[empty.end() if empty else 0 :].rstrip()

    @property
    def cut(self) -> str:
        """All the rest."""
        return "".join([piece.text for piece in self.pieces if not piece.kept])


def trimmed(text: str) -> Trimmed:
    """A reply in pieces: its plain text, or the text of its HTML (`Incoming.readable`); never raises."""
    lines = text[:LONGEST].splitlines(keepends=True)
    kinds = _kinds(lines)
    kept = _kept(lines, kinds)
    pieces: list[Piece] = []
    at = 0
    for flag, group in groupby(kept):
        begins, at = at, at + len(list(group))
        pieces.append(Piece("".join(lines[begins:at]), flag))
    if text[LONGEST:]:
        pieces.append(Piece(text[LONGEST:], kept[-1]))
    return Trimmed(tuple(pieces))


def _kinds(lines: list[str]) -> list[Line]:
    """What each line is, those of a mail program's own together."""
    kinds = [marks.kind_of(line) for line in lines]
    _mark_code(lines, kinds)
    _mark_armour(lines, kinds)
    _mark_attributions(lines, kinds)
    _mark_named(lines, kinds)
    _mark_headers(kinds)
    _mark_headings(lines, kinds)
    return kinds


def _mark_code(lines: list[str], kinds: list[Line]) -> None:
    """Within code nothing is anything but text; a block that does not end is none."""
    fences = [number for number, line in enumerate(lines) if marks.is_fence(line)]
    for begins, ends in zip(fences[::2], fences[1::2], strict=False):
        kinds[begins : ends + 1] = [TEXT] * (ends + 1 - begins)


def _mark_armour(lines: list[str], kinds: list[Line]) -> None:
    """What OpenPGP puts around a signed text is no text: the lines above it, and the signature below."""
    if not any(line.startswith("-----") for line in lines):
        return
    within = ""
    for number, line in enumerate(lines):
        mark = marks.armour(line)
        if mark.startswith("BEGIN"):
            within = mark.removeprefix("BEGIN ")
        if within:
            kinds[number] = SIGNATURE
        if mark.startswith("END") or (within == "SIGNED MESSAGE" and not line.strip()):
            within = ""


def _mark_attributions(lines: list[str], kinds: list[Line]) -> None:
    """Attributions, from their last line up: the fewest lines that make one, and what else belongs to it."""
    parts: dict[int, bool] = {}
    for last in range(len(lines)):
        if not (_may_end(lines, kinds, last) and _has_part(lines, parts, last)):
            continue
        for first in range(last, max(-1, last - _MOST_LINES_OF_ATTRIBUTION), -1):
            if kinds[first] in (ATTRIBUTION, ORIGINAL) or (first < last and not lines[first].strip()):
                break
            if marks.is_attribution(_joined(lines, first, last)):
                first = _reaching_up(lines, kinds, first, last)
                kinds[first : last + 1] = [ATTRIBUTION] * (last + 1 - first)
                break


def _has_part(lines: list[str], parts: dict[int, bool], last: int) -> bool:
    """Whether one of the lines up to `last` may be part of an attribution; `parts` has what was found out before."""
    for number in range(last, max(-1, last - _MOST_LINES_OF_ATTRIBUTION - 1), -1):
        if number not in parts:
            parts[number] = marks.may_be_part(lines[number])
        if parts[number]:
            return True
    return False


def _mark_named(lines: list[str], kinds: list[Line]) -> None:
    """What only its surroundings tell: "Ann wrote:" above a quote, and quotes by name below an attribution."""
    below = EMPTY
    for number in range(len(lines) - 1, -1, -1):
        if kinds[number] is TEXT and below is QUOTE and marks.is_named_writer(_joined(lines, number, number)):
            kinds[number] = ATTRIBUTION
        below = below if kinds[number] is EMPTY else kinds[number]
    first = next((number for number, kind in enumerate(kinds) if kind is ATTRIBUTION), len(kinds))
    for number in range(first, len(lines)):
        if kinds[number] is TEXT and marks.is_named_quote(lines[number]):
            kinds[number] = QUOTE


def _may_end(lines: list[str], kinds: list[Line], last: int) -> bool:
    if kinds[last] is QUOTE:
        # "> wrote:" of a broken address, not a quote.
        return last > 0 and kinds[last - 1] in (TEXT, HEADER) and len(lines[last].strip()) < 40
    return kinds[last] in (TEXT, HEADER) and (lines[last].rstrip(_BLANKS)[-1:] in _ENDINGS or lines[last][:1].isdigit())


def _reaching_up(lines: list[str], kinds: list[Line], first: int, last: int) -> int:
    """Where an attribution without its date or with half an address begins, if its beginning stands above."""
    top = first
    for above in range(first - 1, max(-1, last - _MOST_LINES_OF_ATTRIBUTION), -1):
        text = _joined(lines, top, last)
        halved = text.count(">") > text.count("<")
        if marks.is_dated(text) and not halved:
            break
        if kinds[above] is EMPTY:
            if not halved and text.lstrip()[:1] != "<":
                break
            continue
        if kinds[above] not in (TEXT, HEADER) or len(lines[above]) > _LONGEST_NAME:
            break
        top = above
    return (
        top if marks.is_attribution(_joined(lines, top, last)) and marks.is_dated(_joined(lines, top, last)) else first
    )


def _joined(lines: list[str], first: int, last: int) -> str:
    return " ".join(" ".join(lines[first : last + 1]).split())


def _mark_headers(kinds: list[Line]) -> None:
    """Blocks of header lines with what they go on in; fewer than three lines are text that looks like it."""
    at = 0
    while at < len(kinds):
        if kinds[at] is not HEADER:
            at += 1
            continue
        ends, found = at, 0
        while ends < len(kinds) and ends - at < _LONGEST_BLOCK:
            if kinds[ends] is HEADER:
                found, last = found + 1, ends
            elif kinds[ends] not in (TEXT, EMPTY) or ends - last > _FOLDED:
                break
            ends += 1
        kind = HEADER if found >= _HEADERS_OF_A_BLOCK else TEXT
        kinds[at : last + 1] = [kind if one in (HEADER, TEXT) else one for one in kinds[at : last + 1]]
        at = last + 1


def _mark_headings(lines: list[str], kinds: list[Line]) -> None:
    """A line of the same length under a line of text makes it a heading."""
    for number in range(1, len(kinds)):
        if kinds[number] is DIVIDER and kinds[number - 1] is TEXT:
            shown, above = lines[number].strip(), lines[number - 1].strip()
            if shown[0] in "=-~" and len(shown) >= _SHORTEST_UNDERLINE and abs(len(shown) - len(above)) <= 1:
                kinds[number] = TEXT


def _kept(lines: list[str], kinds: list[Line]) -> list[bool]:
    """Which lines stay."""
    end = _end(kinds)
    text = [number for number in range(end) if kinds[number] is TEXT]
    if not text:
        # Nothing but quotes: then they are what was sent.
        return [True] * len(kinds)
    begins = _begin(kinds, text)
    ends = min(end, _end_of_answer(lines, kinds, text, end))
    return [begins <= number < ends and kind in (TEXT, QUOTE, EMPTY) for number, kind in enumerate(kinds)]


def _end(kinds: list[Line]) -> int:
    """The first line after which nothing is the writer's, whatever it looks like."""
    written = False
    for number, kind in enumerate(kinds):
        if kind is TEXT:
            written = True
        elif written and kind in (DIVIDER, ORIGINAL, HEADER):
            return number
        elif written and kind is ATTRIBUTION:
            after = next((one for one in kinds[number:] if one not in (ATTRIBUTION, EMPTY)), EMPTY)
            if after is not QUOTE:
                return number
    return len(kinds)


def _begin(kinds: list[Line], text: list[int]) -> int:
    """Where the answer begins that stands below what it answers, all of which says whose it is."""
    before = [kind for kind in kinds[: text[0]] if kind is not EMPTY]
    after = kinds[text[0] : text[-1]]
    introduced = bool(before) and before[0] in (ATTRIBUTION, ORIGINAL, HEADER)
    return text[0] if introduced and QUOTE not in after else 0


def _end_of_answer(lines: list[str], kinds: list[Line], text: list[int], end: int) -> int:
    """Where the answer ends: before the quotes that end the mail, and before what little stands below them."""
    after = text[-1] + 1
    if lines[after - 1].rstrip().endswith((":", "：")) and ATTRIBUTION not in kinds[after:end]:
        # The writer introduces the quote.
        return next((number for number in range(end, after, -1) if kinds[number - 1] is QUOTE), after)
    quoted = [number for number in range(text[0], end) if kinds[number] in (ATTRIBUTION, QUOTE)]
    if not quoted or quoted[0] > after or kinds[quoted[0]] is not ATTRIBUTION:
        return after
    # One block of quotes with its attribution, an answer before it and a few lines below.
    below = [number for number in text if number > quoted[0]]
    within = any(kinds[number] is TEXT for number in range(quoted[0], quoted[-1]))
    if within or len(below) >= _SHORT_ENDING or _is_greeting(lines, kinds, quoted[0]):
        return after
    return quoted[0]


def _is_greeting(lines: list[str], kinds: list[Line], end: int) -> bool:
    """Whether what stands above a quote is only a salutation, so that the answer stands below."""
    above = [text for number in range(end) if kinds[number] is TEXT and (text := lines[number].strip())]
    return (
        len(above) == 1
        and len(above[0]) <= _LONGEST_GREETING
        and (above[0][-1] in ",!，！" or len(above[0].split()) <= 2)
    )
