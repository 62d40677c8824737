"""The view of the server log on a running server: conditions by form, histogram and saved filter; details, export,
deletion. Without a browser: what it would send is sent here, and without an event loop all is done at once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Start
from tests.log_history import new_data, write_history
from tests.peers.postgres import Cluster
from tests.running import RunningServer
from tests.unit.test_widgets_download import Browser
from trackkit.client import Server
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from trackkit.domain.log import LogEntry, Severity
from trackkit.widgets import log_export
from trackkit.widgets.confirm import Question
from trackkit.widgets.log_panel import LogPanel
from trackkit.widgets.problems import Trouble

PASSWORD = "a-long-passphrase"
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
NASTY = "\x1b[31mred\x1b[0m <script>alert(1)</script> \N{RIGHT-TO-LEFT OVERRIDE}=1+1"


def past() -> Iterator[LogEntry]:
    """Three days: an Information every hour, a burst of errors in one of them, and what strangers wrote."""
    for hour in range(60):
        yield LogEntry(START + timedelta(hours=hour), Severity.information, "sessions", f"hour {hour}", username="ada")
    burst = START + timedelta(hours=30)
    for number in range(12):
        at = burst + timedelta(minutes=number)
        yield LogEntry(at, Severity.error, "databases", f"table {number} cannot be opened", database="one")
    yield LogEntry(burst + timedelta(minutes=5), Severity.severe_error, "mail", "nobody was told", "line 1\nline 2")
    yield LogEntry(burst + timedelta(hours=2), Severity.warning, "disk", "little room", username="olga")
    yield LogEntry(burst + timedelta(hours=3), Severity.unusual_activity, "sessions", NASTY, NASTY)
    yield LogEntry(burst + timedelta(hours=4), Severity.warning, "mail", "long", "x" * 1_000_000)


@pytest.fixture(scope="module", params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest, start_for_module: Start) -> Iterator[RunningServer]:
    data, cluster, url = new_data(), None, None
    name = f"l{uuid.uuid4().hex[:12]}"
    if request.param == "PostgreSQL":
        cluster = request.getfixturevalue("postgres")
        assert isinstance(cluster, Cluster)
        url = cluster.create(name)
    write_history(data, past(), url)
    running = start_for_module(data, database_url=url)
    for username, role in (("vera", "viewer"), ("otto", "operator")):
        running.admin.users.add(username, role, PASSWORD)
    yield running
    running.stop()
    if cluster is not None:
        cluster.drop(name)


@pytest.fixture
def admin(server: RunningServer) -> Server:
    return server.admin


@pytest.fixture
def panel(admin: Server) -> LogPanel:
    return LogPanel(admin, Trouble())


def put(panel: LogPanel, **values: str) -> None:
    """Type into the filters."""
    panel.form.fields.values = {**panel.form.fields.values, **values}


def shown(panel: LogPanel) -> list[str]:
    """The ids of the rows in the browser."""
    return [row["id"] for row in panel.grid._table.window["rows"]]


def bars(panel: LogPanel) -> int:
    """How many entries the histogram counts."""
    return sum(sum(numbers) for _, *numbers in panel.histogram.bars.drawn["bars"])


def browser_says(panel: LogPanel, **message: object) -> None:
    panel.histogram.bars._handle_custom_msg(message, [])


def run(code: str, admin: Server) -> object:
    """The shown Python, with this server in place of the log-in."""
    lines = [line for line in code.splitlines() if not line.startswith(("server =", "from getpass"))]
    *before, call = "\n".join(lines).rsplit("\n\n", 1) if "\n\n" in "\n".join(lines) else ["", "\n".join(lines)]
    names: dict[str, object] = {"server": admin}
    exec("\n".join(before), names)
    return eval(call, names)


@pytest.mark.spec("4: view: filter by level only / and more severe / and less severe; the number of matches")
@pytest.mark.parametrize("match", ["only", "more", "less"])
def test_every_level_and_match_shows_what_the_server_counts(panel: LogPanel, admin: Server, match: str) -> None:
    for severity in Severity:
        put(panel, level=severity.name, match=match)
        expected = admin.log.list(severity.name, match)
        assert shown(panel) == [str(entry.entry_id) for entry in expected.entries[:100]]
        assert f"match: {expected.total:,}" in panel._count.value
        assert bars(panel) == expected.total


@pytest.mark.spec("4: view: filter by time, source, database, user, text")
def test_the_other_conditions(panel: LogPanel, admin: Server) -> None:
    burst = START + timedelta(hours=30)
    for typed, asked in (
        ({"source": "databases"}, {"source": "databases"}),
        ({"database": "one"}, {"database": "one"}),
        ({"username": "olga"}, {"username": "olga"}),
        ({"text": "CANNOT be"}, {"text": "cannot be"}),
        (
            {
                "since": burst.strftime("%Y-%m-%dT%H:%M"),
                "until": (burst + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M"),
            },
            {"since": burst, "until": burst + timedelta(minutes=5)},
        ),
    ):
        put(panel, **typed)
        expected = admin.log.list(**asked)
        assert 0 < expected.total < admin.log.list().total
        assert shown(panel) == [str(entry.entry_id) for entry in expected.entries]
        frame = run(panel.code.code, admin)
        assert [str(id) for id in frame.entry_id] == shown(panel)  # type: ignore[attr-defined]
        put(panel, **dict.fromkeys(typed, ""))
    assert panel.form.view.saved == {}


def test_what_is_wrong_is_said_at_its_field_and_changes_nothing(panel: LogPanel) -> None:
    before, messages = shown(panel), lambda: panel.form.fields.messages
    put(panel, since="2026-01-02T00:00", until="2026-01-01T00:00")
    assert "not after From" in messages()["until"]
    assert shown(panel) == before
    put(panel, since="", until="")
    assert messages() == {}
    put(panel, text="x" * 257)
    assert "256" in messages()["text"]
    put(panel, text="", since="yesterday")
    assert "is no time" in messages()["since"]
    put(panel, since="")
    assert messages() == {}
    assert shown(panel) == before


def test_a_quick_time_takes_the_place_of_a_stretch_and_goes_with_the_clock(panel: LogPanel, admin: Server) -> None:
    put(panel, since="2026-01-02T00:00")
    assert panel.form.time.value == "between"
    panel.form.time.value = 1440
    assert panel.form.fields.values["since"] == ""
    assert panel.form.view.last_minutes == 1440
    assert "since=datetime.now(UTC) - timedelta(minutes=1440)" in panel.code.code
    late = admin.log.list(since=datetime.now(UTC) - timedelta(days=1)).total
    assert panel.grid.total == late == bars(panel)
    put(panel, until="2026-01-02T00:00")
    assert panel.form.view.last_minutes is None
    assert panel.form.time.value == "between"


@pytest.mark.spec("4: view: histogram over time by level")
@pytest.mark.spec("13: Histogram to filter: select a stretch, the view filters to it, the filter is shown as code")
def test_a_stretch_of_the_histogram_is_the_filter_and_the_code(panel: LogPanel, admin: Server) -> None:
    whole, all_entries = dict(panel.histogram.bars.drawn), panel.grid.total
    assert bars(panel) == all_entries == admin.log.list().total
    level = [one["title"] for one in whole["levels"]].index("Error") + 1
    bar = next(bar for bar in whole["bars"] if bar[level])
    begins = whole["start"] + bar[0] * whole["width"]
    browser_says(panel, do="select", **{"from": begins, "to": begins + whole["width"]})

    since = datetime.fromtimestamp(begins / 1000, UTC)
    expected = admin.log.list(since=since, until=since + timedelta(milliseconds=whole["width"]))
    assert 0 < expected.total < all_entries
    assert shown(panel) == [str(entry.entry_id) for entry in expected.entries]
    assert panel.form.fields.values["since"] == since.strftime("%Y-%m-%dT%H:%M")
    assert f"server.log.frame(since=datetime.fromisoformat('{since.isoformat()}')" in panel.code.code
    assert len(run(panel.code.code, admin)) == expected.total  # type: ignore[arg-type]
    assert panel.histogram.bars.drawn["start"] == whole["start"], "the bars stay, the stretch is marked in them"
    assert panel.histogram.bars.selected["from"] == begins

    browser_says(panel, do="zoom")
    assert panel.histogram.bars.drawn["width"] < whole["width"]
    assert bars(panel) == expected.total
    panel.refresh()
    assert panel.histogram.bars.selected["from"] == begins, "a refresh keeps the selection"
    browser_says(panel, do="back")
    assert panel.histogram.bars.drawn["width"] == whole["width"]
    assert panel.grid.total == expected.total
    browser_says(panel, do="back")
    assert panel.histogram.bars.selected == {"from": None, "to": None}
    assert panel.grid.total >= all_entries
    assert panel.form.view.saved == {}
    assert not panel.histogram.bars.may["back"]


def test_other_conditions_keep_the_stretch_and_clear_undoes_it(panel: LogPanel) -> None:
    whole = panel.histogram.bars.drawn
    browser_says(panel, do="select", **{"from": whole["start"], "to": whole["start"] + 5 * whole["width"]})
    put(panel, level="information", match="only")
    assert panel.histogram.bars.selected["to"] == whole["start"] + 5 * whole["width"]
    assert [one["title"] for one in panel.histogram.bars.drawn["levels"]] == ["Information"]
    browser_says(panel, do="clear")
    assert panel.form.view.saved == {"level": "information", "match": "only"}
    for nonsense in ({"from": 5, "to": 5}, {"from": "a", "to": 7}, {"from": None, "to": 1}):
        browser_says(panel, do="select", **nonsense)
    assert panel.form.view.saved == {"level": "information", "match": "only"}


@pytest.mark.spec("4: view: select an entry to read its details; newest first")
def test_an_entry_is_read_whole_and_harmless(panel: LogPanel) -> None:
    assert shown(panel) == sorted(shown(panel), key=int, reverse=True)
    for text, expected in (
        ("nobody was told", "line 1\nline 2"),
        ("[31mred", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("long", "The first 65,536 of 1,000,000 characters."),
    ):
        put(panel, text=text)
        (row,) = shown(panel)
        panel.grid._table._handle_custom_msg({"do": "select", "how": "one", "id": row}, [])
        (body,) = panel._entry.children
        assert expected in body.value
        assert not re.search("[\x00-\x08\x1b\u202e]|<script", body.value)
        assert len(body.value) < 100_000


@pytest.mark.spec("4: view: saved filters")
def test_a_saved_filter_comes_back_and_is_asked_about(panel: LogPanel, admin: Server) -> None:
    name = f"Errors {uuid.uuid4().hex[:6]}"
    put(panel, level="error", match="only", source="databases")
    saved = panel.saved
    saved.save.click()
    saved.fields.put("name", "  ")
    saved.keep.click()
    assert "is empty" in saved.fields.messages["name"]
    saved.fields.put("name", name)
    saved.keep.click()
    assert f"The filter {name} is saved" in saved.result.value
    assert admin.log.filters.find(name.upper()).conditions.source == "databases"

    put(panel, source="")
    assert saved.choice.value == "", "what is shown is no longer that filter"
    saved.save.click()
    saved.fields.put("name", name)
    saved.keep.click()
    (asked,) = saved.asking.children
    assert isinstance(asked, Question)
    assert "databases" in asked.question
    asked.answer(False)
    assert admin.log.filters.find(name).conditions.source == "databases", "No changes nothing"
    saved.keep.click()
    saved.asking.children[0].answer(True)
    assert admin.log.filters.find(name).conditions.source is None

    other = LogPanel(admin, Trouble())
    other.saved.choice.value = f"own {name.casefold()}"
    assert other.grid.total == admin.log.list("error", "only").total
    assert other.form.fields.values["level"] == "error"
    assert other.saved.choice.value == f"own {name.casefold()}"
    other.saved.delete.click()
    assert "there is no undo" in other.saved.asking.children[0].question
    other.saved.asking.children[0].answer(True)
    with pytest.raises(NotFound):
        admin.log.filters.find(name)
    acts = [record.operation for record in admin.audit.list(limit=3).records]
    assert acts == ["log.delete_filter", "log.save_filter", "log.save_filter"]


@pytest.mark.spec("4: view: saved filters")
def test_filters_of_ones_own_and_shared_ones(server: RunningServer, admin: Server) -> None:
    with server.connect("vera", PASSWORD) as vera, server.connect("otto", PASSWORD) as otto:
        vera.log.filters.save("Mine", level="warning", last_minutes=60)
        otto.log.filters.save("mine", text="otto's")
        with pytest.raises(NotAllowed):
            vera.log.filters.save("ours", shared=True)
        otto.log.filters.save("Ours", shared=True, last_minutes=1440, level="error")
        assert [(one.name, one.shared) for one in vera.log.filters.list().filters] == [("Mine", False), ("Ours", True)]
        with pytest.raises(NotAllowed):
            vera.log.filters.delete("Ours", shared=True)
        since = vera.log.filters.conditions("ours")["since"]
        assert abs(datetime.now(UTC) - timedelta(days=1) - since) < timedelta(minutes=1)
        assert vera.log.list(**vera.log.filters.conditions("ours")).total == 0
        with pytest.raises(Conflict):
            vera.log.filters.save("MINE")
        vera.log.filters.save("MINE", replace=True, source="mail")
        assert vera.log.filters.find("mine").conditions.words == "source mail"
        vera.log.filters.save(
            "odd \N{ZERO WIDTH JOINER} ß",
            text="a\x00b \N{RIGHT-TO-LEFT OVERRIDE}",
            since=datetime.min.replace(tzinfo=UTC),
        )
        assert vera.log.list(**vera.log.filters.conditions("ODD \N{ZERO WIDTH JOINER} SS")).total == 0
        vera.log.filters.delete("odd \N{ZERO WIDTH JOINER} ss")
        for bad in ({"last_minutes": 0}, {"last_minutes": 5, "until": datetime.now(UTC)}, {"text": ""}):
            with pytest.raises(InvalidInput):
                vera.log.filters.save("bad", **bad)
        with pytest.raises(InvalidInput):
            vera.log.filters.save("two\nlines")
        assert "bad" not in [one.name for one in vera.log.filters.list().filters]
    admin.users.delete("otto")
    left = admin.log.filters.list().filters
    assert [(one.name, one.saved_by) for one in left if one.shared] == [("Ours", "otto")]
    admin.users.add("otto", "operator", PASSWORD)
    with server.connect("otto", PASSWORD) as again:
        assert [one.name for one in again.log.filters.list().filters] == ["Ours"]
    admin.log.filters.delete("ours", shared=True)


@pytest.mark.spec("4: export: CSV, JSON lines, Parquet, from the view")
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_what_is_shown_is_exported_as_a_download(panel: LogPanel, format: str) -> None:
    put(panel, source="databases")
    export, browser = panel.export, Browser(panel.export.download)
    export.format.value = format
    assert f"server.log.export('server-log.{format}', source='databases')" in export.code.code
    export.button.click()
    assert re.fullmatch(rf"server-log-\d{{8}}-\d{{6}}\.{format}", browser.name)
    assert "12 entries sent to the browser" in export.result.value
    content = b"".join(browser.pieces)
    read = {"csv": pd.read_csv, "jsonl": partial(pd.read_json, lines=True), "parquet": pd.read_parquet}[format]
    frame = read(BytesIO(content))  # type: ignore[operator]
    assert sorted(frame["message"]) == sorted(f"table {number} cannot be opened" for number in range(12))


@pytest.mark.parametrize("dashboard", [False, True])
def test_of_a_large_export_it_is_said_first_what_will_be_done(
    panel: LogPanel, dashboard: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_export, "LARGE", 10)
    monkeypatch.chdir(tmp_path)
    if dashboard:
        monkeypatch.setenv("TRACKKIT_TOKEN", "a visitor's")
    put(panel, source="databases")
    export, browser = panel.export, Browser(panel.export.download)
    export.button.click()
    (asked,) = export.asking.children
    assert asked.yes == "Export 12 entries"
    asked.answer(False)
    assert list(tmp_path.iterdir()) == browser.pieces == []
    export.button.click()
    (asked,) = export.asking.children
    assert ("next to this notebook" in asked.question) != dashboard
    asked.answer(True)
    files = list(tmp_path.iterdir())
    assert [len(files), len(browser.pieces)] == ([0, 1] if dashboard else [1, 0])
    content = browser.pieces[0] if dashboard else files[0].read_bytes()
    assert content.count(b"cannot be opened") == 12
    put(panel, text="no entry has these words", source="")
    export.button.click()
    assert "nothing to export" in export.result.value


@pytest.mark.spec("4: delete: in the view, asks first, says how many, advises against it while there are problems")
def test_deletion_asks_with_the_number_and_the_problems(admin: Server, panel: LogPanel) -> None:
    deletion, day = panel.deletion, (START + timedelta(days=0)).date()
    deletion.by_date.click()
    assert "is empty" in deletion.through.messages["through"]
    deletion.through.put("through", (datetime.now(UTC) + timedelta(days=2)).date().isoformat())
    deletion.by_date.click()
    assert "in the future" in deletion.through.messages["through"]
    assert deletion.asking.children == ()
    deletion.through.put("through", day.isoformat())
    deletion.by_date.click()
    doomed = admin.log.delete(through=day, preview=True).entries
    (asked,) = deletion.asking.children
    assert f"{doomed} entries" in asked.question
    assert "recorded in the audit" in asked.question
    assert "Better not now" in asked.question
    assert "No SMTP host is set" in asked.question
    before = admin.log.list().total
    asked.answer(False)
    assert admin.log.list().total == before
    deletion.by_date.click()
    deletion.asking.children[0].answer(True)
    assert f"{doomed} entries deleted" in deletion.result.value
    assert admin.log.delete(through=day, preview=True).entries == 0
    assert panel.grid.total == admin.log.list().total
    assert admin.audit.list(limit=1).records[0].operation == "log.delete"


def test_viewers_and_operators_have_no_deletion(server: RunningServer) -> None:
    with server.connect("vera", PASSWORD) as vera:
        panel = LogPanel(vera, Trouble())
        assert not hasattr(panel, "deletion")
        assert len(panel.saved.fields.sections[0]["fields"]) == 1, "who may not share is not offered to"
