"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.contract.mail_tests import MailTest
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def begin_test(call: Call, request: contract.BeginMailboxTest) -> MailTest:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
