"""The state machine of a recipient: its table is what its module says, and nonsense cannot break it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain import delivery
from trackkit.domain.delivery import GONE, TRANSITIONS, UNDO_WINDOW, Event, Gone, Refused, State, Status, step
from trackkit.domain.schedule import JITTER, WAITS, RetryPolicy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = RetryPolicy(timedelta(days=5))
FINISHED = (Event.accepted, Event.temporary, Event.unknown, Event.permanent, Event.rescue, Event.yield_)

instants = st.integers(-(10**6), 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
events = st.sampled_from(Event)
# What happens to one recipient: events at any time, late, early, twice, in any order.
histories = st.lists(st.tuples(events, instants, st.floats(0, 1)), max_size=30)


def documented_table() -> set[tuple[str, str, str]]:
    """(event, from, to) of the table in the module's docstring, conditions and remarks left out."""
    assert delivery.__doc__ is not None
    text = delivery.__doc__.split("| event | from | to |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    names = {state.value for state in State} | {GONE}
    found = set()
    for event, origins, targets in rows:
        # Remarks stand in brackets or after a comma or semicolon as words that are no states.
        origin_states = names & set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", origins)))
        assert origin_states, f"no state in row {event}: {origins}"
        found |= {(event, origin, targets) for origin in origin_states}
    return found


@pytest.mark.spec("5: one vocabulary everywhere; states and verbs")
def test_table_of_the_docstring_has_the_same_rows_as_the_data() -> None:
    documented = {(event, origin) for event, origin, _ in documented_table()}
    assert documented == {(event.value, state.value) for state, event in TRANSITIONS}


def test_targets_of_the_docstring_are_those_of_the_data() -> None:
    for event, origin, words in documented_table():
        targets = {str(target) for target in TRANSITIONS[State(origin), Event(event)]}
        if "where it came from" in words:
            assert State.deferred in targets
            assert State.queued in targets
            continue
        plain = re.sub(r"\(.*?\)", "", words)
        named = {word for word in re.findall(r"\w+", plain) if word in {*State, GONE}}
        # "delete" wanted while active turns every end but success into deleted: said once, in the row of delete.
        allowed_extra = {State.deleted.value} if origin == State.active and event != Event.delete else set()
        if (origin, event) == (State.active, Event.delete):
            named -= {State.deleted.value}
        assert named <= targets <= named | allowed_extra, (event, origin, words)


def every_status() -> list[Status]:
    """Statuses that reach every branch: due and not, expired and not, delete wanted, undoable and too late."""
    found = []
    for state, due, expires, wanted, age in itertools.product(
        State, (-60, 60), (-60, 60), (False, True), (0, UNDO_WINDOW.total_seconds())
    ):
        deleted = state is State.deleted
        for origin in (State.queued, State.deferred, State.held, State.failed) if deleted else (None,):
            found.append(
                Status(
                    state,
                    next_attempt_at=NOW + timedelta(seconds=due),
                    expires_at=NOW + timedelta(seconds=expires),
                    tries=0 if due < 0 else 3,
                    delete_wanted=wanted,
                    deleted_at=NOW - timedelta(seconds=age) if deleted else None,
                    deleted_from=origin,
                )
            )
    return found


def test_step_reaches_exactly_the_states_of_the_table() -> None:
    reached: dict[tuple[State, Event], set[str]] = {}
    for status, event in itertools.product(every_status(), Event):
        after = step(status, event, POLICY, NOW)
        if isinstance(after, Refused):
            continue
        reached.setdefault((status.state, event), set()).add(GONE if isinstance(after, Gone) else after.state)
    assert reached == {pair: {str(target) for target in targets} for pair, targets in TRANSITIONS.items()}


@given(st.sampled_from(every_status()), events)
def test_what_is_not_in_the_table_is_refused_with_a_reason(status: Status, event: Event) -> None:
    after = step(status, event, POLICY, NOW)
    if (status.state, event) not in TRANSITIONS:
        assert isinstance(after, Refused)
        assert len(after.reason) > 10


def live(history: list[tuple[Event, datetime, float]]) -> list[tuple[Event, Status, Status | Gone | Refused]]:
    """Every step of a recipient's life: event, before, after."""
    status = delivery.new_status(NOW, POLICY)
    steps = []
    for event, now, jitter in history:
        after = step(status, event, POLICY, now, jitter)
        steps.append((event, status, after))
        if isinstance(after, Gone):
            break
        if isinstance(after, Status):
            status = after
    return steps


@pytest.mark.spec("5: a recipient with a recorded 2xx is never sent to again")
@given(histories)
def test_sent_is_final(history: list[tuple[Event, datetime, float]]) -> None:
    for _, before, after in live(history):
        if before.state is State.sent:
            assert isinstance(after, Refused)


@pytest.mark.spec("5: failed gave up: stays until reattempted or deleted")
@given(histories)
def test_failed_is_left_only_by_reattempt_delete_or_another_address(
    history: list[tuple[Event, datetime, float]],
) -> None:
    for event, before, after in live(history):
        if before.state is State.failed and isinstance(after, Status):
            assert event in (Event.reattempt, Event.delete, Event.edit)


@pytest.mark.spec("5: held until released")
@given(histories)
def test_held_is_left_only_by_release_or_delete(history: list[tuple[Event, datetime, float]]) -> None:
    for event, before, after in live(history):
        if before.state is State.held and isinstance(after, Status) and after.state is not State.held:
            assert event in (Event.release, Event.delete)


@given(histories)
def test_only_a_due_recipient_becomes_active_and_only_by_a_claim(history: list[tuple[Event, datetime, float]]) -> None:
    for (event, before, after), (_, now, _) in zip(live(history), history, strict=False):
        if isinstance(after, Status) and after.state is State.active and before.state is not State.active:
            assert event is Event.claim
            assert before.next_attempt_at <= now


@pytest.mark.spec("5: Retry waits grow until the days limit")
@given(histories)
def test_no_next_attempt_lies_after_the_days_limit(history: list[tuple[Event, datetime, float]]) -> None:
    for (event, _, after), (_, now, _) in zip(live(history), history, strict=False):
        if isinstance(after, Status) and event in (Event.temporary, Event.unknown):
            assert after.next_attempt_at <= max(after.expires_at, now)
            assert after.next_attempt_at >= now


@given(histories)
def test_deleted_knows_where_to_go_back_to(history: list[tuple[Event, datetime, float]]) -> None:
    for _, _, after in live(history):
        if isinstance(after, Status):
            assert (after.state is State.deleted) == (after.deleted_at is not None) == (after.deleted_from is not None)


@given(histories)
def test_tries_count_attempts_that_ended(history: list[tuple[Event, datetime, float]]) -> None:
    for event, before, after in live(history):
        if event is Event.edit and isinstance(after, Status):
            assert after.tries == 0
        elif isinstance(after, Status):
            counted = event in FINISHED and event is not Event.yield_
            assert after.tries == before.tries + counted


@given(histories)
def test_a_doubt_about_delivery_lasts_as_long_as_the_address(history: list[tuple[Event, datetime, float]]) -> None:
    for event, before, after in live(history):
        if event is Event.edit and isinstance(after, Status):
            assert not after.outcome_unknown
        elif isinstance(after, Status):
            assert after.outcome_unknown or not before.outcome_unknown
            if event in (Event.unknown, Event.rescue):
                assert after.outcome_unknown


@pytest.mark.spec("5: deleted can be undone for ten minutes")
@pytest.mark.parametrize("state", [State.queued, State.deferred, State.held, State.failed])
def test_delete_can_be_undone_for_ten_minutes_and_then_is_purged(state: State) -> None:
    before = replace(delivery.new_status(NOW, POLICY), state=state, tries=2)
    deleted = step(before, Event.delete, POLICY, NOW)
    assert isinstance(deleted, Status)
    just_in_time = NOW + UNDO_WINDOW - timedelta(microseconds=1)
    assert step(deleted, Event.undelete, POLICY, just_in_time) == before
    assert isinstance(step(deleted, Event.purge, POLICY, just_in_time), Refused)
    assert isinstance(step(deleted, Event.undelete, POLICY, NOW + UNDO_WINDOW), Refused)
    assert isinstance(step(deleted, Event.purge, POLICY, NOW + UNDO_WINDOW), Gone)


@pytest.mark.spec("5: Delete: an active one ends its attempt first")
@pytest.mark.parametrize("event", FINISHED)
def test_delete_while_active_waits_for_the_attempt(event: Event) -> None:
    active = Status(State.active, next_attempt_at=NOW, expires_at=NOW + timedelta(days=5))
    wanted = step(active, Event.delete, POLICY, NOW)
    assert isinstance(wanted, Status)
    assert wanted.state is State.active
    ended = step(wanted, event, POLICY, NOW)
    assert isinstance(ended, Status)
    assert ended.state is (State.sent if event is Event.accepted else State.deleted)
    assert not ended.delete_wanted


@pytest.mark.spec("5: a message's state is the least finished of its recipients'")
@given(st.sets(st.sampled_from(State), min_size=1))
def test_message_state_is_the_least_finished(states: set[State]) -> None:
    order = [State.active, State.queued, State.deferred, State.held, State.failed, State.deleted, State.sent]
    assert delivery.message_state(states) is min(states, key=order.index)


def test_waits_grow_from_minutes_to_hours() -> None:
    assert list(WAITS) == sorted(WAITS)
    assert WAITS[0] <= timedelta(minutes=5)
    assert WAITS[-1] >= timedelta(hours=1)


@given(st.integers(-5, 1000), st.floats(0, 1))
def test_a_wait_grows_with_the_tries_and_never_by_more_than_the_jitter(tries: int, jitter: float) -> None:
    wait = POLICY.wait(tries, jitter)
    assert WAITS[0] <= wait <= WAITS[-1] * (1 + JITTER)
    assert POLICY.wait(tries, 0) <= POLICY.wait(tries + 1, 0)
