"""Thirty and more queues brought into a bad state for real, each told by its cause and mended by what is offered.

``python -m tests.bad_queues`` runs this and prints the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict

import pytest

from tests.bad_queues import driver
from tests.bad_queues import site as places
from tests.bad_queues.case import Case
from tests.bad_queues.site import Site
from tests.bad_queues.table import CASES

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One server and its hosts for all of them."""
    if reason := places.missing():
        pytest.skip(reason)
    with ExitStack() as closing:
        yield places.open_site(closing)


@pytest.mark.spec("5: why is it stuck: bad queues, each told by its true cause and mended by what is offered")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_queue_is_told_and_mended(site: Site, case: Case, record_property: Callable[[str, object], None]) -> None:
    result = driver.Result()
    mark = f"bad-queue-{CASES.index(case) + 1}"
    try:
        driver.run(site, case, mark, result)
    finally:
        record_property("result", asdict(result))
        driver.clear(site, case)
