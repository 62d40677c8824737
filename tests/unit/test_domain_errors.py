"""The tree of errors: one code each, and the same class on both sides of the wire."""

from __future__ import annotations

import pytest

from trackkit.contract.wire import WireError, status_of
from trackkit.domain import errors
from trackkit.domain.errors import BY_CODE, Problem, TrackkitError

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, TrackkitError)]


def test_every_class_has_a_code_of_its_own() -> None:
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)
    assert {BY_CODE[cls.code] for cls in CLASSES} == set(CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_comes_back_as_itself(cls: type[TrackkitError]) -> None:
    sent = cls("It broke.", "Mend it.", problems=[Problem("field", "is bad")], details={"reference": "abc"})
    came = WireError.model_validate_json(WireError.of(sent).model_dump_json()).error()
    assert type(came) is cls
    assert (came.message, came.advice, came.problems, came.details) == (
        sent.message,
        sent.advice,
        sent.problems,
        sent.details,
    )
    assert str(came) == "It broke.\n  field: is bad\nMend it."
    assert 400 <= status_of(sent) < 600


def test_an_error_of_a_newer_server_is_still_an_error() -> None:
    came = WireError(code="from_the_future", message="New trouble.").error()
    assert type(came) is TrackkitError
    assert came.message == "New trouble."


def test_the_tree_in_the_docstring_names_every_class() -> None:
    assert errors.__doc__ is not None
    assert [cls.__name__ for cls in CLASSES if cls.__name__ not in errors.__doc__] == []
