"""Where mail for a domain goes, and what a failure on the way means."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.message import address_problem
from trackkit.domain.mta_sts import Mode, NoPolicy, Policy, policy_id, read_policy
from trackkit.domain.mx import (
    MOST_HOSTS,
    Answer,
    Found,
    MxRecord,
    destination_of,
    hosts_of,
    literal_address,
    no_address,
    relay_takes_over,
    together,
    tries_next_host,
)
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of


def as_given(hosts: Sequence[str]) -> Sequence[str]:
    return hosts


def backwards(hosts: Sequence[str]) -> Sequence[str]:
    return list(reversed(hosts))


def answer(*records: tuple[int, str]) -> Answer[MxRecord]:
    return Answer(Found.records, tuple(MxRecord(*record) for record in records))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Ann@Example.ORG", "example.org"),
        ("ann@example.org.", "example.org"),
        ('"a@b"@example.org', "example.org"),
        ("ann@bücher.example", "xn--bcher-kva.example"),
        ("ann@XN--Bcher-KVA.example", "xn--bcher-kva.example"),
        ("ann@[192.0.2.1]", "[192.0.2.1]"),
        ("ann@[IPv6:2001:DB8:0::1]", "[2001:db8::1]"),
        ("ann@[nonsense]", "[nonsense]"),
        ("ann@-–-.example", "-–-.example"),
    ],
)
def test_the_destination_of_an_address(address: str, expected: str) -> None:
    assert destination_of(address) == expected


@given(st.text(max_size=60))
def test_every_text_has_a_destination(text: str) -> None:
    found = destination_of(f"a@{text}")
    if not address_problem(f"a@{text}"):
        assert found
        assert destination_of(f"a@{found}") == found or found.startswith("[")


def test_literals() -> None:
    assert literal_address("[192.0.2.1]") == "192.0.2.1"
    assert literal_address("[2001:db8::1]") == "2001:db8::1"
    assert [literal_address(text) for text in ("192.0.2.1", "[nonsense]", "[]", "[", "")] == [None] * 5


def test_hosts_by_preference_and_equal_ones_as_shuffled() -> None:
    records = answer((20, "c"), (10, "a"), (10, "b"), (20, "c"))
    assert hosts_of("d", records, as_given) == ("a", "b", "c")
    assert hosts_of("d", records, backwards) == ("b", "a", "c")
    assert len(hosts_of("d", answer(*((n, f"h{n}") for n in range(50))), as_given)) == MOST_HOSTS  # type: ignore[arg-type]


def test_a_domain_without_mx_is_its_own_host() -> None:
    assert hosts_of("d.test", Answer(Found.nothing), as_given) == ("d.test",)


@pytest.mark.parametrize(
    ("records", "verdict", "failure", "code", "enhanced"),
    [
        (answer((0, ".")), Verdict.permanent, Failure.takes_no_mail, 556, "5.1.10"),
        (Answer(Found.no_name), Verdict.permanent, Failure.no_such_domain, None, "5.1.2"),
        (Answer(Found.failed, reason="x"), Verdict.temporary, Failure.name_not_resolved, None, "4.4.3"),
        (answer((0, "a b\\032.test"), (5, "2001:db8::1")), Verdict.permanent, Failure.no_mail_host, None, "5.4.4"),
        (answer((0, "192.0.2.1")), Verdict.permanent, Failure.no_mail_host, None, "5.4.4"),
    ],
)
def test_domains_without_a_host(
    records: Answer[MxRecord], verdict: Verdict, failure: Failure, code: int | None, enhanced: str
) -> None:
    outcome = hosts_of("d.test", records, as_given)
    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.failure, outcome.smtp_code, outcome.enhanced_code) == (
        verdict, failure, code, enhanced
    )  # fmt: skip
    assert "d.test" in outcome.text


def test_a_null_mx_beside_others_and_addresses_beside_names_are_left_out() -> None:
    assert hosts_of("d", answer((0, "."), (5, "192.0.2.1"), (10, "a")), as_given) == ("a",)


def test_hosts_without_addresses() -> None:
    assert no_address("h", Answer(Found.failed, reason="x")).verdict is Verdict.temporary
    assert no_address("h", Answer(Found.no_name)).verdict is Verdict.permanent
    assert no_address("h", Answer(Found.nothing)).failure is Failure.no_mail_host


def test_what_several_hosts_come_to() -> None:
    refused = Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="192.0.2.1: connection refused")
    gone = no_address("b", Answer(Found.no_name))
    busy = outcome_of(Stage.greeting, 421, "4.3.2 busy")
    assert together([("a", refused)]) is refused
    assert together([("a", refused), ("b", gone)]) == Outcome(
        Verdict.temporary,
        Stage.connect,
        Failure.refused,
        text="a: 192.0.2.1: connection refused; the mail host b has no address",
    )
    assert together([("b", gone), ("b", gone)]).verdict is Verdict.permanent
    assert together([("a", refused), ("c", busy)]) is busy


@pytest.mark.parametrize(
    ("outcome", "next_host", "relay"),
    [
        (Outcome(Verdict.accepted, Stage.final_dot), False, False),
        (outcome_of(Stage.recipient, 550, "no"), False, False),
        (outcome_of(Stage.recipient, 450, "later"), False, True),
        (outcome_of(Stage.recipient, 421, "closing"), True, True),
        (outcome_of(Stage.final_dot, 421, "closing"), True, True),
        (outcome_of(Stage.greeting, 554, "no"), False, True),
        (Outcome(Verdict.temporary, Stage.data, Failure.dropped), True, True),
        (Outcome(Verdict.temporary, Stage.sender, Failure.timed_out), True, True),
        (Outcome(Verdict.temporary, Stage.connect, Failure.refused), False, True),
        (Outcome(Verdict.temporary, Stage.name, Failure.name_not_resolved), False, True),
        (Outcome(Verdict.permanent, Stage.name, Failure.takes_no_mail), False, False),
        (Outcome(Verdict.unknown, Stage.final_dot, Failure.dropped), False, False),
        (Outcome(Verdict.temporary, Stage.data, Failure.defect), False, False),
    ],
)
def test_who_gets_a_recipient_next(outcome: Outcome, next_host: bool, relay: bool) -> None:
    assert (tries_next_host(outcome), relay_takes_over(outcome)) == (next_host, relay)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("v=STSv1; id=20260101T000000;",), "20260101T000000"),
        (("v=STSv1;id=1", "v=spf1 -all"), "1"),
        (("v=STSv1; id=1;", "v=STSv1; id=2;"), None),
        (("v=STSv1; id=not an id;",), None),
        (("v=STSv2; id=1;",), None),
        ((), None),
    ],
)
def test_the_id_of_a_policy(texts: tuple[str, ...], expected: str | None) -> None:
    assert policy_id(texts) == expected


def test_a_policy_is_read() -> None:
    text = (
        "version: STSv1\r\nmode: enforce\r\nmx: mx.d.test\r\nmx: *.D.example.\r\nmax_age: 99999999999\r\nother: x\r\n"
    )
    with pytest.raises(NoPolicy):
        read_policy(text)
    policy = read_policy(text.replace("99999999999", "99999999"))
    assert policy == Policy(Mode.enforce, ("mx.d.test", "*.d.example"), 31_557_600)
    allowed = {h: policy.allows(h) for h in ("MX.d.test", "a.d.example", "a.b.d.example", "d.example", "x.d.test")}
    assert list(allowed.values()) == [True, True, False, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv2\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: maybe\nmax_age: 1\nmx: a",
        "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: a",
        "version: STSv1\nmode: enforce\nmx: a\nmax_age: -1",
    ],
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(NoPolicy):
        read_policy(text)


@given(st.text())
def test_any_text_is_a_policy_or_none(text: str) -> None:
    with suppress(NoPolicy):
        assert read_policy(f"version: STSv1\n{text}").max_age >= 0
