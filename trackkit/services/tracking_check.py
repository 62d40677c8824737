"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def check(call: Call, request: contract.NamedProject) -> contract.Check:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
