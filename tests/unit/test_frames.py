"""Frames have the same columns and types whatever they hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

import trackkit
from tests.unit import client_peers as peers
from tests.unit import license_answers, trust_answers
from trackkit.contract import users
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import SEVERITY_NAMES
from trackkit.frames import (
    ages_frame,
    audit_frame,
    domain_ages_frame,
    groups_frame,
    histogram_frame,
    log_frame,
    mail_frame,
    sent_frame,
)
from trackkit.frames.accounts import sessions_frame, tokens_frame, users_frame
from trackkit.frames.licenses import licenses_frame, seats_frame, usage_frame, uses_frame
from trackkit.frames.trust import trust_frame

ALL: list[tuple[Callable[..., pd.DataFrame], Any]] = [
    (log_frame, peers.log_row(1)),
    (mail_frame, peers.queued("q1")),
    (sent_frame, peers.SENT),
    (audit_frame, peers.AUDIT),
    (users_frame, peers.USER),
    (tokens_frame, users.Token(**peers.TOKEN)),
    (sessions_frame, peers.SESSION_ROW),
    (licenses_frame, license_answers.LICENSE),
    (seats_frame, license_answers.SEAT),
    (uses_frame, license_answers.USE),
    (usage_frame, license_answers.POINT),
]


@pytest.mark.parametrize(("frame", "row"), ALL, ids=lambda v: getattr(v, "__name__", ""))
def test_empty_and_full_frames_are_of_one_kind(frame: Callable[..., pd.DataFrame], row: Any) -> None:
    empty, full = frame([]), frame([row, row], "office")
    assert len(empty) == 0
    assert len(full) == 2
    assert list(empty.columns) == list(full.columns)
    assert list(empty.dtypes) == list(full.dtypes)
    assert empty.columns[0] == "server"


@pytest.mark.spec("1: frames of several servers stack with a server column")
@pytest.mark.parametrize(("frame", "row"), ALL, ids=lambda v: getattr(v, "__name__", ""))
def test_frames_stack(frame: Callable[..., pd.DataFrame], row: Any) -> None:
    stacked = trackkit.stack(frame(rows, name) for rows, name in (([row], "a"), ([row], "b"), ([], "c")))
    assert list(stacked.server) == ["a", "b"]
    assert list(stacked.dtypes) == list(frame([]).dtypes)


def test_categories_of_servers_of_different_versions_stack_in_their_order() -> None:
    older = pd.DataFrame({"server": ["a"], "state": pd.Series(["open"], dtype=order("open", "closed"))})
    newer = pd.DataFrame({"server": ["b"], "state": pd.Series(["new"], dtype=order("open", "closed", "new")), "x": [1]})
    stacked = trackkit.stack([older, newer])
    assert stacked["state"].dtype == order("open", "closed", "new")
    assert list(stacked["state"]) == ["open", "new"]
    assert list(stacked.index) == [0, 1]
    assert list(stacked["x"].isna()) == [True, False]
    with pytest.raises(InvalidInput, match="nothing to stack"):
        trackkit.stack([])


def order(*names: str) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(list(names), ordered=True)


def test_instants_are_aware_utc() -> None:
    at = datetime(2026, 1, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    row = peers.log_row(1).model_copy(update={"at": at})
    value = log_frame([row])["at"][0]
    assert value == pd.Timestamp(at)
    assert str(value.tz) == "UTC"
    assert value.microsecond == 123456
    held = peers.queued("q").model_copy(update={"next_attempt_at": None})
    frame = mail_frame([held, peers.queued("r")])
    assert list(frame.next_attempt_at.isna()) == [True, False]
    assert str(frame.next_attempt_at.dtype) == "datetime64[us, UTC]"


def test_levels_are_ordered_and_complete() -> None:
    rows: Iterable[Any] = (peers.log_row(n, level) for n, level in enumerate(SEVERITY_NAMES))
    frame = log_frame(rows)
    assert tuple(frame.level.cat.categories) == SEVERITY_NAMES
    assert list(frame[frame.level <= "warning"].level) == list(SEVERITY_NAMES[:3])
    assert frame[frame.level == "error"].groupby("level", observed=False).size()["information"] == 0


def test_states_are_complete() -> None:
    assert tuple(mail_frame([]).state.cat.categories) == tuple(state.value for state in State)
    frame = mail_frame([peers.queued("q1")])
    assert frame.loc[0, "state"] == "deferred"
    assert frame.loc[0, "domains"] == "example.org, example.com"
    assert frame.loc[0, "cause"] == "paused"
    assert frame.loc[0, "next_step"] == "Resume."


def test_audit_keeps_before_and_after() -> None:
    frame = audit_frame([peers.AUDIT])
    assert frame.loc[0, "before"] == {"sending.paused": "no"}
    assert frame.loc[0, "after"] == {"sending.paused": "yes"}


COUNTED: list[tuple[Callable[..., pd.DataFrame], Any]] = [
    (histogram_frame, peers.HISTOGRAM),
    (ages_frame, peers.AGES),
    (domain_ages_frame, peers.AGES),
    (groups_frame, peers.GROUPS),
]


@pytest.mark.parametrize(("frame", "answer"), COUNTED, ids=lambda v: getattr(v, "__name__", ""))
def test_frames_of_counts_are_of_one_kind_too_and_stack(frame: Callable[..., pd.DataFrame], answer: Any) -> None:
    nothing = {"buckets": 0, "counts": (), "states": (), "domains": (), "causes": ()}
    empty = frame(answer.model_copy(update={k: v for k, v in nothing.items() if k in type(answer).model_fields}))
    full = frame(answer, "office")
    assert list(empty.dtypes) == list(full.dtypes)
    assert list(pd.concat([full, empty], ignore_index=True).dtypes) == list(full.dtypes)
    assert full.columns[0] == "server"


def test_counts_of_nothing_are_rows_too() -> None:
    log = histogram_frame(peers.HISTOGRAM)
    assert list(log.entries) == [0, 0, 2, 0, 0, 0, 0, 0, 0]
    assert list(log.level.cat.categories) == list(SEVERITY_NAMES)
    assert (log.ends_at - log.starts_at == timedelta(minutes=15)).all()
    queue = ages_frame(peers.AGES)
    assert len(queue) == 5 * 6
    assert queue[queue.messages > 0].to_dict("records") == [
        {"server": "", "state": "deferred", "age": "under_1_hour", "messages": 3}
    ]
    assert list(queue[queue.age >= "under_3_days"].age.unique()) == ["under_3_days", "older"]
    assert list(domain_ages_frame(peers.AGES).messages) == [0, 3, 0, 0, 0, 0]
    groups = groups_frame(peers.GROUPS)
    assert list(zip(groups.cause, groups.destination, groups.age, groups.messages, strict=True)) == [
        ("held", "example.org", "older", 1),
        ("held", "example.org", "under_1_hour", 3),
    ]


def test_pandas_is_loaded_at_the_first_frame_only() -> None:
    code = "import sys, trackkit.frames, trackkit.client.server; print('pandas' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_both_lists_of_certificates_are_one_frame() -> None:
    frame = trust_frame([trust_answers.UNTRUSTED, trust_answers.TRUSTED], "one")
    assert list(frame.is_trusted) == [False, True]
    assert list(frame.reason.fillna("")) == ["self_signed", ""]
    assert list(frame.times.fillna(0)) == [4, 0]
    assert dict(trust_frame([]).dtypes) == dict(frame.dtypes)
