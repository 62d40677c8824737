"""Accounts: names, passwords, roles and when a session ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain import accounts
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_each_role_may_what_the_ones_before_it_may() -> None:
    assert [role.rank for role in (Role.viewer, Role.operator, Role.admin)] == [0, 1, 2]
    assert [[role.covers(needed) for needed in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb", "a\x00b", "\u202eevil", "a\tb"])
def test_bad_usernames_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        accounts.checked_username(name)
    assert caught.value.problems[0].field == "username"


@pytest.mark.spec("6: names are not case sensitive")
@given(st.text(max_size=70))
def test_a_name_that_is_taken_has_one_key_whatever_its_case(name: str) -> None:
    try:
        stored = accounts.checked_username(name)
    except InvalidInput:
        return
    assert accounts.username_key(stored) == accounts.username_key(name)
    assert accounts.checked_username(stored) == stored


def test_names_that_differ_in_case_are_the_same() -> None:
    assert accounts.username_key("  Straße ") == accounts.username_key("STRASSE")


@pytest.mark.parametrize("password", ["", "geheim", "1234567", "x" * 1025])
def test_bad_passwords_are_refused_and_never_repeated(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        accounts.checked_password(password)
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("password", ["12345678", "ü" * 8, "x" * 1024, "with blanks in it", "\U0001f512" * 8])
def test_good_passwords_are_taken_as_they_are(password: str) -> None:
    assert accounts.checked_password(password) == password


def test_a_session_ends_exactly_when_its_idle_time_is_over() -> None:
    idle = timedelta(minutes=60)
    assert not accounts.session_expired(NOW - idle + timedelta(microseconds=1), NOW, idle)
    assert accounts.session_expired(NOW - idle, NOW, idle)
