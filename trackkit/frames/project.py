"""Items of a project as DataFrames, and DataFrames as the rows of an import.

Columns and types follow from the declared fields: choices are categories with every choice in its order, dates
``datetime64``, numbers ``Int64``, yes/no ``boolean``, lists tuples.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from trackkit.contract.project import Item
from trackkit.domain.declared import Declaration
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kinds import KindInfo
from trackkit.frames import INSTANT, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd

_DTYPES = {"number": "Int64", "yes/no": "boolean", "list": "object"}


def items_frame(info: KindInfo, items: Iterable[Item], server: str = "") -> pd.DataFrame:
    """Items of one kind, one row each."""
    import pandas as pd

    held = list(items)
    frame = frame_of(held, server, plain("int64", "number") | plain("str", "key"))
    for name, field in info.fields.items():
        if not field.secret:
            values = [item.values.get(name) for item in held]
            frame[name] = _series(field, values)
    system = plain("int64", "revision") | plain(INSTANT, "created_at", "changed_at")
    rest = frame_of(held, server, system | plain("str", "created_by", "changed_by")).drop(columns="server")
    return pd.concat([frame, rest], axis=1)


def _series(field: Declaration, values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    if field.kind == "choice":
        return pd.Series(values, dtype=pd.CategoricalDtype(list(field.choices), ordered=True))
    if field.kind == "date":
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object")))
    if field.kind == "list":
        return pd.Series([tuple(value or ()) for value in values], dtype="object")
    return pd.Series(values, dtype=_DTYPES.get(field.kind, "str"))


def rows_of(info: KindInfo, frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of texts of a frame; `InvalidInput` for columns that are no fields."""
    known = {name: field for name, field in info.fields.items() if not field.secret}
    columns = [str(name) for name in frame.columns]
    for name in columns:
        if name not in known and name != "key":
            raise InvalidInput.of(name, "is no field", f"There are {', '.join(known)}; drop the column or rename it.")
    texts = [[_text(known.get(name), value) for value in frame[name]] for name in columns]
    return columns, [list(row) for row in zip(*texts, strict=True)]


def _text(field: Declaration | None, value: Any) -> str:
    import pandas as pd

    if not isinstance(value, list | tuple) and pd.isna(value):
        return ""
    if isinstance(value, date):  # a Timestamp is one, too
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # whole numbers become floats where a value is missing
    return field.text(value) if field is not None else str(value)
