"""What a person who changes options should hear before: new warnings, and values that fit better to what was chosen.

Advice only: nothing here refuses or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackkit.domain.declared import value_of
from trackkit.domain.options import Options, catalogue, warnings
from trackkit.domain.smtp_options import port_proposals


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
    """By option name: what would fit better."""
    sending = options.sending
    return {name: Proposal(*found) for name, found in port_proposals(sending.smtp, sending.pop_before_smtp).items()}


def notes(used: Options, then: Options, given_port: int | None = None) -> dict[str, str]:
    """By option name: what a person who changes `used` into `then` has to do, or should know.

    Parameters
    ----------
    used: the options the server started with.
    given_port: the port given at the start (``--port``), which wins over the option.
    """
    changed = {
        name for name, info in catalogue().items() if info.restart and value_of(used, name) != value_of(then, name)
    }
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
