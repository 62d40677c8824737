"""The list: every case, in the order in which they are brought about."""

from __future__ import annotations

from tests.bad_queues import direct_cases, local_cases, login_cases, relay_cases, reply_cases

CASES = (*relay_cases.CASES, *login_cases.CASES, *reply_cases.CASES, *direct_cases.CASES, *local_cases.CASES)
