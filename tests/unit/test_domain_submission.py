"""Defects from people without an account: what they may hold, and how fast they may come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain.declared import checked
from trackkit.domain.errors import InvalidInput, TooManyAttempts
from trackkit.domain.failures import Failures
from trackkit.domain.project import submission
from trackkit.domain.project.kind import MAXIMUM_TEXT
from trackkit.domain.project.kinds import ProjectUser
from trackkit.domain.project.submission import PLACE, SERVER, Pace, Submission, flood_words

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def submitted(**changes: Any) -> Submission:
    return checked(Submission, {"title": "It stops", "description": "Every day.", **changes}, "Refused.")


def wait_of(pace: Pace, now: datetime, place: str) -> int:
    """The seconds it has to wait; 0 = it was let in."""
    try:
        pace.admit(now, place)
    except TooManyAttempts as error:
        return error.retry_after
    return 0


def came(pace: Pace, now: datetime, places: list[str]) -> int:
    """How many of them are let in."""
    return sum(wait_of(pace, now, place) == 0 for place in places)


def test_one_place_has_five_at_once_and_one_a_minute() -> None:
    pace = Pace()
    assert came(pace, NOW, ["a"] * 100) == PLACE.tries == 5
    with pytest.raises(TooManyAttempts, match=r"from your address.*in 60 seconds") as caught:
        pace.admit(NOW, "a")
    assert caught.value.retry_after == 60
    assert "password" not in str(caught.value)
    assert came(pace, NOW + timedelta(seconds=59), ["a"]) == 0
    assert came(pace, NOW + timedelta(seconds=60), ["a"] * 100) == 1
    assert came(pace, NOW, ["b"]) == 1, "another place is not concerned"


def test_the_whole_server_has_sixty_at_once_and_one_in_ten_seconds() -> None:
    pace, places = Pace(), [f"place {number}" for number in range(1000)]
    assert came(pace, NOW, places) == SERVER.tries == 60
    with pytest.raises(TooManyAttempts, match=r"to this server.*in 10 seconds"):
        pace.admit(NOW, "new")
    assert came(pace, NOW + timedelta(seconds=10), places[100:]) == 1
    assert came(pace, NOW + timedelta(seconds=610), places) == 60


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-30, 90)), max_size=80))
def test_who_waits_as_told_gets_in_and_turned_away_costs_nothing(events: list[tuple[str, int]]) -> None:
    pace, now = Pace(), NOW
    for place, seconds in events:
        now += timedelta(seconds=seconds)
        if first := wait_of(pace, now, place):
            assert 1 <= first <= 60
            assert wait_of(pace, now, place) == first
            now += timedelta(seconds=first)
            assert wait_of(pace, now, place) == 0


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MOST", 50)
    pace = Pace()
    for number in range(2000):
        came(pace, NOW + number * timedelta(seconds=10), [f"place {number}"])
    assert len(pace) <= 50


def test_a_flood_in_one_sentence() -> None:
    flood = Failures()
    for number in range(1200):
        assert not flood.note(NOW, "x", f"192.0.2.{number % 2}", turned_away=True)
    summary = flood.due(NOW, at_the_end=True)
    assert summary is not None
    message, details = flood_words(summary)
    assert message.startswith("1,200 defects from people without an account were turned away since 2026-03-01 12:00:00")
    assert details == "from 192.0.2.0: 600\nfrom 192.0.2.1: 600"


def test_who_submitted_it_stands_at_the_head_of_the_description() -> None:
    defect = submitted(submitter=" Zoë ", email=" zoe@example.org ", description="One\r\nTwo\r\n").defect()
    assert defect.description == (
        "Submitted without an account.\nName: Zoë\nE-mail address: zoe@example.org\n\nOne\nTwo\n"
    )
    assert (defect.status, defect.reporter, defect.owner, defect.customer) == ("new", None, None, None)
    assert "Name: -\nE-mail address: -\n" in submitted().defect().description


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("title", "", "is empty"),
        ("title", " \t", "is empty"),
        ("title", "a\nb", "holds line breaks"),
        ("title", "a\x1b[2Jb", "control characters"),
        ("title", "a\u202eb", "control characters"),
        ("title", "x" * 301, "is longer than 300 characters"),
        ("description", "", "is empty"),
        ("description", "\r\n \n", "is empty"),
        ("description", "a\x00b", "NUL"),
        ("description", "a\ud800b", "unicode"),
        ("description", "x" * 20_001, "is longer than 20,000 characters"),
        ("submitter", "a\r\nE-mail address: b", "holds line breaks"),
        ("submitter", "a\u2028b", "holds line breaks"),
        ("submitter", "x" * 101, "is longer than 100 characters"),
        ("email", "nobody", "is no e-mail address"),
        ("email", "a@b, c@d", "is no e-mail address"),
        ("email", "a@b\nx", "is no e-mail address"),
        ("email", "x" * 250 + "@b.de", "is longer than 254 characters"),
        ("owner", "ana", "is no field"),
        ("status", "closed", "is no field"),
    ],
)
def test_what_is_refused_names_its_field(field: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        submitted(**{field: value})
    (problem,) = caught.value.problems
    assert problem.field == field
    assert reason in problem.message


def test_the_longest_one_fits_into_a_defect() -> None:
    full = submitted(
        title="t" * 300, description="\N{SNOWMAN}" * 20_000, submitter="n" * 100, email="e" * 249 + "@b.de"
    )
    assert len(full.defect().description) < MAXIMUM_TEXT
    lines = submitted(description="x\r\n" * 10_000)
    assert len(lines.description) == 20_000, "a line break of a form counts once"


@pytest.mark.parametrize("name", ["solosubmit", "SoloSubmit", " solosubmit ", "ｓｏｌｏｓｕｂｍｉｔ"])
def test_no_project_user_is_called_as_those_without_an_account(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(ProjectUser, {"name": name}, "Refused.")
    assert "people without an account" in caught.value.problems[0].message
