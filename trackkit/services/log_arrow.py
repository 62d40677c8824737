"""Entries of the log as Arrow record batches, and those as an IPC stream or a Parquet file.

An own module, because pyarrow is loaded only when somebody asks for one of the two. Levels are an ordered dictionary,
most severe first; times are microseconds in UTC.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from trackkit.domain.log import SEVERITY_NAMES
from trackkit.store.log import Stored

SCHEMA: Final = pa.schema(
    [
        pa.field("entry_id", pa.int64(), nullable=False),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("level", pa.dictionary(pa.int8(), pa.string(), ordered=True), nullable=False),
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("source", "database", "username", "client_address", "message", "details")
        ),
    ]
)


def stream(portions: Iterable[list[Stored]]) -> Iterator[bytes]:
    """An Arrow IPC stream, compressed with LZ4."""
    out = _Out()
    with pa.ipc.new_stream(out, SCHEMA, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        for portion in portions:
            writer.write_batch(_batch(portion))
            yield from out.taken()
    yield from out.taken()


def parquet(portions: Iterable[list[Stored]]) -> Iterator[bytes]:
    """A Parquet file, a row group for each portion."""
    out = _Out()
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for portion in portions:
            writer.write_batch(_batch(portion))
            yield from out.taken()
    yield from out.taken()


def _batch(portion: list[Stored]) -> Any:
    ids, times, severities, *texts = zip(*portion, strict=True) if portion else ((),) * len(SCHEMA)
    levels = _numbers(pa.int8(), "b", [severity - 1 for severity in severities])
    columns = [
        _numbers(pa.int64(), "q", ids),
        _numbers(pa.timestamp("us", "UTC"), "q", times),
        pa.DictionaryArray.from_arrays(levels, _texts(SEVERITY_NAMES), ordered=True),
        *map(_texts, texts),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _numbers(type: Any, code: str, numbers: Iterable[int]) -> Any:
    """Not by `pyarrow.array`, which loads pandas as soon as it is installed."""
    stored = array(code, numbers)
    return pa.Array.from_buffers(type, len(stored), [None, pa.py_buffer(stored)])


def _texts(texts: Iterable[str]) -> Any:
    builder = pa.lib.StringBuilder()
    builder.append_values(texts)
    return builder.finish()


class _Out:
    """A file that is taken away piece by piece as it is written."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._size += len(self._pieces[-1])
        return len(self._pieces[-1])

    def taken(self) -> Iterator[bytes]:
        """What was written since the last time."""
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            yield b"".join(pieces)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
