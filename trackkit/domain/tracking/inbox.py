"""What can become of a mail that was fetched. Pure."""

from __future__ import annotations

from enum import StrEnum


class InboxState(StrEnum):
    """Where a fetched mail stands.

    ``fetched`` becomes one of the others once; ``quarantined`` may become any of them by hand.
    """

    fetched = "fetched"
    """On disk here, not looked at yet."""
    attached = "attached"
    """Filed with its record."""
    duplicate = "duplicate"
    """The same mail was filed before."""
    untracked = "untracked"
    """It belongs to no record, or to another server's."""
    quarantined = "quarantined"
    """Somebody has to look at it: forged, conflicting or unreadable."""
    discarded = "discarded"
    """Somebody looked and threw it away."""
