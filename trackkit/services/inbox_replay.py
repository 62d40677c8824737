"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def replay(call: Call, request: contract.ReplayMail) -> contract.Replay:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def reprocess(call: Call, request: contract.Reprocess) -> contract.InboxMail:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
