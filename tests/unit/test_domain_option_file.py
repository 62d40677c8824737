"""Files of options: what is written is read back, and whatever else is given is refused in words."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.unit.test_domain_options import ALL, LOGIN, MAIL, METHOD, valid_values
from trackkit.domain import option_file, options
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.option_file import OptionFile
from trackkit.domain.options import Options

HEAD = f'kind = "{option_file.KIND}"\nformat = {option_file.FORMAT}\n'
ALONE = [info for info in ALL if info.name not in (*LOGIN, *MAIL, *METHOD) and not info.secret]
ANY = st.fixed_dictionaries({}, optional={info.name: valid_values(info) for info in ALONE})


@given(ANY, st.booleans())
def test_what_is_written_is_read_back(values: dict[str, object], everything: bool) -> None:
    chosen = options.changed(Options(), values)
    file = option_file.read(option_file.written(chosen, everything=everything))
    assert file.references == {}
    assert options.changed(Options(), file.values) == chosen
    named = {info.name for info in ALL if not info.secret}
    assert (set(file.values) == named) or not everything


def test_it_says_what_it_is_and_which_secrets_there_are() -> None:
    chosen = options.changed(Options(), {"sending.smtp.password": SecretStr("canary")})
    text = option_file.written(chosen, everything=True)
    assert "# Set, but not in this file: sending.smtp.password\n" in text
    assert "canary" not in text
    assert "password" not in tomllib.loads(text)["sending"]["smtp"]
    assert tomllib.loads(text)["format"] == option_file.FORMAT


@given(st.text() | st.text().map(lambda text: HEAD + text))
@example(HEAD + "x = " + "[\n" * 50_000)
@example(HEAD + "x = {" * 50_000)
@example(HEAD + "x = " + "{x = " * 390)
@example(HEAD + "x" * option_file.LONGEST)
@example(HEAD + "a." * 900 + "b = 1")
@example(HEAD + "a." * 100_000 + "b = 1")
@settings(deadline=None)
def test_anything_else_is_refused_in_words(text: str) -> None:
    file: OptionFile | None = None
    problems: tuple[Problem, ...] = ()
    try:
        file = option_file.read(text)
    except InvalidInput as error:
        problems = error.problems
    assert (file is None) == bool(problems)
    assert file is None or file.values == {}
    assert all(one.field and one.message for one in problems)


@pytest.mark.parametrize("reference", ["env:NAME", "file:/run/secrets/mail", "keyring:trackkit/mail"])
def test_a_reference_is_kept_apart(reference: str) -> None:
    file = option_file.read(f'{HEAD}[sending.smtp]\npassword = "{reference}"\n')
    assert (file.values, file.references) == ({}, {"sending.smtp.password": reference})


@pytest.mark.parametrize("secret", ["hunter2", "env:", "ENV:NAME", " env:NAME", "http://x"])
def test_what_is_no_reference_is_a_secret_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidInput, match="must not stand in a file") as refused:
        option_file.read(f'{HEAD}[sending.smtp]\npassword = "{secret}"\n')
    assert secret == "env:" or secret not in str(refused.value).replace("env:NAME, file:", "")
