"""CSV files to rows of texts and back.

Reading takes UTF-8, with or without a byte order mark, and commas, semicolons or tabs; everything else is refused with
its line. Writing puts ``'`` before what a spreadsheet would take for a formula, and reading takes it away again
(https://owasp.org/www-community/attacks/CSV_Injection). Refusals are `InvalidInput`; lines count from 1.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from trackkit.domain.errors import InvalidInput

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MAXIMUM_CELL: Final = 1_000_000
_SEPARATORS: Final = (",", ";", "\t")


def read(raw: bytes) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a CSV file."""
    text = _text(raw)
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    csv.field_size_limit(_MAXIMUM_CELL)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        _check_columns(columns)
        for row in reader:
            if not row:
                continue
            if len(row) != len(columns):
                raise _refused(f"line {reader.line_num} has {len(row)} cells instead of {len(columns)}")
            rows.append([_plain(cell) for cell in row])
    except csv.Error as error:
        raise _refused(f"line {reader.line_num} cannot be read: {error}") from None
    return columns, rows


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        words = f"is not UTF-8: line {line} holds the byte 0x{raw[error.start]:02x}"
        raise InvalidInput.of("file", words, "Save it as UTF-8, then import it.") from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise _refused(f"line {line} holds the character NUL: the file is no text, or is UTF-16")
    if not text.strip():
        raise _refused("is empty")
    return text


def _check_columns(columns: Sequence[str]) -> None:
    for number, name in enumerate(columns, 1):
        if not name:
            raise _refused(f"column {number} has no name; the first line has to name the columns")
        if columns.count(name) > 1:
            raise _refused(f"the column {name} stands there twice")


def _refused(words: str) -> InvalidInput:
    return InvalidInput.of("file", words)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


def _safe(cell: str) -> str:
    # What begins with ' and then looks like a mark of ours gets one more, so that reading takes just that one away.
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) and (cell[0] != "'" or _plain(cell) != cell) else cell


def write(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file in UTF-8 with a byte order mark, which spreadsheets need to see that it is UTF-8."""
    return b"".join((codecs.BOM_UTF8, lines([columns]), lines(rows)))


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as lines of a CSV file whose beginning was written before."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        # A row of one empty cell would be an empty line, which is none.
        writer.writerow([_safe(cell) for cell in row]) if list(row) != [""] else out.write('""\r\n')
    return out.getvalue().encode()
