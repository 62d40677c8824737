"""The e-mailed digest: its table of steps, what is collected, and what the mail says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain import log_digest
from trackkit.domain.log import LogEntry, Severity
from trackkit.domain.log_digest import Digest, Earlier, Mailing, Step, body, collected, decide, subject

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)


def entry(message: str, severity: Severity = Severity.error, at: datetime = NOW, source: str = "mail") -> LogEntry:
    return LogEntry(at, severity, source, message)


def something(opened_at: datetime = NOW) -> Digest:
    return collected(Digest(), [entry("x")], opened_at)


def test_the_table_is_what_decide_does() -> None:
    """Every line of the module's table, read from its text."""
    rows = re.findall(
        r"^\| (nothing|something) \| (-|open|over) \| (-|on|off|hindered) \| (.+?) \| (\w+) \|$",
        Path(log_digest.__file__).read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 7
    for what, window, mailing, earlier, step in rows:
        digest = Digest() if what == "nothing" else something()
        for now in (NOW, NOW + WINDOW) if window == "-" else (NOW + (WINDOW if window == "over" else timedelta()),):
            for mail in Mailing if mailing == "-" else (Mailing(mailing),):
                for before in Earlier if earlier == "-" else (Earlier(earlier),):
                    if (window, mail) == ("open", Mailing.off):
                        continue
                    assert decide(digest, mail, before, WINDOW, now) == Step(step), (what, window, mail, before)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(0, Step.wait), (599.999999, Step.wait), (600, Step.send), (-1, Step.send), (1e9, Step.send)],
)
def test_a_window_is_open_for_its_length_whatever_the_clock_does(seconds: float, step: Step) -> None:
    assert decide(something(), Mailing.on, Earlier.gone, WINDOW, NOW + timedelta(seconds=seconds)) is step


def test_entries_that_differ_in_numbers_only_are_one_group() -> None:
    digest = collected(Digest(), [entry(f"Q{n} could not be delivered to m{n}@x.test.") for n in range(50)], NOW)
    [group] = digest.groups
    assert (group.number, group.message) == (50, "Q0 could not be delivered to m0@x.test.")
    assert digest.totals == (0, 50, 0, 0, 0)


def test_the_most_severe_groups_are_kept_and_every_entry_counted() -> None:
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
    digest = collected(Digest(), [entry(word, Severity.information) for word in words], NOW)
    digest = collected(digest, [entry("the disk is on fire", Severity.severe_error)], NOW)
    assert len(digest.groups) == log_digest.MAXIMUM_GROUPS
    assert digest.entries == 301
    text = body(digest, "srv", UTC, WINDOW)
    assert text.index("the disk is on fire") < text.index("aa")
    assert f"And {301 - log_digest.MAXIMUM_GROUPS} with other messages." in text
    assert subject(digest, "srv") == "[trackkit] 1 Severe Error, 300 Information on srv"


@given(st.lists(st.tuples(st.sampled_from(Severity), st.text(max_size=40), st.integers(0, 10_000)), max_size=300))
def test_totals_are_exact_and_the_text_is_bounded(entries: list[tuple[Severity, str, int]]) -> None:
    made = [entry(words, severity, NOW + timedelta(seconds=n)) for severity, words, n in entries]
    whole = collected(Digest(), made, NOW)
    half = len(made) // 2
    assert collected(collected(Digest(), made[:half], NOW), made[half:], NOW) == whole, "in one go or in two"
    assert whole.entries == len(made)
    assert whole.totals == tuple(sum(e.severity is severity for e in made) for severity in Severity)
    if made:
        assert (whole.first_at, whole.last_at) == (min(e.at for e in made), max(e.at for e in made))
        text = body(whole, "srv", UTC, WINDOW)
        assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)


def test_huge_and_hostile_messages_stay_bounded_and_harmless() -> None:
    made = [entry(f"{chr(97 + n % 26) * (n + 1)}\x1b[31m<b>\r\nTo: x" + "y" * 1_000_000) for n in range(150)]
    text = body(collected(Digest(), made, NOW), "s\nrv", UTC, WINDOW)
    assert len(text) < 100_000
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\nTo:" not in text


def test_an_undelivered_digest_is_told_of_by_the_next() -> None:
    sent = log_digest.queued(something(), 7)
    assert (sent.earlier, sent.earlier_entries, sent.entries, sent.opened_at) == (7, 1, 0, None)
    again = collected(sent, [entry("x"), entry("y")], NOW)
    assert (again.earlier, again.earlier_entries, again.entries) == (7, 1, 2)
    assert log_digest.passed_over(again) == sent
