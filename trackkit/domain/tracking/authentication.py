"""What the receiving host says of who sent a mail: its Authentication-Results (RFC 8601). Pure.

Only the first such field counts: hosts put theirs above all that has come with the mail. Anybody can write one that
says "pass", and where the receiving host writes none that is what is read; so a pass proves nothing and gives nothing,
and only a failure is acted on.

DMARC decides where it is there, since it knows what the author's domain wants. Else a mail has failed only when no
method has passed: forwarding breaks SPF, and mailing lists break DKIM.
"""

from __future__ import annotations

import re
from typing import Final

from trackkit.domain.tracking.fields import Fields

_COMMENT: Final = re.compile(r"\([^()]*\)")
_RESULT: Final = re.compile(r"(?<![\w.-])(dmarc|dkim|spf)\s*=\s*([a-z]+)", re.IGNORECASE)
_FAILED: Final = frozenset({"fail", "hardfail", "softfail"})
_SHOWN: Final = 1_000


def results(fields: Fields) -> str:
    """The first Authentication-Results of a mail, as it stands; empty without one."""
    return fields.first("authentication-results")[:_SHOWN]


def has_failed(results: str) -> bool:
    """Whether the receiving host says that the author is not who they seem."""
    if not results:
        return False
    found = [(method.lower(), result.lower()) for method, result in _RESULT.findall(_COMMENT.sub("", results))]
    dmarc = [result for method, result in found if method == "dmarc"]
    if "pass" in dmarc:
        return False
    if _FAILED.intersection(dmarc):
        return True
    others = [result for method, result in found if method != "dmarc"]
    return "pass" not in others and not _FAILED.isdisjoint(others)
