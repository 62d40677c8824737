"""Fixtures that stand for real things: a trackkit server, Postfix, PostgreSQL, a raw SMTP sink, the corpus of mails.

Where a system program is missing a test skips and says which; with CI=true that is a failure, because there everything
has to be proved. Only the corpus may be missing in CI too: it is not part of the project.
"""

from __future__ import annotations

import gc
import os

if os.environ.get("TRACKKIT_COVERAGE") and "PYTEST_XDIST_WORKER" in os.environ:
    import coverage

    MEASURED: coverage.Coverage | None = coverage.Coverage(data_suffix=True)
    if os.environ["PYTEST_XDIST_WORKER"] == "gw0":
        # Before anything of trackkit is imported, else what happens at import counts as never run. It is the same in
        # every worker, so the first one alone measures it.
        MEASURED.start()
else:
    MEASURED = None

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

from tests import corpus, migrated
from tests.peers import postfix as postfix_peer
from tests.peers import postgres as postgres_peer
from tests.peers.raw_sink import RawSink
from tests.running import SHORT, RunningServer, start_server
from trackkit.store import database

# `make soak`: other examples at each run, and many of them.
settings.register_profile("soak", max_examples=3000, deadline=None, derandomize=False)

CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="keep screenshots of the pages in tests/screenshots")


def _forbidden_skip(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why this skip is a failure in CI; ``""`` when the report is none or may be skipped."""
    if not (CI and report.skipped) or hasattr(report, "wasxfail"):
        return ""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return "" if corpus.MISSING in reason else f"skipped, which CI=true does not allow: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if reason := _forbidden_skip(report):
        report.outcome, report.longrepr = "failed", reason
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    if reason := _forbidden_skip(report):
        report.outcome, report.longrepr = "failed", reason
    return report


MEASURED_FOLDERS = ("tests/unit", "tests/store")


def _is_measured(item: pytest.Item) -> bool:
    """Measuring makes Python half as slow again, so it is left out where it tells nothing more: where other processes
    do the work, where the same runs on the other database, and where it runs hundreds of times (hypothesis)."""
    again = item.get_closest_marker("postgres") or hasattr(getattr(item, "obj", None), "hypothesis")
    return item.nodeid.startswith(MEASURED_FOLDERS) and not again


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure what shall be measured."""
    if MEASURED is None or not _is_measured(item):
        return (yield)
    MEASURED.start()
    try:
        return (yield)
    finally:
        MEASURED.stop()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and tests that are loaded are there to the end, so the garbage collector need not look at them again and
    again: that takes it a quarter of a second each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        if MEASURED is not None and MEASURED is coverage.Coverage.current():
            MEASURED.stop()
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """A worker keeps what it measured."""
    if MEASURED is not None:
        MEASURED.save()


class OneBrowser(LoadFileScheduling):
    """A file of tests to one worker, and all that drive a browser to the same: two of those would fill the machine."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """For runs with several workers."""
    return OneBrowser(config, log)


BROWSER = "tests/browser/"
SLOW = (
    *("tests/peers", "tests/faults", "tests/acceptance", "tests/notebooks", "tests/reports", "tests/contract"),
    "tests/unit/test_dashboard",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those in a browser first, as one worker has them all, then what is slow: at the end of a run no worker shall
    wait for another's long file."""
    items.sort(key=lambda item: (not item.nodeid.startswith(BROWSER), not item.nodeid.startswith(SLOW)))


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new folder for each test: `mktemp` would look at all the earlier ones to number it, thousands of times."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or changes the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("TRACKKIT_") and name != "TRACKKIT_CORPUS"]:
        monkeypatch.delenv(name)
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("TRACKKIT_HOME", str(home))


Start = Callable[..., RunningServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """`tests.running.start_server`, with every server stopped and its folder removed after the test."""
    yield from _starting()


@pytest.fixture(scope="module")
def start_for_module() -> Iterator[Start]:
    """As `start`, for servers that a whole module shares."""
    yield from _starting()


def _starting() -> Iterator[Start]:
    with ExitStack() as afterwards:

        def start(*args: object, **kwargs: object) -> RunningServer:
            server = start_server(*args, **kwargs)  # type: ignore[arg-type]
            if server.data.parent.name.startswith(SHORT):
                afterwards.callback(shutil.rmtree, server.data.parent)
            afterwards.callback(server.stop)
            return server

        yield start


@pytest.fixture
def server(start: Start) -> RunningServer:
    """A fresh server."""
    return start()


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_peer.Cluster]:
    """A PostgreSQL cluster for the whole run."""
    if reason := postgres_peer.missing():
        pytest.skip(reason)
    cluster = postgres_peer.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres: postgres_peer.Cluster) -> Iterator[str]:
    """A fresh, empty PostgreSQL database for one test."""
    name = new_database()
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def migrated_database(postgres: postgres_peer.Cluster) -> str:
    """The name of a PostgreSQL database with the tables of a server, to be copied as those on SQLite are."""
    migrated.migrate(database.postgresql(postgres.create("migrated")), "main", "log")
    return "migrated"


@pytest.fixture
def migrated_url(postgres: postgres_peer.Cluster, migrated_database: str) -> Iterator[str]:
    """A fresh PostgreSQL database with the tables of a server."""
    name = new_database()
    yield postgres.create(name, migrated_database)
    postgres.drop(name)


@pytest.fixture(scope="session")
def migrated_project_database(postgres: postgres_peer.Cluster) -> str:
    """The name of a PostgreSQL database with the tables of a project, to be copied."""
    migrated.migrate(database.postgresql(postgres.create("migrated_project")), "project")
    return "migrated_project"


@pytest.fixture
def migrated_project_url(postgres: postgres_peer.Cluster, migrated_project_database: str) -> Iterator[str]:
    """A fresh PostgreSQL database with the tables of a project."""
    name = new_database()
    yield postgres.create(name, migrated_project_database)
    postgres.drop(name)


def new_database() -> str:
    """A name that no database has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """A server's database with its tables, once of each kind; none = SQLite in its folder. Name it before `start`."""
    return request.getfixturevalue("migrated_url") if request.param == "PostgreSQL" else None


@pytest.fixture(scope="session")
def _postfix() -> Iterator[postfix_peer.Postfix]:
    if reason := postfix_peer.missing():
        pytest.skip(reason)
    running = postfix_peer.start()
    yield running
    running.stop()


@pytest.fixture
def postfix(_postfix: postfix_peer.Postfix) -> postfix_peer.Postfix:
    """A running Postfix with an empty mailbox."""
    _postfix.empty()
    return _postfix


@pytest.fixture
def raw_sink() -> Iterator[RawSink]:
    """An SMTP server that keeps the octets it gets."""
    with RawSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def corpus_messages() -> dict[str, bytes]:
    """Every mail of the shared corpus by its path."""
    mails = corpus.messages()
    if not mails:
        pytest.skip(corpus.MISSING)
    return mails
