"""Whether the SMTP listener is open, for whoever looks at the server's health."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ListenerState:
    """Written by the listener, read by health."""

    open: bool = False
    trouble: str = ""
    """Why it is not open although it should be."""
