"""Imports of made-up files through the server: all rows or none, every faulty cell named, never a broken server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.acceptance.conftest import House
from trackkit.client.project import Project
from trackkit.domain.errors import ImportRefused, InvalidInput
from trackkit.domain.project.csv_rows import read, write
from trackkit.domain.text import is_one_line

COLUMNS = ("title", "status", "due_on", "owner")

# A cell, and whether it can be imported.
Cells = tuple[tuple[str, bool], ...]
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30).filter(
    lambda text: text == text.strip() and is_one_line(text)
)
TITLES = st.one_of(
    TEXTS.map(lambda text: (text, True)),
    st.sampled_from(
        [
            ("=1+1", True),
            ("'", True),
            ("'=x", True),
            ('a, "b"; c', True),
            ("a\nb", False),
            ("", False),
            ("x" * 301, False),
        ]
    ),
)
STATUSES = st.sampled_from([("new", True), ("open", True), ("New", False), ("=new", False), ("on fire", False)])
DATES = st.sampled_from(
    [("2026-12-24", True), ("", True), ("24.12.2026", False), ("2026-02-30", False), ("20261224", False)]
)
OWNERS = st.sampled_from([("administrator", True), ("ADMINISTRATOR", True), ("", True), ("ghost", False)])
ROWS: st.SearchStrategy[list[Cells]] = st.lists(st.tuples(TITLES, STATUSES, DATES, OWNERS), min_size=1, max_size=8)
# Mostly good rows, so that whole files are good now and then.
GOOD = st.lists(
    st.tuples(*(kind.filter(lambda cell: cell[1]) for kind in (TITLES, STATUSES, DATES, OWNERS))),
    min_size=1,
    max_size=8,
)

# Made smaller, a failure would take minutes: each example is a job of a server.
often = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.fixture(scope="module")
def project(house: House) -> Project:
    return house.project(house.make("imports"))


@pytest.mark.spec("9: import and export as CSV")
@often
@given(rows=ROWS | GOOD)
def test_all_rows_or_none_and_every_faulty_cell_named(project: Project, rows: list[Cells]) -> None:
    raw = write(COLUMNS, [[text for text, _ in row] for row in rows])
    faulty = {
        f"{line}.{column}"
        for line, row in enumerate(rows, 1)
        for column, (_, good) in zip(COLUMNS, row, strict=True)
        if not good
    }
    before = project.list("defect").total
    if faulty:
        with pytest.raises(ImportRefused) as refused:
            project.import_csv("defect", raw).wait()
        assert {problem.field for problem in refused.value.problems} == faulty
        assert project.list("defect").total == before
        return
    project.import_csv("defect", raw).wait()
    added = project.list("defect", sort="number", descending=True, limit=len(rows)).items[::-1]
    assert project.list("defect").total == before + len(rows)
    assert [(item.values["title"], item.values["status"]) for item in added] == [(row[0][0], row[1][0]) for row in rows]
    columns, out = read(project.export_csv("defect", [f"number>={added[0].number}"]))
    assert [row[columns.index("title")] for row in out] == [row[0][0] for row in rows]


@often
@given(raw=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"title\n{text}".encode(errors="replace")))
def test_any_bytes_are_imported_whole_or_refused_whole(project: Project, raw: bytes) -> None:
    before, added, told = project.list("defect").total, 0, True
    try:
        added = int(project.import_csv("defect", raw).wait().result["added"])
    except InvalidInput as error:  # what it says about cells is an `ImportRefused`, which is one
        told = bool(error.problems)
    assert told
    assert project.list("defect").total == before + added
