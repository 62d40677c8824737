"""What a mail host's reply means for a recipient."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.delivery import EVENT_OF_VERDICT
from trackkit.domain.replies import Failure, Stage, Verdict, enhanced_code, outcome_of, verdict_of

ABOUT_THE_MESSAGE = (Stage.sender, Stage.recipient, Stage.data, Stage.final_dot)


@given(st.sampled_from(Stage), st.integers(-1, 1000), st.text())
def test_only_a_5xx_about_the_message_fails_for_good(stage: Stage, code: int, text: str) -> None:
    outcome = outcome_of(stage, code, text)
    assert (outcome.verdict is Verdict.permanent) == (500 <= code <= 599 and stage in ABOUT_THE_MESSAGE)
    assert (outcome.verdict is Verdict.accepted) == (200 <= code <= 299)
    assert outcome.failure is (None if outcome.verdict is Verdict.accepted else Failure.replied)
    assert (outcome.smtp_code, outcome.text, outcome.stage) == (code, text, stage)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("4.7.500 busy", "4.7.500"),
        ("2.0.0", "2.0.0"),
        ("  5.7.1 leading blanks", "5.7.1"),
        ("3.0.0 no such class", ""),
        ("5.1 short", ""),
        ("5.1.1.1 long", ""),
        ("5.1.1x glued", ""),
        ("user unknown 5.1.1", ""),
        ("", ""),
    ],
)
def test_enhanced_codes_are_read_as_rfc_3463_writes_them(text: str, code: str) -> None:
    assert enhanced_code(text) == code


def test_every_verdict_is_an_event_of_the_state_machine() -> None:
    assert set(EVENT_OF_VERDICT) == set(Verdict)
    assert len(set(EVENT_OF_VERDICT.values())) == len(Verdict)


@pytest.mark.parametrize(
    ("code", "verdict"), [(250, "accepted"), (451, "temporary"), (550, "permanent"), (354, "temporary")]
)
def test_codes_mean_what_rfc_5321_says(code: int, verdict: str) -> None:
    assert verdict_of(code) == verdict
