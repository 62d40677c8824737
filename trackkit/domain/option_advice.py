"""What a person who changes options should hear before: new warnings, and values that fit better to what was chosen.

Advice only: nothing here refuses or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackkit.domain.options import Options, catalogue, get, warnings

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


def notes(used: Options, then: Options, given_port: int | None = None) -> dict[str, str]:
    """By option name: what a person who changes `used` into `then` has to do, or should know.

    Parameters
    ----------
    used: the options the server started with.
    given_port: the port given at the start (``--port``), which wins over the option.
    """
    changed = {name for name, info in catalogue().items() if info.restart and get(used, name) != get(then, name)}
    found = {name: "Takes effect at the server's next start." for name in catalogue() if name in changed}
    won = given_port not in (None, then.server.port)
    if "server.port" in changed:
        without = " without --port" if won else ""
        found["server.port"] = (
            f"Takes effect at the server's next start{without}. "
            f"Clients' connections must be edited then: port {then.server.port}."
        )
    if "server.encrypt" in changed:
        how = "encrypted" if then.server.encrypt else "not encrypted"
        found["server.encrypt"] += f" Clients' connections must be edited then: {how}."
    if won:
        words = f"The server was started with --port {given_port}, which wins over this option ({then.server.port})."
        found["server.port"] = " ".join(filter(None, (found.get("server.port"), words)))
    return found
