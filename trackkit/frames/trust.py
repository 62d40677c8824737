"""Certificates of mail hosts as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.trust import Trusted, Untrusted
from trackkit.frames import INSTANT, Column, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd


def trust_frame(rows: Iterable[Untrusted | Trusted], server: str = "") -> pd.DataFrame:
    """Certificates that do not verify and trusted ones, one row each; what one of the sorts lacks is empty."""
    return frame_of(rows, server, _CERTIFICATES)


def _of(dtype: str, name: str) -> Column:
    return dtype, lambda row: getattr(row, name, None)


_CERTIFICATES: Mapping[str, Column] = {
    **plain("int64", "certificate_id"),
    "is_trusted": ("bool", lambda row: isinstance(row, Trusted)),
    **plain("str", "host"),
    **plain("int64", "port"),
    **plain("str", "subject", "issuer"),
    "names": ("str", lambda row: ", ".join(row.names)),
    **plain(INSTANT, "valid_from", "valid_until"),
    **plain("str", "fingerprint"),
    "reason": ("str", lambda row: row.reason.value if isinstance(row, Untrusted) else None),
    "words": _of("str", "words"),
    "details": _of("str", "details"),
    "asked_by": ("str", lambda row: row.asked_by.value if isinstance(row, Untrusted) else None),
    "first_seen_at": _of(INSTANT, "first_seen_at"),
    "last_seen_at": _of(INSTANT, "last_seen_at"),
    "times": _of("Int64", "times"),
    "is_authority": _of("boolean", "is_authority"),
    "uploaded": _of("boolean", "uploaded"),
    "trusted_at": _of(INSTANT, "trusted_at"),
    "trusted_by": _of("str", "trusted_by"),
}
