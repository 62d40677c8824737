"""Why a host refuses, from what it replied: reply code, enhanced code and words to one `Reason`, or to none.

Three steps, the first that knows decides:

1. codes that say one thing only, whoever uses them (`reply_codes.certain`);
2. the words, by what the big providers (`provider_texts`, `hosting_texts`) and the usual mail programs
   (`message_texts`, `address_texts`) document;
3. enhanced codes that say something, but which hosts use for other things too (`reply_codes.general`).

A reply that none of them knows has no reason, and is shown as it is: no reason is better than a wrong one. Replies to a
log-in are looked up apart, since there the same codes mean the account of this server and not a recipient.

The same question is asked about replies in the queue and about those that bounces quote.
"""

from __future__ import annotations

import re
from typing import Final

from trackkit.domain import reply_codes
from trackkit.domain.address_texts import ADDRESS_TEXTS
from trackkit.domain.hosting_texts import HOSTING_TEXTS
from trackkit.domain.login_texts import LOGIN_TEXTS
from trackkit.domain.message_texts import MESSAGE_TEXTS
from trackkit.domain.provider_texts import PROVIDER_TEXTS
from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import found

TEXTS: Final = (*PROVIDER_TEXTS, *HOSTING_TEXTS, *MESSAGE_TEXTS, *ADDRESS_TEXTS)
"""What only one provider says comes first, what many programs say of the address last."""

LONGEST: Final = 1000
"""Characters of a reply that are looked at."""

_LOGIN_FAILED_FOR_NOW: Final = 454

_CODES_OF_FURTHER_LINES: Final = re.compile(
    r"\b[245]\d\d[- ](?=[245]\.\d{1,3}\.\d{1,3}\b)|(?<=\s)[245]\.\d{1,3}\.\d{1,3}\s"
)


def reason_of(smtp_code: int | None, enhanced_code: str, text: str, *, login: bool = False) -> Reason | None:
    """Why the host replied so; none where that is not known.

    Parameters
    ----------
    enhanced_code: such as ``5.1.1``, or empty.
    login: whether it is the reply to a log-in.
    """
    words = plain(text)
    if login:
        reason = found(LOGIN_TEXTS, words) or reply_codes.of_login(smtp_code, enhanced_code)
        # RFC 4954 §6: 454 is a failure of the host's, whatever the words are.
        return None if reason is Reason.password and smtp_code == _LOGIN_FAILED_FOR_NOW else reason
    return reply_codes.certain(smtp_code, enhanced_code) or found(TEXTS, words) or reply_codes.general(enhanced_code)


def plain(text: str) -> str:
    """A reply's words in one line and small letters, without the codes that its further lines begin with."""
    line = " ".join(text[:LONGEST].lower().replace("\u2019", "'").split())
    return _CODES_OF_FURTHER_LINES.sub("", line)
