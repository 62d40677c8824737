"""The tracking cookie: what it names comes back, nothing else is taken, and any carrier that survives is enough."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.tracking import carriers
from trackkit.domain.tracking.carriers import Carrier, Verdict, find
from trackkit.domain.tracking.cookie import (
    KEY_IDS,
    LARGEST,
    LONGEST,
    MOST_RECIPIENTS,
    PREFIX,
    Damaged,
    Foreign,
    Forged,
    Keys,
    Tracked,
    Valid,
    make,
    project_tag,
    read,
)

SERVER = "3f6d2f57-6f0c-4a53-9d53-0a1c3c5f9d10"
OTHER_SERVER = "0f4a8a56-2f1f-4d02-8f67-1f2b6a9c7d11"
PROJECT = "sample-identity"
OTHER_PROJECT = "another-identity"
KEYS = Keys(1, {1: b"k" * 32})
TRACKED = Tracked(PROJECT, Kind.defect, 42, 1001, 1)
COOKIE = make(TRACKED, KEYS, SERVER)

tracked = st.builds(
    Tracked,
    st.sampled_from([PROJECT, OTHER_PROJECT]),
    st.sampled_from(RECORD_KINDS),
    st.integers(0, LARGEST),
    st.integers(0, LARGEST),
    st.integers(0, MOST_RECIPIENTS),
)


def found(*texts: tuple[Carrier, str], keys: Keys = KEYS, projects: tuple[str, ...] = (PROJECT,)) -> carriers.Found:
    return find(texts, keys, SERVER, projects)


@settings(max_examples=50, deadline=None)
@given(tracked, st.integers(0, KEY_IDS - 1))
def test_what_is_named_comes_back_whatever_the_case(one: Tracked, number: int) -> None:
    keys = Keys(number, {number: bytes([number]) * 40})
    cookie = make(one, keys, SERVER)
    assert len(cookie) <= LONGEST
    assert re.fullmatch(r"tk1[0-9a-z]+", cookie)
    wanted = Valid(project_tag(one.project), one.kind, one.record, one.email, one.recipient)
    assert read(cookie, keys, SERVER) == read(cookie.upper(), keys, SERVER) == wanted


@settings(max_examples=50, deadline=None)
@given(tracked, st.data())
def test_nothing_that_was_changed_is_taken(one: Tracked, data: st.DataObject) -> None:
    cookie = make(one, KEYS, SERVER)
    place = data.draw(st.integers(len(PREFIX), len(cookie) - 1))
    letter = data.draw(st.sampled_from([c for c in "0123456789abcdefghjkmnpqrstvwxyz" if c != cookie[place]]))
    assert not isinstance(read(cookie[:place] + letter + cookie[place + 1 :], KEYS, SERVER), Valid)
    assert not isinstance(read(cookie[:place], KEYS, SERVER), Valid)
    assert not isinstance(read(cookie + letter, KEYS, SERVER), Valid)


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.text(max_size=200), st.from_regex(r"tk1[0-9a-z]{0,120}", fullmatch=True)))
def test_rubbish_is_read_without_raising(text: str) -> None:
    assert not isinstance(read(text, KEYS, SERVER), Valid)


def test_what_each_is() -> None:
    other_key = Keys(1, {1: b"x" * 32})
    assert isinstance(read(make(TRACKED, other_key, SERVER), KEYS, SERVER), Forged)
    assert isinstance(read(COOKIE, KEYS, OTHER_SERVER), Foreign)
    assert isinstance(read(COOKIE[:-1], KEYS, SERVER), Damaged)
    assert isinstance(read(COOKIE + "0", KEYS, SERVER), Damaged)
    assert read("tk1", KEYS, SERVER) is read("tk1abc", KEYS, SERVER) is read("", KEYS, SERVER) is None


def test_the_same_names_on_another_server_give_another_mac() -> None:
    here, there = make(TRACKED, KEYS, SERVER), make(TRACKED, KEYS, OTHER_SERVER)
    assert here[-18:] != there[-18:]


def test_rotation_keeps_what_older_keys_signed_until_they_are_dropped() -> None:
    keys = KEYS
    for number in range(KEY_IDS + 3):
        newer = keys.rotated(bytes([number]) * 32)
        cookie = make(TRACKED, keys, SERVER)
        assert isinstance(read(cookie, newer, SERVER), Valid)
        assert make(TRACKED, newer, SERVER) != cookie
        keys = newer
    assert len(keys.secrets) == KEY_IDS
    assert isinstance(read(COOKIE, keys, SERVER), Forged)
    assert isinstance(read(COOKIE, KEYS.rotated(b"y" * 32, kept=0), SERVER), Forged)


def test_keys_are_long_and_stay_out_of_what_is_printed() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        Keys(1, {1: b"short"})
    with pytest.raises(ValueError, match="no key 2"):
        Keys(2, {1: b"k" * 32})
    assert "kkk" not in repr(KEYS)


@pytest.mark.parametrize("field", ["record", "email", "recipient"])
def test_numbers_that_no_cookie_can_hold_are_refused(field: str) -> None:
    values = {"project": PROJECT, "kind": Kind.defect, "record": 1, "email": 1, "recipient": 0, field: LARGEST + 1}
    with pytest.raises(ValueError, match="cannot hold"):
        make(Tracked(**values), KEYS, SERVER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("carrier", "text"),
    [
        (Carrier.in_reply_to, carriers.message_id(COOKIE, "tracker.example")),
        (Carrier.references, f"<a@b> {carriers.message_id(COOKIE, 'tracker.example')} <c@d>"),
        (Carrier.subject, "AW: " + carriers.subject("It crashes", COOKIE)),
        (Carrier.subject, carriers.subject("x", COOKIE).upper()),
        (Carrier.recipient, carriers.reply_address("tracking@example.org", COOKIE)),
        (Carrier.recipient, carriers.reply_address("tracking@example.org", COOKIE).upper()),
        (Carrier.returned, carriers.message_id(COOKIE, "tracker.example")),
    ],
)
def test_any_carrier_is_enough(carrier: Carrier, text: str) -> None:
    one = found((carrier, text))
    assert one.verdict is Verdict.record
    assert one.tracked == TRACKED


def test_carriers_that_say_the_same_agree_and_the_mail_answered_is_named_by_in_reply_to() -> None:
    later = make(Tracked(PROJECT, Kind.defect, 42, 2002, 0), KEYS, SERVER)
    one = found((Carrier.references, f"<{COOKIE}@x>"), (Carrier.in_reply_to, f"<{later}@x>"), (Carrier.subject, COOKIE))
    assert one.verdict is Verdict.record
    assert one.tracked is not None
    assert one.tracked.email == 2002
    last = found((Carrier.references, f"<{COOKIE}@x> <{later}@x>"))
    assert last.tracked is not None
    assert last.tracked.email == 2002


def test_verdicts_that_are_none() -> None:
    other_record = make(Tracked(PROJECT, Kind.requirement, 42, 7, 0), KEYS, SERVER)
    foreign = make(TRACKED, KEYS, OTHER_SERVER)
    forged = make(TRACKED, Keys(1, {1: b"z" * 32}), SERVER)
    elsewhere = make(Tracked(OTHER_PROJECT, Kind.defect, 42, 1001, 1), KEYS, SERVER)
    assert found().verdict is Verdict.none
    assert found((Carrier.subject, "tk1 [tk1abc] about tk1q")).verdict is Verdict.none
    assert found((Carrier.subject, foreign)).verdict is Verdict.foreign
    assert found((Carrier.subject, elsewhere)).verdict is Verdict.foreign
    assert found((Carrier.subject, elsewhere), projects=(PROJECT, OTHER_PROJECT)).verdict is Verdict.record
    assert found((Carrier.subject, forged)).verdict is Verdict.forged
    assert found((Carrier.subject, COOKIE[:-3])).verdict is Verdict.forged
    for other in (other_record, forged):
        conflict = found((Carrier.references, COOKIE), (Carrier.subject, other))
        assert (conflict.verdict, conflict.tracked) == (Verdict.conflicting, None)


def test_a_damaged_one_and_those_of_other_servers_do_no_harm_beside_one_of_ours() -> None:
    foreign = make(TRACKED, KEYS, OTHER_SERVER)
    one = found((Carrier.references, f"<{foreign}@x> <{COOKIE}@x>"), (Carrier.subject, f"[{COOKIE[:-7]}"))
    assert (one.verdict, one.tracked) == (Verdict.record, TRACKED)
    assert [seen.verdict for seen in one.seen] == [Verdict.foreign, Verdict.record, None]


def test_a_subject_has_one_tag_at_its_end_and_none_for_people() -> None:
    tagged = carriers.subject("Re: It crashes", COOKIE)
    assert tagged == f"Re: It crashes [{COOKIE}]"
    again = make(Tracked(PROJECT, Kind.defect, 42, 2002, 0), KEYS, SERVER)
    assert carriers.subject(f"AW: {tagged} (fwd)", again) == f"AW: Re: It crashes (fwd) [{again}]"
    assert carriers.untagged(tagged) == "Re: It crashes"
    assert carriers.subject("", COOKIE) == f"[{COOKIE}]"


def test_a_reply_address_fits_or_is_refused_with_what_to_do() -> None:
    longest = make(Tracked(PROJECT, Kind.test_run, LARGEST, LARGEST, MOST_RECIPIENTS), KEYS, SERVER)
    assert len(longest) <= LONGEST
    assert len(carriers.reply_address("tracking@example.org", longest).partition("@")[0]) <= 64
    with pytest.raises(InvalidInput, match="too long") as raised:
        carriers.reply_address(f"{'t' * 40}@example.org", COOKIE)
    assert "at most" in raised.value.problems[0].message


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(Carrier), st.text(max_size=80)), max_size=8))
def test_no_header_makes_it_raise_or_find_what_was_never_sent(texts: list[tuple[Carrier, str]]) -> None:
    assert found(*texts).verdict in (Verdict.none, Verdict.foreign)


def test_a_flood_of_cookies_is_bounded() -> None:
    foreign = " ".join(make(Tracked(PROJECT, Kind.defect, n, n, 0), KEYS, OTHER_SERVER) for n in range(2000))
    assert len(found((Carrier.references, foreign)).seen) == carriers.MOST
