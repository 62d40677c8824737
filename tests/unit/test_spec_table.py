"""Every line of the SPEC in `tests.spec_lines` is proved through a running server, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.spec_table import proofs, table

TESTS = Path(__file__).parents[1]
ONE_ENGINE = (  # what does not depend on the database underneath
    "0: one log-in page",
    "1: ",
    "5: a host that misbehaves",
    "5: an attempt whose outcome is unknown",
    "5: bad input",
    "5: only a connection test",
    "5: mail type",
    "5: SMTP listener",
    "5: why is it stuck: bad queues",
    "6: throttling",
    "2: each database in its own folder",
    "2: full paths",
    "2: a drive or host",
    "2: add existing: the browser",
    "2: no API deletes",
    "2: the sample database",
    "4: Severe Error: start-up errors",
    "4: Warning: disk low",
    "7: direct",
    "7: SMTP",
    "7: POP before SMTP",
    "7: log: level of the operating system's event log",
    "7: log: write all messages to DATA/startup.log",
    "7: log: start-up errors",
    "7: log: startup.log",
    "7: log: a Warning when the server does not run as a service",
    "7: server: encryption",
    "7: server: text on the web log-in page",
    "7: sending: limits are for the whole server",
    "7: secret options: a lost",
    "7: pickup folder",
    "7: MAPI",
    "7: test",
    "7: tracking",
    "7: trust: each fault",
    "7: Suggest",
    "7: trust: STARTTLS",
    "8: a tracked e-mail there and back",
    "8: each of the three carriers",
    "8: mail without a cookie",
    "8: a bounce marks",
    "8: an automatic answer",
    "8: trackers, vacation programs",
    "8: a mail that comes again",
    "8: the record's Overview and E-mail tab",
    "8: the poller: whatever mail comes",
    "8: each mail is on disk here before",
    "9: the web client",
    "12: trackkit worker",
    "13: a test that ends in the fix",
    "13: Inbound replay",
)


def the_table(request: pytest.FixtureRequest) -> str:
    """From what this run collected when that is everything, else from a run of its own, which takes its time."""
    config = request.config
    if [Path(word).resolve() for word in config.args] == [TESTS] and not (
        config.option.keyword or config.option.markexpr
    ):
        return table(proofs(request.session.items))
    found = subprocess.run([sys.executable, "-m", "tests.spec_table"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_every_line_has_a_test_that_drives_a_server(request: pytest.FixtureRequest) -> None:
    shown = the_table(request)
    assert "**none**" not in shown
    rows = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in shown.splitlines()[2:]]
    engines: dict[str, set[str]] = {}
    for line, on, _ in rows:
        engines.setdefault(line, set()).update(on.split(", "))
    one_sided = [line for line, on in engines.items() if on != {"SQLite", "PostgreSQL"}]
    assert [line for line in one_sided if not line.startswith(ONE_ENGINE)] == []
