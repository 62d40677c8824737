"""What a user may send about a record: whom it goes to, who is refused by name, how it is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.options import Options, changed
from trackkit.domain.project.kind import Kind, named_record
from trackkit.domain.tracking import carriers, cookie
from trackkit.domain.tracking.cookie import Keys, Tracked, Valid
from trackkit.domain.tracking.letter import Party, compose
from trackkit.domain.tracking.passing_on import About, forward
from trackkit.domain.tracking.reading import Known as ReadBy
from trackkit.domain.tracking.reading import Read, read
from trackkit.domain.tracking.sending import Known, addressees, answer_to, refuse_unready, sender
from trackkit.domain.tracking.way import plain_way, tracked_way
from trackkit.domain.tracking_options import Mailbox, TrackingOptions, mailbox_of

KEYS = Keys(0, {0: b"k" * 32})
NAMED = Tracked("project", Kind.test_run, 12, 345, 1)
PEOPLE = {
    "ada": [Known("user", "ada", Party("Ada@people.example", "Ada Lovelace"))],
    "acme": [Known("customer", "ACME", Party("", "ACME"))],
    "both": [Known("user", "both", Party("a@x.example")), Known("customer", "both", Party("b@x.example"))],
    "same": [Known("user", "same", Party("S@x.example")), Known("customer", "same", Party("s@x.example"))],
    "bad": [Known("user", "bad", Party("a b@x.example"))],
}


def known(name: str) -> Sequence[Known]:
    return PEOPLE.get(name, ())


def mailbox(**changes: object) -> Mailbox:
    options = TrackingOptions(
        enabled=True, host="pop.example", username="t", password=SecretStr("s"), address="track@mail.example"
    )
    made = mailbox_of(options)
    assert made
    return replace(made, **changes)  # type: ignore[arg-type]


def resolved(*given: tuple[str, str]) -> dict[str, list[Party]]:
    return addressees(given, known, mailbox().is_own)


def test_everybody_is_found_once() -> None:
    found = resolved(("to", "ada"), ("to", " x@bücher.example "), ("cc", "ADA@people.example"), ("cc", "same"))
    assert found == {
        "to": [Party("Ada@people.example", "Ada Lovelace"), Party("x@bücher.example")],
        "cc": [Party("S@x.example")],
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("to", "acme"), "the customer ACME has no valid e-mail address: it is empty"),
        (("to", "bad"), "the user bad has no valid e-mail address"),
        (("cc", "both"), "is a user and a customer; write the address"),
        (("to", "nobody"), "nobody in this project is called so"),
        (("to", ""), "nobody in this project"),
        (("to", "track@mail.example"), "is the tracking address"),
        (("to", "Track+tk1x@MAIL.example"), "is the tracking address"),
    ],
)
def test_who_cannot_be_reached_is_named(given: tuple[str, str], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolved(("to", "ada"), given)
    assert [problem.field for problem in refused.value.problems] == [given[0]]
    assert words in refused.value.problems[0].message
    with pytest.raises(InvalidInput, match="needs somebody"):
        resolved(("cc", "ada"))


def test_who_sends_needs_an_address_of_their_own() -> None:
    assert sender(PEOPLE["ada"][0], mailbox().is_own) == Party("Ada@people.example", "Ada Lovelace")
    for address in ("", "a b@x", "track@mail.example"):
        with pytest.raises(InvalidInput, match="The user eve has no valid e-mail address"):
            sender(Known("user", "eve", Party(address)), mailbox().is_own)


@pytest.mark.parametrize(
    ("changes", "sends", "tracked", "has_mailbox", "words"),
    [
        ({}, True, False, False, "no mail host"),
        ({"sending.smtp.host": "h"}, False, False, True, "may not send"),
        ({"sending.smtp.host": "h"}, True, True, True, "off for the server"),
        ({"sending.mapi.enabled": True, "sending.method": "mapi"}, True, True, True, "MAPI"),
        ({"sending.smtp.host": "h"}, True, False, False, ""),
        ({"sending.mapi.enabled": True, "sending.method": "mapi"}, True, False, False, ""),
    ],
)
def test_what_is_missing_is_said(
    changes: dict[str, object], sends: bool, tracked: bool, has_mailbox: bool, words: str
) -> None:
    options = changed(Options(), changes)
    if not words:
        refuse_unready(options, sends, tracked, has_mailbox, "shop")
        return
    with pytest.raises(Conflict, match=words):
        refuse_unready(options, sends, tracked, has_mailbox, "shop")


def test_tracking_and_mapi_exclude_each_other() -> None:
    tracking = {
        "tracking.enabled": True,
        "tracking.host": "pop.example",
        "tracking.username": "t",
        "tracking.password": SecretStr("s"),
        "tracking.address": "track@mail.example",
    }
    with pytest.raises(InvalidInput) as refused:
        changed(Options(), {**tracking, "sending.mapi.enabled": True})
    assert [problem.field for problem in refused.value.problems] == ["tracking.enabled"]


@pytest.mark.parametrize("subaddressing", [True, False])
def test_each_carrier_of_a_way_names_the_record(subaddressing: bool) -> None:
    way = tracked_way(mailbox(subaddressing=subaddressing), KEYS, "server", NAMED)
    assert isinstance(cookie.read(way.tag, KEYS, "server"), Valid)
    texts = [way.message_id, way.subject("Hello")] + ([way.back] if subaddressing else [])
    for text in texts:
        found = carriers.find([(carriers.Carrier.subject, text)], KEYS, "server", ["project"])
        assert found.tracked == NAMED
    assert (way.back == "track@mail.example") is not subaddressing
    assert way.message_id.endswith("@mail.example>")
    plain = plain_way("ada@bücher.example", "f00")
    assert (plain.message_id, plain.back, plain.subject("x")) == (
        "<f00@xn--bcher-kva.example>",
        "ada@bücher.example",
        "x",
    )


def test_a_long_tracking_address_leaves_no_room() -> None:
    with pytest.raises(InvalidInput, match="too long for subaddressing"):
        tracked_way(mailbox(address="t" * 30 + "@mail.example", subaddressing=True), KEYS, "server", NAMED)


@pytest.mark.parametrize("text", ["defect", "defect -1", "defect 1x", "user 1", "defect 9999999999", "", "defect ١"])
def test_a_record_is_written_in_one_way(text: str) -> None:
    with pytest.raises(InvalidInput, match="defect 12"):
        named_record(text)
    assert named_record(" Test run  7 ") == (Kind.test_run, 7)


@pytest.mark.parametrize(
    ("subject", "answer"),
    [("Hello", "Re: Hello"), ("RE: re:Hello [tk1abc]", "Re: Hello"), ("", "Re:"), ("Regards", "Re: Regards")],
)
def test_an_answer_says_so_once(subject: str, answer: str) -> None:
    assert answer_to(subject) == answer


def test_what_is_passed_on_from_a_tracking_address_of_any_alphabet_is_in_ascii() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    came = read(b"From: Jo <jo@y.test>\r\nSubject: Re: x\r\n\r\nYes.\r\n", now, ReadBy(KEYS, "server", (), frozenset()))
    assert isinstance(came, Read)
    about = About("Shop", "defect 12", "It stops", "x")
    letter = forward(
        *(came.found, "known", "Yes.", Party("ada@x.test"), about, "track@bücher.example", "a1", now, 10_000_000)
    )
    assert b"Message-ID: <forward.a1@xn--bcher-kva.example>\r\n" in compose(letter)
    assert compose(letter).isascii()


@pytest.mark.parametrize("tracking", ["track@bücher.example", "track@xn--bcher-kva.example"])
@pytest.mark.parametrize("address", ["Track@bücher.example", "track+x@XN--BCHER-KVA.example"])
def test_the_tracking_address_is_known_in_both_forms_of_its_domain(tracking: str, address: str) -> None:
    assert mailbox(address=tracking).is_own(address)
    assert not mailbox(address=tracking).is_own("track@other.example")
