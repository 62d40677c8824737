"""What the history of a host and an address adds to a diagnosis, in a sentence. Pure.

A host that takes other mail is not the trouble; one that nothing got through to for a while is; an address that got
mail before was right once. Looked up for one mail at a time, where somebody looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from trackkit.domain.text import counted

LATELY: Final = timedelta(days=1)


class About(StrEnum):
    """What a trouble is about, which decides what its past is worth."""

    nothing = ""
    host = "host"
    address = "address"
    message = "message"
    sending_machine = "sending_machine"


@dataclass(frozen=True, slots=True)
class Past:
    """What became of other mail, as far back as was looked.

    Parameters
    ----------
    tried_at: when this mail was tried last, and so said what is diagnosed.
    host_took_at: when the host took mail last.
    address_took_at: when mail for this address left last.
    failing_since, failing: since when all tries at the host failed, and of how many messages.
    """

    tried_at: datetime
    host_took_at: datetime | None = None
    address_took_at: datetime | None = None
    failing_since: datetime | None = None
    failing: int = 0


def sentence(about: About, past: Past | None) -> str:
    """What the past adds, or nothing."""
    if past is None:
        return ""
    if about is About.host:
        return _of_host(past)
    took = past.host_took_at
    takes_others = took is not None and took > past.tried_at - LATELY
    if about is About.address:
        return " ".join(filter(None, (_of_address(past), _others(took, "this address") if takes_others else "")))
    if about is About.message and takes_others:
        return _others(took, "this message")
    if about is About.sending_machine and took is not None and took > past.tried_at:
        return f"Since then, at {_at(took)}, it took other mail from here."
    return ""


def _of_host(past: Past) -> str:
    if past.host_took_at is not None and past.host_took_at > past.tried_at:
        return f"Since then, at {_at(past.host_took_at)}, it took other mail: it may take this one now."
    if past.failing_since is not None and past.failing > 1:
        return (
            f"Nothing has got through since {_at(past.failing_since)}: {counted(past.failing, 'message')} failed there."
        )
    return ""


def _of_address(past: Past) -> str:
    if past.address_took_at is None:
        return ""
    return f"Mail for this address left the last time at {_at(past.address_took_at)}, so it was right then."


def _others(took: datetime | None, what: str) -> str:
    return f"It took other mail at {_at(took)}, so the trouble is {what}." if took else ""


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
