"""A fix as it travels: what mends a trouble, for a person to look at and apply (`Server.apply`)."""

from __future__ import annotations

from pydantic import Field

from trackkit.contract.operation import Response
from trackkit.contract.options import Value


class FixView(Response):
    """`trackkit.domain.fixes.Fix`; `queue_ids` is the mail it was said of, for the verbs of the queue."""

    operation: str
    words: str
    changes: dict[str, Value] = Field(default_factory=dict)
    host: str = ""
    port: int = 0
    queue_ids: tuple[str, ...] = ()
