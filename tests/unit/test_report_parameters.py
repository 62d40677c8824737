"""Parameters of reports: read from the notebook as papermill reads them, refused by name before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.reports import Parameter, catalogue, find
from trackkit.reports.parameters import checked, declared

SOURCE = """hours: int = 24  # How far back
share = 0.5  # Which part
all: bool = False
"""
PARAMETERS = (
    Parameter("hours", "int", 24, "How far back"),
    Parameter("share", "float", 0.5, "Which part"),
    Parameter("all", "bool", False, "Everything"),
    Parameter("name", "str", "x", "Whose"),
)


def write(folder: Path, parameters: str, *cells: str, name: str = "own") -> Path:
    """A report notebook."""
    made: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "0", "metadata": {}, "source": "# Own\n\nWhat it is for."},
        {**_code("p", parameters), "metadata": {"tags": ["parameters"]}},
        *(_code(str(n), source) for n, source in enumerate(cells, 2)),
    ]
    path = folder / f"{name}.ipynb"
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


def _code(key: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"c{key}",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


@pytest.mark.spec("11: Report notebooks with parameters (papermill)")
def test_every_report_declares_what_papermill_reads_too() -> None:
    from papermill import inspect_notebook

    reports = catalogue()
    assert "server-health" in [report.name for report in reports]
    for report in reports:
        read = inspect_notebook(str(report.path))
        assert report.title
        assert report.purpose
        assert {p.name: (p.type, repr(p.default).replace("'", '"'), p.help) for p in report.parameters} == {
            name: (one["inferred_type_name"], one["default"], one["help"]) for name, one in read.items()
        }


def test_one_line_declares_one_parameter() -> None:
    assert declared('hours: int = 24  # How far back\nname = "x"  # Whose', "own") == (PARAMETERS[0], PARAMETERS[3])


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (SOURCE, "does not say what it is for"),
        ("hours: int = 2.5  # x", "is no name with a type"),
        ("hours: list = []  # x", "is no name with a type"),
        ("hours = print()  # x", "no plain value"),
        ("import os  # x", "declares no parameter"),
        ("hours: int  # x", "declares no parameter"),
        ("a = b = 1  # x", "declares no parameter"),
        ("a.b = 1  # x", "is no name"),
        ("hours = = 1", "line 1 is no Python"),
    ],
)
def test_a_cell_that_declares_anything_else_is_to_be_mended(source: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"own cannot be read: .*{why}"):
        declared(source, "own")


@pytest.mark.parametrize(
    "given",
    [{}, {"hours": 1}, {"share": 1}, {"share": 1.5, "all": True, "name": ""}, {"name": "ünï '\" {x}\n"}],
)
def test_values_of_the_declared_types_pass(given: dict[str, Any]) -> None:
    assert checked(PARAMETERS, given, "own") == given


def test_every_refused_parameter_is_named_with_its_reason() -> None:
    wrong = {"hours": True, "share": float("nan"), "all": 1, "name": None, "huors": 3}
    with pytest.raises(InvalidInput) as refused:
        checked(PARAMETERS, wrong, "own")
    said = {problem.field: problem.message for problem in refused.value.problems}
    assert list(said) == list(wrong)
    assert "whole number" in said["hours"]
    assert said["huors"] == "is no parameter of this report; it has hours, share, all, name"
    assert "nothing was run" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hours", "48", 48),
        ("hours", "-1", -1),
        ("hours", "1.5", "1.5"),
        ("hours", "", ""),
        ("share", "2", 2.0),
        ("share", "half", "half"),
        ("all", "Yes", True),
        ("all", "off", False),
        ("all", "maybe", "maybe"),
        ("name", "0", "0"),
        ("name", "a=b", "a=b"),
    ],
)
def test_text_becomes_the_declared_type_or_stays_text_to_be_refused(name: str, text: str, value: object) -> None:
    parameter = {p.name: p for p in PARAMETERS}[name]
    assert parameter.of_text(text) == value
    assert type(parameter.of_text(text)) is type(value)
    assert bool(parameter.problem(value)) == (isinstance(value, str) and name != "name")


def test_an_unknown_report_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="server-health"):
        find("server-helth")
    for name in ("../getting-started", "/etc/passwd", "", "server-health.ipynb"):
        with pytest.raises(NotFound):
            find(name)
    write(tmp_path, "n = 1  # How many")
    assert find("own", tmp_path).purpose == "What it is for."
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(InvalidInput, match="cannot be read as a notebook"):
        catalogue(tmp_path)
