"""Charts draw the data they are given, say so when there is none, and need no colours to be read."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.unit.test_report_reply_times import email
from trackkit.charts import (
    answers_by_time,
    answers_words,
    domains_by_age,
    domains_words,
    log_by_level,
    log_words,
    picture,
    png,
    queue_by_age,
    queue_words,
    seats_over_time,
    seats_words,
)
from trackkit.charts.style import DARK, LEVELS, LIGHT, STATES, Theme
from trackkit.contract import log, mail
from trackkit.contract.licenses import UsagePoint
from trackkit.domain.ages import Age
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import SEVERITY_NAMES
from trackkit.frames import ages_frame, domain_ages_frame, histogram_frame
from trackkit.frames.emails import answers_frame
from trackkit.frames.licenses import usage_frame
from trackkit.widgets.chart_panel import answers_chart, domains_chart, log_chart, queue_chart, seats_chart

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
UNSENT = [state for state in State if state not in (State.deleted, State.sent)]


def histogram(buckets: int = 30, seconds: int = 600, levels: tuple[str, ...] = SEVERITY_NAMES) -> pd.DataFrame:
    counts = tuple(
        log.LevelCount(starts_at=START + n * timedelta(seconds=seconds), level=level, entries=(n * 7 + m) % 4)
        for n in range(buckets)
        for m, level in enumerate(levels)
        if (n * 7 + m) % 4
    )
    made = log.LogHistogram(
        starts_at=START, bucket_seconds=seconds, buckets=buckets, levels=levels, counts=counts, total=0
    )
    return histogram_frame(made, "office")


def ages() -> pd.DataFrame:
    counts = tuple(
        mail.StateAge(state=state, age=age, messages=(n + 1) * (m + 2))
        for n, state in enumerate(UNSENT)
        for m, age in enumerate(Age)
        if (n + m) % 3
    )
    return ages_frame(mail.QueueAges(counted_at=START, states=counts, domains=(), domains_in_all=0), "office")


def seats(steps: int = 12, pool: str = "floating", hours: int = 1) -> pd.DataFrame:
    points = [
        UsagePoint(
            starts_at=START + n * timedelta(hours=hours),
            hours=hours,
            pool=pool,
            capacity=3 + (n > 8),
            peak=n % 4,
            mean=None if n == 2 else n % 4 / 2,
            refusals=2 * (n == 3) + (n == 7),
        )
        for n in range(steps)
        if n not in (5, 6)
    ]
    return usage_frame(points, "office")


def axes(theme: Theme = LIGHT) -> Axes:
    made = Figure().subplots()
    made.set_facecolor(theme.ground)
    return made


def labels(drawn: Axes) -> list[str]:
    legend = drawn.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def texts(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


@pytest.mark.spec("4: histogram over time by level")
@pytest.mark.parametrize(("buckets", "seconds"), [(1, 1), (24, 3600), (200, 600)])
def test_the_log_is_drawn_as_it_was_counted(buckets: int, seconds: int) -> None:
    frame = histogram(buckets, seconds)
    drawn = log_by_level(frame, axes())
    wanted = frame.pivot(index="starts_at", columns="level", values="entries")
    assert len(drawn.patches) == 5
    for patch, level in zip(drawn.patches, SEVERITY_NAMES, strict=True):
        tops, edges, below = patch.get_data()
        assert list(tops - below) == list(wanted[level])
        assert edges == pytest.approx([date2num(START + n * timedelta(seconds=seconds)) for n in range(buckets + 1)])
    assert labels(drawn)[-1] == f"Severe Error ({wanted['severe_error'].sum()})", "in the order of the stack"
    assert drawn.get_ylim()[1] >= wanted.sum(axis="columns").max()


def test_the_log_chart_names_its_units_and_utc() -> None:
    drawn = log_by_level(histogram(), axes())
    assert drawn.get_xlabel() == "time (UTC)"
    assert drawn.get_ylabel() == "entries per 10 min"
    shown = drawn.xaxis.get_major_formatter().format_ticks([date2num(START), date2num(START + timedelta(hours=1))])
    assert shown == ["22:00", "23:00"]


def test_only_the_counted_levels_are_drawn() -> None:
    drawn = log_by_level(histogram(levels=SEVERITY_NAMES[:2]), axes())
    assert [label.split(" (")[0] for label in labels(drawn)] == ["Error", "Severe Error"]


def test_frames_of_several_servers_add_up_and_gaps_stay_gaps() -> None:
    first = histogram(2)
    later = first.assign(
        server="b", starts_at=first.starts_at + timedelta(hours=1), ends_at=first.ends_at + timedelta(hours=1)
    )
    drawn = log_by_level(pd.concat([first, first.assign(server="a"), later], ignore_index=True), axes())
    tops, edges, below = drawn.patches[1].get_data()
    once = first[first.level == "error"]["entries"]
    assert list(tops - below) == [*(2 * once), 0, 0, 0, 0, *once]
    assert len(edges) == 9
    with pytest.raises(InvalidInput, match="different widths"):
        log_by_level(pd.concat([first, histogram(2, 60)]), axes())


@pytest.mark.spec("5: counts by domain and age (domains × age buckets)")
def test_the_queue_is_drawn_as_it_was_counted() -> None:
    frame = ages()
    drawn = queue_by_age(frame, axes())
    wanted = frame.pivot(index="age", columns="state", values="messages")
    for bars, state in zip(drawn.containers, UNSENT, strict=True):
        assert [bar.get_height() for bar in bars] == list(wanted[state])
    tops = [sum(bars[n].get_height() for bars in drawn.containers) for n in range(len(Age))]
    assert texts(drawn) == [f"{int(top):,}" for top in tops]
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == [age.words for age in Age]
    assert drawn.get_ylabel() == "messages"
    assert "queued" in drawn.get_xlabel()
    assert drawn.get_ylim()[1] > max(tops), "the figure on top has room"


def domains() -> pd.DataFrame:
    names = [f"{'long-' * n}domain{n}.test" for n in range(18)]
    counts = tuple(
        mail.DomainAge(domain=name, age=age, messages=(18 - n) * 10 + m)
        for n, name in enumerate(names)
        for m, age in enumerate(Age)
        if (n + m) % 3
    )
    return domain_ages_frame(mail.QueueAges(counted_at=START, states=(), domains=counts, domains_in_all=18), "office")


@pytest.mark.spec("5: counts by domain and age (domains × age buckets)")
def test_domains_are_drawn_as_they_were_counted() -> None:
    frame = domains()
    drawn = domains_by_age(pd.concat([frame, frame.assign(server="b")]), axes())
    wanted = 2 * frame.pivot(index="domain", columns="age", values="messages")
    order = list(wanted.sum(axis="columns").sort_values(ascending=False, kind="stable").index)[:15]
    assert [tick.get_text()[-12:] for tick in drawn.get_yticklabels()] == [name[-12:] for name in order]
    assert max(len(tick.get_text()) for tick in drawn.get_yticklabels()) <= 28
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == [age.words for age in Age]
    assert texts(drawn) == [f"{int(number):,}" for number in wanted.loc[order].to_numpy().ravel() if number]
    words = domains_words(frame)
    assert words.startswith("Unsent mail by domain and age. domain0.test: 181 < 1 h, 182 < 4 h, ")
    html = domains_chart(frame)
    assert html.count('<tr role="row">') == 1 + 18, "the table has those that are not drawn, too"


@pytest.mark.spec("3: usage history: seats in use over time, peaks, refusals")
def test_seats_are_drawn_as_they_were_counted_and_hours_nobody_looked_at_are_gaps() -> None:
    drawn = seats_over_time(seats(), axes())
    peak, mean, capacity = (patch.get_data() for patch in drawn.patches)
    gap = [math.nan]
    assert list(peak.values) == pytest.approx([0, 1, 2, 3, 0, *gap, 3, 0, 1, 2, 3], nan_ok=True)
    assert list(mean.values) == pytest.approx([0, 0.5, *gap, 1.5, 0, *gap, 1.5, 0, 0.5, 1, 1.5], nan_ok=True)
    assert list(capacity.values) == pytest.approx([3] * 5 + gap + [3, 3, 4, 4, 4], nan_ok=True)
    wanted = [date2num(START + n * timedelta(hours=1)) for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)]
    assert peak.edges == pytest.approx(wanted)
    (marks,) = drawn.lines
    assert list(marks.get_xdata()) == pytest.approx([date2num(START + timedelta(hours=n + 0.5)) for n in (3, 7)])
    assert all(height > 3 for height in marks.get_ydata()), "above the line of the seats"
    assert labels(drawn) == ["refused (3)", "seats", "on average", "most at once"]
    assert drawn.get_title(loc="left") == "Floating seats in use"
    unknown = seats(3).assign(mean=pd.array([pd.NA] * 3, dtype="Float64"))
    assert labels(seats_over_time(unknown, axes())) == ["seats", "most at once"]


def test_seats_of_servers_add_up_and_pools_do_not() -> None:
    both = pd.concat([seats(), seats().assign(server="b")], ignore_index=True)
    drawn = seats_over_time(both, axes())
    assert drawn.patches[2].get_data().values[0] == 6
    with pytest.raises(InvalidInput, match="floating, web"):
        seats_over_time(pd.concat([seats(), seats(pool="web")]), axes())
    steps = seats_over_time(pd.concat([seats(), seats(1, hours=24).assign(server="b")]), axes()).patches[0].get_data()
    assert list(steps.edges) == sorted(set(steps.edges)), "steps of different lengths follow each other"
    html = seats_chart(pd.concat([seats(), seats(pool="web", hours=24)]))
    assert html.count("<figure") == 2
    assert "Web seats in use" in html
    assert html.count('<tr role="row">') == 2 * (1 + 10)
    assert "–" in html, "an average nobody knows"


def answers() -> pd.DataFrame:
    """Two answered within an hour and one after four days here; one within an hour and one not yet outside."""
    found = [
        email(1, "received", 200, 0.5),
        email(2, "received", 199, 0.9),
        email(3, "received", 198, 96),
        email(4, "sent", 197, 0.5, answers=3),
        email(5, "sent", 20),
        email(6, "sent", 19, answers=3),
    ]
    return answers_frame(found, "office")


@pytest.mark.spec("11: tracking (reply times, unanswered)")
def test_answers_are_drawn_by_side_and_time() -> None:
    drawn = answers_by_time(answers(), axes())
    steps = [tick.get_text() for tick in drawn.get_xticklabels()]
    assert steps == ["< 5 min", "< 1 h", "< 4 h", "< 1 d", "< 3 d", "longer", "not answered"]
    heights = [{step: bar.get_height() for step, bar in zip(steps, bars, strict=True)} for bars in drawn.containers]
    outside, here = [{step: height for step, height in one.items() if height} for one in heights]
    assert outside == {"< 1 h": 2, "longer": 1}
    assert here == {"< 1 h": 1, "not answered": 1}, "a last word waits for nothing"
    assert labels(drawn) == ["users here wait (2)", "people outside wait (3)"]
    assert sorted(texts(drawn)) == ["1", "1", "1", "2"]
    words = answers_words(answers())
    assert words.endswith("people outside wait: 2 < 1 h, 1 longer. users here wait: 1 < 1 h, 1 not answered.")
    html = answers_chart(answers())
    assert [int(n) for n in re.findall(r'class="tk-number "><span>(\d+)</span>', html)] == [
        *(0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1)
    ]


EMPTY: list[Any] = [
    (answers_by_time, answers_words, answers().iloc[:0], "No e-mail that wants an answer was written in this time."),
    (seats_over_time, seats_words, seats().iloc[:0], "Nobody counted seats in this time."),
    (log_by_level, log_words, histogram().iloc[:0], "No log entries in this time."),
    (log_by_level, log_words, histogram().assign(entries=0), "No log entries in this time."),
    (queue_by_age, queue_words, ages().iloc[:0], "No unsent mail."),
    (domains_by_age, domains_words, domains().iloc[:0], "No unsent mail."),
    (queue_by_age, queue_words, ages().assign(messages=0), "No unsent mail."),
]


@pytest.mark.parametrize(("draw", "words", "frame", "said"), EMPTY)
def test_an_empty_chart_says_so(draw: Any, words: Any, frame: pd.DataFrame, said: str) -> None:
    drawn = draw(frame, axes())
    assert texts(drawn) == [said]
    assert list(drawn.get_yticks()) == []
    assert labels(drawn) == []
    assert said in words(frame)
    assert png(draw, frame).startswith(b"\x89PNG")


def test_the_words_hold_the_figures() -> None:
    frame = histogram()
    total = frame.groupby("level", observed=True)["entries"].sum()
    words = log_words(frame)
    assert "2026-03-01 22:00 to 2026-03-02 03:00 UTC" in words
    assert f"{total['warning']} Warning" in words
    assert f"{ages()['messages'].sum()} messages" in queue_words(ages())
    words = seats_words(seats())
    assert "at most 3 at once, from 2026-03-02 01:00 on, when there were 3 seats; 0.7 on average" in words
    assert "Refused 3 times; most often from 2026-03-02 01:00 on: 2 times." in words
    assert seats_words(seats(2)).endswith("Nobody was refused.")


def linear(colour: str) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]


def luminance(colour: str) -> float:
    return sum(part * weight for part, weight in zip(linear(colour), (0.2126, 0.7152, 0.0722), strict=True))


def lab(rgb: list[float]) -> list[float]:
    """Linear RGB in CIE L*a*b* (D65)."""
    weights = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    found = [sum(w * c for w, c in zip(row, rgb, strict=True)) / n for row, n in zip(weights, white, strict=True)]
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in found)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


# Machado, Oliveira, Fernandes 2009: what is left of linear RGB when one kind of cone is missing.
SIGHT = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("fills", [LEVELS, STATES], ids=["levels", "states"])
def test_fills_differ_for_people_who_see_fewer_colours(fills: Any, sight: str) -> None:
    def seen(colour: str) -> list[float]:
        rgb = linear(colour)
        return lab([max(0.0, sum(w * c for w, c in zip(row, rgb, strict=True))) for row in SIGHT[sight]])

    for one, other in itertools.combinations(fills.values(), 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one.colour), seen(other.colour), strict=True)) ** 0.5
        assert distance > 15, (one, other, distance)


def test_fills_differ_without_any_colour() -> None:
    for fills, names in ((LEVELS, SEVERITY_NAMES), (STATES, tuple(state.value for state in UNSENT))):
        assert tuple(sorted(fills)) == tuple(sorted(names))
        assert len({fill.hatch for fill in fills.values()}) == len(fills)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(
    ("draw", "frame"),
    [
        (log_by_level, histogram()),
        (queue_by_age, ages()),
        (domains_by_age, domains()),
        (seats_over_time, seats()),
        (answers_by_time, answers()),
    ],
)
def test_words_stand_out_from_the_ground(theme: Theme, draw: Any, frame: pd.DataFrame) -> None:
    drawn = draw(frame, axes(theme))
    drawn.figure.draw_without_rendering()
    written = [text for text in drawn.findobj(Text) if text.get_text()]
    assert len(written) > 15
    for text in written:
        bright, dark = sorted((luminance(text.get_color()), luminance(theme.ground)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, text


def test_a_picture_holds_itself_and_its_words() -> None:
    html = picture(queue_by_age, ages(), 'said: <b> & "quoted"')
    assert html.count("data:image/png;base64,") == 2
    assert "prefers-color-scheme: dark" in html
    assert 'alt="said: &lt;b&gt; &amp; &quot;quoted&quot;"' in html
    assert not re.search(r"https?:|//", re.sub(r"base64,[^\"]+", "", html))


def test_behind_each_chart_stand_its_figures() -> None:
    frame = histogram(3)
    html = log_chart(frame)
    assert "<details><summary>The figures as a table</summary>" in html
    assert html.count('<tr role="row">') == 1 + 3
    assert "2026-03-01 22:10:00" in html
    cells = re.findall(r'class="tk-number "><span>(\d+)</span>', html)
    assert [int(cell) for cell in cells] == list(frame["entries"])
    shown = queue_chart(ages())
    assert [int(n) for n in re.findall(r'class="tk-number "><span>(\d+)</span>', shown)] == list(
        ages().sort_values(["age", "state"])["messages"]
    )
    assert "No log entries in this time." in log_chart(frame.iloc[:0])
    assert "No unsent mail." in queue_chart(ages().iloc[:0])


def test_charts_cost_nothing_until_they_are_drawn_and_touch_no_global_state() -> None:
    code = (
        "import sys, trackkit.charts, trackkit.widgets.chart_panel, trackkit.reports\n"
        "print({'matplotlib', 'pandas', 'ipywidgets', 'papermill', 'nbconvert'} & set(sys.modules))\n"
        "from tests.unit.test_charts import ages, png, queue_by_age\n"
        "png(queue_by_age, ages()); print('matplotlib.pyplot' in sys.modules)"
    )
    shown = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert shown == ["set()", "False"]
