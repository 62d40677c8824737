"""Entries of the log that come as an Arrow IPC stream, as a frame: fast and without an object for each value.

The columns and types are those of `trackkit.frames.log_frame`.
"""

from __future__ import annotations

from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING

from trackkit.domain.log import SEVERITY_NAMES
from trackkit.frames import INSTANT

if TYPE_CHECKING:
    import pandas as pd

_BUFFER = 1024 * 1024


def log_frame_of(stream: RawIOBase, server: str = "") -> pd.DataFrame:
    """The frame of an Arrow IPC stream, in the order of the stream."""
    import pandas as pd
    import pyarrow as pa

    with BufferedReader(stream, _BUFFER) as file, pa.ipc.open_stream(file) as reader:
        table = reader.read_all()
    table = table.add_column(0, "server", pa.repeat(pa.scalar(server, pa.string()), table.num_rows))
    levels = pd.CategoricalDtype(list(SEVERITY_NAMES), ordered=True)
    texts = {name: "str" for name in table.column_names if table.schema.field(name).type == pa.string()}
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    return frame.astype({"at": INSTANT, "level": levels, **texts})
