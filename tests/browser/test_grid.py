"""The grid in a real browser: keys, clicks, focus, what assistive programs are told, and script in cells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.accessibility import violations
from tests.bare_voila import TOP, notebook, voila
from tests.browser.conftest import PATIENCE
from tests.ports import wait_until

pytestmark = pytest.mark.browser

ROWS = 100_000
Opened = tuple[Page, list[str], Iterator[int]]
SOURCE = f"""
import sys
sys.path.insert(0, {str(TOP)!r})
import itertools
import ipywidgets as w
from tests.grid_rows import COLUMNS, MadeUp, made
from trackkit.widgets.grid import Grid, Sort
from trackkit.widgets.page import page, panel
rows = made({ROWS})
rows[2] = (2, "<img src=x onerror=alert(1)><script>alert(2)</script>", "held")
numbers = itertools.count(1)
told, place, anew = w.HTML(), w.VBox(), w.Button(description="Begin anew")
vanish, refresh = w.Button(description="Vanish"), w.Button(description="Refresh")
def begin(_):
    global source, grid
    source = MadeUp(rows)
    grid = Grid("Rows", COLUMNS, source, sort=Sort("number"))
    grid.on_select(tell)
    grid.on_open(lambda id: setattr(told, "value", f"Kernel: opened {{id}}"))
    grid.show(None)
    place.children = [grid.widget]
    told.value = f"Kernel: grid {{next(numbers)}}"
def tell(*_):
    ids = grid.selected_ids
    told.value = f"Kernel: {{len(ids)}} {{','.join(ids[:4])}} {{','.join(ids[-2:])}}"
def gone(_):
    source.rows = [row for row in source.rows if row[0] != 5]
