"""Serials: what they say, how each single change is told, and which licenses stand together."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from trackkit.domain import licenses
from trackkit.domain.errors import Conflict, InvalidInput, SerialForged, SerialMistyped
from trackkit.domain.expiry import Stage, stage_of
from trackkit.domain.licenses import License, LicenseKind, checked_license, read_serial, serial_of

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"k" * 32), Ed25519PrivateKey.from_private_bytes(b"o" * 32)
KEYS = [KEY.public_key().public_bytes_raw()]
SERVER, ELSEWHERE = UUID(int=0x1234), UUID(int=0x9999)
TODAY = date(2026, 11, 25)


def made(
    kind: LicenseKind = LicenseKind.floating,
    number: int = 7,
    seats: int = 20,
    until: date | None = None,
    server: UUID | None = SERVER,
    issued: date = TODAY,
) -> License:
    if kind in (LicenseKind.dedicated, LicenseKind.solosubmit):
        seats = 1
    return checked_license(kind, number, seats, issued, until, None if kind is LicenseKind.dedicated else server)


SERIAL = serial_of(made(until=TODAY + timedelta(days=365)), KEY)
days = st.dates(date(2000, 1, 2), date(2170, 1, 1))


@given(
    st.sampled_from(list(LicenseKind)),
    st.integers(0, 2**64 - 1),
    st.integers(1, licenses.MOST_SEATS),
    days,
    st.none() | st.integers(0, 2000),
    st.uuids(),
    st.booleans(),
    st.sampled_from([" ", "", "-", "\n", "\u2011"]),
)
def test_a_serial_says_what_was_issued_however_it_is_written(
    kind: LicenseKind, number: int, seats: int, issued: date, more: int | None, server: UUID, low: bool, dash: str
) -> None:
    until = issued + timedelta(days=more) if more is not None else None
    license = made(kind, number, seats, until, server, issued)
    serial = serial_of(license, KEY).replace("-", dash)
    assert read_serial(serial.lower() if low else serial, KEYS) == license


@settings(max_examples=400)
@given(st.integers(0, licenses.LENGTH - 1), st.characters())
def test_every_change_of_one_character_is_refused_as_mistyped(place: int, character: str) -> None:
    plain = SERIAL.replace("-", "")
    changed = plain[:place] + character + plain[place + 1 :]
    if licenses.normal_form(SERIAL) == changed.strip().upper() or changed.upper() == plain:
        return
    with pytest.raises(SerialMistyped):
        read_serial(changed, KEYS)


def test_every_single_change_by_a_character_of_the_alphabet_is_mistyped() -> None:
    plain = SERIAL.replace("-", "")
    for place, there in enumerate(plain):
        for character in "0123456789ABCDEFGHJKMNPQRSTVWXYZILOU":
            if character != there:
                with pytest.raises(SerialMistyped):
                    read_serial(plain[:place] + character + plain[place + 1 :], KEYS)


@given(st.integers(0, licenses.LENGTH - 2))
def test_two_neighbours_swapped_and_one_lost_or_doubled_are_mistyped(place: int) -> None:
    plain = SERIAL.replace("-", "")
    swapped = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
    for changed in (swapped, plain[:place] + plain[place + 1 :], plain[:place] + plain[place] + plain[place:]):
        if changed != plain:
            with pytest.raises(SerialMistyped):
                read_serial(changed, KEYS)


@given(st.integers(0, 96 * 8 - 1))
def test_every_changed_bit_under_fitting_check_digits_is_forged(bit: int) -> None:
    octets = bytearray(octets_of(SERIAL))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SerialForged):
        read_serial(licenses.written(bytes(octets)), KEYS)


def octets_of(serial: str) -> bytes:
    body = serial.replace("-", "")[:-7]
    spoken = str.maketrans("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    padded = body.translate(spoken)
    return base64.b32decode(padded + "=" * (-len(padded) % 8))


def test_a_serial_signed_by_another_key_is_forged_and_by_one_of_several_is_not() -> None:
    strange = serial_of(made(), OTHER)
    with pytest.raises(SerialForged, match="none of the keys"):
        read_serial(strange, KEYS)
    with pytest.raises(SerialForged):
        read_serial(strange, [])
    assert read_serial(strange, [*KEYS, OTHER.public_key().public_bytes_raw()]) == made()


def test_what_is_meant_is_said() -> None:
    with pytest.raises(SerialMistyped, match="0 \\(zero\\) is meant"):
        read_serial("O" + SERIAL[1:], KEYS)
    with pytest.raises(SerialMistyped, match="too few"):
        read_serial(SERIAL[:-3], KEYS)
    for text in ("", "hello", "-" * 200, "\x00", "9" * 10_000):
        with pytest.raises(SerialMistyped):
            read_serial(text, KEYS)


@pytest.mark.parametrize(
    ("license", "field"),
    [
        (lambda: checked_license(LicenseKind.web, 1, 0, TODAY, None, SERVER), "seats"),
        (lambda: checked_license(LicenseKind.web, 1, 65_536, TODAY, None, SERVER), "seats"),
        (lambda: checked_license(LicenseKind.dedicated, 1, 2, TODAY, None, None), "seats"),
        (lambda: checked_license(LicenseKind.dedicated, 1, 1, TODAY, None, SERVER), "server_id"),
        (lambda: checked_license(LicenseKind.web, 1, 1, TODAY, None, None), "server_id"),
        (lambda: checked_license(LicenseKind.web, 1, 1, TODAY, None, UUID(int=0)), "server_id"),
        (lambda: checked_license(LicenseKind.web, 1, 1, TODAY, TODAY - timedelta(days=1), SERVER), "maintenance"),
        (lambda: checked_license(LicenseKind.web, 1, 1, date(1999, 1, 1), None, SERVER), "issued_on"),
        (lambda: checked_license(LicenseKind.web, 1, 1, TODAY, date(2999, 1, 1), SERVER), "maintenance"),
    ],
)
def test_what_cannot_be_issued_is_refused_by_name(license, field: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput) as caught:
        license()
    assert caught.value.problems[0].field.startswith(field)


def test_entering_refuses_other_servers_dedicated_expired_doubled_and_serials_from_the_future() -> None:
    cases = [
        (made(server=ELSEWHERE), [], "is valid on the server"),
        (made(LicenseKind.dedicated), [], "dedicated"),
        (made(until=TODAY - timedelta(days=1), issued=TODAY - timedelta(days=300)), [], "maintenance ended"),
        (made(issued=TODAY + timedelta(days=2)), [], "clock"),
    ]
    for license, present, words in cases:
        with pytest.raises(InvalidInput) as refused:
            licenses.check_entered(license, SERVER, TODAY, present)
        assert words in str(refused.value)
    with pytest.raises(Conflict, match="entered already"):
        licenses.check_entered(made(), SERVER, TODAY, [made()])
    one = made(LicenseKind.solosubmit, 1)
    with pytest.raises(Conflict, match="solosubmit"):
        licenses.check_entered(made(LicenseKind.solosubmit, 2), SERVER, TODAY, [one])
    licenses.check_entered(made(until=TODAY), SERVER, TODAY, [])
    licenses.check_entered(made(issued=TODAY + timedelta(days=1)), SERVER, TODAY, [one])


def test_licenses_with_and_without_maintenance_do_not_mix() -> None:
    plain, yearly = made(number=1), made(number=2, until=TODAY + timedelta(days=300))
    for new, there in ((plain, yearly), (yearly, plain)):
        with pytest.raises(Conflict, match="cannot be mixed") as refused:
            licenses.check_entered(new, SERVER, TODAY, [there])
        assert there.name in refused.value.message
    with pytest.raises(Conflict, match="cannot be mixed"):
        licenses.check_sort(made(LicenseKind.dedicated), [yearly])
    licenses.check_sort(made(LicenseKind.dedicated), [plain])


@pytest.mark.parametrize(
    ("left", "stage"),
    [
        (31, None),
        (30, Stage.soon),
        (8, Stage.soon),
        (7, Stage.very_soon),
        (1, Stage.very_soon),
        (0, Stage.last_day),
        (-1, Stage.ended),
        (-400, Stage.ended),
    ],
)
def test_maintenance_is_warned_about_ahead_on_the_day_and_afterwards(left: int, stage: Stage | None) -> None:
    assert stage_of(TODAY + timedelta(days=left), TODAY) is stage
    if stage:
        assert "seats stay" in licenses.maintenance_words(made(until=TODAY + timedelta(days=left + 500)), stage)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "=" * 44, "A" * 44 + "=", "é" * 44])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="keygen"):
        licenses.public_key(text)
    assert licenses.public_key(licenses.public_key_text(KEYS[0])) == KEYS[0]
