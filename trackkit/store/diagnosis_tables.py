"""The tables of what mail was diagnosed as; they are in the main database (`tables.main`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, SmallInteger, String, Table, Text

from trackkit.domain.replies import Stage
from trackkit.store.columns import Enumerated, Instant
from trackkit.store.tables import main

diagnosis_counts = Table(
    "diagnosis_counts",
    main,  # a row for each cause that was ever met
    Column("cause", String(64), primary_key=True),
    Column("tries", BigInteger, nullable=False),
    Column("last_at", Instant, nullable=False),
)

unknown_replies = Table(
    "unknown_replies",
    main,  # replies that no recogniser knows, alike ones together
    Column("key", String(256), primary_key=True),
    Column("smtp_code", SmallInteger),
    Column("enhanced_code", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("stage", Enumerated(Stage), nullable=False),
    Column("host", String(300), nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)
