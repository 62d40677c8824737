"""Texts of strangers, made fit for databases, terminals, event logs and mails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.log_text import REMOVED, cut, harmless, one_line, scrubbed, storable


@given(st.text())
def test_a_line_stays_one_line_and_shows_nothing_that_acts(text: str) -> None:
    assert one_line(text, text).isprintable()
    assert all(c.isprintable() or c in "\n\t" for c in harmless(text, keep="\n\t"))


@given(st.text(), st.integers(10, 100))
def test_cut_text_is_whole_characters_within_the_bound(text: str, limit: int) -> None:
    data = cut(text, limit)
    assert len(data) <= limit
    data.decode("utf-8")
    if len(text.encode("utf-8", "replace")) <= limit:
        assert data == text.encode("utf-8", "replace")


def test_what_no_database_takes_is_replaced() -> None:
    assert storable("a\x00b \ud800 c") == "a\N{SYMBOL FOR NULL}b ? c"
    assert len(storable("x" * 2_000_000)) == 1_000_000


def test_secrets_tokens_and_passwords_in_urls_are_taken_out() -> None:
    token = "tks_" + "aB3-_" * 9
    text = scrubbed(f'a "pass\\"word1" b {token} c postgresql://joe:hunter2@db/x', ['pass"word1', "abc"])
    assert "word1" not in text
    assert "tks_" not in text
    assert "hunter2" not in text
    assert text.count(REMOVED) == 3
    assert scrubbed("abc is short and everywhere", ["abc"]) == "abc is short and everywhere"
    assert scrubbed("task_force and tkt_short stay", []) == "task_force and tkt_short stay"
