"""Frames of several servers as one, told apart by their column ``server``.

Types survive, categories in their order included: `pandas.concat` alone turns categories into plain objects as soon as
two servers of different versions have different ones. Fails with `InvalidInput` when there is nothing to stack.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


def stack(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all frames below each other, numbered anew.

    Parameters
    ----------
    frames: of one kind: ``stack(server.mail.frame() for server in servers)``. A column that only some have is empty
        for the others.
    """
    import pandas as pd

    held = list(frames)
    if not held:
        raise InvalidInput("There is nothing to stack: no frames were given.", "Connect to a server first.")
    common = {name: _categories([frame[name].dtype for frame in held if name in frame]) for name in _names(held)}
    alike = [
        frame.astype({name: dtype for name, dtype in common.items() if dtype is not None and name in frame})
        for frame in held
    ]
    return pd.concat(alike, ignore_index=True)


def _names(frames: list[pd.DataFrame]) -> list[str]:
    return list(dict.fromkeys(name for frame in frames for name in frame.columns))


def _categories(dtypes: list[Any]) -> Any:
    """One dtype with the categories of all, in the order of the first; none when they are no categories."""
    import pandas as pd

    if not all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes):
        return None
    names = list(dict.fromkeys(name for dtype in dtypes for name in dtype.categories))
    return pd.CategoricalDtype(names, ordered=all(dtype.ordered for dtype in dtypes))
