"""A server with just the licenses a test names.

from tests.licensed_server import licensed_server
shop = licensed_server(start, floating=3, web=2)
shop.server.admin.licenses.add(shop.issue("floating", 5))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tests import licensed
from tests.running import RunningServer


@dataclass
class Licensed:
    """A server that accepts the serials made here."""

    server: RunningServer

    def issue(self, kind: str, seats: int = 1, *, until: date | None = None) -> str:
        """A serial for this server.

        Parameters
        ----------
        until: the last day of maintenance; none = without maintenance.
        """
        return licensed.serial(kind, seats, self._server_id(kind), until)

    def forged(self, kind: str = "floating", seats: int = 1) -> str:
        """A serial that is typed right and signed by somebody else."""
        return licensed.serial(kind, seats, self._server_id(kind), key=licensed.STRANGE)

    def _server_id(self, kind: str) -> str | None:
        return None if kind == "dedicated" else self.server.admin.info().server_id


def licensed_server(
    start: Callable[..., RunningServer],
    *,
    floating: int = 0,
    web: int = 0,
    solosubmit: bool = False,
    until: date | None = None,
    **more: object,
) -> Licensed:
    """Start a server with so many seats and no others; the evaluation license is deleted.

    Parameters
    ----------
    start: the fixture `start` or `start_for_module`.
    until: the last day of maintenance of the licenses.
    more: what `tests.running.start_server` takes.
    """
    shop = Licensed(start(seats=0, **more))
    licenses = shop.server.admin.licenses
    for one in licenses.list().licenses:
        licenses.delete(one.license_id)
    for kind, seats in (("floating", floating), ("web", web), ("solosubmit", int(solosubmit))):
        if seats:
            licenses.add(shop.issue(kind, seats, until=until))
    return shop
