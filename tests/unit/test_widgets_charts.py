"""The charts of the views against a real server: with the list's filter, and never an old picture."""

from __future__ import annotations

import asyncio
import re
import threading

import pandas as pd
import pytest

from tests.conftest import Start
from tests.running import RunningServer
from trackkit.domain.errors import Unavailable
from trackkit.widgets.folded_chart import FoldedChart
from trackkit.widgets.log_panel import LogPanel
from trackkit.widgets.problems import Trouble
from trackkit.widgets.queue_panel import QueuePanel

MAIL = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: s\r\n\r\nText.\r\n"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    return start_for_module()


def figures(chart: FoldedChart) -> int:
    """The sum of the numbers in the table behind the picture."""
    return sum(int(n.replace(",", "")) for n in re.findall(r'class="tk-number "><span>([\d,]+)</span>', picture(chart)))


def picture(chart: FoldedChart) -> str:
    return str(chart.picture.value)


def test_the_queues_chart_is_drawn_when_asked_for_and_again_by_refresh(server: RunningServer) -> None:
    server.admin.mail.submit(MAIL, sender="", recipients=["b@example.org"])
    panel = QueuePanel(server.admin, Trouble())
    chart = panel.charts[0]
    panel.refresh()
    assert picture(chart) == ""
    assert chart.button.description == "Show chart of the mail queue"
    chart.button.click()
    assert '<img src="data:image/png' in picture(chart)
    assert figures(chart) == server.admin.mail.list().total == 1
    server.admin.mail.submit(MAIL, sender="", recipients=["b@example.org"])
    panel.refresh()
    assert figures(chart) == 2
    assert chart.button.description == "Hide chart of the mail queue"
    chart.button.click()
    assert picture(chart) == ""


def test_the_logs_histogram_has_the_filter_of_the_list_and_goes_when_it_cannot_be_counted(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = server.admin.log
    panel = LogPanel(server.admin, Trouble())
    bars, fields = panel.histogram.bars, panel.form.fields

    def counted() -> int:
        return sum(sum(numbers) for _, *numbers in bars.drawn["bars"])

    assert counted() == log.histogram().total > 0
    fields.put("text", "no entry has these words")
    assert (bars.drawn["bars"], bars.drawn["note"]) == ([], "No log entries to count here.")

    def away(**_: object) -> None:
        raise Unavailable("The log is away.")

    with monkeypatch.context() as patch:
        patch.setattr(log, "histogram", away)
        panel.refresh()
    assert bars.drawn == {}, "old bars would pass for new ones"
    assert "The log is away." in panel.histogram.trouble.line.value
    fields.put("text", "")
    assert counted() == log.histogram().total
    assert panel.histogram.trouble.line.value == ""


def test_while_a_chart_is_drawn_nothing_waits_and_only_the_newest_is_shown() -> None:
    may_go = threading.Event()
    asked: list[int] = []

    def frame() -> pd.DataFrame:
        asked.append(len(asked))
        assert may_go.wait(30)
        return pd.DataFrame(index=asked)

    async def run() -> list[str]:
        chart = FoldedChart("chart", frame, lambda drawn: f"drawing {len(drawn)}", Trouble())
        seen: list[str] = []
        chart.picture.observe(lambda change: seen.append(change.new), names="value")
        chart.button.click()
        chart.refresh()
        chart.refresh()
        assert seen == []
        assert "Drawing" in chart.note.value
        may_go.set()
        for _ in range(1000):
            if seen:
                break
            await asyncio.sleep(0.01)
        return seen

    assert asyncio.run(run()) == ["drawing 2"]
