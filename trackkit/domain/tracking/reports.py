"""What programs report about a mail in a form made for programs: delivery reports (RFC 3464), feedback (RFC 5965).

Delivery reports are recognised by their fields wherever they stand: in a part of their own, with any type the parts
around it have, or among words for people, as some hosts send them. `read` gives one `Told` a recipient.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MOST: Final = 100
"""Recipients of a report that are read."""

_LONGEST: Final = 200_000
_FIELD = re.compile(r"^[ >]{0,4}([A-Za-z][A-Za-z-]{2,40}):[ \t]*(.*)$")
_ADDRESS = re.compile(r"[^\s<>;,\"]{1,64}@[^\s<>;,\"]{1,255}")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_RECIPIENT: Final = ("original-recipient", "final-recipient")
"""The original one is the address that the mail was sent to (RFC 3464 §2.3.1)."""
_MARKS: Final = frozenset({"final-recipient", "original-recipient", "action", "status", "diagnostic-code"})
_ACTIONS: Final = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says about one recipient; what it leaves out is empty."""

    recipient: str
    action: str
    """``failed``, ``delayed``, ``delivered``, ``relayed`` or ``expanded`` (RFC 3464 §2.3.3)."""
    status: str
    text: str
    """What the host said, or what the report says of it."""


def read(text: str) -> list[Told]:
    """What the groups of fields in `text` say about recipients; empty where there are none."""
    found = []
    for group in _groups(text[:_LONGEST]):
        if any(name in group for name in _RECIPIENT) and len(_MARKS & group.keys()) > 1:
            found.append(_told(group))
    return found[:MOST]


def _groups(text: str) -> Iterable[dict[str, str]]:
    """Groups of fields, as empty lines divide them; the first of two with one name counts."""
    group: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        field = _FIELD.match(line)
        if field and not (line[:1] == " " and last in ("diagnostic-code", "status")):
            last = field[1].lower()
            if last in _RECIPIENT and last in group:
                # Some leave out the empty line between two recipients.
                yield group
                group = {}
            group.setdefault(last, field[2].strip())
        elif not line.strip():
            if group:
                yield group
            group, last = {}, ""
        elif last and line[:1] in " \t>":
            group[last] = f"{group[last]} {line.strip()}"[:4000]
        else:
            last = ""
    if group:
        yield group


def _told(group: dict[str, str]) -> Told:
    named = [group[name] for name in _RECIPIENT if name in group]
    recipient = next(filter(None, (address_in(value.rpartition(";")[2] or value) for value in named)), "")
    said = re.sub(r"^[\w. -]{1,30};\s*", "", group.get("diagnostic-code", ""))
    stated = group.get("status", "")
    stated_action = re.match(r"\w*", group.get("action", "").lower())
    action = stated_action[0] if stated_action and stated_action[0] in _ACTIONS else "failed"
    comment = stated.partition("(")[2].rstrip(") ")
    return Told(recipient, action, status_in(stated), said or comment)


def address_in(text: str) -> str:
    """The first address in a value; ``""`` without one."""
    match = _ADDRESS.search(text)
    return match[0] if match else ""


def status_in(text: str) -> str:
    """The enhanced status code (RFC 3463) in a value; ``""`` without one."""
    match = _STATUS.search(text)
    return match[1] if match else ""
