"""CSV files: what is written is read back, whatever it holds, and a spreadsheet takes none of it for a formula."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.domain.errors import InvalidInput
from trackkit.domain.project import csv_rows

# What no CSV reader can tell apart inside a quoted cell, and NUL, are refused by the models before they get here.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
STARTS = st.sampled_from(["=", "+", "-", "@", "\t", "'", "'=", "''=", "'+1", '"', "=\n"])
TRICKY = st.builds(str.__add__, STARTS, CELLS)
ROWS = st.lists(st.tuples(CELLS | TRICKY, CELLS | TRICKY), max_size=6)


@given(ROWS)
def test_what_is_written_is_read_back(rows: list[tuple[str, str]]) -> None:
    assert csv_rows.read(csv_rows.write(["a", "b"], rows)) == (["a", "b"], [list(row) for row in rows])


@given(st.lists(CELLS | TRICKY, max_size=6))
def test_one_column_is_read_back_even_when_cells_are_empty(cells: list[str]) -> None:
    assert csv_rows.read(csv_rows.write(["a"], [[cell] for cell in cells])) == (["a"], [[cell] for cell in cells])


@given(ROWS)
def test_no_cell_is_a_formula_to_a_spreadsheet(rows: list[tuple[str, str]]) -> None:
    text = csv_rows.write(["a", "b"], rows).decode("utf-8-sig")
    for row in csv.reader(StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_as_wide_as_the_columns_or_refused(raw: bytes) -> None:
    refused: list[str] = []
    columns: tuple[str, ...] = ("file",)
    rows: list[tuple[str, ...]] = []
    try:
        columns, rows = csv_rows.read(raw)
    except InvalidInput as error:
        refused = [problem.field for problem in error.problems]
    assert refused in ([], ["file"])
    assert all(columns)
    assert len(set(columns)) == len(columns)
    assert {len(row) for row in rows} <= {len(columns)}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b" \r\n \n", "is empty"),
        (b"title\nGr\xfc\xdfe\n", "line 2 holds the byte 0xfc"),
        ("title\nx\n".encode("utf-16-le"), "NUL"),
        (b"a,,c\n", "column 2 has no name"),
        (b"a,b,a\n", "the column a stands there twice"),
        (b"a,b\n1,2\n1\n", "line 3 has 1 cells instead of 2"),
        (b'a,b\n"1,2\n', "line 2 cannot be read"),
        (b"a\n" + b"x" * 1_000_001 + b"\n", "line 2 cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(raw: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        csv_rows.read(raw)
    assert said in refused.value.problems[0].message


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separators_and_a_byte_order_mark(separator: str, mark: bytes) -> None:
    raw = mark + separator.join(("a", "b")).encode() + b"\n" + separator.join(("1", "x y")).encode() + b"\n"
    assert csv_rows.read(raw) == (["a", "b"], [["1", "x y"]])
