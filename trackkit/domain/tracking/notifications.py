"""Bounces, complaints and deliveries as Amazon SES writes them into mails by way of SNS: JSON in the text.

The form is documented by Amazon (SES developer guide, "notification contents"). `read` never raises; what is not in
that form gives nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from trackkit.domain.tracking.reports import MOST, Told, address_in, status_in

_LONGEST: Final = 200_000
_TYPES: Final = ("Bounce", "Complaint", "Delivery")


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened (``Bounce``, ``Complaint`` or ``Delivery``), and to whom."""

    type: str
    told: tuple[Told, ...]


def read(text: str) -> Notification | None:
    """The notification that a text begins with; none when it begins with something else."""
    # Sendmail divides lines of more than 990 characters so.
    start = text[:_LONGEST].lstrip().replace("!\n ", "")
    if not start.startswith("{") or "notificationType" not in start:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return None
    kind = found.get("notificationType")
    if kind not in _TYPES:
        return None
    entries = _dict(found.get("bounce")).get("bouncedRecipients")
    told = [_told(_dict(entry)) for entry in entries[:MOST]] if kind == "Bounce" and isinstance(entries, list) else []
    return Notification(kind, tuple(told))


def _told(entry: dict[str, Any]) -> Told:
    said = str(entry.get("diagnosticCode", "")).removeprefix("smtp;").strip()
    action = str(entry.get("action", "failed")).lower()
    return Told(
        address_in(str(entry.get("emailAddress", ""))),
        action if action in ("failed", "delayed") else "failed",
        status_in(str(entry.get("status", ""))),
        said,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
