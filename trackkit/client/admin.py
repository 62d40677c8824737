"""`server.audit`: one method an operation, and a frame over the listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import audit

if TYPE_CHECKING:
    import pandas as pd

Secret = str | SecretStr

_PAGE = 1000
FRAME_LIMIT = 10_000


class AuditPart:
    """Who changed what; read only."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self, before: int | None = None, limit: int = 200) -> audit.AuditPage:
        """One page, newest first."""
        return self._caller.ask(audit.LIST, before=before, limit=limit)

    def each(self, limit: int | None = None) -> Iterator[audit.AuditRecord]:
        """The records, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[audit.AuditRecord, ...], int | None]:
            page = self.list(before, size)
            return page.records, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(self, limit: int | None = FRAME_LIMIT) -> pd.DataFrame:
        """The records as a frame, newest first."""
        from trackkit.frames import audit_frame

        return audit_frame(self.each(limit), self._server)
