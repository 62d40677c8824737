"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def settings(call: Call, request: contract.NamedProject) -> contract.ProjectMailSettings:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def change_settings(call: Call, request: contract.SetProjectMail) -> contract.ProjectMailSettings:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
