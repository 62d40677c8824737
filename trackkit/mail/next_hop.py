"""What is known about a destination right now (the relay, or a domain's mail hosts), and what follows for messages that
wait for it.

All messages of a destination share its hosts. A connection that could not be opened is therefore an honest attempt
for every message that waited for it, and for those that turn up in the next few seconds: without that, a queue of a
thousand mails behind a dead host would take a thousand time-outs to tell each mail the same thing, and the host, once
it struggles back, would be hammered by the retries. Whoever asks for a new try (submit, reattempt, changed options)
gets a real one.

A host that turns away a further connection while others work is crowded, not dead: nothing is shared then. So that
the two can be told apart, and a dead host is not tried by all lanes at once, connections are opened one by one
until one is open (`proving`).

The monotonic time is passed in.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from trackkit.domain.log import Severity
from trackkit.domain.replies import Outcome


class Report(Protocol):
    """Writes to the server log; what a mail about log entries causes is not to be `mailed`."""

    def __call__(self, severity: Severity, message: str, details: str = "", *, mailed: bool = True) -> None:
        """Write."""


SHARED_SECONDS = 5.0
"""How long a failure to connect holds for messages claimed after it."""

SHARED_ALWAYS_SECONDS = 0.25
"""How long it holds even if a new try was asked for: the most often a dead host is tried by each connection."""

CROWDED_SECONDS = 60.0
"""How long fewer connections are used after the host turned one away."""


@dataclass(frozen=True, slots=True)
class FailedOpening:
    """A connection that could not be opened."""

    outcome: Outcome
    conversation: str
    at: float


class NextHop:
    """A destination's last failure, and how many connections to it are open.

    Parameters
    ----------
    label: the destination as reports begin with it.
    report: is told when it cannot be used, and when it can again; none for one of many domains, of which some are
        always away: the queue says so.
    """

    def __init__(self, label: str, report: Report | None) -> None:
        self._label = label
        self._report = report
        self._failure: FailedOpening | None = None
        self._unreachable = False
        self._mailed = True
        self._asked_again_at = float("-inf")
        self.proving = asyncio.Lock()
        """Held while a connection is opened and none is known to work."""
        self._open = 0
        self._opened_at = float("-inf")
        self._crowded_until = float("-inf")

    @property
    def proven(self) -> bool:
        """Whether a connection is open."""
        return self._open > 0

    @property
    def answers(self) -> bool:
        """Whether it could be connected to when it was last tried."""
        return self._failure is None and self._opened_at > float("-inf")

    def opened(self, now: float) -> None:
        """A connection is open."""
        self._open += 1
        self._opened_at = now
        self._failure = None
        if self._unreachable and self._report is not None:
            self._unreachable = False
            words = f"{self._label} can be used again."
            self._report(Severity.information, words, mailed=self._mailed)

    def closed(self) -> None:
        """A connection that was open is so no more."""
        self._open -= 1

    def failed(self, outcome: Outcome, conversation: str, begun_at: float, now: float, *, mailed: bool = True) -> bool:
        """A connection could not be opened. False: the host is merely crowded, and the message is to wait.

        `mailed`: the message it was for is no mail about log entries.

        Crowded it is if a connection is open, or was opened while this one was tried (and is closed again: there
        are hosts that take one message each).
        """
        if self._open or self._opened_at >= begun_at:
            self._crowded_until = now + CROWDED_SECONDS
            return False
        self._failure = FailedOpening(outcome, conversation, now)
        if not self._unreachable and self._report is not None:
            self._unreachable, self._mailed = True, mailed
            what = f"{self._label} cannot be used; mail waits in the queue."
            self._report(Severity.warning, what, f"{outcome.stage.replace('_', ' ')}: {outcome.text}", mailed=mailed)
        return True

    def asked_again(self, now: float) -> None:
        """Somebody wants a new try."""
        self._asked_again_at = now

    def shared_failure(self, claimed_at: float, now: float) -> FailedOpening | None:
        """The failure that is the outcome of a message claimed at `claimed_at`, too; none when it has to be tried."""
        failure = self._failure
        if failure is None:
            return None
        age = now - failure.at
        asked_again = self._asked_again_at > failure.at
        if claimed_at <= failure.at and age < SHARED_SECONDS:
            return failure
        if age < (SHARED_ALWAYS_SECONDS if asked_again else SHARED_SECONDS):
            return failure
        return None

    def connections(self, wanted: int, now: float) -> int:
        """How many connections to use when `wanted` are allowed."""
        return wanted if now >= self._crowded_until else min(wanted, max(self._open, 1))
