"""Every line of the SPEC in `tests.spec_lines` is proved through a running server, on both databases."""

from __future__ import annotations

import subprocess
import sys

ONE_ENGINE = (  # what does not depend on the database underneath
    "0: one log-in page",
    "1: ",
    "5: a host that misbehaves",
    "5: an attempt whose outcome is unknown",
    "5: bad input",
    "5: SMTP listener",
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
    "7: trust: each fault",
    "7: trust: STARTTLS",
    "9: the web client",
    "12: trackkit worker",
)


def test_every_line_has_a_test_that_drives_a_server() -> None:
    found = subprocess.run([sys.executable, "-m", "tests.spec_table"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    rows = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in found.stdout.splitlines()[2:]]
    engines: dict[str, set[str]] = {}
    for line, on, _ in rows:
        engines.setdefault(line, set()).update(on.split(", "))
    one_sided = [line for line, on in engines.items() if on != {"SQLite", "PostgreSQL"}]
    assert [line for line in one_sided if not line.startswith(ONE_ENGINE)] == []
