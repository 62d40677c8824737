"""Reads mails for the server, which starts it (`services/reading.py`) and talks to it by pickles:

    python -m trackkit.services.reader

First it says `READY`; then each `Request` on stdin is answered on stdout, mail by mail in its order. It ends with
stdin, and so with the server, however that ends; where the system has alarms, also when a request takes longer than it
may and nobody is there any more to end it. A mail that takes more memory than there may be is unreadable. All that it
has to know comes by the pipe.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from trackkit.domain.tracking import reading
from trackkit.domain.tracking.reading import Known, Read, Unreadable, packed

READY: Final = "ready"
MEMORY: Final = 2**30
"""Octets that reading may take over what the process begins with."""

_COLLECT_EVERY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """Mails to be read, each with when it was fetched. `seconds`: how long all of them may take."""

    mails: list[tuple[bytes, datetime]] = field(repr=False)
    known: Known
    seconds: int


def serve(read: Callable[[bytes, datetime, Known], Read | Unreadable]) -> None:
    """Answer until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are the server's, which may still need what is read
        signal.signal(number, signal.SIG_IGN)
    _give_way()
    _limit_memory()
    gc.set_threshold(_COLLECT_EVERY)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    _send(answers, READY)
    while (request := _received(requests)) is not None:
        _alarm(request.seconds)
        _send(answers, [packed(read(raw, at, request.known)) for raw, at in request.mails])
        _alarm(0)


def _received(requests: BinaryIO) -> Request | None:
    try:
        return pickle.load(requests)  # type: ignore[no-any-return]  # noqa: S301 - from the server alone
    except EOFError:
        return None


def _send(answers: BinaryIO, answer: object) -> None:
    pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


def _alarm(seconds: int) -> None:
    """Unlike anything in Python, it ends the process also within a regular expression."""
    if sys.platform != "win32":
        signal.alarm(seconds)


def _give_way() -> None:
    """The server, which answers people and hosts, comes first."""
    if sys.platform != "win32":
        os.nice(5)


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    serve(reading.read)
