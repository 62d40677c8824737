"""Notification rules: what sets them off, and whom they tell."""

from __future__ import annotations

from datetime import date

import pytest

from trackkit.domain.project import rules
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.project.rules import Change, Event, Member, Rule

ANA, BEN, CHEN = (
    Member("ana", "Ana", "ana@shop.test", frozenset({"support"})),
    Member("ben", "Ben", "ben@shop.test", frozenset({"support", "members"})),
    Member("chen", "Chen", "", frozenset()),
)
OPEN = {"status": "open", "owner": "ben", "reporter": "ana", "due_on": date(2026, 3, 1)}


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, {"owner": None}, {"created"}),
        (None, {"owner": "ana"}, {"created", "assigned"}),
        (OPEN, OPEN, set()),
        (OPEN, {**OPEN, "title": "x"}, {"changed"}),
        (OPEN, {**OPEN, "owner": "ana"}, {"changed", "assigned"}),
        (OPEN, {**OPEN, "owner": None}, {"changed"}),
        (OPEN, {**OPEN, "status": "fixed"}, {"changed", "status"}),
    ],
)
def test_what_happened(before: dict[str, object] | None, after: dict[str, object], events: set[str]) -> None:
    assert rules.events_of(Change(1, before, after)) == events


def told(
    *recipients: str, event: Event = "changed", actor: str = "", values: dict[str, object] | None = None
) -> list[str]:
    (rule,) = [Rule("r", event, recipients, None, tracked=False)]
    found = rules.tellings(
        [rule],
        frozenset({event}),
        OPEN if values is None else values,
        (ANA, BEN, CHEN),
        actor,
        str.lower,
        lambda a: not a,
    )
    return [member.name for telling in found for member in telling.members]


def test_whom_a_rule_names() -> None:
    assert told("owner") == ["ben"]
    assert told("reporter", "owner") == ["ana", "ben"]
    assert told("Support", "BEN") == ["ana", "ben"]  # a group and one of its members: once
    assert told("owner", values={"owner": None}) == []
    assert told("nobody") == []
    assert told("chen") == []  # has no address


def test_nobody_hears_of_what_they_did() -> None:
    assert told("Support", actor="ben") == ["ana"]


def test_a_user_called_like_a_group_is_the_user() -> None:
    group_like = Member("support", "Support desk", "desk@shop.test", frozenset())
    found = rules.tellings(
        [Rule("r", "changed", ("Support",), None, tracked=False)],
        frozenset({"changed"}),
        OPEN,
        (ANA, group_like),
        "",
        str.lower,
        lambda address: not address,
    )
    assert [member.name for member in found[0].members] == ["support"]


def test_of_several_rules_the_one_that_says_most_tells_somebody() -> None:
    made = [
        Rule("any change", "changed", ("Support", "chen"), None, tracked=False),
        Rule("mine", "assigned", ("owner",), None, tracked=True),
    ]
    found = rules.tellings(
        made, frozenset({"changed", "assigned"}), OPEN, (ANA, BEN, CHEN), "", str.lower, lambda address: not address
    )
    assert [(one.rule.name, [m.name for m in one.members]) for one in found] == [
        ("mine", ["ben"]),
        ("any change", ["ana"]),
    ]
    assert [member.name for member in found[1].unreachable] == ["chen"]


def test_overdue_is_what_is_late_and_not_done() -> None:
    for kind in RECORD_KINDS:
        statuses = KINDS[kind].fields["status"].choices
        assert rules.DONE[kind] < set(statuses)
        late = [
            s for s in statuses if rules.is_overdue(kind, {"status": s, "due_on": date(2026, 3, 1)}, date(2026, 3, 2))
        ]
        assert set(late) == set(statuses) - rules.DONE[kind]
    assert not rules.is_overdue(Kind.defect, OPEN, date(2026, 3, 1))  # still that day
    assert not rules.is_overdue(Kind.defect, {"status": "open", "due_on": None}, date(2026, 3, 2))
