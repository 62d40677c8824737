"""Which test proves which line of the SPEC, from the `spec` markers: ``python -m tests.spec_table``.

Only tests that drive a running server count; a test that runs on several databases is named with each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO

import pytest

from tests.spec_lines import LINES

SERVERS = frozenset({"start", "start_for_module", "server", "site", "house"})
"""Fixtures that start a server process."""


class Collected:
    """A pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Called by pytest with everything it found."""
        self.items = list(items)


def proofs(items: list[pytest.Item]) -> dict[str, dict[str, set[str]]]:
    """For each line the tests that prove it, and for each test the databases it runs on."""
    found: dict[str, dict[str, set[str]]] = {line: {} for line in LINES}
    for item in items:
        if not SERVERS & set(getattr(item, "fixturenames", ())):
            continue
        name, _, parameters = item.nodeid.partition("[")
        engines = {engine for engine in ("SQLite", "PostgreSQL") if engine.lower() in parameters.lower()}
        for mark in item.iter_markers("spec"):
            if mark.args[0] in found:
                found[mark.args[0]].setdefault(name, set()).update(engines or {_engine(item)})
    return found


def _engine(item: pytest.Item) -> str:
    """What a test runs on that has only one database."""
    return "PostgreSQL" if item.get_closest_marker("postgres") else "SQLite"


def table(found: Mapping[str, Mapping[str, set[str]]]) -> str:
    """The table in Markdown."""
    lines = ["| SPEC | on | test |", "| --- | --- | --- |"]
    for line, tests in found.items():
        for name, engines in sorted(tests.items()) or [("**none**", set())]:
            lines.append(f"| {line} | {', '.join(sorted(engines, reverse=True))} | {name} |")
    return "\n".join(lines)


def main() -> int:
    """Print the table; 1 when a line has no test."""
    collected = Collected()
    with redirect_stdout(StringIO()) as said:
        code = pytest.main(["--collect-only", "--quiet", "--override-ini=addopts=", "tests"], plugins=[collected])
    if code != 0:
        print(said.getvalue())
        return int(code)
    found = proofs(collected.items)
    print(table(found))
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
