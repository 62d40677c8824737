"""Work off the kernel's main thread, so that a slow server freezes nothing.

`in_background` is for every call of a server from a handler; `long_work` besides shows how far it is and can be
cancelled. What follows the work runs where the handler ran, never in the thread. Errors of both are shown in their
place (`trackkit.widgets.problems`). Without a running event loop (a script, a test) there is nothing to keep
responsive, and the work is done at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

import ipywidgets as w

from trackkit.widgets.problems import Place, show, shows_problems
from trackkit.widgets.tables import shown

T = TypeVar("T")


def in_background(
    place: Place,
    work: Callable[[], T],
    then: Callable[[T], None],
    *,
    busy: Sequence[w.Widget] = (),
    failed: Callable[[Exception], bool] | None = None,
) -> None:
    """Do `work` in a thread of its own, then `then` with its result here.

    Parameters
    ----------
    place: where an error is shown; cleared at the start.
    busy: controls that are disabled until the work is done, so that nothing is done twice.
    failed: gets the work's error first; true = it has dealt with it.
    """
    show(place, None)
    before = [control.disabled for control in busy]
    for control in busy:
        control.disabled = True

    def finish(result: T | None, error: Exception | None) -> None:
        for control, was_disabled in zip(busy, before, strict=True):
            control.disabled = was_disabled

        @shows_problems(place)
        def go_on() -> None:
            if error is None:
                then(result)  # type: ignore[arg-type]  # a T whenever there is no error
            elif failed is None or not failed(error):
                raise error

        go_on()

    _elsewhere(work, finish)


def _elsewhere(work: Callable[[], T], finish: Callable[[T | None, Exception | None], None]) -> None:
    """Run `work` in a thread and `finish` in the loop this was called from."""

    def outcome() -> tuple[T | None, Exception | None]:
        try:
            return work(), None
        except Exception as error:  # noqa: BLE001 - carried over to where it is shown
            return None, error

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        finish(*outcome())
        return

    def run() -> None:
        result = outcome()
        try:
            loop.call_soon_threadsafe(finish, *result)
        except RuntimeError:  # the loop has ended meanwhile (a subshell of the kernel); the page may still be there
            finish(*result)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="trackkit work").start()


class Cancelled(Exception):
    """Raised inside long work by `Progress.report` once somebody has pressed Cancel."""


class Progress:
    """How far long work is. `report` is called by the work, from its thread."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar = w.HTML()
        self._cancelled = threading.Event()
        self.cancel = w.Button(description="Cancel")
        self.cancel.on_click(lambda _: self._stop())
        self.widget = w.HBox([self._bar, self.cancel])
        self.widget.add_class("tk-row")
        self.widget.add_class("tk-progress")
        self._draw("", "")

    @property
    def cancelled(self) -> bool:
        """Whether somebody has pressed Cancel."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """`Cancelled` when it shall go no further: for between two steps, never inside one."""
        if self.cancelled:
            raise Cancelled

    def report(self, done: int, total: int) -> None:
        """So much is done; `Cancelled` as `check`."""
        self.check()
        self._draw(f'max="{total}" value="{done}"', f"{done:,} of {total:,}")

    def tell(self, done: int, total: int | None, words: str) -> None:
        """So far is work that is done elsewhere; a cancel is for whoever asked for the work to pass on."""
        if self.cancelled:
            return
        known = f'max="{total}" value="{done}"' if total else ""
        count = f"{done:,} of {total:,}" if total else ""
        self._draw(known, f"{words} {count}".strip())

    def _stop(self) -> None:
        self._cancelled.set()
        self.cancel.disabled = True
        self._draw("", "stopping …")

    def _draw(self, attributes: str, words: str) -> None:
        self._bar.value = (
            f'<span role="status">{shown(self._title)} {words}</span> '
            f'<progress aria-label="{shown(self._title)}" {attributes}></progress>'
        )


def long_work(
    box: w.Box,
    title: str,
    place: Place,
    work: Callable[[Progress], T],
    then: Callable[[T], None],
    *,
    busy: Sequence[w.Widget] = (),
    failed: Callable[[Exception], bool] | None = None,
    cancelled: Callable[[], None] | None = None,
    abandoned: Callable[[T], None] | None = None,
) -> Progress:
    """Do `work` in a thread with its progress in `box`, which is empty again afterwards.

    Parameters
    ----------
    title: what is being done: ``Deleting 4,000 messages``.
    work: calls `Progress.report` between its steps, which is where a cancel ends it.
    cancelled: called when it was ended that way.
    abandoned: for work that has no steps: Cancel is at once, and what the work brings later goes here (in its thread).
    """
    progress = Progress(title)
    box.children = (progress.widget,)

    def working() -> T:
        result = work(progress)
        if abandoned is not None and progress.cancelled:
            abandoned(result)
            raise Cancelled
        return result

    def give_up(_: object) -> None:
        box.children = ()
        for control in busy:
            control.disabled = False
        if cancelled is not None:
            cancelled()

    def done(result: T) -> None:
        if abandoned is not None and progress.cancelled:
            abandoned(result)
            return
        box.children = ()
        then(result)

    def not_done(error: Exception) -> bool:
        if abandoned is not None and progress.cancelled:
            return True  # nobody waits for it any more, and the box may be in use for something else
        box.children = ()
        if isinstance(error, Cancelled):
            if cancelled is not None:
                cancelled()
            return True
        return failed is not None and failed(error)

    if abandoned is not None:
        progress.cancel.on_click(give_up)
    in_background(place, working, done, busy=busy, failed=not_done)
    return progress
