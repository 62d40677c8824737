"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def list_inbox(call: Call, request: contract.ListInbox) -> contract.Inbox:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def show_mail(call: Call, request: contract.NamedInboxMail) -> contract.InboxMail:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def raw_mail(call: Call, request: contract.NamedInboxMail) -> contract.RawInboxMail:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def discard(call: Call, request: contract.InboxIds) -> contract.Discarded:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
