"""What mends a trouble: an operation with its arguments, for a person to look at and apply.

A diagnosis offers one where the evidence says exactly what to do; where a person has to find something out first (the
right name of a host), it only names the operation and the option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SET_OPTIONS = "options.set"
TRUST = "trust.add"


@dataclass(frozen=True, slots=True)
class Fix:
    """One offer.

    operation: ``options.set``, ``trust.add``, or a verb of the queue (``mail.release`` …) for the mail it was said of.
    words: what applying it does, as a button says it.
    changes: by option name the values to be set.
    host, port: whose untrusted certificate is to be trusted.
    """

    operation: str
    words: str
    changes: Mapping[str, bool | int | str | None] = field(default_factory=dict)
    host: str = ""
    port: int = 0


def setting(words: str, **changes: bool | int | str | None) -> Fix:
    """The fix that sets options; ``__`` stands for the dot: ``sending__paused=False``."""
    return Fix(SET_OPTIONS, words, {name.replace("__", "."): value for name, value in changes.items()})
