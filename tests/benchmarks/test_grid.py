"""100,000 rows in Voilà: our grid beside ipydatagrid and itables, all in one run.

Printed as a table with ratios to our grid: how long until rows are there, how many bytes went over the websocket, and
whether the selection, read back in the kernel after sorting by another column, still names the same rows. Run by `make
bench`; needs the extra ``bench``. The best of a few rounds counts, taken in turns, because single figures vary.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser, Page, WebSocket

from tests.bare_voila import TOP, notebook, voila
from tests.browser.conftest import browser as _browser

pytestmark = pytest.mark.browser

browser = _browser
ROWS = 100_000
ROUNDS = 3
READY_SECONDS = 120
CHOSEN = (5, 17)

PATH = f"import sys\nsys.path.insert(0, {str(TOP)!r})\n"
TELL = 'told = w.HTML("nothing selected")\n'

OURS = f"""{PATH}
import ipywidgets as w
from tests.grid_rows import COLUMNS, MadeUp, made
from trackkit.widgets.grid import Grid, Sort
from trackkit.widgets.page import page, panel
grid = Grid("Rows", COLUMNS, MadeUp(made({ROWS})), sort=Sort("number"))
{TELL}
def tell(*_):
    told.value = "selected " + ",".join(grid.selected_ids)
grid.on_select(tell)
read = w.Button(description="Read")
read.on_click(tell)
grid.show(None)
page(panel(grid.widget, read, told))
"""

FRAME = f"""{PATH}
import ipywidgets as w
import pandas as pd
from tests.grid_rows import made
frame = pd.DataFrame(made({ROWS}), columns=["number", "subject", "state"])
{TELL}
"""

IPYDATAGRID = f"""{FRAME}
from ipydatagrid import DataGrid
grid = DataGrid(frame, selection_mode="row", layout=w.Layout(height="400px"))
for row in {CHOSEN!r}:
    grid.select(row, 0, row, 2)
def tell(*_):
    seen = grid.get_visible_data()["number"]
    told.value = "selected " + ",".join(str(seen.iloc[s["r1"]]) for s in grid.selections)
def turn(*_):
    grid.transform([{{"type": "sort", "columnIndex": 1, "desc": True}}])
read, sort = w.Button(description="Read"), w.Button(description="Sort")
read.on_click(tell)
sort.on_click(turn)
w.VBox([grid, read, sort, told])
"""

ITABLES = f"""{FRAME}
from itables.widget import ITable
grid = ITable(frame, select=True, maxBytes=0, selected_rows=list({CHOSEN!r}))
def tell(*_):
    told.value = "selected " + ",".join(str(row) for row in grid.selected_rows)
read = w.Button(description="Read")
read.on_click(tell)
w.VBox([grid, read, told])
"""

BARE = "import ipywidgets as w\nw.Button(description='Read')"


@dataclass(frozen=True)
class Contender:
    """One of them: its notebook, and what is in sight as soon as rows are."""

    name: str
    source: str
    ready: str


CONTENDERS = (
    Contender("a bare page", BARE, "text=Read"),
    Contender("trackkit", OURS, '.tk-grid tr[data-id="0"]'),
    Contender("ipydatagrid", IPYDATAGRID, ".lm-DataGrid canvas, .p-DataGrid canvas, .ipydatagrid-widget canvas"),
    Contender("itables", ITABLES, "table.dataTable tbody tr td:not(.dt-empty)"),
)


@dataclass(frozen=True)
class Figures:
    """Of one round."""

    seconds: float
    bytes: int


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("ipydatagrid", reason="needs ipydatagrid (pip install 'trackkit[bench]')")
    pytest.importorskip("itables", reason="needs itables (pip install 'trackkit[bench]')")
    folder: Path = tmp_path_factory.mktemp("bench")
    for contender in CONTENDERS:
        notebook(folder, contender.name.replace(" ", "-"), contender.source)
    with voila(folder) as url:
        yield f"{url}/voila/render"


def _opened(browser: Browser, address: str, contender: Contender) -> tuple[Page, Figures]:
    """The page once rows are in sight, with what it took."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    seen = [0]

    def listen(socket: WebSocket) -> None:
        for direction in ("framereceived", "framesent"):
            socket.on(direction, lambda frame: seen.__setitem__(0, seen[0] + len(frame)))  # type: ignore[call-overload]

    page.on("websocket", listen)
    started = time.perf_counter()
    page.goto(f"{address}/{contender.name.replace(' ', '-')}.ipynb", timeout=READY_SECONDS * 1000)
    page.locator(contender.ready).first.wait_for(timeout=READY_SECONDS * 1000)
    took = time.perf_counter() - started
    page.wait_for_timeout(500)  # what comes after the first rows counts too
    return page, Figures(took, seen[0])


