"""A process of trackkit's own: its event loop, and the signals that stop it in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Final

SWITCH_SECONDS: Final = 0.0002
"""How long a thread that has the interpreter may keep the others waiting. With Python's own 5 ms whoever writes to the
database waits for the event loop after each statement; with this a queue is sent a tenth quicker."""

COLLECT_EVERY: Final = 10_000
"""Objects that come before Python looks for cycles among them; with its own 700 it looks at every few messages."""


def now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, on the faster loop where there is one."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(COLLECT_EVERY, *gc.get_threshold()[1:])
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def stop_signal() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    return stop
