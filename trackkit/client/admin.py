"""`server.options`, `server.audit`: one method an operation; users, tokens and sessions are in `client.accounts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import audit, options

if TYPE_CHECKING:
    import pandas as pd

Secret = str | SecretStr

_PAGE = 1000
FRAME_LIMIT = 10_000


class OptionsPart:
    """The options of a server, by name: ``sending.smtp.host``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self) -> options.OptionsState:
        """Every option; of a secret only whether it is set."""
        return self._caller.ask(options.GET)

    def set(
        self, values: Mapping[str, options.Value | SecretStr], revisions: Mapping[str, int] | None = None
    ) -> options.OptionsState:
        """Change options, all or none.

        Parameters
        ----------
        revisions: the revision of each touched group as it was seen (`OptionsState.revisions`); when somebody else
            changed the group meanwhile, `Conflict` is raised and nothing changes. None: no such check.
        """
        plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in values.items()}
        return self._caller.ask(options.SET, values=plain, revisions=dict(revisions or {}))


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
