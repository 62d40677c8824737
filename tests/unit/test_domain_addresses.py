"""Addresses: which are taken, in which form they are kept and sent; nothing that could end a line gets through."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackkit.domain import addresses
from trackkit.domain.addresses import address_problem, ascii_domain, needs_utf8, normal_address, wire_address

GOOD = [
    "a@b.test",
    "first.last+tag@sub.example.test",
    "o'brien@example.test",
    '"quoted words"@example.test',
    r'"with \" quote"@example.test',
    "x@[192.0.2.1]",
    "x@[IPv6:2001:db8::1]",
    "x@localhost",
    "x@xn--bcher-kva.test",
    "a" * 64 + "@b.test",
    "jürgen@b.test",
    "用户@例子.test",
    '"ü x"@b.test',
    "a@bücher.test",
    "🙂@b.test",
]
BAD = [
    "",
    "nobody",
    "@b.test",
    "a@",
    "a@b@c.test",
    "a b@c.test",
    ".a@b.test",
    "a.@b.test",
    "a..b@c.test",
    "a@-b.test",
    "a@b..test",
    "a@.test",
    "a@b_c.test",
    "<a@b.test>",
    "a@b.test>",
    "a@b.test\r\nRCPT TO:<evil@b.test>",
    "a@b.test\n",
    "a\r@b.test",
    "a\x00@b.test",
    "a\x7f@b.test",
    "a\x85@b.test",
    "a\u2028@b.test",
    "a\u00a0b@c.test",
    "a\u200bb@c.test",
    "a\u202eb@c.test",
    "a\ud800@b.test",
    "a\uff20b.test",
    '"a\r\nb"@c.test',
    "a" * 65 + "@b.test",
    "ü" * 33 + "@b.test",
    "a@" + "b." * 130 + "test",
    "a@" + "ü" * 63 + ".test",
    "a@" + "é." * 60 + "test",
    "a@\u0308b.test",
    "x@[192.0.2.1",
    "x@[\r\n]",
]


@pytest.mark.parametrize("address", GOOD)
def test_good_addresses_are_taken(address: str) -> None:
    assert address_problem(address) == ""


@pytest.mark.parametrize("address", BAD)
def test_bad_addresses_are_refused_with_a_reason(address: str) -> None:
    assert address_problem(address)


@given(st.text() | st.from_regex(r"[\w\"\\ .@<>\r\n\x00\x85\u2028\[\]-]+", fullmatch=True))
def test_nothing_that_could_end_a_command_line_is_an_address(text: str) -> None:
    address = normal_address(text)
    reason = address_problem(address)
    if not reason:
        sent = wire_address(address)
        assert sent.isprintable()
        assert sent.isascii() or needs_utf8(address)
        assert len(sent.encode()) <= 254
        # Brackets can stand within quotes only: a host that stops at the first one reads no further command.
        assert "@" in sent
        assert not re.search(r"[\r\n\x00\x85\u2028\u2029]", sent)
    assert reason.isascii()
    assert reason.isprintable()


_NEARLY_USUAL = st.builds(
    "{}@{}{}".format,
    st.text("aZ09.-+'_ \"@\u00fc", max_size=66),
    st.lists(st.text("aZ09-_\u00fc", max_size=65), max_size=5).map(".".join),
    st.sampled_from(["", ".", "\n"]),
)


@given(_NEARLY_USUAL | st.sampled_from([*GOOD, *BAD]))
@example("a" * 64 + "@" + "b" * 63)
@example("a" * 60 + "@" + ".".join(["b" * 63] * 3) + ".c")  # as long as an address may be
@example("a" * 61 + "@" + ".".join(["b" * 63] * 3) + ".c")
@example("a@" + "b" * 64)
def test_what_is_found_at_a_glance_is_found_by_a_long_look(address: str) -> None:
    told = address_problem(address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "_USUAL", re.compile(r"(?!)"))
        assert address_problem(address) == told


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_normal_form_is_stable(local: str, domain: str) -> None:
    once = normal_address(f"{local}@{domain}")
    assert normal_address(once) == once
    if local.isascii() and domain.isascii():
        assert once == f"{local}@{domain}"


@pytest.mark.parametrize(
    ("given_", "kept", "sent"),
    [
        ("A@B.test", "A@B.test", "A@B.test"),
        ("a@BÜCHER.test", "a@bücher.test", "a@xn--bcher-kva.test"),
        ("a@b\u0075\u0308cher\u3002test", "a@bücher.test", "a@xn--bcher-kva.test"),
        (unicodedata.normalize("NFD", "Jürgen@b.test"), "Jürgen@b.test", "Jürgen@b.test"),
        ("ü@faß.test", "ü@faß.test", "ü@xn--fa-hia.test"),
    ],
)
def test_one_form_is_kept_and_domains_go_in_ascii(given_: str, kept: str, sent: str) -> None:
    assert normal_address(given_) == kept
    assert wire_address(kept) == sent
    assert needs_utf8(kept) == (not sent.isascii())


def test_a_domain_that_is_none_has_no_labels() -> None:
    assert ascii_domain("b.test") == "b.test"
    assert ascii_domain("\u0308b.test") == ""
