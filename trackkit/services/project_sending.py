"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import project_mail as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def send_email(call: Call, request: contract.SendEmail) -> contract.EmailView:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def reply_to_email(call: Call, request: contract.ReplyToEmail) -> contract.EmailView:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
