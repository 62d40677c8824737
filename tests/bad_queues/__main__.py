"""The list of bad queues and what came of each, as Markdown: ``python -m tests.bad_queues`` runs the tests for it."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from tests.bad_queues.case import Case
from tests.bad_queues.driver import Result, Told
from tests.bad_queues.table import CASES

FILE = "tests/acceptance/test_bad_queues.py"
HEAD = ("", "how it was broken", "expected cause", "diagnosed", "next step", "offered", "fixed by", "empty", "arrived")


def _result(told_of: Any) -> Result:
    """What the test told as plain values, which is all that can travel between its workers."""
    told = told_of["told"]
    return Result(**{**told_of, "told": told and Told(**told)})


class Results:
    """A pytest plugin that keeps what came of each case."""

    def __init__(self) -> None:
        self.rows: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest after set-up, call and clean-up of each test."""
        if report.when == "call":
            self.rows += [_result(value) for name, value in report.user_properties if name == "result"]


def line(number: int, case: Case, result: Result) -> str:
    """A line of the list; what is not as it has to be is bold."""
    told = result.told
    cells = [
        str(number),
        case.broken,
        case.cause,
        (told.cause if told.cause == case.cause else f"**{told.cause}**") if told else "**nothing**",
        told.next_step if told else "",
        " ".join(filter(None, (told.operation, told.option, told.fix and f"“{told.fix}”"))) if told else "",
        case.fixed_by if result.fixed else "**not fixed**",
        f"in {case.arrives}" if result.arrived else "**no**",
    ]
    cells.insert(7, "yes" if result.empty else "**no**")
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the list; pytest's exit code."""
    results = Results()
    with redirect_stdout(StringIO()) as said:
        code = pytest.main(["--quiet", FILE], plugins=[results])
    print("\n".join(f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD))))
    for number, (case, result) in enumerate(zip(CASES, results.rows, strict=False), 1):
        print(line(number, case, result))
    missed = sum(not result.arrived for result in results.rows)
    print(f"\n{len(results.rows)} bad queues, {missed} missed")
    if code != 0:
        print(said.getvalue(), file=sys.stderr)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
