"""The histogram of the log: select a stretch of it, and the view shows only the entries of that time.

The kernel counts for the conditions of the view without its time, over a range of its own: all of the log, the last
so many minutes, or what was zoomed into. Each step can be taken back. What goes wrong is shown in the place of the
bars: old ones would pass for new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ipywidgets as w
import traitlets as t
from anywidget import AnyWidget

from trackkit.charts.style import LEVELS
from trackkit.client import Server
from trackkit.contract.log import LogHistogram as Counted
from trackkit.domain.log import Severity
from trackkit.domain.log_filters import ago
from trackkit.widgets.log_view import LogView
from trackkit.widgets.problems import Trouble
from trackkit.widgets.work import in_background

_HERE = Path(__file__).parent
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = 50
"""So many steps back are remembered."""

NOTHING = "No log entries to count here."


class Bars(AnyWidget):
    """What the browser knows. It changes nothing of this but says what was done by messages."""

    _esm = _HERE / "log_histogram.js"
    _css = _HERE / "log_histogram.css"

    drawn = t.Dict().tag(sync=True)
    """Bars: when they start, their width, the levels with colour and hatching, counts by level; instants in ms."""
    selected = t.Dict().tag(sync=True)
    may = t.Dict().tag(sync=True)
    """Which of the buttons do something."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """The time of the view, and the range that is counted (none = as the time says)."""

    last_minutes: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    range: tuple[datetime | None, datetime | None] | None = None


class LogHistogram:
    """The bars and what follows from a selection.

    Parameters
    ----------
    trouble: where errors are shown.
    chosen: gets the view with another time after something was selected, cleared, or taken back.
    """

    def __init__(self, server: Server, trouble: Trouble, chosen: Callable[[LogView], None]) -> None:
        self._server, self.trouble, self._chosen = server, trouble, chosen
        self._view, self._standing = LogView(), _Standing()
        self._before: list[_Standing] = []
        self._busy = self._stale = False
        self.bars = Bars(drawn={}, selected={"from": None, "to": None}, may={})
        self.bars.on_msg(self._told)
        self.widget = w.VBox([self.bars])
        self.widget.add_class("tk-grid-box")

    def show(self, view: LogView) -> None:
        """Count for these conditions. A time that did not come from here has its own range and nothing to go back."""
        now = _Standing(view.last_minutes, view.since, view.until)
        if now != replace(self._standing, range=None):
            self._before.clear()
            self._standing = replace(now, range=None if view.last_minutes else self._around(now))
        self._view = view
        self._mark()
        self.refresh()

    def refresh(self) -> None:
        """Count again; while it is being counted, once more afterwards, however often this is called."""
        self._stale = True
        if self._busy:
            return
        self._busy, self._stale = True, False
        since, until = self._range()
        conditions = {**self._view.between(since, until).conditions()}
        in_background(
            self.trouble, lambda: self._server.log.histogram(**conditions), self._counted, failed=self._failed
        )

    def select(self, since: datetime | None, until: datetime | None) -> None:
        """Show only that time; the bars stay as they are."""
        self._go(_Standing(None, since, until, self._fixed()))

    def zoom(self) -> None:
        """Count only the selected stretch, in narrower bars."""
        here = self._standing
        if (here.since or here.until) and here.range != (here.since, here.until):
            self._go(replace(here, range=(here.since, here.until)))

    def clear(self) -> None:
        """No time, and the bars of all."""
        if self._standing != _Standing():
            self._go(_Standing())

    def back(self) -> None:
        """As it was before the last step."""
        if self._before:
            self._go(self._before.pop(), remember=False)

    def _go(self, standing: _Standing, *, remember: bool = True) -> None:
        if remember:
            self._before = [*self._before, self._standing][-_STEPS:]
        self._standing = standing
        self._mark()
        time = {"last_minutes": standing.last_minutes, "since": standing.since, "until": standing.until}
        self._chosen(replace(self._view, **time))  # type: ignore[arg-type]

    def _around(self, now: _Standing) -> tuple[datetime | None, datetime | None] | None:
        """The range there was, if a time that was typed lies in it; else all."""
        if self._standing.range is None:
            return None
        since, until = self._standing.range
        inside = (not since or (now.since and now.since >= since)) and (not until or (now.until and now.until <= until))
        return self._standing.range if inside else None

    def _range(self) -> tuple[datetime | None, datetime | None]:
        here = self._standing
        if here.range is not None:
            return here.range
        return (ago(datetime.now(UTC), here.last_minutes), None) if here.last_minutes else (None, None)

    def _fixed(self) -> tuple[datetime | None, datetime | None] | None:
        """The range of the bars on the page, so that they stay when something of them is selected."""
        if self._standing.last_minutes and self._standing.range is None:
            return self._range()
        return self._standing.range

    def _mark(self) -> None:
        here = self._standing
        stretch = bool(here.since or here.until)
        with self.bars.hold_sync():
            self.bars.selected = {"from": _ms(here.since), "to": _ms(here.until)}
            self.bars.may = {
                "zoom": stretch and here.range != (here.since, here.until),
                "back": bool(self._before),
                "clear": here != _Standing(),
            }

    def _counted(self, counted: Counted) -> None:
        self._busy = False
        if self._stale:
            self.refresh()
        else:
            self.bars.drawn = drawn(counted)

    def _failed(self, _: Exception) -> bool:
        self._busy = False
        if self._stale:
            self.refresh()
            return True
        self.bars.drawn = {}
        return False

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        """The browser says what was done; what makes no sense changes nothing."""
        if not isinstance(content, dict):
            return
        acts: dict[str, Callable[[], None]] = {"zoom": self.zoom, "clear": self.clear, "back": self.back}
        begins, ends = content.get("from"), content.get("to")
        if content.get("do") == "select" and isinstance(begins, int) and isinstance(ends, int) and begins < ends:
            self.select(_instant(begins), _instant(ends))
        elif content.get("do") in acts:
            acts[content["do"]]()


def drawn(counted: Counted) -> dict[str, Any]:
    """Counts as the browser draws them: only bars that hold anything, each with its number."""
    at: dict[int, list[int]] = {}
    place = {level: number for number, level in enumerate(counted.levels)}
    width = timedelta(seconds=counted.bucket_seconds)
    for count in counted.counts:
        bar = at.setdefault((count.starts_at - counted.starts_at) // width, [0] * len(place))
        bar[place[count.level]] += count.entries
    levels = [
        {"title": Severity.named(level).title, "colour": LEVELS[level].colour, "hatch": LEVELS[level].hatch}
        for level in counted.levels
    ]
    return {
        "start": _ms(counted.starts_at),
        "width": counted.bucket_seconds * 1000,
        "buckets": counted.buckets,
        "levels": levels,
        "bars": [[bar, *numbers] for bar, numbers in sorted(at.items())],
        "note": NOTHING,
    }


def _ms(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(milliseconds=1)


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
