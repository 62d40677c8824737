"""What a person who changes options should hear before: new warnings, and values that fit better to what was chosen.

Advice only: nothing here refuses or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackkit.domain.options import Options, warnings

SMTP_PORTS: Mapping[str, int] = {"none": 25, "starttls-if-offered": 25, "starttls": 587, "tls": 465}
"""The usual port for each encryption: relay (RFC 5321 §4.5.4.2), submission (RFC 6409 §3.1), submissions (RFC 8314)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A value that fits better, and why."""

    value: int
    words: str


def new_warnings(now: Options, then: Options) -> list[str]:
    """The warnings of `then` that `now` does not have yet."""
    present = warnings(now)
    return [warning for warning in warnings(then) if warning not in present]


def proposals(options: Options) -> Mapping[str, Proposal]:
    """By option name: what would fit better. A port that is none of the usual ones was chosen, and is left alone."""
    smtp = options.sending.smtp
    usual = SMTP_PORTS[smtp.encryption]
    if smtp.port == usual or smtp.port not in SMTP_PORTS.values():
        return {}
    return {"sending.smtp.port": Proposal(usual, f"With encryption '{smtp.encryption}' the usual port is {usual}.")}
