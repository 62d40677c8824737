"""Fetching from a mailbox: what may go at the host, when it is tried again, what hosts mean when they refuse."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from trackkit.domain.declared import fields_of
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.mailbox import (
    LONGEST_WAIT,
    TOO_LARGE,
    WORDS,
    MailboxWords,
    Rules,
    Trouble,
    next_poll,
    removable,
    trouble_of,
    wanted_again,
)
from trackkit.domain.tracking_options import TrackingOptions

REFUSALS = {
    "[IN-USE] Do you have another POP session running?": Trouble.in_use,
    "-ERR mailbox is locked by another session": Trouble.in_use,
    "maildrop already locked": Trouble.in_use,
    "[LOGIN-DELAY] minimum time between mail checks violation": Trouble.too_soon,
    "[SYS/TEMP] the disk is away": Trouble.host,
    "[SYS/PERM] no such mailbox any more": Trouble.host,
    "[AUTH] the account is locked": Trouble.login,
    "invalid user name or password": Trouble.login,
    "": Trouble.login,
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_hosts_mean_when_they_refuse(text: str) -> None:
    assert trouble_of(Failure.pop_refused, text) is REFUSALS[text]


def test_every_trouble_has_words_and_a_field_that_there_is() -> None:
    assert set(WORDS) == set(Trouble)
    for trouble, said in WORDS.items():
        assert said.option in fields_of(TrackingOptions)
        assert "x [y" in said.words.format(text="x [y")
        assert trouble_of(Failure.pop_unreachable, f"[IN-USE] {trouble}") is Trouble.unreachable
    outcome = Outcome(Verdict.temporary, Stage.pop, Failure.pop_untrusted, text="self-signed")
    found = MailboxWords("mailbox").diagnosis(outcome, None)  # type: ignore[arg-type]
    assert (found.cause, found.option) == ("untrusted", "mailbox.host")


def test_a_mailbox_that_fails_is_tried_later_and_later() -> None:
    minute = timedelta(minutes=1)
    waits = [next_poll(minute, failures) / minute for failures in range(7)]
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    assert next_poll(minute, 10_000) == LONGEST_WAIT
    assert next_poll(timedelta(hours=6), 3) == timedelta(hours=6), "no oftener than it is asked for"


def test_nothing_goes_at_the_host_that_is_nowhere_else() -> None:
    for state, kept, removes, rule in itertools.product(InboxState, (True, False), (True, False), ("", TOO_LARGE)):
        may_go = removable(state, rule, kept=kept, rules=Rules(removes, 100))
        if state is InboxState.fetched:
            assert not may_go
        elif state in (InboxState.attached, InboxState.duplicate):
            assert may_go
        elif state is InboxState.untracked:
            assert may_go == (kept and removes)
        elif state is InboxState.quarantined:
            assert may_go == kept
        else:
            assert may_go == (rule != TOO_LARGE)
        again = wanted_again(state, rule, 100, kept=kept, rules=Rules(removes, 100))
        assert not (again and may_go)
        assert not wanted_again(state, rule, 101, kept=kept, rules=Rules(removes, 100))
