"""What comes from mails and logs is shown as text, whatever it holds; errors of handlers are seen."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import ipywidgets as w
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.errors import InvalidInput, NotLoggedIn, Problem
from trackkit.widgets.problems import shows_problems
from trackkit.widgets.tables import LONGEST, Cell, age, instant, shown, shown_block, table, visible


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain ä 日本", "plain ä 日本"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\"' &amp;", "&quot;&#x27; &amp;amp;"),
        ("a\r\n\tb", "a   b"),
        ("\x00", '<span class="tk-odd">U+0000</span>'),
        ("gpj.\u202eexe", 'gpj.<span class="tk-odd">U+202E</span>exe'),
        ("\ud800", '<span class="tk-odd">U+D800</span>'),
    ],
)
def test_text_is_shown_safely(text: str, html: str) -> None:
    assert shown(text) == html


@given(st.text(st.characters(codec=None, categories=None), max_size=3 * LONGEST))
def test_no_text_makes_markup_or_grows_without_bound(text: str) -> None:
    html = shown(text)
    rest = html.replace('<span class="tk-odd">', "").replace("</span>", "")
    assert not set("<>\"'") & set(rest)
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in rest)
    assert len(html) <= 45 * LONGEST
    html.encode()


@given(st.text(st.characters(codec=None, categories=None), max_size=3 * LONGEST))
def test_what_a_browser_takes_as_text_can_be_seen_and_is_bounded(text: str) -> None:
    seen = visible(text)
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in seen)
    assert len(seen) <= 10 * LONGEST
    seen.encode()


def test_markup_stays_as_it_is_where_it_is_only_text() -> None:
    assert visible("<b>&amp;\u202e") == "<b>&amp;⟨U+202E⟩"


def test_a_block_keeps_its_lines_is_escaped_and_bounded() -> None:
    html = shown_block("a\r\n\t<b>\x00\nend")
    assert 'a\n\t&lt;b&gt;<span class="tk-odd">U+0000</span>\nend' in html
    assert shown_block("y" * 70_000).count("y") == 65_536


def test_attributes_of_a_table_are_escaped_too() -> None:
    html = table('"><b>', ['x"y'], [[Cell("a", 'k"', below=("<i>",))]], "none")
    assert "<b>" not in html
    assert "<i>" not in html
    assert 'data-label="x&quot;y"' in html


def test_an_empty_table_says_so() -> None:
    assert table("Mail queue", ["A"], [], "The queue is empty.") == '<p class="tk-empty">The queue is empty.</p>'


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=5, hours=3), "5 d"),
    ],
)
def test_ages(span: timedelta, words: str) -> None:
    assert age(span) == words


def test_instants() -> None:
    assert instant(datetime(2026, 3, 1, 5, 6, 7, tzinfo=UTC)) == "2026-03-01 05:06:07"
    assert instant(None) == "–"


def test_an_error_of_a_handler_is_shown_with_field_and_advice_and_cleared_by_the_next_success() -> None:
    line, fail = w.HTML(), True

    @shows_problems(line)
    def handler(_: object) -> None:
        if fail:
            raise InvalidInput("Refused <b>.", "Do this.", problems=[Problem("text", "is too long")])

    button = w.Button()
    button.on_click(handler)
    button.click()
    for words in ('role="alert"', "Refused &lt;b&gt;.", "text: is too long", "Do this."):
        assert words in line.value
    fail = False
    button.click()
    assert line.value == ""


def test_an_ended_session_leads_to_the_log_in() -> None:
    line = w.HTML()

    @shows_problems(line)
    def handler() -> None:
        raise NotLoggedIn("This session has ended.")

    handler()
    assert '<a href="" target="_top">Log in again</a>' in line.value, "this very page, by way of the log-in page"


def test_a_defect_names_its_place_and_none_of_its_words() -> None:
    line = w.HTML()

    @shows_problems(line)
    def handler() -> None:
        raise ValueError("secret value")

    handler()
    assert "ValueError at test_dashboard_tables.py:" in line.value
    assert "secret value" not in line.value
