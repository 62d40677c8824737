"""Millions of log entries over a year, made inside the database and the same every time, the year's end apart."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from trackkit.domain.log import Severity
from trackkit.store import database
from trackkit.store.database import Store
from trackkit.store.log_summary import microseconds
from trackkit.store.migrate import upgrade_on

SAMPLES = 9_973
WORDS = (
    *("disk", "low", "mail", "delivery", "failed", "connection", "refused", "host", "timeout", "login", "user"),
    *("database", "opened", "queue", "retry", "message", "accepted", "by", "relay", "session", "ended"),
)
COMMON = "Refused"
"""In every seventh entry or so."""

_MADE = """
INSERT INTO log_entries (at, severity, source, database, username, client_address, message, details)
SELECT :start + i * :step, severity, source, CASE WHEN i % 5 = 0 THEN 'db' || (i % 13) ELSE '' END,
    CASE WHEN i % 3 = 0 THEN 'user' || (i % 40) ELSE '' END,
    CASE WHEN i % 3 = 0 THEN '10.0.0.' || (i % 200) ELSE '' END,
    message || ' ' || i || ' for user' || (i * 7919 % 5000) || '@example.test', details
FROM {series} JOIN samples ON n = i % :samples ORDER BY i
"""
_SERIES = {
    "sqlite": "(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s LIMIT :entries) SELECT i FROM s)",
    "postgresql": "generate_series(CAST(0 AS bigint), :entries - 1) AS s(i)",
}


def rare(entries: int) -> str:
    """A text that stands in one entry only."""
    return f" {entries // 3} FOR "


def fill(store: Store, entries: int) -> None:
    """Make the entries in the tables of the first version, which has no summary yet."""

    def work(connection: Connection) -> None:
        upgrade_on(connection, "log", "log_0001")
        chosen = random.Random(7)
        connection.execute(
            text("CREATE TABLE samples (n int PRIMARY KEY, severity int, source text, message text, details text)")
        )
        connection.execute(
            text("INSERT INTO samples VALUES (:n, :severity, :source, :message, :details)"),
            [
                {
                    "n": n,
                    "severity": chosen.choices([int(s) for s in Severity], [1, 4, 10, 15, 70])[0],
                    "source": chosen.choices(["mail", "api", "log-in", "tasks", "server"], [50, 25, 15, 5, 5])[0],
                    "message": " ".join(chosen.choices(WORDS, k=3)),
                    "details": " ".join(chosen.choices(WORDS, k=12)) if n % 3 == 0 else "",
                }
                for n in range(SAMPLES)
            ],
        )
        year = timedelta(days=365)
        values = {
            "start": microseconds(datetime.now(UTC) - year),
            "step": year // timedelta(microseconds=1) // entries,
            "entries": entries,
            "samples": SAMPLES,
        }
        made = _MADE.format(series=_SERIES[connection.dialect.name])
        connection.execute(text(made), values)
        connection.execute(text("DROP TABLE samples"))

    store.write(work)


def store_of(url: str) -> Store:
    """The log's store in a file or at a PostgreSQL URL."""
    return database.postgresql(url) if url.startswith("postgresql") else database.sqlite(Path(url))
