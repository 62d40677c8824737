"""Names, paths and URLs of databases: whatever comes in, either a usable name or a refusal that says why."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.databases import (
    FORBIDDEN_IN_NAME,
    FORBIDDEN_IN_PATH,
    MAXIMUM_NAME,
    RESERVED,
    DatabaseSettings,
    Place,
    called,
    checked_name,
    checked_path,
    checked_url,
    name_key,
    place_of,
    url_allowed,
    warnings,
)
from trackkit.domain.errors import InvalidInput
from trackkit.domain.text import is_one_line


@pytest.mark.spec("2: create: refused names say which character or rule")
@given(st.text(max_size=120))
def test_a_name_is_usable_or_refused(text: str) -> None:
    try:
        name = checked_name(text)
    except InvalidInput:
        return
    assert checked_name(name) == name
    assert 1 <= len(name) <= MAXIMUM_NAME
    assert name == name.strip()
    assert is_one_line(name)
    assert not set(name) & set(FORBIDDEN_IN_NAME)
    assert name.casefold() not in RESERVED
    assert os.path.normpath(name) == name == os.path.basename(name)
    assert len(os.fsencode(name)) <= 255
    assert place_of(name) is Place.relative


@pytest.mark.parametrize(
    "name",
    [
        "pumps",
        "/srv/data/pumps",
        "/srv/pumps/",
        r"C:\data\pumps",
        r"\\host\share\pumps",
        "postgresql://u@h:1/pumps?a=b/c",
    ],
)
def test_mail_tells_nothing_of_the_machine(name: str) -> None:
    assert called(name) == "pumps"


@given(st.text(min_size=1, max_size=40))
def test_case_and_composition_make_no_difference(text: str) -> None:
    assert (
        name_key(text) == name_key(unicodedata.normalize("NFD", text)) == name_key(unicodedata.normalize("NFC", text))
    )
    assert name_key(text.upper().lower()) == name_key(text.upper().lower().casefold())
    assert name_key(name_key(text)) == name_key(text)


@given(st.text(max_size=60), st.sampled_from(FORBIDDEN_IN_NAME), st.text(max_size=30))
def test_a_forbidden_character_is_refused_wherever_it_stands(before: str, character: str, after: str) -> None:
    with pytest.raises(InvalidInput):
        checked_name(before + character + after)
    if character in FORBIDDEN_IN_PATH:
        with pytest.raises(InvalidInput):
            checked_path(f"/{before}{character}{after}")


@given(st.text(max_size=200))
def test_a_url_never_shows_a_password(secret: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_url(f"postgresql://user:canary{secret}@localhost/db")
    assert "canary" not in f"{refused.value} {refused.value.problems!r}"


@given(st.text(max_size=200))
def test_any_text_as_a_url_is_a_place_or_refused(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"postgresql://h/{text}", f"postgresql://{text}@h:1/d"):
        try:
            place = checked_url(url)
        except InvalidInput:
            continue
        assert place.host
        assert place.database
        assert 1 <= place.port <= 65535


def test_hosts_are_allowed_by_host_and_port() -> None:
    place = checked_url("postgresql://u@Db.Example.org:5433/projects")
    assert place.url == "postgresql://u@db.example.org:5433/projects"
    assert url_allowed(place, ["postgresql://db.example.org:5433"])
    assert url_allowed(place, ["postgresql://db.example.org:5433/projects"])
    for root in (
        "postgresql://db.example.org",
        "postgresql://db.example.org:5433/other",
        "postgresql://example.org:5433",
        "/db.example.org",
    ):
        assert not url_allowed(place, [root])


@pytest.mark.spec("2: full paths: choosing one warns")
def test_what_a_person_is_warned_of() -> None:
    assert warnings(DatabaseSettings(), Place.relative) == []
    assert len(warnings(DatabaseSettings(), Place.path)) == 1
    both = warnings(DatabaseSettings(compact_every_start=True), Place.postgresql)
    assert "slower" in both[0]
    assert "longer" in both[1]
