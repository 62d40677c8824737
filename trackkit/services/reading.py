"""Mails are read in processes of their own (`services/reader.py`), where there is more than one processor.

Reading is most of what importing costs, and one interpreter uses one processor. Promises: what comes back is what
`domain.tracking.reading.read` says, in its order; a mail that takes too long, too much memory, or the process with it
is unreadable, and costs the others nothing but time; the processes are started when they are needed, and end after a
while without work, at `close`, and with the server, however it ends. They get nothing of the server's but what
reading needs, by a pipe. Where none can be started mails are read in this process, and the log says so once.

None of this holds for few mails (`FEWEST`), which are read where they are, as by a machine with one processor: that
reading any mail is bounded is promised by `domain.tracking`, and processes are for what nobody has thought of.

Threads may call everything at any time.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trackkit.domain.log import Severity
from trackkit.domain.tracking import reading
from trackkit.domain.tracking.reading import Known, Packed, Read, Unreadable, unpacked
from trackkit.services import reader
from trackkit.services.log_writer import LogWriter
from trackkit.services.machine import processors
from trackkit.services.reader import READY, Request

FEWEST: Final = 16
"""So few mails are read at once where they are."""

MOST_PROCESSES: Final = 2
REST_SECONDS: Final = 60.0
TOGETHER_SECONDS: Final = 60
ALONE_SECONDS: Final = 20
"""The slowest mail that is known takes less than five, on a slow machine."""

_SOURCE: Final = "tracking"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 5
_FOR_PYTHON: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")
"""What of the server's environment they need; there may be secrets in the rest."""

Mail = tuple[bytes, datetime]


@dataclass(frozen=True, slots=True)
class Begun:
    """Mails that are being read, by what is `known`."""

    known: Known
    parts: Sequence[Future[list[Read | Unreadable]]] = field(repr=False)

    def wait(self) -> list[Read | Unreadable]:
        """What they say, in their order."""
        return [one for part in self.parts for one in part.result()]


class Readers:
    """Of one server.

    Parameters
    ----------
    module: what is started as a reader.
    together, alone: seconds that many mails may take, and one.
    """

    def __init__(
        self,
        log: LogWriter,
        module: str = reader.__name__,
        together: int = TOGETHER_SECONDS,
        alone: int = ALONE_SECONDS,
    ) -> None:
        self._log, self._module, self._together_seconds, self._alone_seconds = log, module, together, alone
        self._most = min(MOST_PROCESSES, processors())
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="trackkit-reading")
        self._lock = threading.Lock()
        self._resting: list[_Process] = []
        self._rest: threading.Timer | None = None
        self._told = False

    def read(self, mails: Sequence[Mail], known: Known) -> list[Read | Unreadable]:
        """Read these."""
        begun = self.begin(mails, known)
        return begun.wait() if begun else [reading.read(raw, at, known) for raw, at in mails]

    def begin(self, mails: Sequence[Mail], known: Known) -> Begun | None:
        """Let these be read meanwhile, after what was begun before; none = they are read when they are needed."""
        if len(mails) < FEWEST or self._most < 2:
            return None
        size = -(-len(mails) // self._most)
        parts = [mails[at : at + size] for at in range(0, len(mails), size)]
        return Begun(known, [self._threads.submit(self._part, known, part) for part in parts])

    def close(self) -> None:
        """End the processes; what is being read still comes back."""
        self._threads.shutdown()
        self._rest_now()

    def _part(self, known: Known, mails: Sequence[Mail]) -> list[Read | Unreadable]:
        try:
            try:
                return self._elsewhere(known, mails, self._together_seconds)
            except _Ended:
                return [self._alone(known, mail) for mail in mails]
        except _NotStarted as error:
            self._tell(error)
            return [reading.read(raw, at, known) for raw, at in mails]

    def _alone(self, known: Known, mail: Mail) -> Read | Unreadable:
        try:
            return self._elsewhere(known, [mail], self._alone_seconds)[0]
        except _Ended as error:
            return Unreadable(f"It could not be read: {error}.")

    def _elsewhere(self, known: Known, mails: Sequence[Mail], seconds: int) -> list[Read | Unreadable]:
        process = self._begun()
        answer = process.ask(Request(list(mails), known, seconds + 1), seconds)
        self._rest_later(process)
        return [unpacked(one, raw) for one, (raw, _) in zip(answer, mails, strict=True)]

    def _begun(self) -> _Process:
        while True:
            with self._lock:
                if not self._resting:
                    break
                process = self._resting.pop()
            if process.lives():
                return process
            process.end()
        return _Process(self._module)

    def _rest_later(self, process: _Process) -> None:
        with self._lock:
            self._resting.append(process)
            if self._rest is not None:
                self._rest.cancel()
            self._rest = threading.Timer(REST_SECONDS, self._rest_now)
            self._rest.daemon = True
            self._rest.start()

    def _rest_now(self) -> None:
        with self._lock:
            resting, self._resting = self._resting, []
            if self._rest is not None:
                self._rest.cancel()
        for process in resting:
            process.end()

    def _tell(self, error: _NotStarted) -> None:
        if not self._told:
            self._told = True
            self._log.write(
                Severity.warning, _SOURCE, "Mail is read by the server itself, which is slower.", str(error)
            )


class _Ended(Exception):
    """A process has ended instead of answering, and why."""


class _NotStarted(Exception):
    """No process can be started, and why."""


class _Process:
    """A reader that is started and is ready; for one thread at a time."""

    def __init__(self, module: str) -> None:
        environment = {name: os.environ[name] for name in _FOR_PYTHON if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what it would say of a mail is for nobody's eyes
                env=environment,
            )
        except OSError as error:
            raise _NotStarted(f"No process for it can be started: {error.strerror}.") from None
        assert self._process.stdin is not None  # noqa: S101 - pipes were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._requests, self._answers = self._process.stdin, self._process.stdout
        try:
            ready = self._within(_START_SECONDS, self._received)
        except _Ended as error:
            raise _NotStarted(f"The process for it did not get ready: {error}.") from None
        if ready != READY:
            self._kill()
            raise _NotStarted("The process for it answers with something else.")

    def lives(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def ask(self, request: Request, seconds: int) -> list[Packed]:
        """Its answer; `_Ended` without one, and then the process is gone."""

        def asked() -> object:
            pickle.dump(request, self._requests, pickle.HIGHEST_PROTOCOL)
            self._requests.flush()
            return self._received()

        return self._within(seconds, asked)  # type: ignore[return-value]

    def end(self) -> None:
        """Let it come to its end."""
        try:
            self._requests.close()
            self._process.wait(_STOP_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._kill()
        self._answers.close()

    def _received(self) -> object:
        return pickle.load(self._answers)  # noqa: S301 - from a process of our own

    def _within(self, seconds: int, work: Callable[[], object]) -> object:
        late = threading.Event()

        def expire() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            return work()
        except (OSError, EOFError, pickle.UnpicklingError):
            self._kill()
            raise _Ended(
                f"it takes more than {seconds} seconds" if late.is_set() else "its reader broke down"
            ) from None
        finally:
            timer.cancel()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._answers.close()
        with suppress(OSError):  # what was not sent has nobody to read it
            self._requests.close()