anew.on_click(begin)
vanish.on_click(gone)
refresh.on_click(lambda _: grid.refresh())
page(panel(place, told, w.HBox([anew, vanish, refresh])))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("voila")
    notebook(folder, "grid", SOURCE)
    with voila(folder) as url:
        yield f"{url}/voila/render/grid.ipynb"


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Iterator[Opened]:
    """The page, one for the module, and what happened on it that should not have; and the numbers of its grids."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    trouble: list[str] = []
    page = context.new_page()
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(address)
    yield page, trouble, itertools.count(1)
    context.close()


@pytest.fixture
def page(opened: Opened) -> Iterator[Page]:
    """A grid that nobody has touched."""
    page, trouble, numbers = opened
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Begin anew").click()
    _kernel(page, f"grid {next(numbers)}")
    expect(page.locator(".tk-grid")).to_have_count(1)
    page.get_by_role("grid", name="Rows").get_by_role("row").nth(1).wait_for()
    yield page
    assert trouble == []


def _row(page: Page, number: int) -> Locator:
    return page.locator(f'.tk-grid tr[data-id="{number}"]')


def _kernel(page: Page, words: str) -> None:
    expect(page.get_by_text(f"Kernel: {words}", exact=True)).to_be_visible()


def test_keyboard_walk_through(page: Page) -> None:
    grid = page.get_by_role("grid", name="Rows")
    expect(grid).to_have_attribute("aria-rowcount", str(ROWS + 1))
    expect(_row(page, 0)).to_have_attribute("aria-rowindex", "2")
    page.get_by_role("button", name="Subject").focus()
    page.keyboard.press("Tab")
    expect(_row(page, 0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(_row(page, 2)).to_be_focused()
    expect(_row(page, 2)).to_have_attribute("aria-selected", "false")
    page.keyboard.press(" ")
    _kernel(page, "1 2 2")
    expect(_row(page, 2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    _kernel(page, "3 2,3,4 3,4")
    page.keyboard.press("Enter")
    _kernel(page, "opened 4")
    page.keyboard.press("End")
    expect(_row(page, ROWS - 1)).to_be_focused()
    expect(_row(page, ROWS - 1)).to_have_attribute("aria-rowindex", str(ROWS + 1))
    expect(_row(page, ROWS - 1)).to_be_in_viewport()
    page.keyboard.press("Shift+ArrowUp")
    _kernel(page, f"{ROWS - 3} 2,3,4,5 {ROWS - 3},{ROWS - 2}")
    page.keyboard.press("Home")
    expect(_row(page, 0)).to_be_focused()
    page.keyboard.press("Escape")
    _kernel(page, "0  ")
    page.keyboard.press("Control+a")
    _kernel(page, f"{ROWS} 0,1,2,3 {ROWS - 2},{ROWS - 1}")
    expect(page.get_by_role("status")).to_have_text("100,000 selected")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('tbody')") is None, "one stop only"
    page.keyboard.press("Shift+Tab")
    expect(_row(page, 0)).to_be_focused()


def test_arrows_and_pages_go_on_past_what_was_fetched(page: Page) -> None:
    _row(page, 0).click()
    for _ in range(60):
        page.keyboard.press("PageDown")
    expect(page.get_by_role("grid", name="Rows")).to_have_attribute("aria-busy", "false")
    focused = page.locator(".tk-grid tr:focus")
    expect(focused).to_have_count(1)
    number = int(focused.get_attribute("data-id") or 0)
    assert number > 300, "past the first window"
    expect(focused).to_be_in_viewport()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    expect(_row(page, number + 30)).to_be_focused()
    expect(_row(page, number + 30)).to_have_attribute("aria-rowindex", str(number + 32))
    assert page.locator(".tk-grid tbody tr").count() <= 300
    page.keyboard.press("Home")
    expect(_row(page, 0)).to_be_focused()


def test_scrolling_fetches_and_stays_where_it_is(page: Page) -> None:
    scroll = page.locator(".tk-grid-scroll")

    def first() -> int:
        """The number of the first row that is there, after scrolling to the end of them: there more are fetched."""
        scroll.evaluate("box => { box.scrollTop = box.scrollHeight }")
        return int(page.locator(".tk-grid tbody tr").first.get_attribute("data-id") or 0)

    wait_until(lambda: first() > 300, what="rows beyond those that are kept at a time")

    def shown() -> int:
        """The number of the first row that is in sight, as the view says."""
        found = re.search(r"Rows ([\d,]+)–", page.get_by_text("of 100,000").inner_text())
        return int(found[1].replace(",", "")) if found else 0

    wait_until(lambda: shown() > 300, what="the same words about them")
    page.get_by_role("button", name="Last").click()
    expect(page.get_by_text("–100,000 of 100,000")).to_be_visible()
    page.get_by_role("button", name="First").click()
    expect(_row(page, 0)).to_be_in_viewport()


@pytest.mark.spec("5: ranges by Shift+click, single ones by Ctrl+click")
def test_clicks_select_across_pages_and_the_selection_survives(page: Page) -> None:
    _row(page, 3).click()
    _row(page, 5).click(modifiers=["Control"])
    _kernel(page, "2 3,5 3,5")
    page.get_by_role("button", name="Last").click()
    _row(page, ROWS - 2).click(modifiers=["Shift"])
    _kernel(page, f"{ROWS - 6} 5,6,7,8 {ROWS - 3},{ROWS - 2}")
    page.get_by_role("button", name="Subject").click()
    heading = page.get_by_role("columnheader", name="Subject")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Subject").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("status")).to_have_text("99,994 selected")
    page.get_by_role("button", name="Number").click()
    expect(_row(page, 6)).to_have_attribute("aria-selected", "true")
    expect(_row(page, 3)).to_have_attribute("aria-selected", "false")
    page.get_by_role("button", name="Vanish").click()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("status")).to_have_text("99,993 selected · 1 selected row is gone and no longer selected.")
    expect(_row(page, 5)).to_have_count(0)


def test_what_a_cell_holds_is_text(page: Page) -> None:
    expect(_row(page, 2)).to_contain_text("<img src=x onerror=alert(1)><script>alert(2)</script>")
    assert page.locator(".tk-grid img, .tk-grid script").count() == 0


def test_axe_finds_nothing_serious(page: Page) -> None:
    _row(page, 1).click()
    for width, scheme in itertools.product((1280, 390), ("light", "dark")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        expect(_row(page, 1)).to_have_attribute("aria-selected", "true")
        found = violations(page, ".tk-grid")
        told = [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found]
        assert told == [], (width, scheme)


def test_a_narrow_page_can_sort_and_select(page: Page, picture: Callable[[Page, str], None]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("Sort Rows by").select_option("Subject, descending")
    expect(page.locator(".tk-grid tbody tr").first).to_contain_text("Subject 999")
    page.locator(".tk-grid tbody tr").first.click()
    expect(page.get_by_role("status")).to_have_text("1 selected")
    picture(page, "grid-narrow")
