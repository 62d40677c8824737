"""The grid without a browser: which rows it asks for, and what is selected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.grid_rows import COLUMNS, MadeUp, made
from trackkit.domain.errors import Unavailable
from trackkit.widgets.grid import Grid, Page, Sort
from trackkit.widgets.grid.window import MAXIMUM, PAGE


class Browser:
    """What the table in the browser would send, and what it would have been sent."""

    def __init__(self, source: MadeUp, sort: Sort, **options: bool) -> None:
        self.source = source
        self.grid = Grid("Rows", COLUMNS, source, sort=sort, **options)
        self.trouble, self.table = self.grid.widget.children
        self.grid.show(None)

    def ask(self, do: str, **more: object) -> None:
        self.table._handle_custom_msg({"do": do, **more}, [])

    def select(self, how: str, row: int | str = "") -> tuple[str, ...]:
        self.ask("select", how=how, id=str(row))
        return self.grid.selected_ids

    @property
    def rows(self) -> list[int]:
        return [int(row["id"]) for row in self.table.window["rows"]]


@pytest.fixture
def source() -> MadeUp:
    return MadeUp(made(1050))


@pytest.fixture
def browser(source: MadeUp) -> Browser:
    return Browser(source, Sort("number"))


def test_only_pages_that_are_asked_for_are_fetched_and_never_more_than_the_maximum_is_held(
    browser: Browser, source: MadeUp
) -> None:
    assert source.calls == ["page"]
    assert browser.rows == list(range(PAGE))
    assert browser.table.window["total"] == 1050
    for _ in range(20):
        browser.ask("next")
        assert len(browser.rows) <= MAXIMUM
        assert browser.rows == list(range(browser.table.window["start"], browser.rows[-1] + 1))
    assert browser.rows[-1] == 1049
    assert not browser.table.window["next"]
    for _ in range(20):
        browser.ask("previous")
        assert browser.rows == list(range(browser.table.window["start"], browser.rows[-1] + 1))
    assert (browser.rows[0], browser.table.window["previous"]) == (0, False)


@pytest.mark.parametrize("column", ["number", "subject"])
def test_the_end_is_reached_without_what_lies_before_it(source: MadeUp, column: str) -> None:
    browser = Browser(source, Sort(column))
    in_order = [int(id) for id in source.ids(None, Sort(column), None, None)]
    source.calls.clear()
    browser.ask("last")
    assert source.calls == ["page"]
    assert browser.rows == in_order[-PAGE:]
    assert browser.table.window["start"] == 1050 - PAGE
    browser.ask("previous")
    assert browser.rows == in_order[-2 * PAGE :]
    browser.ask("first")
    assert browser.rows == in_order[:PAGE]


def test_who_has_scrolled_keeps_the_rows_however_many_come_before_them(source: MadeUp) -> None:
    browser = Browser(source, Sort("number", descending=True))
    seen = browser.rows
    browser.ask("away")
    browser.grid.refresh()
    assert browser.rows == seen
    source.rows += [(n, f"new {n}", "held") for n in range(1050, 1550)]
    browser.grid.refresh()
    assert (browser.rows, browser.table.window["start"], browser.table.window["previous"]) == (seen, 500, True)
    browser.ask("previous")
    assert browser.rows == list(range(1149, 949, -1))
    browser.ask("first")
    browser.ask("top")
    source.rows += [(1550, "newest", "held")]
    browser.grid.refresh()
    assert browser.rows[0] == 1550


def test_sorting_again_turns_round_and_columns_the_source_cannot_sort_by_do_nothing(browser: Browser) -> None:
    browser.ask("sort", column="number")
    assert browser.rows[0] == 1049
    assert browser.table.sort == {"column": "number", "descending": True}
    for column in ("state", "no such column", ""):
        browser.ask("sort", column=column)
        assert browser.table.sort["column"] == "number"
    browser.ask("sort", column="subject")
    assert browser.table.sort == {"column": "subject", "descending": False}


def test_click_control_and_shift(browser: Browser) -> None:
    assert browser.select("one", 5) == ("5",)
    assert browser.select("one", 7) == ("7",)
    assert browser.select("toggle", 9) == ("7", "9")
    assert browser.select("toggle", 7) == ("9",)
    assert browser.select("range", 4) == ("7", "6", "5", "4"), "from the row that was touched last"
    assert browser.select("range", 8) == ("7", "8"), "the range is drawn anew from the same row"
    browser.select("toggle", 20)
    assert browser.select("more", 22) == ("7", "8", "20", "21", "22")
    assert browser.select("none") == ()
    assert browser.select("range", 3) == ("3",)
    assert browser.table.count == 1


@pytest.mark.spec("5: ranges by Shift+click, single ones by Ctrl+click")
@pytest.mark.parametrize("column", ["number", "subject"])
def test_a_range_reaches_over_pages_that_were_never_fetched(source: MadeUp, column: str) -> None:
    browser = Browser(source, Sort(column))
    in_order = list(source.ids(None, Sort(column), None, None))
    browser.select("one", in_order[5])
    browser.ask("last")
    assert browser.select("range", in_order[-7]) == tuple(in_order[5:-6])
    browser.select("one", in_order[-3])
    browser.ask("first")
    assert browser.select("range", in_order[10]) == tuple(in_order[10:-2][::-1])
    assert browser.table.selected == in_order[10:PAGE]


def test_all_means_all_that_match(browser: Browser) -> None:
    browser.grid.show("held")
    assert browser.select("all") == tuple(str(n) for n in range(1050) if n % 4 == 2)
    assert browser.table.count == 262
    assert len(browser.table.selected) == PAGE, "the browser is told only of rows it has"


def test_the_selection_survives_sort_filter_and_refresh(browser: Browser) -> None:
    browser.select("one", 1)
    browser.select("toggle", 6)
    for change in (
        lambda: browser.ask("sort", column="subject"),
        lambda: browser.grid.show("failed"),
        lambda: browser.ask("last"),
        browser.grid.refresh,
    ):
        change()
        assert browser.grid.selected_ids == ("1", "6")
    browser.grid.show(None)
    browser.ask("sort", column="number")
    assert browser.table.selected == ["1", "6"]


@pytest.mark.parametrize("away", [False, True])
def test_rows_that_vanish_leave_the_selection_and_it_is_told(browser: Browser, source: MadeUp, away: bool) -> None:
    told: list[tuple[str, ...]] = []
    for row in (3, 4, 8):
        browser.select("toggle", row)
    browser.grid.on_select(lambda: told.append(browser.grid.selected_ids))
    if away:
        browser.ask("last")
    source.rows = [row for row in source.rows if row[0] not in (3, 8)]
    browser.grid.refresh()
    assert told == [("4",)]
    assert browser.table.status == "2 selected rows are gone and no longer selected."
    browser.select("toggle", 4 if not away else 1049)
    assert browser.table.status == ""


def test_a_page_that_is_gone_altogether_leads_to_the_end(browser: Browser, source: MadeUp) -> None:
    browser.ask("last")
    source.rows = source.rows[:500]
    browser.grid.refresh()
    assert browser.rows == list(range(400, 500))
    source.rows = []
    browser.grid.refresh()
    assert (browser.rows, browser.table.window["total"]) == ([], 0)


def test_rows_that_come_while_one_looks_stay_in_order(source: MadeUp) -> None:
    browser = Browser(source, Sort("number", descending=True))
    browser.ask("next")
    source.rows = [*source.rows, *((n, "new", "held") for n in range(1050, 1060))]
    browser.grid.refresh()
    assert browser.rows[0] == 1059
    browser.ask("next")
    assert browser.rows == sorted(browser.rows, reverse=True)
    assert len(set(browser.rows)) == len(browser.rows)


def test_one_at_a_time(source: MadeUp) -> None:
    browser = Browser(source, Sort("number"), multiple=False)
    for how in ("one", "toggle", "range", "more"):
        assert browser.select(how, 12) == ("12",)
    assert browser.select("all") == ("12",)
    source.rows = [row for row in source.rows if row[0] != 12]
    browser.grid.refresh()
    assert browser.grid.selected_ids == ()
    assert browser.table.status == "The chosen row is gone; none is chosen now."


def test_messages_that_make_no_sense_change_nothing(browser: Browser) -> None:
    browser.select("one", 2)
    for message in ({}, {"do": 7}, {"do": "drop"}, {"do": "select", "how": "melt", "id": "3"}, {"do": "select"}):
        browser.table._handle_custom_msg(message, [])
    browser.select("one", 100_000)
    assert browser.grid.selected_ids == ("2",)
    assert browser.trouble.value == ""


class Failing(MadeUp):
    """Fails when told to."""

    fail = False

    def page(self, *arguments: object) -> Page:
        if self.fail:
            raise Unavailable("The server is busy.", "Try again.")
        return super().page(*arguments)  # type: ignore[arg-type]


def test_what_the_source_raises_is_shown_and_rows_and_filter_stay() -> None:
    source = Failing(made(500))
    browser = Browser(source, Sort("number"))
    browser.select("one", 4)
    rows, source.fail = browser.rows, True
    attempts: tuple[Callable[[], None], ...] = (
        lambda: browser.grid.show("held"),
        lambda: browser.ask("next", number=7),
        lambda: browser.ask("sort", column="subject"),
        browser.grid.refresh,
    )
    for attempt in attempts:
        attempt()
        assert "The server is busy." in browser.trouble.value
    assert (browser.rows, browser.grid.filter, browser.grid.selected_ids) == (rows, None, ("4",))
    assert browser.table.asked == 7, "the browser is not left waiting"
    source.fail = False
    browser.ask("next", number=8)
    assert browser.trouble.value == ""
    assert len(browser.rows) == 2 * PAGE
