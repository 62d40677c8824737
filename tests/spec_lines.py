"""The lines of the SPEC that have to be proved through a running server, as the words of `spec` markers.

``python -m tests.spec_table`` prints each with its tests; `tests/unit/test_spec_table.py` fails while one has none.
"""

from __future__ import annotations

LINES = (
    "2: each database in its own folder; a copy of DATA/databases backs all of them up",
    "2: list",
    "2: create: refused names say which character or rule",
    "2: create: description and settings",
    "2: full paths are refused unless the server machine allows them, never through the API",
    "2: full paths: roots, links and .. resolved, an existing folder without a database",
    "2: full paths: a PostgreSQL URL",
    "2: full paths: choosing one warns",
    "2: a drive or host that goes away takes only its database with it, and comes back",
    "2: create from template: what is copied and what is not",
    "2: add existing: the browser sees only the roots",
    "2: add existing: an older one is backed up and upgraded",
    "2: add existing: newer, foreign, damaged and missing ones are refused with the reason",
    "2: settings: active, log-in lists, description; the location is not editable",
    "2: settings: compact at every start, compact at next start",
    "2: settings: two administrators",
    "2: compact: sizes before and after, progress",
    "2: back up: online, verified, never over anything that exists, with progress",
    "2: scheduled backups with a number kept; the rotation's limits",
    "2: restore: a new database with a new identity and sending switched off",
    "2: health warns after 7 days without a backup",
    "2: remove from list: sessions end, files stay, add existing reverses it",
    "2: no API deletes, overwrites or moves a database's files",
    "2: information after each operation",
    "2: the sample database, its mails held and addressed to .invalid",
    "9: project log-in",
    "9: what a project user may follows from the security groups",
    "9: records of the five types with numbers",
    "9: attached files",
    "9: customers, groups, filters, test configurations, workbook tasks, users",
    "2: report definitions, e-mail templates, notification rules, tracked e-mail",
    "9: import and export as CSV",
    "9: import and export as DataFrame",
    "9: idle sessions are ended and logged",
    "10: cron-like schedules, last result, next run, run now, history",
    "10: a missed run runs once at start if asked",
)
