"""`server.licenses`: one method an operation, and frames over the listings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from trackkit.client.admin import Secret
from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.contract import licenses
from trackkit.domain.seats import Pool

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 2_000


class LicensesPart:
    """Licenses and their seats."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self) -> licenses.Licenses:
        """What is entered, the seats that gives, and the id a serial for this server has to name."""
        return self._caller.ask(licenses.LIST)

    def frame(self) -> pd.DataFrame:
        """The licenses as a frame, one row each."""
        from trackkit.frames.licenses import licenses_frame

        return licenses_frame(self.list().licenses, self._server)

    def add(self, serial: Secret, *, preview: bool = False) -> licenses.License:
        """Enter a serial; `preview` only says what it is.

        Raises
        ------
        SerialMistyped, SerialForged: told apart by its check digits.
        InvalidInput: it is for another server, dedicated, expired, or the server's clock is behind.
        Conflict: it is entered already, or of the other sort (with and without maintenance cannot be mixed).
        """
        return self._caller.ask(licenses.ADD, serial=serial, preview=preview)

    def edit(self, license_id: int, serial: Secret, *, preview: bool = False) -> licenses.License:
        """Put another serial in the place of one; refused as by `add`, and `NotFound`."""
        return self._caller.ask(licenses.EDIT, license_id=license_id, serial=serial, preview=preview)

    def delete(self, license_id: int, *, preview: bool = False) -> licenses.Deleted:
        """Delete a license; who holds a seat keeps it until the log-out. `NotFound`."""
        return self._caller.ask(licenses.DELETE, license_id=license_id, preview=preview)

    def seats(self) -> licenses.Seats:
        """Who holds a seat now, and since when."""
        return self._caller.ask(licenses.SEATS)

    def seats_frame(self) -> pd.DataFrame:
        """The seats that are taken as a frame, one row each."""
        from trackkit.frames.licenses import seats_frame

        return seats_frame(self.seats().seats, self._server)

    def history(
        self,
        pool: Pool | str | None = None,
        *,
        refused_only: bool = False,
        before: int | None = None,
        limit: int = licenses.PAGE,
    ) -> licenses.SeatUses:
        """A page of the uses of seats that have ended and of refusals; go on with ``before=page.next_before``."""
        return self._caller.ask(licenses.HISTORY, pool=pool, refused_only=refused_only, before=before, limit=limit)

    def each_use(
        self, pool: Pool | str | None = None, *, refused_only: bool = False, limit: int | None = None
    ) -> Iterator[licenses.SeatUse]:
        """The history page after page, newest first; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[licenses.SeatUse, ...], int | None]:
            page = self.history(pool, refused_only=refused_only, before=before, limit=size)
            return page.uses, page.next_before

        return follow(fetch, _PAGE, limit)

    def history_frame(
        self, pool: Pool | str | None = None, *, refused_only: bool = False, limit: int | None = 100_000
    ) -> pd.DataFrame:
        """The history as a frame, one row each, newest first."""
        from trackkit.frames.licenses import uses_frame

        return uses_frame(self.each_use(pool, refused_only=refused_only, limit=limit), self._server)

    def usage(
        self,
        pool: Pool | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Literal["hour", "day"] = "hour",
    ) -> licenses.Usage:
        """Seats in use over time, the last 30 days unless told otherwise: peak, mean and refusals."""
        return self._caller.ask(licenses.USAGE, pool=pool, since=since, until=until, by=by)

    def usage_frame(
        self,
        pool: Pool | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Literal["hour", "day"] = "hour",
    ) -> pd.DataFrame:
        """The same as a frame, one row for each hour or day and pool."""
        from trackkit.frames.licenses import usage_frame

        return usage_frame(self.usage(pool, since, until, by).points, self._server)

    def replay(
        self,
        pool: Pool | str,
        seats: int | None = None,
        timeout_minutes: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> licenses.ReplayAnswer:
        """Play the history of a pool again: who would have been refused with so many seats and such a time-out?

        Parameters
        ----------
        seats: as many as there are now when not given.
        timeout_minutes: 5 at least: shorter pauses are not in the history. As it is now when not given.
        since: the last 365 days when not given.
        """
        return self._caller.ask(
            licenses.REPLAY, pool=pool, seats=seats, timeout_minutes=timeout_minutes, since=since, until=until
        )
