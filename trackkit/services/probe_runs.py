"""Tests of settings under way: each in a thread of its own, in memory, looked at step by step by whoever asks.

Any test that tells its steps can run here (of the way mail leaves, of a mailbox); what it does is given as `Work`.
Bounded: one at a time for each person, `AT_A_TIME` in all; those that have ended are kept for `KEPT`, the last
`MOST_KEPT`. A restart forgets them: a test is repeated, not resumed. It never waits for anything but its own steps, and
nothing waits for it but those who look, and for no longer than they say.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from trackkit.domain.errors import Conflict, NotFound, ServerFault, TrackkitError, Unavailable
from trackkit.domain.evidence import Diagnosis
from trackkit.domain.log import Severity
from trackkit.domain.message import Envelope
from trackkit.domain.options import Options
from trackkit.domain.probe_steps import Ending, Step, StepKind
from trackkit.domain.replies import Outcome
from trackkit.domain.tracking_options import Mailbox
from trackkit.domain.trust import Trusted
from trackkit.services.log_writer import LogWriter

SOURCE: Final = "test"
AT_A_TIME: Final = 4
MOST_KEPT: Final = 50
KEPT: Final = timedelta(minutes=10)
_WAITERS: Final = 4
"""Of one test; who looks besides is answered at once, so that few threads wait."""

_STOP_SECONDS: Final = 5.0


class Cancelled(Exception):
    """Raised by a `Work` that was cancelled."""


class Watch(Protocol):
    """What a test tells its steps to, and hears from that it shall end."""

    def begun(self, kind: StepKind, whom: str) -> None:
        """A step begins."""

    def ended(self, step: Step) -> None:
        """It has ended."""

    def when_cancelled(self, act: Callable[[], object]) -> None:
        """Call this, from another thread, when the test shall end; at once if it shall already."""


class Words(Protocol):
    """What the outcomes of a test mean, in words."""

    def diagnosis(self, outcome: Outcome, now: datetime) -> Diagnosis:
        """Why it failed."""

    def works(self, kinds: Collection[StepKind]) -> str:
        """What it says at its end, when it has taken these steps and nothing failed."""


Work = Callable[[Watch], Ending]
"""Blocks until the test has ended. Raises `Cancelled`, and `TrackkitError` when it could not be made at all."""


@dataclass(frozen=True, slots=True)
class MailWanted:
    """What of the way mail leaves is to be tested.

    Parameters
    ----------
    sender: none = nobody is asked whether it is taken.
    recipient: empty = as that.
    message: to be sent to the recipient; none = nothing is sent.
    """

    options: Options
    trusted: tuple[Trusted, ...]
    sender: str | None
    recipient: str
    message: bytes | None = None

    @property
    def envelope(self) -> Envelope | None:
        """Who is to be asked for."""
        if self.sender is None and not self.recipient:
            return None
        return Envelope(self.sender or "", (self.recipient,) if self.recipient else ())


@dataclass
class Run:
    """What is known of a test. Changes only under its condition.

    Parameters
    ----------
    words: for telling what it came to.
    """

    run_id: str
    subject: str
    username: str
    words: Words
    begun_at: datetime
    steps: list[Step] = field(default_factory=list)
    under_way: tuple[StepKind, str] | None = None
    ending: Ending | None = None
    error: TrackkitError | None = None
    cancelled: bool = False
    ended_at: datetime | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    acts: list[Callable[[], object]] = field(default_factory=list)
    waiters: int = 0

    def begun(self, kind: StepKind, whom: str) -> None:
        """As `Watch.begun`."""
        with self.changed:
            self.under_way = (kind, whom)
            self.changed.notify_all()

    def ended(self, step: Step) -> None:
        """As `Watch.ended`."""
        with self.changed:
            self.steps.append(step)
            self.under_way = None
            self.changed.notify_all()

    def when_cancelled(self, act: Callable[[], object]) -> None:
        """As `Watch.when_cancelled`."""
        with self.changed:
            self.acts.append(act)
            already = self.cancelled
        if already:
            act()

    def cancel(self) -> None:
        """Let it end."""
        with self.changed:
            self.cancelled = True
            acts = tuple(self.acts)
        for act in acts:
            act()

    def finish(self, at: datetime, ending: Ending | None, error: TrackkitError | None) -> None:
        """It has ended."""
        with self.changed:
            self.ending, self.error, self.under_way, self.ended_at = ending, error, None, at
            self.acts.clear()
            self.changed.notify_all()

    def wait(self, after: int, seconds: float) -> None:
        """Wait until more than `after` steps have ended, or the test has; not longer than `seconds`."""
        with self.changed:
            if self.waiters >= _WAITERS:
                return
            self.waiters += 1
            try:
                self.changed.wait_for(lambda: len(self.steps) > after or self.ended_at is not None, seconds)
            finally:
                self.waiters -= 1


class ProbeRuns:
    """The tests of one server."""

    def __init__(self, clock: Callable[[], datetime], log: LogWriter) -> None:
        self._clock, self._log = clock, log
        self._runs: dict[str, Run] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = False
        self.mail: Callable[[MailWanted, Watch], Ending] | None = None
        """Tests how mail leaves; set by the server while its mail engine runs."""
        self.mailbox: Callable[[Mailbox, tuple[Trusted, ...], Watch], Ending] | None = None
        """Tests a mailbox; set as that."""

    def begin(
        self,
        subject: str,
        username: str,
        words: Words,
        work: Work,
        begins: Callable[[str], None],
    ) -> Run:
        """Begin a test; `Conflict` while the same person's, or too many, are under way.

        Parameters
        ----------
        subject: what is tested, in words.
        begins: called with its id before anything is done: for the audit record. What it raises ends it.
        """
        with self._lock:
            if self._closing:
                raise Unavailable("The server is stopping; nothing was tested.")
            self._tidy()
            running = [run for run in self._runs.values() if run.ended_at is None]
            if mine := next((run for run in running if run.username == username), None):
                why = f"A test of yours is under way ({mine.run_id}); nothing was begun."
                raise Conflict(why, "Wait until it has ended, or cancel it.")
            if len(running) >= AT_A_TIME:
                raise Conflict(f"{len(running)} tests are under way; nothing was begun.", "Wait until one has ended.")
            run = Run(secrets.token_hex(8), subject, username, words, self._clock())
            begins(run.run_id)
            self._runs[run.run_id] = run
            thread = threading.Thread(target=self._work, args=(run, work), name="trackkit-test", daemon=True)
            self._threads[run.run_id] = thread
            thread.start()
        return run

    def show(self, run_id: str) -> Run:
        """A test that is under way or has ended lately; `NotFound`."""
        with self._lock:
            run = self._runs.get(run_id)
        if run is None:
            raise NotFound(f"There is no test {run_id} (any more).", "Tests are kept for ten minutes; test again.")
        return run

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            self._closing = True
            running = [run for run in self._runs.values() if run.ended_at is None]
            threads = [self._threads[run.run_id] for run in running]
        for run in running:
            run.cancel()
        for thread in threads:
            thread.join(_STOP_SECONDS)

    def _work(self, run: Run, work: Work) -> None:
        ending: Ending | None = None
        error: TrackkitError | None = None
        try:
            ending = work(run)
        except Cancelled:
            run.cancelled = True
        except TrackkitError as refused:
            error = refused
        except BaseException as defect:  # noqa: BLE001 - nobody waits for this thread; the test and the log tell it
            reference = secrets.token_hex(4)
            words = f"Defect {reference} in a test of {run.subject}: {type(defect).__name__}."
            self._log.write(Severity.error, SOURCE, words)
            words = f"The server made a mistake in the test (reference {reference})."
            error = ServerFault(words, "The server log has an entry with this reference.")
        run.finish(self._clock(), ending, error)

    def _tidy(self) -> None:
        """Forget those that ended long ago, and the oldest beyond what is kept."""
        now = self._clock()
        over = [run for run in self._runs.values() if run.ended_at is not None]
        over.sort(key=lambda run: run.ended_at or now)
        old = {run.run_id for run in over if run.ended_at is not None and now - run.ended_at > KEPT}
        old |= {run.run_id for run in over[: max(len(over) - MOST_KEPT, 0)]}
        for run_id in old:
            del self._runs[run_id], self._threads[run_id]
