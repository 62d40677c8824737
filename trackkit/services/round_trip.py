"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def send_probe(call: Call, request: contract.OfProject) -> contract.RoundTripView:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
