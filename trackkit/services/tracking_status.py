"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def status(call: Call, request: Nothing) -> contract.TrackingStatus:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def poll(call: Call, request: contract.OfProject) -> contract.Polled:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
