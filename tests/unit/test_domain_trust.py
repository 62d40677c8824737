"""Which certificate is believed where, what one says about itself, and what may be uploaded."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest

from tests.certificates import authority, certificate
from trackkit.contract.trust import MAXIMUM_FILE
from trackkit.domain import trust
from trackkit.domain.certificates import facts, first_of, pem_of, uploaded
from trackkit.domain.errors import InvalidInput
from trackkit.domain.expiry import Stage, stage_of
from trackkit.domain.trust import WORDS, AskedBy, Reason, Trusted, reason_of, trust_of


def test_every_reason_has_words_of_its_own() -> None:
    assert set(WORDS) == set(Reason)
    assert len(set(WORDS.values())) == len(WORDS)


def test_a_code_nobody_knows_is_told_as_it_is() -> None:
    assert reason_of(18) is Reason.self_signed
    assert reason_of(23) is Reason.other


def trusted(host: str, port: int, name: bytes, *, is_authority: bool = False) -> Trusted:
    return Trusted(host, port, name, sha256(name).digest(), is_authority)


def test_trust_holds_for_its_host_and_port_and_an_authority_also_for_all() -> None:
    known = [
        trusted("mail.example", 587, b"one"),
        trusted("mail.example", 25, b"two"),
        trusted("mail.example", 587, b"its authority", is_authority=True),
        trusted("", 0, b"for all", is_authority=True),
    ]
    here = trust_of(known, "Mail.Example.", 587)
    assert here.certificates == {sha256(b"one").digest(), sha256(b"its authority").digest()}
    assert here.authorities == (b"its authority", b"for all")
    assert trust_of(known, "other.example", 587) == trust.Trust(frozenset(), (b"for all",))
    assert sha256(b"for all").digest() not in here.certificates, "an authority for all is no host's own certificate"


@pytest.mark.parametrize(
    ("one", "other"), [("[::1]", "0:0:0:0:0:0:0:1"), ("A.Example.", "a.example"), (" 10.0.0.1 ", "10.0.0.1")]
)
def test_a_host_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert trust.normal_host(one) == trust.normal_host(other)


def test_what_a_domain_asks_for_is_not_overruled() -> None:
    assert trust.refusal(AskedBy.server) == ""
    assert "MTA-STS" in trust.refusal(AskedBy.mta_sts)
    assert "DANE" in trust.refusal(AskedBy.dane)


@pytest.mark.parametrize(
    ("host", "port", "is_authority", "refused"),
    [
        ("", 0, False, "host"),
        ("", 25, True, "host"),
        ("a.example", 0, True, "port"),
        ("a b", 25, False, "host"),
        ("[", 0, True, "host"),
        (".", 0, True, "host"),
    ],
)
def test_an_upload_without_its_place_is_refused(host: str, port: int, is_authority: bool, refused: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        trust.checked_place(host, port, is_authority=is_authority)
    assert [problem.field for problem in caught.value.problems] == [refused]


def test_what_a_certificate_says_is_read() -> None:
    made = certificate("mail.example", authority("An authority"))
    found = facts(made.der)
    assert (found.subject, found.issuer, found.names) == ("CN=mail.example", "CN=An authority", ("mail.example",))
    assert found.fingerprint == made.fingerprint
    assert not found.is_authority
    assert found.valid_until == made.certificate.not_valid_after_utc
    assert facts(authority().der).is_authority


@pytest.mark.parametrize("der", [b"", b"nonsense", certificate().der[:-20]])
def test_what_cannot_be_read_has_a_fingerprint_all_the_same(der: bytes) -> None:
    assert facts(der).valid_until is None
    assert len(facts(der).fingerprint) == 32 * 3 - 1


def test_names_that_strangers_wrote_are_one_harmless_line() -> None:
    found = facts(certificate("mail.example", subject="a\x00b\nc\u202ed" + "x" * 50).der)
    assert found.subject.isprintable()


def test_a_file_is_pem_or_der() -> None:
    made = certificate()
    assert uploaded(made.der) == uploaded(made.pem) == uploaded(b"Bag Attributes\r\n" + made.pem) == made.der
    assert first_of(pem_of([made.der, authority().der])) == made.der


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no X.509 certificate"),
        (b"hello", "is no X.509 certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no X.509 certificate"),
        (b"-----BEGIN CERTIFICATE-----\n\xff\xfe\n-----END CERTIFICATE-----\n", "is no X.509 certificate"),
        (certificate().pem + certificate().pem, "holds 2 certificates"),
        (certificate().key_pem + certificate().pem, "holds a private key"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        uploaded(content)


def test_a_file_that_opens_a_certificate_again_and_again_is_looked_at_in_no_time() -> None:
    content = (b"-----BEGIN CERTIFICATE-----\n" * 5_000)[:MAXIMUM_FILE]
    began = time.process_time()
    with pytest.raises(InvalidInput, match=r"is no X\.509 certificate"):
        uploaded(content)
    assert time.process_time() - began < 1


def test_the_end_is_warned_about_at_the_same_stages_as_that_of_licenses() -> None:
    today = date(2026, 11, 26)
    found = [
        stage_of(date(2026, month, day), today) for month, day in ((12, 27), (12, 26), (12, 3), (11, 26), (11, 25))
    ]
    assert found == [None, Stage.soon, Stage.very_soon, Stage.last_day, Stage.ended]


def test_what_the_end_means_depends_on_what_it_is() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC).date()
    its_own = trust.expiry_words("CN=a", "a:25", until, Stage.soon, is_authority=False)
    assert "It stays trusted" in its_own
    issuer = trust.expiry_words("CN=b", "every host", until, Stage.last_day, is_authority=True)
    assert "expires today" in issuer
    assert "does not verify from then on" in issuer


def test_openssl_is_new_enough_to_show_what_it_refused() -> None:
    assert ssl.OPENSSL_VERSION_INFO >= (3, 0), "the trust list needs the chain of a handshake that failed"


def test_a_certificate_that_cryptography_dislikes_is_listed_all_the_same() -> None:
    """A doubled extension is no ValueError for it."""
    made = certificate("mail.example", client_only=True)
    same = made.der.replace(bytes.fromhex("551d25"), bytes.fromhex("551d0e"))
    assert same != made.der
    assert facts(same).valid_until is None
