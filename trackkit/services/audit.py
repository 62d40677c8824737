"""The audit: reading it, and what the server does by itself. There is no use case that deletes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from trackkit.contract import audit as contract
from trackkit.services.environment import Call
from trackkit.store import records
from trackkit.store.database import Connection

OWN_NAME: Final = "trackkit"
"""Who did what nobody told the server to do."""


def list_audit(call: Call, request: contract.ListAudit) -> contract.AuditPage:
    """A page of the audit, newest first."""
    found = call.environment.store.read(
        lambda connection: records.page_audit(connection, request.before, request.limit + 1)
    )
    shown = found[: request.limit]
    return contract.AuditPage(
        records=tuple(
            contract.AuditRecord(
                record_id=r.id,
                at=r.at,
                operation=r.operation,
                username=r.username,
                client_address=r.client_address,
                subject=r.subject,
                before=r.before,
                after=r.after,
            )
            for r in shown
        ),
        next_before=shown[-1].id if len(found) > request.limit else None,
    )


def note_own(connection: Connection, at: datetime, operation: str, subject: str, after: Mapping[str, str]) -> None:
    """Record what the server did without being told to, under its own name."""
    records.add_audit(
        connection,
        at=at,
        operation=operation,
        username=OWN_NAME,
        client_address="",
        subject=subject,
        before={},
        after=after,
    )
