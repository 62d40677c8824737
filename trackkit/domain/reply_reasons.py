"""Why a host refuses, from what it replied: reply code, enhanced code and words to one `Reason`, or to none.

Three steps, the first that knows decides:

1. codes that say one thing only, whoever uses them (`reply_codes.certain`);
2. the words, by what the big providers and the usual mail programs document (`reply_texts`);
3. enhanced codes that say something, but which hosts use for other things too (`reply_codes.general`).

A reply that none of them knows has no reason, and is shown as it is: no reason is better than a wrong one. Replies to a
log-in are looked up apart, since there the same codes mean the account of this server and not a recipient.

The same question is asked about replies in the queue and about those that bounces quote.
"""

from __future__ import annotations

import re
from typing import Final

from trackkit.domain import reply_codes
from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import LOGIN_TEXTS, TEXTS, Group

LONGEST: Final = 2000
"""Characters of a reply that are looked at."""

_CODES_OF_FURTHER_LINES: Final = re.compile(r"\b[245]\d\d[- ](?=[245]\.\d{1,3}\.\d{1,3}\b)|(?<=\s)[245]\.\d{1,3}\.\d{1,3}\s")


def reason_of(smtp_code: int | None, enhanced_code: str, text: str, *, login: bool = False) -> Reason | None:
    """Why the host replied so; none where that is not known.

    Parameters
    ----------
    enhanced_code: such as ``5.1.1``, or empty.
    login: whether it is the reply to a log-in.
    """
    words = plain(text)
    if login:
        return found(LOGIN_TEXTS, words) or reply_codes.of_login(smtp_code, enhanced_code)
    return (
        reply_codes.certain(smtp_code, enhanced_code) or found(TEXTS, words) or reply_codes.general(enhanced_code)
    )


def plain(text: str) -> str:
    """A reply's words in one line and small letters, without the codes that its further lines begin with."""
    line = " ".join(text[:LONGEST].lower().replace("\u2019", "'").split())
    return _CODES_OF_FURTHER_LINES.sub("", line)


def found(groups: tuple[Group, ...], words: str) -> Reason | None:
    """The reason of the first pattern, in the order of the table, that is in these `plain` words."""
    for group in groups:
        for reason, pattern in group.texts:
            if pattern.search(words):
                return reason
    return None