def _told(page: Page) -> str:
    page.get_by_role("button", name="Read").click()
    page.wait_for_timeout(700)
    return page.get_by_text("selected").last.inner_text()


def _selection_of_ours(page: Page) -> str:
    """Two rows by Ctrl+click, then sorted the other way by the other column."""
    page.locator(f'.tk-grid tr[data-id="{CHOSEN[0]}"]').click()
    page.locator(f'.tk-grid tr[data-id="{CHOSEN[1]}"]').click(modifiers=["Control"])
    before = _told(page)
    page.get_by_role("button", name="Subject").click()
    page.get_by_role("button", name="Subject").click()
    return f"{before}; after sorting {_told(page)}"


def _selection_of_ipydatagrid(page: Page) -> str:
    before = _told(page)
    page.get_by_role("button", name="Sort").click()
    page.wait_for_timeout(2000)
    return f"{before}; after sorting {_told(page)}"


def _selection_of_itables(page: Page) -> str:
    before = _told(page)
    page.locator("table.dataTable thead th").nth(1).click()
    page.wait_for_timeout(2000)
    return f"{before}; after sorting {_told(page)}"


SELECTION = {
    "trackkit": _selection_of_ours,
    "ipydatagrid": _selection_of_ipydatagrid,
    "itables": _selection_of_itables,
}


@pytest.mark.timeout(900)
def test_a_hundred_thousand_rows(browser: Browser, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    rounds: dict[str, list[Figures]] = {contender.name: [] for contender in CONTENDERS}
    selection: dict[str, str] = {}
    for _ in range(ROUNDS):
        for contender in CONTENDERS:
            page, figures = _opened(browser, address, contender)
            rounds[contender.name].append(figures)
            if contender.name in SELECTION and contender.name not in selection:
                selection[contender.name] = SELECTION[contender.name](page)
            page.context.close()
    ready = {name: median(one.seconds for one in found) for name, found in rounds.items()}
    sent = {name: median(one.bytes for one in found) for name, found in rounds.items()}
    with capsys.disabled():
        print(f"\n\n{ROWS:,} rows, median of {ROUNDS} rounds, rows {CHOSEN} selected")
        print(f"{'':12} {'ready':>8} {'ratio':>6} {'websocket':>12} {'ratio':>6}  selection in the kernel")
        for name, seconds in ready.items():
            print(
                f"{name:12} {seconds:7.1f}s {seconds / ready['trackkit']:5.1f}x {sent[name] / 1e6:10.2f}MB "
                f"{sent[name] / sent['trackkit']:5.1f}x  {selection.get(name, '')}"
            )
    chosen = ",".join(map(str, CHOSEN))
    assert selection["trackkit"] == f"selected {chosen}; after sorting selected {chosen}"
    assert ready["trackkit"] < ready["ipydatagrid"]
    assert ready["trackkit"] < ready["itables"]
    assert sent["trackkit"] * 10 < min(sent["ipydatagrid"], sent["itables"])
