"""Fetching mail at once, for whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one session with a mailbox came to. `words`: why it failed; empty if it did not."""

    mailbox: str
    fetched: int
    removed: int
    words: str


@dataclass
class FetchingState:
    """Set by the poller while it runs."""

    poll_now: Callable[[Collection[str], float], list[Fetched]] | None = None
    """Fetch from these accounts now, and wait so many seconds for it at most."""
