"""A table of words by which hosts say why they refuse: groups of patterns, each with where its words are documented.

Patterns are about words that hosts choose; none is about an address, a host's name or a file. They are matched in
`plain` words: one line, small letters. Gaps are bounded, so each takes time in proportion to the reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trackkit.domain.reasons import Reason

Says = tuple[Reason, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Group:
    """What one source documents, or several that say the same.

    source: whose words they are, and where that is documented.
    """

    source: str
    texts: tuple[Says, ...]


def group(source: str, *texts: Says) -> Group:
    """A line of the table."""
    return Group(source, texts)


def says(reason: Reason, *patterns: str) -> Says:
    """The reason that any of these words stand for."""
    return reason, re.compile("|".join(patterns))


def found(groups: tuple[Group, ...], words: str) -> Reason | None:
    """The reason of the first pattern, in the order of the table, that is in these `plain` words."""
    for one in groups:
        for reason, pattern in one.texts:
            if pattern.search(words):
                return reason
    return None
