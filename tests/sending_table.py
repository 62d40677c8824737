"""Which way of sending works with which peer: ``python -m tests.sending_table`` runs the tests and prints the table."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest

FILE = "tests/peers/test_ways_of_sending.py"


class Results:
    """A pytest plugin that keeps how each cell went."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest after set-up, call and clean-up of each test."""
        name, _, cell = report.nodeid.partition("[")
        if report.when != "call" and report.passed:
            return
        if name.endswith("::test_mail_arrives"):
            self.rows[cell.rstrip("]")] = report.outcome
        elif name.endswith("::test_pop_before_smtp"):
            row = f"smtp, after POP before SMTP | {cell.rstrip(']')} (POP3) | USER and PASS | Dovecot POP3, Postfix"
            self.rows[row] = report.outcome


def table(rows: dict[str, str]) -> str:
    """The table in Markdown."""
    lines = ["| method | encryption | authentication | peer | result |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {cell} | {result} |" for cell, result in rows.items())])


def main() -> int:
    """Print the table; pytest's exit code."""
    results = Results()
    with redirect_stdout(StringIO()) as said:
        code = pytest.main(["--quiet", FILE], plugins=[results])
    print(table(results.rows))
    if code != 0:
        print(said.getvalue(), file=sys.stderr)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
