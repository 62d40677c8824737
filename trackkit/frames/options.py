"""Changes of options as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.options import ChangeSet
from trackkit.frames import INSTANT, Column, frame_of

if TYPE_CHECKING:
    import pandas as pd


def option_changes_frame(sets: Iterable[ChangeSet], server: str = "") -> pd.DataFrame:
    """Changes of options, one row an option of each; values as text, none where there was none."""
    return frame_of(((one, changed) for one in sets for changed in one.changes), server, _CHANGES)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_CHANGES: Mapping[str, Column] = {
    "change_id": ("int64", lambda row: row[0].change_id),
    "at": (INSTANT, lambda row: row[0].at),
    "username": ("str", lambda row: row[0].username),
    "client_address": ("str", lambda row: row[0].client_address),
    "operation": ("str", lambda row: row[0].operation),
    "reverts": ("Int64", lambda row: row[0].reverts),
    "option": ("str", lambda row: row[1].name),
    "before": ("str", lambda row: _text(row[1].before)),
    "after": ("str", lambda row: _text(row[1].after)),
}
