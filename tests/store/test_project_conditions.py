"""Conditions, search, order and pages mean the same in SQL, on every engine, as in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import one_in
from tests.store.conftest import Clock
from tests.store.test_project_items import model
from trackkit.domain.declared import Declaration
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.conditions import Condition, parse
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.store import project_items
from trackkit.store.database import Connection, Store
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import key_of_name

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("Bob", "bobby", "ärger", "Ärger", "o'%_\\")
GROUPS = ("Members", "mEn", "%")
TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "A", "aA", "crash", "CRASH", "ä", "Ä", "ß", "%", "_", "\\", "'", '"', "null", "1", "a b"]
    ),
    st.text(st.sampled_from("abAB äÄßİı\N{GRINNING FACE}%_\\'\"~=<,[]{}\n"), max_size=4),
)
DATES = st.sampled_from([date(1, 1, 1), date(2026, 1, 31), date(2026, 2, 1), date(9999, 12, 31)])
LINES = TEXTS.filter(lambda text: bool(text.strip()) and text.isprintable())
ASKED = settings(
    max_examples=one_in(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class _Undone(Exception):
    """Ends an example; its unit of work is undone."""


def _undone(store: Store, work: Callable[[Connection], None]) -> None:
    def undo(connection: Connection) -> None:
        work(connection)
        raise _Undone

    with pytest.raises(_Undone):
        store.write(undo)


def _add(connection: Connection, kind: Kind, *all_values: dict[str, Any]) -> None:
    pairs = [(model(kind, **values), {}) for values in all_values]
    project_items.add_many(connection, KINDS[kind], pairs, NOW, "bob")


def _surroundings(connection: Connection) -> None:
    """What items of the examples refer to."""
    _add(connection, Kind.group, *({"name": name} for name in GROUPS if name != "Members"))
    _add(connection, Kind.user, *({"name": name} for name in NAMES[:3]), {"name": NAMES[4]})
    _add(connection, Kind.customer, {"name": "ACME"}, {"name": "acme 2"})
    _add(connection, Kind.test_case, *({"title": "x"} for _ in range(12)))
    _add(connection, Kind.defect, *({"title": "before"} for _ in range(2)))


def _values(field: Declaration) -> st.SearchStrategy[Any]:
    """Values of a field, all of which the model takes."""
    found: st.SearchStrategy[Any]
    if field.refers_to == "user":
        found = st.sampled_from([*NAMES[:3], NAMES[4]])
    elif field.refers_to == "group":
        return st.lists(st.sampled_from(GROUPS), max_size=2, unique=True).map(tuple)
    elif field.refers_to in ("customer", "test_case", "record", "test_configuration"):
        choices = {"customer": ["ACME", "acme 2"], "test_case": ["1", "2", "11", "12"], "record": ["defect 1"]}
        found = st.sampled_from(choices[field.refers_to]) if field.refers_to in choices else st.none()
    elif field.kind == "list":
        return st.lists(TEXTS, max_size=3).map(tuple)
    elif field.kind == "choice":
        found = st.sampled_from(field.choices)
    elif field.kind == "yes/no":
        found = st.booleans()
    elif field.kind == "date":
        found = DATES
    elif field.name in ("title", "name"):
        return LINES
    else:
        found = TEXTS
    return st.none() | found if field.optional else found


def _of_kind(kind: Kind) -> st.SearchStrategy[list[dict[str, Any]]]:
    info = KINDS[kind]
    fields = {n: _values(f) for n, f in info.fields.items() if not f.secret and n != "email"}
    unique: Any = (lambda values: key_of_name(values["name"])) if info.named else None
    return st.lists(st.fixed_dictionaries(fields), min_size=3, max_size=10, unique_by=unique)


def _condition(info: KindInfo) -> st.SearchStrategy[Condition]:
    def of(name: str) -> st.SearchStrategy[str]:
        if name == "number":
            value: st.SearchStrategy[Any] = st.sampled_from([-1, 0, 1, 2, 3, 4, 10**30, -(10**30), ""])
            return st.tuples(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), value).map(
                lambda p: f"{name}{p[0]}{p[1]}"
            )
        field = info.fields[name]
        operators = ["=", "!="] + (["<", "<=", ">", ">="] if field.kind == "date" else [])
        operators += ["~"] if field.kind in ("text", "long text", "choice", "list") else []
        value = _values(field) | TEXTS if field.kind in ("text", "long text") else _values(field)
        if field.kind == "list":
            value = st.sampled_from(GROUPS) | TEXTS
        return st.tuples(st.sampled_from(operators), value).map(lambda p: f"{name}{p[0]}{field.text(p[1])}")

    names = ["number", *(n for n, f in info.fields.items() if not f.secret and n != "email")]
    return st.sampled_from(names).flatmap(of).map(lambda text: _parsed(info, text)).filter(bool)  # type: ignore[arg-type,return-value]


def _parsed(info: KindInfo, text: str) -> Condition | None:
    try:
        return parse(info, text)
    except InvalidInput:  # ordered or ~ without a value
        return None


KINDS_ASKED = (Kind.defect, Kind.user, Kind.workbook_task, Kind.test_run, Kind.rule, Kind.filter)


Question = tuple[list[Condition], str | None]


def _asked(kind: Kind) -> st.SearchStrategy[tuple[Kind, list[dict[str, Any]], list[Question]]]:
    """Items of a kind, and many questions about them: single examples are dear, single questions are not."""
    without_template = _of_kind(kind).map(lambda rows: [{**row, **_fits(row)} for row in rows])
    one = st.tuples(st.lists(_condition(KINDS[kind]), min_size=1, max_size=1), st.none())
    several = st.tuples(st.lists(_condition(KINDS[kind]), max_size=3), st.none() | TEXTS)
    return st.tuples(st.just(kind), without_template, st.lists(one | several, min_size=15, max_size=25))


ANYTHING = st.sampled_from(KINDS_ASKED).flatmap(_asked)


def _fits(row: dict[str, Any]) -> dict[str, Any]:
    return {"template": None} if "template" in row else {}


def _all(connection: Connection, kind: Kind) -> list[ItemRow]:
    return project_items.all_items(connection, kind)


def _seen(row: ItemRow) -> dict[str, Any]:
    return {"number": row.number, **row.values}


def _lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _found_in(info: KindInfo, row: ItemRow, text: str) -> bool:
    texts = [n for n, f in info.fields.items() if f.kind in ("text", "long text") and f.refers_to in ("", "record")]
    return any(_lower(text) in _lower(row.values[name] or "") for name in texts)


@pytest.mark.spec("9: customers, groups, filters")
@ASKED
@given(ANYTHING)
def test_conditions_select_and_count_what_they_mean(project: Store, asked: Any) -> None:
    kind, rows, questions = asked
    info = KINDS[kind]

    def work(connection: Connection) -> None:
        _surroundings(connection)
        _add(connection, kind, *rows)
        present = _all(connection, kind)
        for conditions, text in questions:
            expected = [
                row.number
                for row in present
                if all(condition.holds(_seen(row)) for condition in conditions)
                and (text is None or _found_in(info, row, text))
            ]
            found = project_items.page(connection, info, conditions, text, limit=1000)
            assert [row.number for row in found] == expected, [str(condition) for condition in conditions]
            assert project_items.count(connection, info, conditions, text) == len(expected)

    _undone(project, work)


@given(st.sampled_from(KINDS_ASKED).flatmap(lambda kind: st.tuples(st.just(kind), _condition(KINDS[kind]))))
def test_a_condition_reads_as_it_is_written(asked: tuple[Kind, Condition]) -> None:
    kind, condition = asked
    assert parse(KINDS[kind], str(condition)) == condition


def _order(row: ItemRow, field: Declaration | None) -> tuple[Any, ...]:
    if field is None:
        return (row.number,)
    value = row.values[field.name]
    if value is None:
        return (0, row.number)
    if field.refers_to == "test_case":
        return (1, int(value), row.number)
    return (1, _lower(value) if isinstance(value, str) else value, row.number)


@pytest.mark.spec("9: customers, groups, filters")
@ASKED
@given(
    asked=st.sampled_from(KINDS_ASKED).flatmap(_asked), descending=st.booleans(), size=st.integers(1, 4), data=st.data()
)
def test_pages_go_through_everything_once_and_in_order(
    project: Store, asked: Any, descending: bool, size: int, data: st.DataObject
) -> None:
    kind, rows, questions = asked
    conditions = questions[0][0]
    info = KINDS[kind]
    fields = {n: f for n, f in info.fields.items() if not f.secret and f.kind != "list"}
    sort = data.draw(st.sampled_from(["number", *fields]))

    def work(connection: Connection) -> None:
        _surroundings(connection)
        _add(connection, kind, *rows)
        selected = [r for r in _all(connection, kind) if all(c.holds(_seen(r)) for c in conditions)]
        selected.sort(key=lambda row: _order(row, fields.get(sort)), reverse=descending)
        found: list[int] = []
        after = None
        while part := project_items.page(connection, info, conditions, None, sort, descending, after, size):
            assert len(part) <= size
            found += [row.number for row in part]
            after = part[-1].number
        assert found == [row.number for row in selected]

    _undone(project, work)


def test_a_page_after_an_item_that_is_gone_says_so(project: Store) -> None:
    def work(connection: Connection) -> None:
        info = KINDS[Kind.defect]
        _add(connection, Kind.defect, {"title": "a"}, {"title": "b"})
        assert [row.key for row in project_items.page(connection, info, after=1)] == ["2"]
        with pytest.raises(Conflict, match="gone"):
            project_items.page(connection, info, sort="title", after=3)
        with pytest.raises(InvalidInput, match="number, title"):
            project_items.page(connection, info, sort="color")
        with pytest.raises(InvalidInput):
            project_items.page(connection, KINDS[Kind.user], sort="password")

    _undone(project, work)


def test_members_of_lists_that_no_engine_can_look_into_are_refused(clock: Clock) -> None:
    for text in ("a\x00", "\ud800"):
        with pytest.raises(InvalidInput, match="characters"):
            model(Kind.filter, name="x", conditions=(text,))
