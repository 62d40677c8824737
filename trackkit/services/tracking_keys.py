"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def rotate_key(call: Call, request: Nothing) -> contract.RotatedKey:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
