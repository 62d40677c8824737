"""The diagnosis table: every row can be reached, and always one says something useful."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from trackkit.contract.catalogue import OPERATIONS
from trackkit.domain import options
from trackkit.domain.delivery import State
from trackkit.domain.diagnosis import TABLE, diagnose
from trackkit.domain.evidence import Diagnosis, Evidence, Row
from trackkit.domain.message import MailType
from trackkit.domain.options import Options
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = options.changed(Options(), {"sending.smtp.host": "mail.test"})
DIRECT = options.changed(Options(), {"sending.method": "direct"})
BOTH = options.changed(READY, {"sending.method": "direct-then-smtp"})
WITH_TOKENS = options.changed(
    READY,
    {
        "sending.smtp.authentication": "oauth2",
        "sending.smtp.username": "ada@b.test",
        "sending.oauth2.token_url": "https://login.test/token",
        "sending.oauth2.client_id": "trackkit",
        "sending.oauth2.refresh_token": SecretStr("r"),
    },
)
PAUSED = options.changed(READY, {"sending.paused": True})
BY_MAPI = options.changed(Options(), {"sending.mapi.enabled": True, "sending.method": "mapi"})
FOLDER = options.changed(Options(), {"sending.method": "pickup", "sending.pickup.folder": "/srv/pickup"})


def evidence(state: State, last: Outcome | None = None, given_options: Options = READY) -> Evidence:
    return Evidence(state, NOW + timedelta(minutes=5), given_options, NOW, "bob@b.test", 1, last)


def cause(state: State, last: Outcome | None = None, given_options: Options = READY) -> str:
    return diagnose(evidence(state, last, given_options)).cause


def waiting(state: State = State.queued, due_in: int = 0, **gate: datetime) -> Evidence:
    """Mail that is due, or will be in so many minutes, while the schedule or the limit keeps it."""
    return Evidence(state, NOW + timedelta(minutes=due_in), READY, NOW, "bob@b.test", **gate)


def to_mapi(given_options: Options, last: Outcome | None = None) -> Diagnosis:
    state, due = (State.deferred if last else State.queued), NOW + timedelta(minutes=5)
    return diagnose(Evidence(state, due, given_options, NOW, "Bill Jones", 1, last, mail_type=MailType.mapi))


@pytest.mark.spec("7: MAPI: a pause of its own")
def test_each_pause_explains_its_own_mail_only() -> None:
    both = options.changed(PAUSED, {"sending.mapi.enabled": True})
    assert (cause(State.queued, None, both), to_mapi(both).cause) == ("paused", "new")
    other = options.changed(READY, {"sending.mapi.enabled": True, "sending.mapi.paused": True})
    assert (cause(State.queued, None, other), to_mapi(other).cause) == ("new", "mapi_paused")
    all_mail = options.changed(BY_MAPI, {"sending.mapi.paused": True})
    assert cause(State.queued, None, all_mail) == "mapi_paused", (
        "with the method 'mapi' Internet mail goes that way, too"
    )
    assert (to_mapi(READY).cause, to_mapi(READY).option) == ("mapi_off", "sending.mapi.enabled")


def test_ways_without_a_host_are_named_as_people_know_them() -> None:
    not_ascii = Outcome(Verdict.permanent, Stage.recipient, Failure.replied, 553, "5.6.7", "x", reason=Reason.not_ascii)
    assert diagnose(evidence(State.failed, not_ascii, FOLDER)).words.startswith("The pickup folder /srv/pickup takes")
    gone = Outcome(Verdict.temporary, Stage.connect, Failure.pickup_folder, text="/srv/pickup is not there")
    found = diagnose(evidence(State.deferred, gone, FOLDER))
    assert (found.cause, found.option) == ("pickup_folder", "sending.pickup.folder")
    assert "/srv/pickup is not there" in found.words
    unknown = Outcome(Verdict.permanent, Stage.recipient, Failure.mapi_recipient, text="nobody knows it")
    found = to_mapi(BY_MAPI, unknown)
    assert (found.cause, found.operation) == ("mapi_recipient", "mail.edit_recipient")
    assert "Bill Jones" in found.words


def test_the_schedule_and_the_limit_explain_only_what_is_due() -> None:
    opens = NOW + timedelta(hours=3)
    found = diagnose(waiting(opens_at=opens))
    assert (found.cause, "2026-03-01 15:00 UTC" in found.words) == ("outside_schedule", True)
    assert diagnose(waiting(State.deferred, opens_at=opens, room_at=opens)).cause == "outside_schedule"
    assert diagnose(waiting(State.deferred, room_at=opens)).cause == "over_the_limit"
    assert diagnose(waiting(State.deferred, 5, opens_at=opens)).cause == "waiting"
    assert diagnose(waiting(State.held, opens_at=opens)).cause == "held"


def test_causes_are_unique_and_the_last_row_always_holds() -> None:
    causes = [row.cause for row in TABLE]
    assert len(set(causes)) == len(causes)
    assert all(TABLE[-1].when(evidence(state)) for state in State)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.cause)
def test_a_row_names_only_operations_and_options_that_exist(row: Row) -> None:
    assert not row.operation or row.operation in OPERATIONS
    assert not row.option or row.option in options.catalogue()
    assert (row.operation == "options.set") == bool(row.option)


@pytest.mark.spec("5: Each message and the queue as a whole carry a diagnosis in plain words with the fix")
@pytest.mark.parametrize(
    ("state", "last", "expected"),
    [
        (State.deferred, Outcome(Verdict.temporary, Stage.connect, Failure.refused), "host_unreachable"),
        (State.deferred, Outcome(Verdict.temporary, Stage.greeting, Failure.timed_out), "host_unreachable"),
        (State.deferred, Outcome(Verdict.temporary, Stage.name, Failure.name_not_resolved), "host_name_unknown"),
        (State.deferred, Outcome(Verdict.temporary, Stage.certificate, Failure.tls_untrusted), "tls_untrusted"),
        (State.deferred, Outcome(Verdict.temporary, Stage.starttls, Failure.tls_not_offered), "tls_not_possible"),
        (State.deferred, outcome_of(Stage.login, 535, "5.7.8 bad credentials"), "login_refused"),
        (State.failed, outcome_of(Stage.recipient, 550, "5.1.1 no such user"), "address_rejected"),
        (State.failed, outcome_of(Stage.recipient, 553, "5.6.7 no SMTPUTF8"), "not_ascii"),
        (State.failed, outcome_of(Stage.sender, 553, "5.7.1 not yours"), "sender_rejected"),
        (State.failed, outcome_of(Stage.final_dot, 554, "5.0.0 no thanks"), "message_rejected"),
        (State.deferred, outcome_of(Stage.recipient, 450, "4.2.0 later"), "deferred_by_host"),
        (State.failed, outcome_of(Stage.recipient, 450, "4.2.0 later"), "expired"),
        (State.queued, None, "new"),
        (State.held, outcome_of(Stage.recipient, 550, "5.1.1 no such user"), "held"),
    ],
)
def test_causes(state: State, last: Outcome | None, expected: str) -> None:
    assert cause(state, last) == expected


def test_the_hosts_words_are_shown_once_and_as_they_are() -> None:
    found = diagnose(evidence(State.failed, outcome_of(Stage.recipient, 550, "5.1.1 no such user {host} here")))
    assert found.words == "mail.test:25 refuses bob@b.test for good: 550 5.1.1 no such user {host} here"


def test_direct_delivery_speaks_of_the_domain() -> None:
    unreachable = Outcome(Verdict.temporary, Stage.connect, Failure.timed_out, text="mx.b.test did not answer")
    found = diagnose(evidence(State.deferred, unreachable, DIRECT))
    assert (found.cause, found.option) == ("domain_unreachable", "sending.method")
    assert found.words == "The mail host of b.test could not be reached (connect): mx.b.test did not answer"
    refused = outcome_of(Stage.recipient, 550, "5.1.1 no such user")
    both = diagnose(evidence(State.failed, refused, BOTH))
    assert both.words.startswith("The mail host of b.test, or the relay mail.test:25, refuses bob@b.test for good:")
    waits = diagnose(evidence(State.deferred, unreachable, BOTH))
    assert waits.cause == "host_unreachable"
    assert waits.words.startswith("mail.test:25 could not be reached"), "what waits, the relay could not take"
    assert cause(State.deferred, Outcome(Verdict.temporary, Stage.name, Failure.name_not_resolved), DIRECT) == (
        "domain_not_looked_up"
    )
    assert cause(State.queued, None, DIRECT) == "new", "no relay is needed"


def test_pause_comes_before_any_other_cause_of_waiting() -> None:
    last = Outcome(Verdict.temporary, Stage.connect, Failure.refused)
    assert cause(State.deferred, last, PAUSED) == "paused"
    assert cause(State.queued, None, Options()) == "not_configured"


outcomes = st.builds(
    Outcome,
    st.sampled_from(Verdict),
    st.sampled_from(Stage),
    st.none() | st.sampled_from(Failure),
    st.none() | st.integers(0, 999),
    st.text(max_size=10),
    st.text(max_size=100),
)


@given(st.sampled_from(State), st.none() | outcomes, st.sampled_from([READY, DIRECT, BOTH, PAUSED, Options()]))
def test_whatever_the_evidence_there_is_one_diagnosis_in_words(
    state: State, last: Outcome | None, chosen: Options
) -> None:
    found = diagnose(evidence(state, last, chosen))
    assert found.title
    assert found.words
