"""Who changed what: read only, deletable by no operation."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from trackkit.contract.operation import Operation, Request, Response, RowNumber
from trackkit.domain.accounts import Role


class AuditRecord(Response):
    """One administrative act. Secrets stand as "changed"."""

    record_id: int
    at: datetime
    operation: str
    username: str
    client_address: str
    subject: str
    before: dict[str, str]
    after: dict[str, str]


class ListAudit(Request):
    """Newest first; `before` is the `record_id` after which to go on."""

    before: RowNumber | None = None
    limit: int = Field(200, ge=1, le=5000)


class AuditPage(Response):
    """A page of the audit."""

    records: tuple[AuditRecord, ...]
    next_before: int | None


LIST = Operation("audit.list", "GET", "/audit", ListAudit, AuditPage, Role.admin, "Who changed what, newest first")

OPERATIONS = (LIST,)
