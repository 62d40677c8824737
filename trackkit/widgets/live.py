"""Keeping a view up to date by itself, without keeping the session alive.

What is asked that way is marked as automatic, so that a page left open is logged out as if it did nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server


def keeps_up(server: Server, label: str, seconds: float, refresh: Callable[[], None]) -> w.Checkbox:
    """A switch, off at first; while it is on `refresh` is called every so many seconds.

    `refresh` should switch this off when it fails, or the error is shown again and again.
    """
    switch = w.Checkbox(description=label, indent=False)
    waiting: list[asyncio.TimerHandle] = []

    def again(loop: asyncio.AbstractEventLoop) -> None:
        if not switch.value:
            return
        waiting[:] = [loop.call_later(seconds, again, loop)]
        with server.automatic():
            refresh()

    def switched(_: object) -> None:
        for handle in waiting:
            handle.cancel()
        if switch.value:
            again(asyncio.get_running_loop())

    switch.observe(switched, names="value")
    return switch


def once_more(server: Server, seconds: float, refresh: Callable[[], None]) -> None:
    """Call `refresh` once after so many seconds: what was asked of the server takes a moment to show.

    Where no event loop runs (a script) nothing waits, and nothing is done.
    """

    def run() -> None:
        with server.automatic():
            refresh()

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    loop.call_later(seconds, run)
