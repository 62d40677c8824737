"""What MAPI's return codes mean for a recipient (Simple MAPI, ``mapi.h``).

| codes | mean |
| --- | --- |
| an unknown or ambiguous recipient, one of a wrong type | this one has failed for good; the others are tried alone |
| text or attachments beyond what the mail program takes, a type it does not support | failed for good |
| cancelled in a window that was shown | failed for good: somebody did not want it sent |
| everything else (log-in, disk, memory, network, a failure without a name, cancelled by itself) | tried again |

Nothing was sent whenever a code other than 0 comes back. Pure.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from trackkit.domain.replies import Failure, Outcome, Stage, Verdict

SUCCESS: Final = 0
USER_ABORT: Final = 1
LOGIN_FAILURE: Final = 3
UNKNOWN_RECIPIENT: Final = 14
INVALID_SESSION: Final = 19
UNICODE_NOT_SUPPORTED: Final = 27

OF_RECIPIENTS: Final = frozenset({UNKNOWN_RECIPIENT, 15, 21, 25})
"""Codes that are about a recipient."""

_FOR_GOOD: Final = OF_RECIPIENTS | {9, 17, 18, 20}

WORDS: Final = MappingProxyType(
    {
        1: ("USER_ABORT", "it was cancelled at the server machine"),
        2: ("FAILURE", "the mail program failed and does not say why"),
        3: ("LOGIN_FAILURE", "the mail program refuses the log-in, or there is no default profile"),
        4: ("DISK_FULL", "the disk of the mail program is full"),
        5: ("INSUFFICIENT_MEMORY", "the mail program has not enough memory"),
        6: ("ACCESS_DENIED", "the mail program denies the access"),
        8: ("TOO_MANY_SESSIONS", "the mail program has too many sessions already"),
        9: ("TOO_MANY_FILES", "the mail program does not take so many attachments"),
        10: ("TOO_MANY_RECIPIENTS", "the mail program does not take so many recipients at once"),
        11: ("ATTACHMENT_NOT_FOUND", "the mail program does not find an attachment's file"),
        12: ("ATTACHMENT_OPEN_FAILURE", "the mail program cannot read an attachment's file"),
        13: ("ATTACHMENT_WRITE_FAILURE", "the mail program cannot write an attachment's file"),
        14: ("UNKNOWN_RECIPIENT", "the address book does not know the recipient"),
        15: ("BAD_RECIPTYPE", "the mail program does not take recipients of that kind"),
        17: ("INVALID_MESSAGE", "the mail program does not take such a message"),
        18: ("TEXT_TOO_LARGE", "the text is larger than the mail program takes"),
        19: ("INVALID_SESSION", "the session with the mail program is over"),
        20: ("TYPE_NOT_SUPPORTED", "the mail program does not support such a message"),
        21: ("AMBIGUOUS_RECIPIENT", "the address book knows several that match the recipient"),
        23: ("NETWORK_FAILURE", "the mail program cannot reach its server"),
        25: ("INVALID_RECIPS", "the mail program takes the recipient's address for none"),
        26: ("NOT_SUPPORTED", "the mail program does not support this"),
        27: ("UNICODE_NOT_SUPPORTED", "the mail program does not take Unicode"),
    }
)
"""By code: its name after ``MAPI_E_``, and what to tell people."""


def outcome_of_code(code: int, stage: Stage, *, shown: bool = False) -> Outcome:
    """The outcome of a call that returned something other than success.

    Parameters
    ----------
    shown: the mail program's window was to be shown.
    """
    name, words = WORDS.get(code, ("", "the mail program failed in a way that is not known here"))
    text = f"{words} (MAPI_E_{name})" if name else f"{words} ({code})"
    if stage is Stage.login:
        return Outcome(Verdict.temporary, stage, Failure.mapi_login, text=text)
    for_good = code in _FOR_GOOD or (code == USER_ABORT and shown)
    verdict = Verdict.permanent if for_good else Verdict.temporary
    if code in OF_RECIPIENTS:
        return Outcome(verdict, Stage.recipient, Failure.mapi_recipient, text=text)
    failure = Failure.mapi_login if code == LOGIN_FAILURE else Failure.mapi_failed
    return Outcome(verdict, stage, failure, text=text)
