"""A page that works on something long still answers: a button is pressed meanwhile, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bare_voila import TOP, notebook, voila
from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser

STEPS = 40
SOURCE = f"""
import sys
sys.path.insert(0, {str(TOP)!r})
import time
import ipywidgets as w
from trackkit.widgets.page import page, panel
from trackkit.widgets.work import long_work
box, line, told, answer = w.VBox(), w.HTML(), w.Label(), w.Label()
start, ask = w.Button(description="Start"), w.Button(description="Ask")
def work(progress):
    for step in range({STEPS}):
        progress.report(step, {STEPS})
        time.sleep(0.1)
    return "The work is done"
def begin(_):
    told.value = "The work has begun"
    long_work(box, "Counting", line, work, lambda said: setattr(told, "value", said), busy=[start],
              cancelled=lambda: setattr(told, "value", "The work was cancelled"))
start.on_click(begin)
ask.on_click(lambda _: setattr(answer, "value", "The page answers"))
page(panel(start, ask, box, line, told, answer))
"""

# When each of the words first came into the page, by the clock of the page, beside the moment of each click.
WATCH = """
window.seen = {};
const note = name => { window.seen[name] ??= performance.now(); };
document.addEventListener("click", event => note("click " + event.target.textContent.trim()), true);
new MutationObserver(() => {
  for (const words of ["The work has begun", "The work is done", "The work was cancelled", "The page answers"])
    if (document.body.innerText.includes(words)) note(words);
}).observe(document.body, {childList: true, subtree: true, characterData: true});
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("voila")
    notebook(folder, "work", SOURCE)
    with voila(folder) as url:
        yield f"{url}/voila/render/work.ipynb"


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(opened: Page, address: str) -> Page:
    """The page, loaded anew."""
    opened.goto(address)
    opened.get_by_role("button", name="Start").wait_for()
    opened.evaluate(WATCH)
    return opened


def _begin(page: Page) -> None:
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The work has begun")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=f"of {STEPS}")).to_be_visible()


def test_a_button_answers_while_long_work_runs(page: Page) -> None:
    _begin(page)
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("The page answers")).to_be_visible()
    expect(page.get_by_text("The work is done")).to_be_visible()
    seen = page.evaluate("window.seen")
    answer = seen["The page answers"] - seen["click Ask"]
    length = seen["The work is done"] - seen["The work has begun"]
    print(f"answer after {answer:.0f} ms, the work took {length:.0f} ms: {answer / length:.3f} of it")
    assert seen["The work has begun"] < seen["click Ask"] < seen["The page answers"] < seen["The work is done"]
    expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_cancel_is_heard_while_long_work_runs(page: Page) -> None:
    _begin(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The work was cancelled")).to_be_visible()
    expect(page.get_by_text("The work is done")).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
