"""Before a password is looked at: whether it may be tried now; afterwards: what of failures the log is told.

The rules are `domain.throttle` and `domain.failures`; here they meet the clock, the log and threads. Fails with
`TooManyAttempts`, which says when to try again.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.failures import Failures, Summary
from trackkit.domain.log import Severity
from trackkit.domain.rates import NO_WAIT
from trackkit.domain.throttle import Throttle, place_of
from trackkit.services.log_writer import LogWriter

SOURCE: Final = "log-in"


@dataclass(slots=True)
class Attempt:
    """One try of a password.

    Parameters
    ----------
    source: whose entries in the log these are.
    account: what tries are counted for; realm and name.
    shown: the account as the log and people know it.
    address: where it comes from.
    browser: the name of a browser that is known to have logged in to the account before.
    database: of a project user.
    """

    source: str
    account: str
    shown: str
    address: str
    browser: str = ""
    database: str = ""
    right: bool = False
    """Whether the password was right; set by who looked at it."""

    @property
    def place(self) -> str:
        """Where it comes from, as tries are counted."""
        return f"browser {self.browser}" if self.browser else place_of(self.address)


class LoginGuard:
    """The one through which every password of a server goes. Safe for threads."""

    def __init__(self, log: LogWriter, clock: Callable[[], datetime]) -> None:
        self._log, self._clock = log, clock
        self._lock = threading.Lock()
        self._throttle = Throttle()
        self._failures = Failures()

    @contextmanager
    def trying(self, attempt: Attempt) -> Iterator[Attempt]:
        """Look at a password inside, and set `right`; raises `TooManyAttempts` when that may not be done now.

        What raises inside counts as not looked at.
        """
        account, place, known = attempt.account, attempt.place, bool(attempt.browser)
        with self._lock:
            wait = self._throttle.admit(self._clock(), account, place, known=known)
        if wait > NO_WAIT:
            self._failed(attempt, turned_away=True)
            raise _turned_away(wait)
        try:
            yield attempt
        except BaseException:
            with self._lock:
                self._throttle.give_back(self._clock(), account, place, known=known)
            raise
        if attempt.right:
            with self._lock:
                self._throttle.succeeded(self._clock(), account, place, known=known)
        else:
            self._failed(attempt, turned_away=False)

    def wrong_code(self, address: str) -> None:
        """A wrong set-up code: too long to be guessed, so only the log is kept from being flooded."""
        attempt = Attempt(SOURCE, "set-up code", "set-up code", address)
        self._failed(attempt, turned_away=False, words="A wrong set-up code was tried.")

    def tell(self, *, at_the_end: bool = False) -> None:
        """Write the summary that is due, if any; asked now and then, and when the server stops."""
        with self._lock:
            summary = self._failures.due(self._clock(), at_the_end=at_the_end)
        self._summarise(summary)

    def _failed(self, attempt: Attempt, *, turned_away: bool, words: str = "") -> None:
        with self._lock:
            now = self._clock()
            summary = self._failures.due(now)
            told = self._failures.note(now, attempt.shown, attempt.address, turned_away=turned_away)
        self._summarise(summary)
        if told:
            self._log.write(
                Severity.unusual_activity,
                attempt.source,
                words or f"Failed log-in as {attempt.shown!r}.",
                database=attempt.database,
                client_address=attempt.address,
            )

    def _summarise(self, summary: Summary | None) -> None:
        if summary is not None:
            self._log.write(Severity.unusual_activity, SOURCE, summary.words(), summary.details())


def _turned_away(wait: timedelta) -> TooManyAttempts:
    seconds = max(math.ceil(wait.total_seconds()), 1)
    return TooManyAttempts(
        f"There were too many tries to log in. The password was not looked at; try again in {seconds} "
        f"second{'s' if seconds > 1 else ''}.",
        "Trying earlier is turned away, too, and makes the wait no longer. A script with an old password may be the "
        "reason.",
        details={"retry_after": str(seconds)},
    )
